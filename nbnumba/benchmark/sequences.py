"""Images in a second: how many one renderer makes of a sequence, by engine, size and threads."""

from __future__ import annotations

import itertools
import multiprocessing
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbnumba.benchmark.measure import spread_of
from nbnumba.errors import NbnumbaWarning

if TYPE_CHECKING:
    from nbnumba.config import Experiment

SIZES = (512, 1024)
"""Pixels along each edge of the images."""

DETECTOR_MM = 102.4
"""Edge of the detector whatever its number of pixels."""

SECONDS = 2.0
"""What a measured sequence should take at least."""

TURN = 0.1
"""Degrees from one image to the next."""


class SequenceRate(NamedTuple):
    """What was measured of one engine.

    Attributes
    ----------
    engine, physics : str
    precision : str
        Of the engine.
    threads, pixels : int
        CPU threads, and pixels along each edge.
    images : int
        In each repetition.
    rates : dict of str to float
        Images in a second: min, median, max.
    single_rates : dict of str to float
        The same, one image at a time (`Renderer.render`).
    of_processes : dict of str to float or None
        Times the rate of as many processes with a thread each, which ran in turn with it; None for one thread or a GPU.
    same_bits : bool
        Whether the images are those that are rendered alone.
    """

    engine: str
    physics: str
    precision: str
    threads: int
    pixels: int
    images: int
    rates: dict[str, float]
    single_rates: dict[str, float]
    of_processes: dict[str, float] | None
    same_bits: bool


def turning_crystal(pixels: int, physics: str) -> Iterator[Experiment]:
    """The Er-1 crystal with 20 mosaic domains, turned a little for each image; without end.

    Parameters
    ----------
    pixels : int
        Along each edge.
    physics : str
        Of the images.
    """
    from nbnumba.config import Physics
    from nbnumba.flags import interpret

    data = files("nbnumba") / "data" / "er1"
    flags = (
        f"-lambda 1 -N 20 -mosaic 0.5 -mosaic_dom 20 -oversample 1 -distance 100 -fluence 1e24 -detpixels {pixels} "
        f"-pixel {DETECTOR_MM / pixels:.12g}"
    )
    arguments = ["-mat", str(data / "er1_1.0.mat"), "-hkl", str(data / "er1_P1.hkl"), *flags.split()]
    still = replace(interpret(arguments).experiment, physics=Physics(physics))
    return (
        replace(still, crystal=replace(still.crystal, misset=(TURN * number, 0.0, 0.0))) for number in itertools.count()
    )


def measure_sequences(
    engines: Sequence[str], physics: Sequence[str], threads: Sequence[int], repeats: int, tell: Callable[[str], None]
) -> list[SequenceRate]:
    """Time sequences of images, without what compiles the kernels.

    Parameters
    ----------
    engines, physics : sequence of str
    threads : sequence of int
        Of the CPU engines; a GPU gets the largest number.
    repeats : int
        Sequences of each kind.
    tell : callable
        Receives a line of progress.

    Returns
    -------
    list of SequenceRate
    """
    from nbnumba.engine.registry import PRECISIONS

    found = []
    for engine in engines:
        for precision in PRECISIONS if engine == "cuda" else PRECISIONS[:1]:
            for count in [max(threads)] if engine == "cuda" else threads:
                for pixels, kind in itertools.product(SIZES, physics):
                    tell(f"sequences: {engine}, {precision}, {count} threads, {pixels}x{pixels}, {kind} physics")
                    found.append(_measure(engine, precision, count, pixels, kind, repeats))
    return found


def _measure(engine: str, precision: str, threads: int, pixels: int, physics: str, repeats: int) -> SequenceRate:
    from nbnumba.simulation import Renderer

    with Renderer(engine, precision, threads) as renderer, warnings.catch_warnings():
        warnings.simplefilter("ignore", NbnumbaWarning)
        same_bits = _have_same_bits(renderer, pixels, physics)
        began = time.perf_counter()
        _consume(renderer.render_many(itertools.islice(turning_crystal(pixels, physics), 2 * threads)))
        images = max(int(SECONDS * 2 * threads / (time.perf_counter() - began)), 4 * threads)
        rates, single_rates, others = [], [], []
        with _Processes(threads if engine == "cpu" and threads > 1 else 0, pixels, physics) as processes:
            for _ in range(repeats):
                experiments = list(itertools.islice(turning_crystal(pixels, physics), images))
                rates.append(images / _seconds(lambda: _consume(renderer.render_many(experiments))))  # noqa: B023
                single_rates.append(images / _seconds(lambda: _consume(map(renderer.render, experiments))))  # noqa: B023
                others.append(processes.rate(images))
    ratios = [rate / other for rate, other in zip(rates, others, strict=True) if other]
    return SequenceRate(
        engine, physics, precision, threads, pixels, images, spread_of(rates), spread_of(single_rates),
        spread_of(ratios) if ratios else None, same_bits,
    )  # fmt: skip


def _have_same_bits(renderer: Any, pixels: int, physics: str) -> bool:
    """Whether images of a sequence are those made alone; afterwards nothing is left to compile."""
    experiments = list(itertools.islice(turning_crystal(pixels, physics), 4))
    alone = [renderer.render(experiment).image for experiment in experiments]
    return all(
        np.array_equal(result.image, image)
        for result, image in zip(renderer.render_many(experiments), alone, strict=True)
    )


def _consume(results: Iterator[Any]) -> None:
    for _ in results:
        pass


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class _Processes:
    """Processes with one thread each, which render parts of a sequence at the same time."""

    def __init__(self, count: int, pixels: int, physics: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[tuple[Any, Any]] = [context.Pipe() for _ in range(count)]
        self._processes = [
            context.Process(target=_serve, args=(theirs, pixels, physics), daemon=True) for _, theirs in self._pipes
        ]

    def __enter__(self) -> _Processes:
        for process in self._processes:
            process.start()
        for ours, _ in self._pipes:
            ours.recv()
        return self

    def __exit__(self, *_: object) -> None:
        for ours, _ in self._pipes:
            ours.send(0)
        for process in self._processes:
            process.join()

    def rate(self, images: int) -> float | None:
        """Images in a second of all of them; None without any."""
        if not self._pipes:
            return None
        share = images // len(self._pipes)
        began = time.perf_counter()
        for ours, _ in self._pipes:
            ours.send(share)
        for ours, _ in self._pipes:
            ours.recv()
        return share * len(self._pipes) / (time.perf_counter() - began)


def _serve(pipe: Any, pixels: int, physics: str) -> None:
    """Render as many images as the pipe says, again and again; none ends the process."""
    from nbnumba.simulation import Renderer

    warnings.simplefilter("ignore", NbnumbaWarning)
    with Renderer("cpu", threads=1) as renderer:
        images = 2
        while images:
            _consume(renderer.render_many(itertools.islice(turning_crystal(pixels, physics), images)))
            pipe.send(images)
            images = pipe.recv()

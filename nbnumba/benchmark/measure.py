"""Measures workloads: nbnumba's engines and the C program in turn, fixed costs subtracted, images compared."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nbnumba.benchmark.processes import ProcessRun, run_process
from nbnumba.benchmark.workloads import Workload

ONE_PIXEL = ("-roi", "0", "0", "0", "0")
"""Added to a workload's flags, leaves everything but the pixel loop."""

C_PROGRAM = "C"
"""Name of the C program among the engines."""

FLOAT_FILE = "floatimage.bin"


@dataclass(frozen=True)
class Program:
    """One contender: an engine of nbnumba or the C program, at a number of threads."""

    engine: str
    threads: int
    c_binary: Path | None = None

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The whole command line for nanoBragg flags."""
        if self.c_binary is not None:
            return [str(self.c_binary), *arguments]
        ours = ["--engine", self.engine, "--threads", str(self.threads)]
        return [sys.executable, "-m", "nbnumba_cli", "simulate", *arguments, *ours]

    @property
    def environment(self) -> dict[str, str]:
        """Variables that set the C program's threads."""
        return {"OMP_NUM_THREADS": str(self.threads)} if self.c_binary is not None else {}

    @property
    def folder(self) -> str:
        """Name of its working folder."""
        return f"{self.engine}-{self.threads}"


@dataclass
class Samples:
    """Repeated runs of one program on one workload."""

    full: list[ProcessRun] = field(default_factory=list)
    one_pixel: list[ProcessRun] = field(default_factory=list)

    def kernel_seconds(self) -> list[float]:
        """Wall time of the pixel loop in each repetition: the full run less the one-pixel run."""
        return [max(f.wall - o.wall, 1e-9) for f, o in zip(self.full, self.one_pixel, strict=True)]


@dataclass(frozen=True)
class Parity:
    """Whether two images agree at the golden bars.

    Attributes
    ----------
    different_fraction : float
        Share of pixels whose float32 bits differ.
    worst_relative : float
        Largest relative difference, with a floor of 1e-9 of the maximum.
    """

    different_fraction: float
    worst_relative: float

    @property
    def agrees(self) -> bool:
        """At most 2 pixels in 10⁴ differ, none by more than 1e-6."""
        return self.different_fraction <= 2e-4 and self.worst_relative <= 1e-6


@dataclass(frozen=True)
class Row:
    """The figures of one program on one workload at one size."""

    workload: str
    title: str
    pixels: int
    threads: int
    engine: str
    pixel_steps: int
    full: list[ProcessRun]
    one_pixel: list[ProcessRun]
    kernel_seconds: list[float]
    throughput: dict[str, float]  # pixel-steps/s: min, median, max
    speed_up: dict[str, float] | None  # times C at the same threads: min, median, max; None without parity or C
    parity: Parity | None
    target: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def spread_of(values: Iterable[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    ordered = list(values)
    return {"min": min(ordered), "median": statistics.median(ordered), "max": max(ordered)}


def compare_images(ours: Path, reference: Path) -> Parity:
    """Compare two raw float32 images bit by bit, a piece at a time.

    Parameters
    ----------
    ours, reference : Path
        Files of the same length.

    Returns
    -------
    Parity
    """
    a, b = (np.memmap(path, dtype=np.float32, mode="r") for path in (ours, reference))
    if a.size != b.size:
        return Parity(1.0, np.inf)
    floor = 1e-9 * float(np.nanmax(np.abs(b)))
    different = a.view(np.uint32) != b.view(np.uint32)
    if not different.any():
        return Parity(0.0, 0.0)
    x, y = a[different].astype(np.float64), b[different].astype(np.float64)
    return Parity(float(different.mean()), float(np.max(np.abs(x - y) / np.maximum(np.abs(y), floor))))


def count_pixel_steps(arguments: Sequence[str], folder: Path) -> int:
    """Passes through the innermost loop: pixels × layers × subpixels × sources × spindle steps × domains."""
    import os

    from nbnumba.flags import interpret
    from nbnumba.lowering import lower

    before = Path.cwd()
    os.chdir(folder)
    try:
        params = lower(interpret(list(arguments)).experiment).params
    finally:
        os.chdir(before)
    return params.roi_width * params.roi_height * params.steps * params.thick_steps


def measure_workload(
    workload: Workload,
    pixels: int,
    programs: Sequence[Program],
    repeats: int,
    folder: Path,
    tell: Callable[[str], None],
) -> list[Row]:
    """Run every program `repeats` times in turn on one workload.

    Parameters
    ----------
    workload : Workload
    pixels : int
        Pixels along each edge.
    programs : sequence of Program
        Contenders; the C program is the peer of those with its number of threads.
    repeats : int
        Counted repetitions, after one that is not counted.
    folder : Path
        Holds a folder for each program, with the input files.
    tell : callable
        Receives a line of progress.

    Returns
    -------
    list of Row
        One for each program.
    """
    arguments = workload.arguments(pixels)
    samples = {program: Samples() for program in programs}
    for repeat in range(-1, repeats):
        for program, taken in samples.items():
            tell(f"{workload.name} {pixels}x{pixels}, {program.engine}, {program.threads} threads, run {repeat + 1}")
            place = folder / program.folder
            full = run_process(program.command(arguments), place, program.environment)
            _keep_image(place)
            one = run_process(program.command([*arguments, *ONE_PIXEL]), place, program.environment)
            if repeat >= 0:
                taken.full.append(full)
                taken.one_pixel.append(one)
    steps = count_pixel_steps(arguments, folder / programs[0].folder)
    return [_row(workload, pixels, steps, program, samples, folder) for program in programs]


def _keep_image(place: Path) -> None:
    """Set the image of the full run aside before the one-pixel run replaces it."""
    (place / FLOAT_FILE).replace(place / f"full_{FLOAT_FILE}")


def _row(
    workload: Workload, pixels: int, steps: int, program: Program, samples: dict[Program, Samples], folder: Path
) -> Row:
    taken = samples[program]
    seconds = taken.kernel_seconds()
    peers = [p for p in samples if p.c_binary is not None and p.threads == program.threads and p is not program]
    parity = speed_up = None
    if peers:
        image = f"full_{FLOAT_FILE}"
        parity = compare_images(folder / program.folder / image, folder / peers[0].folder / image)
        if parity.agrees:
            theirs = samples[peers[0]].kernel_seconds()
            speed_up = spread_of(c / n for c, n in zip(theirs, seconds, strict=True))
    return Row(
        workload=workload.name, title=workload.title, pixels=pixels, threads=program.threads, engine=program.engine,
        pixel_steps=steps, full=taken.full, one_pixel=taken.one_pixel, kernel_seconds=seconds,
        throughput=spread_of(steps / s for s in seconds), speed_up=speed_up, parity=parity, target=workload.target,
    )  # fmt: skip

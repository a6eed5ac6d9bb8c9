"""Kernel time against the number of steps, pixels and threads: each must be a straight line on logarithmic axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from nbnumba.benchmark.workloads import SCALING_STEPS, scaling_arguments

STEP_PIXELS = {100: 1024, 1_000: 512, 10_000: 256, 100_000: 64, 1_000_000: 32, 10_000_000: 16}
"""Pixels along the edge of the image for each number of steps per pixel: enough for a time that can be measured."""

PIXELS = (128, 256, 512, 1024, 2048)
"""Pixels along the edge of the images that grow."""

DOMAINS = (1, 10, 100, 1000)
"""Mosaic domains of the image whose domains grow."""

_BEST_OF = 3


class ScalingPoint(NamedTuple):
    """One measured time.

    Attributes
    ----------
    against : str
        "steps per pixel", "pixels", "domains" or "threads".
    value : int
        How many.
    pixels : int
        In the image.
    seconds : float
        Wall time of the rendering, best of three.
    """

    against: str
    value: int
    pixels: int
    seconds: float


def measure_scaling(engine: str, threads: Sequence[int], tell: Callable[[str], None]) -> list[ScalingPoint]:
    """Time the renderer inside this process, the set-up left out.

    Parameters
    ----------
    engine : str
        Which engine.
    threads : sequence of int
        Numbers of threads; all but one series run at the largest.
    tell : callable
        Receives a line of progress.

    Returns
    -------
    list of ScalingPoint
    """
    most = max(threads)
    plan = [("steps per pixel", steps, flags, STEP_PIXELS[steps], most) for steps, flags in SCALING_STEPS.items()]
    plan += [("pixels", edge**2, SCALING_STEPS[100], edge, most) for edge in PIXELS]
    plan += [("domains", n, f"-oversample 1 -mosaic 0.5 -mosaic_domains {n}", 1024, most) for n in DOMAINS]
    plan += [("threads", count, SCALING_STEPS[1_000], 512, count) for count in threads]
    points = []
    for against, value, flags, edge, count in plan:
        tell(f"scaling: {value} {against}")
        seconds = _seconds(engine, scaling_arguments(flags, edge), count)
        points.append(ScalingPoint(against, value, edge**2, seconds))
    return points


def scaling_laws(points: Sequence[ScalingPoint]) -> dict[str, tuple[float, float]]:
    """How straight the lines are.

    Parameters
    ----------
    points : sequence of ScalingPoint

    Returns
    -------
    dict of str to (float, float)
        For each quantity the slope of log(time per pixel), or of log(time) where the pixels grow, against its
        logarithm, and the largest factor by which a time is off that line.
    """
    laws = {}
    for against in dict.fromkeys(point.against for point in points):
        series = [point for point in points if point.against == against]
        x = np.log([point.value for point in series])
        y = np.log([plotted_seconds(point) for point in series])
        if len(series) > 1:
            slope, offset = np.polyfit(x, y, 1)
            laws[against] = float(slope), float(np.exp(np.abs(y - slope * x - offset).max()))
    return laws


def plotted_seconds(point: ScalingPoint) -> float:
    """Seconds per pixel where the images of a series differ in size for convenience only, seconds elsewhere."""
    return point.seconds / point.pixels if point.against == "steps per pixel" else point.seconds


def _seconds(engine: str, arguments: list[str], threads: int) -> float:
    """Best of a few renderings; the first one compiles or loads the kernel."""
    from nbnumba.flags import interpret
    from nbnumba.setup.lowering import lower
    from nbnumba.simulation import simulate_model

    model = lower(interpret(arguments).experiment)
    return min(simulate_model(model, engine, threads).seconds for _ in range(_BEST_OF))

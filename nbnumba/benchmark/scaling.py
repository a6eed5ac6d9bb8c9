"""Kernel time against the number of steps, pixels and threads: each must be a straight line on logarithmic axes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from nbnumba.benchmark.workloads import scaling_arguments

STEPS = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
STEP_PIXELS = 16
"""Pixels along the edge of the image whose steps per pixel grow."""

PIXELS = (128, 256, 512, 1024, 2048)
PIXEL_STEPS = 100
"""Steps per pixel of the images that grow."""


class ScalingPoint(NamedTuple):
    """One measured time.

    Attributes
    ----------
    against : str
        "steps per pixel", "pixels" or "threads".
    value : int
        How many.
    seconds : float
        Wall time of the rendering, best of three.
    """

    against: str
    value: int
    seconds: float


def measure_scaling(engine: str, tell: Callable[[str], None]) -> list[ScalingPoint]:
    """Time the renderer inside this process, the set-up left out.

    Parameters
    ----------
    engine : str
        Which engine.
    tell : callable
        Receives a line of progress.

    Returns
    -------
    list of ScalingPoint
    """
    cpus = os.cpu_count() or 1
    points = []
    for steps in STEPS:
        tell(f"scaling: {steps} steps per pixel")
        points.append(ScalingPoint("steps per pixel", steps, _seconds(engine, steps, STEP_PIXELS, cpus)))
    for pixels in PIXELS:
        tell(f"scaling: {pixels}x{pixels} pixels")
        points.append(ScalingPoint("pixels", pixels * pixels, _seconds(engine, PIXEL_STEPS, pixels, cpus)))
    for threads in range(1, cpus + 1):
        tell(f"scaling: {threads} threads")
        points.append(ScalingPoint("threads", threads, _seconds(engine, PIXEL_STEPS, 512, threads)))
    return points


def _seconds(engine: str, steps: int, pixels: int, threads: int) -> float:
    """Best of three renderings with this many domains on a square detector."""
    from nbnumba.flags import interpret
    from nbnumba.lowering import lower
    from nbnumba.simulation import simulate_model

    model = lower(interpret(scaling_arguments(steps, pixels)).experiment)
    return min(simulate_model(model, engine, threads).seconds for _ in range(3))

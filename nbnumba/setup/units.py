"""From the units that people type to SI, with the very divisions that nanoBragg uses."""

from __future__ import annotations

import math

DEGREES_PER_RADIAN = 180.0 / math.pi
MM = 1000.0
MICROMETRES = 1e6
ANGSTROM = 1e10
PERCENT = 100.0
MILLIRADIANS = 1000.0


def radians(degrees: float) -> float:
    """An angle in degrees."""
    return degrees / DEGREES_PER_RADIAN


def given(value: float | None, per_si: float) -> float | None:
    """A value that may be missing, by how many of its unit make one of SI."""
    return None if value is None else value / per_si

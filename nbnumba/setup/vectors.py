"""Three-vectors as tuples of Python floats, in the order of operations of nanoBragg's vector functions.

Host geometry is worked out once per run with these, so that it equals C's doubles to the last bit; NumPy may sum in
another order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nbnumba.numerics import vectors

Vector = tuple[float, float, float]


def _plain(compiled: Any) -> Callable[..., Any]:
    """A function of the kernels as the Python that it was written in."""
    plain: Callable[..., Any] = getattr(compiled, "py_func", compiled)
    return plain


dot: Callable[[Vector, Vector], float] = _plain(vectors.dot)
cross: Callable[[Vector, Vector], Vector] = _plain(vectors.cross)
magnitude: Callable[[Vector], float] = _plain(vectors.magnitude)
rotate_about: Callable[[Vector, Vector, float], Vector] = _plain(vectors.rotate_about)


def scale(x: Vector, factor: float) -> Vector:
    """Vector times a number."""
    return (factor * x[0], factor * x[1], factor * x[2])


def unit(x: Vector) -> Vector:
    """Vector of length 1 in the same direction; the zero vector stays zero."""
    length = magnitude(x)
    if length == 0.0:
        return (0.0, 0.0, 0.0)
    return (x[0] / length, x[1] / length, x[2] / length)


def rescale(x: Vector, length: float) -> Vector:
    """Vector of the given length in the same direction."""
    old = magnitude(x)
    factor = length / (old if old > 0.0 else 1.0)
    return (factor * x[0], factor * x[1], factor * x[2])


def rotate_xyz(v: Vector, angles: Vector) -> Vector:
    """Active right-handed rotation about lab x, then y, then z (radians)."""
    x, y, z = v
    about_x, about_y, about_z = angles
    if about_x != 0.0:
        sine, cosine = math.sin(about_x), math.cos(about_x)
        y, z = y * cosine + z * -sine, y * sine + z * cosine
    if about_y != 0.0:
        sine, cosine = math.sin(about_y), math.cos(about_y)
        # the zero products decide signs of zero, as in nanoBragg
        x, z = x * cosine + y * 0.0 + z * sine, x * -sine + y * 0.0 + z * cosine
    if about_z != 0.0:
        sine, cosine = math.sin(about_z), math.cos(about_z)
        x, y = x * cosine + y * -sine, x * sine + y * cosine
    return (x, y, z)

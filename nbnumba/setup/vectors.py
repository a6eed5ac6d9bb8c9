"""Three-vectors as tuples of Python floats, in the order of operations of nanoBragg's vector functions.

Host geometry is worked out once per run with these, so that it equals C's doubles to the last bit; NumPy may sum in
another order.
"""

from __future__ import annotations

import math

Vector = tuple[float, float, float]
Matrix = tuple[float, float, float, float, float, float, float, float, float]


def dot(x: Vector, y: Vector) -> float:
    """Inner product."""
    return x[0] * y[0] + x[1] * y[1] + x[2] * y[2]


def cross(x: Vector, y: Vector) -> Vector:
    """Vector product."""
    return (x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0])


def magnitude(x: Vector) -> float:
    """Length."""
    return math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2])


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


def rotate_about(v: Vector, axis: Vector, angle: float) -> Vector:
    """Active right-handed rotation about a unit axis (radians), Rodrigues' formula."""
    sine, cosine = math.sin(angle), math.cos(angle)
    along = (axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2]) * (1.0 - cosine)
    return (
        axis[0] * along + v[0] * cosine + (-axis[2] * v[1] + axis[1] * v[2]) * sine,
        axis[1] * along + v[1] * cosine + (axis[2] * v[0] - axis[0] * v[2]) * sine,
        axis[2] * along + v[2] * cosine + (-axis[1] * v[0] + axis[0] * v[1]) * sine,
    )


def transform(v: Vector, matrix: Matrix) -> Vector:
    """Matrix (row major) times vector."""
    m = matrix
    return (
        m[0] * v[0] + m[1] * v[1] + m[2] * v[2],
        m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
        m[6] * v[0] + m[7] * v[1] + m[8] * v[2],
    )

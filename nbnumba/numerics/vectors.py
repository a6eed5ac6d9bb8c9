"""Three-vector arithmetic inside kernels: tuples of float64, nanoBragg's order of operations."""

from __future__ import annotations

import math

from nbnumba.numerics.jit import contracting_jit, device_jit


@contracting_jit
def quotient(x, y, inverse):
    """x / y at the cost of two fused operations, where the division 1 / y is shared by several quotients.

    The residual x - q·y is exact in one fused operation, so that its correction rounds as the division does
    (P. Markstein, IBM J. Res. Dev. 34, 111 (1990)).

    Parameters
    ----------
    x, y : float64
        Dividend and divisor, finite.
    inverse : float64
        1 / y, rounded correctly.
    """
    estimate = x * inverse
    return (x - estimate * y) * inverse + estimate


@device_jit
def dot(x, y):
    """Inner product of two vectors.

    Parameters
    ----------
    x, y : tuple of 3 float64
    """
    return x[0] * y[0] + x[1] * y[1] + x[2] * y[2]


@device_jit
def cross(x, y):
    """Vector product.

    Parameters
    ----------
    x, y : tuple of 3 float64
    """
    return (x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0])


@device_jit
def magnitude(x):
    """Length of a vector.

    Parameters
    ----------
    x : tuple of 3 float64
    """
    return math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2])


@device_jit
def direction(x, length, inverse):
    """Vector of length 1 along `x`; the zero vector stays zero.

    Parameters
    ----------
    x : tuple of 3 float64
    length, inverse : float64
        Length of `x`, and 1 / length.
    """
    # without a branch: for the zero vector every quotient is zero whatever the inverse, if it is finite
    inverse = inverse if length != 0.0 else 1.0
    return (quotient(x[0], length, inverse), quotient(x[1], length, inverse), quotient(x[2], length, inverse))


@device_jit
def unit(x):
    """Vector of length 1 along `x`; the zero vector stays zero.

    Parameters
    ----------
    x : tuple of 3 float64
    """
    length = magnitude(x)
    return direction(x, length, 1.0 / (length if length != 0.0 else 1.0))


@device_jit
def unit_again(x):
    """`unit` of a vector that was normalised before, without root and division.

    The squared length is within a few roundings of 1, so that its root is 1 + (x² - 1)/2 less some 1e-32, and the
    inverse of that 2 less it, to the last bit. What is taken off decides the ties: they round down.

    Parameters
    ----------
    x : tuple of 3 float64
    """
    length = (0.5 * (dot(x, x) - 1.0) - 1e-20) + 1.0
    inverse = 2.0 - length
    return (quotient(x[0], length, inverse), quotient(x[1], length, inverse), quotient(x[2], length, inverse))


@device_jit
def rotate_about(v, axis, angle):
    """Right-handed active rotation about a unit axis (Rodrigues' formula).

    Parameters
    ----------
    v, axis : tuple of 3 float64
        Vector and unit axis, same frame.
    angle : float64
        Radians.
    """
    sine = math.sin(angle)
    cosine = math.cos(angle)
    along = (axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2]) * (1.0 - cosine)
    return (
        axis[0] * along + v[0] * cosine + (-axis[2] * v[1] + axis[1] * v[2]) * sine,
        axis[1] * along + v[1] * cosine + (axis[2] * v[0] - axis[0] * v[2]) * sine,
        axis[2] * along + v[2] * cosine + (-axis[1] * v[0] + axis[0] * v[1]) * sine,
    )


@device_jit
def load(array):
    """The three numbers of a float64[3] as a tuple.

    Parameters
    ----------
    array : ndarray, shape (3,), float64
    """
    return (array[0], array[1], array[2])

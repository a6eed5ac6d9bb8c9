"""Shape transforms: the amplitude that a lattice of given size adds around each reflection."""

from __future__ import annotations

import math

from nbnumba.numerics.jit import device_jit

SPHERE_VOLUME_SCALE = 0.723601254558268
"""Makes the integrated intensity of a round crystal equal that of the square one."""

GAUSSIAN_WIDTH = 0.63
"""Squared-radius scale that gives a Gaussian spot the width of a square crystal's."""

TOPHAT_RADIUS_SQUARED = 0.3969
"""Squared radius inside which a top-hat spot has full height."""


@device_jit
def sincg(x, n):
    """Fourier transform of a grating: sin(n·x)/sin(x), n at x = 0.

    Parameters
    ----------
    x : float64
        π times the fractional Miller index.
    n : float64
        Number of unit cells along the axis.
    """
    if x == 0.0:
        return n
    return math.sin(x * n) / math.sin(x)


@device_jit
def sinc3(x):
    """Fourier transform of a sphere: 3(sin(x)/x - cos(x))/x², 1 at x = 0.

    Parameters
    ----------
    x : float64
        2π × radius × distance in reciprocal space.
    """
    if x == 0.0:
        return 1.0
    return 3.0 * (math.sin(x) / x - math.cos(x)) / (x * x)


@device_jit
def square_axis_factor(index, cells):
    """One axis of a parallelepiped crystal; 1 for a single cell.

    Parameters
    ----------
    index : float64
        Fractional Miller index.
    cells : float64
        Number of unit cells along the axis.
    """
    if cells > 1.0:
        return sincg(math.pi * index, cells)
    return 1.0


@device_jit
def index_radius_squared(dh, dk, dl, cells):
    """Squared distance from the reflection in units of 1/N.

    Parameters
    ----------
    dh, dk, dl : float64
        Fractional minus nearest Miller index.
    cells : ndarray, shape (3,), float64
        Unit cells along each axis.
    """
    na, nb, nc = cells[0], cells[1], cells[2]
    return dh * dh * na * na + dk * dk * nb * nb + dl * dl * nc * nc


@device_jit
def reciprocal_radius_squared(dh, dk, dl, reciprocal, cells):
    """Squared reciprocal-space distance from the reflection, times the squared number of cells.

    Parameters
    ----------
    dh, dk, dl : float64
        Fractional minus nearest Miller index.
    reciprocal : ndarray, shape (9,), float64
        a*, b*, c* of the unrotated crystal, 1/Å.
    cells : ndarray, shape (3,), float64
        Unit cells along each axis.
    """
    x = dh * reciprocal[0] + dk * reciprocal[3] + dl * reciprocal[6]
    y = dh * reciprocal[1] + dk * reciprocal[4] + dl * reciprocal[7]
    z = dh * reciprocal[2] + dk * reciprocal[5] + dl * reciprocal[8]
    na, nb, nc = cells[0], cells[1], cells[2]
    return (x * x + y * y + z * z) * na * na * nb * nb * nc * nc


@device_jit
def round_factor(radius_squared, fudge, cells):
    """Lattice factor of an ellipsoidal crystal.

    Parameters
    ----------
    radius_squared : float64
        From `index_radius_squared`.
    fudge : float64
        Scale of the squared radius.
    cells : ndarray, shape (3,), float64
        Unit cells along each axis.
    """
    return cells[0] * cells[1] * cells[2] * SPHERE_VOLUME_SCALE * sinc3(math.pi * math.sqrt(radius_squared * fudge))


@device_jit
def gauss_factor(radius_squared, fudge, cells):
    """Lattice factor of a Gaussian spot.

    Parameters
    ----------
    radius_squared : float64
        From `reciprocal_radius_squared`.
    fudge : float64
        Scale of the squared radius.
    cells : ndarray, shape (3,), float64
        Unit cells along each axis.
    """
    return cells[0] * cells[1] * cells[2] * math.exp(-(radius_squared / GAUSSIAN_WIDTH * fudge))


@device_jit
def tophat_factor(radius_squared, fudge, cells):
    """Lattice factor of a spot of constant height with a sharp edge.

    Parameters
    ----------
    radius_squared : float64
        From `reciprocal_radius_squared`.
    fudge : float64
        Scale of the squared radius.
    cells : ndarray, shape (3,), float64
        Unit cells along each axis.
    """
    if radius_squared * fudge < TOPHAT_RADIUS_SQUARED:
        return cells[0] * cells[1] * cells[2]
    return 0.0

"""Ellipsoid: 3(sin x / x - cos x)/x² with x = π·√(r²·fudge)."""

from __future__ import annotations

import math

import numpy as np

from nbnumba.numerics.elementary import ROUNDER, cosine, modulo_pi, sine
from nbnumba.numerics.half_turns import (
    ROUNDER_SINGLE,
    half_turn_cosine_single,
    half_turn_sine_single,
    nearest_whole,
    sphere_near_zero_single,
)
from nbnumba.numerics.jit import contracting_jit, device_jit, pass_jit
from nbnumba.numerics.scratch import LATTICE, PHASE_A, H, K, L, touches
from nbnumba.numerics.vectors import quotient
from nbnumba.physics.scattering import nearest
from nbnumba.shapes.radius import index_radius_squared
from nbnumba.shapes.shape import Shape, factor_alone

SPHERE_VOLUME_SCALE = 0.723601254558268
"""Makes the integrated intensity of a round crystal equal that of the square one."""

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_THREE_OVER_PI_SQUARED = np.float32(3.0 / math.pi**2)
_INVERSE_PI = np.float32(1.0 / math.pi)
_SPHERE_VOLUME_SCALE = np.float32(SPHERE_VOLUME_SCALE)


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
def round_factor(lattice, h, k, l, h0, k0, l0):  # noqa: E741
    """See `Shape.factor`; the number is the squared radius.

    Parameters
    ----------
    lattice : Lattice
    h, k, l, h0, k0, l0 : float64
        Fractional and nearest Miller indices.
    """
    cells = lattice.cells
    radius_squared = index_radius_squared(h - h0, k - k0, l - l0, cells)
    sphere = sinc3(math.pi * math.sqrt(radius_squared * lattice.fudge))
    return cells[0] * cells[1] * cells[2] * SPHERE_VOLUME_SCALE * sphere, (radius_squared, 0.0, 0.0)


@contracting_jit
def round_factor_single(lattice, h, k, l, distance, angles, quotient):  # noqa: E741
    """See `Shape.single`.

    Parameters
    ----------
    lattice : Lattice
        Float32.
    h, k, l, distance, angles, quotient
        The angles are not used.
    """
    cells = lattice.cells
    s = index_radius_squared(distance(h), distance(k), distance(l), cells) * lattice.fudge
    if s <= _ONE:
        sphere = sphere_near_zero_single(s)
    else:
        x = np.float32(math.sqrt(s))
        turns = x - nearest_whole(x, ROUNDER_SINGLE)
        sine_of_x = half_turn_sine_single(turns, _ZERO)
        bracket = quotient(sine_of_x * _INVERSE_PI, x) - half_turn_cosine_single(turns)
        sphere = quotient(_THREE_OVER_PI_SQUARED * bracket, s)
    return cells[0] * cells[1] * cells[2] * _SPHERE_VOLUME_SCALE * sphere


@touches(reads=(H, K, L), writes=(PHASE_A, LATTICE))
@pass_jit
def round_lanes(lattice, every_evaluation, lanes, s):
    """See `Shape.lanes`.

    Parameters
    ----------
    lattice : Lattice
    every_evaluation : bool
        Not used.
    lanes : int
        Lanes in use.
    s : ndarray, shape (SCRATCH,), float64
        Scratch.
    """
    cells, fudge = lattice.cells, lattice.fudge
    volume = cells[0] * cells[1] * cells[2] * SPHERE_VOLUME_SCALE
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        radius_squared = index_radius_squared(h - nearest(h), k - nearest(k), l - nearest(l), cells)
        s[PHASE_A + i] = math.sqrt(radius_squared * fudge)
    for i in range(lanes):
        x = math.pi * s[PHASE_A + i]
        r = modulo_pi(x, np.rint(s[PHASE_A + i]))
        inverse = 1.0 / x
        factor = 3.0 * (quotient(sine(r), x, inverse) - cosine(r)) * (inverse * inverse)
        s[LATTICE + i] = volume * (1.0 if x == 0.0 else factor)
    return True


_SERIES_BELOW = 2.25
"""x² below which the sphere's transform and its slope are summed as series: the closed forms lose digits there."""

_SPHERE_SERIES = (
    1.0, -1 / 10, 1 / 280, -1 / 15120, 1 / 1330560, -1 / 172972800, 1 / 31135104000, -1 / 7410154752000,
    1 / 2252687044608000, -1 / 851515702861824000,
)  # fmt: skip
"""Of 3(sin x / x - cos x)/x² in x²."""

_SLOPE_SERIES = (
    -1 / 5, 1 / 70, -1 / 2520, 1 / 166320, -1 / 17297280, 1 / 2594592000, -1 / 529296768000, 1 / 140792940288000,
    -1 / 47306427936768000, 1 / 19584861165821952000,
)  # fmt: skip
"""Of the derivative of that by x, over x, in x²."""


@contracting_jit
def _series(c, s):
    p = c[9] * s + c[8]
    p = p * s + c[7]
    p = p * s + c[6]
    p = p * s + c[5]
    p = p * s + c[4]
    p = p * s + c[3]
    p = p * s + c[2]
    p = p * s + c[1]
    return p * s + c[0]


@device_jit
def _sphere(radius, x_squared):
    """`sinc3` at π·radius and its derivative by x over x, both with the same sign left open."""
    x = math.pi * radius
    r = modulo_pi(x, nearest_whole(radius, ROUNDER))
    inverse = 1.0 / max(x, 1.0)
    sine_over_x, cosine_of_x = sine(r) * inverse, cosine(r)
    squared = inverse * inverse
    sphere = 3.0 * (sine_over_x - cosine_of_x) * squared
    return sphere, (3.0 * sine_over_x - 3.0 * sphere) * squared


@device_jit
def round_slope(size, dh, dk, dl):
    """See `Shape.slope`.

    Parameters
    ----------
    size : tuple of 4 float64
    dh, dk, dl : float64
        Fractional minus nearest Miller index.
    """
    na, nb, nc, fudge = size
    by_h, by_k, by_l = na * na * dh, nb * nb * dk, nc * nc * dl
    radius_squared = (by_h * dh + by_k * dk + by_l * dl) * fudge
    x_squared = math.pi**2 * radius_squared
    near = x_squared < _SERIES_BELOW
    far_sphere, far_slope = _sphere(math.sqrt(radius_squared), x_squared)
    sphere = _series(_SPHERE_SERIES, x_squared) if near else far_sphere
    slope = _series(_SLOPE_SERIES, x_squared) if near else far_slope
    volume = na * nb * nc * SPHERE_VOLUME_SCALE
    steepness = 2.0 * volume * volume * sphere * slope * (math.pi**2 * fudge)
    return (volume * sphere) ** 2, (steepness * by_h, steepness * by_k, steepness * by_l)


ROUND = Shape("ROUND", ("hrad_sqr",), round_factor, factor_alone(round_factor), round_factor_single, round_lanes,
              round_slope)

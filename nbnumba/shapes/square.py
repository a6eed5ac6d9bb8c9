"""Parallelepiped: the product over the axes of sin(π·N·h)/sin(π·h)."""

from __future__ import annotations

import math

import numpy as np

from nbnumba.numerics.elementary import ROUNDER, cosine, modulo_pi, sine
from nbnumba.numerics.half_turns import (
    NUDGE,
    NUDGE_SINGLE,
    half_turn_sine,
    half_turn_sine_single,
    nearest_whole,
)
from nbnumba.numerics.jit import contracting_jit, device_jit, pass_jit
from nbnumba.numerics.scratch import (
    ANGLE_A,
    ANGLE_B,
    ANGLE_C,
    LANES,
    LATTICE,
    PHASE_A,
    PHASE_B,
    PHASE_C,
    H,
    K,
    L,
    touches,
)
from nbnumba.shapes.shape import Shape


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
def square_factor(lattice, h, k, l, h0, k0, l0):  # noqa: E741
    """See `Shape.factor`; the numbers are the factors of the axes.

    Parameters
    ----------
    lattice : Lattice
    h, k, l, h0, k0, l0 : float64
        Fractional and nearest Miller indices.
    """
    cells = lattice.cells
    along_a = square_axis_factor(h, cells[0])
    along_b = square_axis_factor(k, cells[1])
    along_c = square_axis_factor(l, cells[2])
    return along_a * along_b * along_c, (along_a, along_b, along_c)


@contracting_jit
def _sines(index, cells, fma):
    """sin(π·N·h) and sin(π·h), with signs left open."""
    turns = fma(index, cells, -(fma(index, cells, ROUNDER) - ROUNDER))
    beyond = index - nearest_whole(index, ROUNDER)
    return half_turn_sine(turns, NUDGE * cells), half_turn_sine(beyond, NUDGE)


@contracting_jit
def square_factor_reduced(lattice, h, k, l, h0, k0, l0, fma):  # noqa: E741
    """See `Shape.reduced`: angles stay below half a turn, and one division serves three axes.

    Parameters
    ----------
    lattice : Lattice
        Whole numbers of cells.
    h, k, l, h0, k0, l0 : float64
        Fractional Miller indices of less than 2⁵¹ / N; the nearest ones are not used.
    fma : compiled function
        x·y + z, rounded once.
    """
    cells = lattice.cells
    many_a, one_a = _sines(h, cells[0], fma)
    many_b, one_b = _sines(k, cells[1], fma)
    many_c, one_c = _sines(l, cells[2], fma)
    return (many_a * many_b * many_c) / (one_a * one_b * one_c)


@contracting_jit
def _sines_single(index, cells, angles):
    """sin(π·N·h) and sin(π·h), with signs left open."""
    many, one = angles(index, cells)
    return half_turn_sine_single(many, NUDGE_SINGLE * cells), half_turn_sine_single(one, NUDGE_SINGLE)


@contracting_jit
def square_factor_single(lattice, h, k, l, distance, angles, quotient):  # noqa: E741
    """See `Shape.single`.

    Parameters
    ----------
    lattice : Lattice
        Whole numbers of cells, float32.
    h, k, l, distance, angles, quotient
        The distance is not used.
    """
    cells = lattice.cells
    many_a, one_a = _sines_single(h, cells[0], angles)
    many_b, one_b = _sines_single(k, cells[1], angles)
    many_c, one_c = _sines_single(l, cells[2], angles)
    return quotient(many_a * many_b * many_c, one_a * one_b * one_c)


LANE_NUDGE = 1e-60
"""Added to π·index, it changes no other value but zero, and makes the limit N of sin(N·x)/sin(x) a plain quotient."""


@contracting_jit
def _phase(index):
    """π·index, rounded as C does; never zero."""
    return index * math.pi + LANE_NUDGE


@pass_jit
def _reduced(index, cells):
    """cells·π·index and π·index, as C rounds them, modulo π."""
    phase = _phase(index)
    return modulo_pi(phase * cells, np.rint(index * cells)), modulo_pi(phase, np.rint(index))


@touches(reads=(H, K, L), writes=(ANGLE_A, ANGLE_B, ANGLE_C, PHASE_A, PHASE_B, PHASE_C, LATTICE))
@pass_jit
def square_lanes(lattice, every_evaluation, lanes, s):
    """See `Shape.lanes`; an axis with one cell has two equal sines.

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
    na, nb, nc = lattice.cells[0], lattice.cells[1], lattice.cells[2]
    for i in range(lanes):
        s[ANGLE_A + i], s[PHASE_A + i] = _reduced(s[H + i], na)
        s[ANGLE_B + i], s[PHASE_B + i] = _reduced(s[K + i], nb)
        s[ANGLE_C + i], s[PHASE_C + i] = _reduced(s[L + i], nc)
    # a loop of its own for the six polynomials: short enough for a processor to work on many lanes at once
    for part in range(6):
        for i in range(lanes):
            s[ANGLE_A + part * LANES + i] = sine(s[ANGLE_A + part * LANES + i])
    for i in range(lanes):
        numerator = s[ANGLE_A + i] * s[ANGLE_B + i] * s[ANGLE_C + i]
        s[LATTICE + i] = numerator / (s[PHASE_A + i] * s[PHASE_B + i] * s[PHASE_C + i])
    return True


_SERIES_BELOW = 0.25
"""Squared angle below which 1/u - cot u is summed as a series: the difference loses digits there."""

_COTANGENT = (
    1 / 3, 1 / 45, 2 / 945, 1 / 4725, 2 / 93555, 1382 / 638512875, 4 / 18243225, 3617 / 162820783125,
    87734 / 38979295480125, 349222 / 1531329465290625,
)  # fmt: skip
"""Of (1/u - cot u)/u in u²."""


@contracting_jit
def _gap(u):
    """1/u - cot u next to zero."""
    c, s = _COTANGENT, u * u
    p = c[9] * s + c[8]
    p = p * s + c[7]
    p = p * s + c[6]
    p = p * s + c[5]
    p = p * s + c[4]
    p = p * s + c[3]
    p = p * s + c[2]
    p = p * s + c[1]
    return u * (p * s + c[0])


@device_jit
def _grating(distance, cells):
    """One axis of a parallelepiped and its derivative by the index, both with the same sign left open."""
    x = math.pi * distance + LANE_NUDGE
    y = x * cells
    r = modulo_pi(y, nearest_whole(distance * cells, ROUNDER))
    sine_of_x, cosine_of_x = sine(x), cosine(x)
    inverse = 1.0 / sine_of_x
    factor = sine(r) * inverse
    far = (cells * cosine(r) - factor * cosine_of_x) * inverse
    near = factor * (_gap(x) - cells * _gap(y))
    return factor, math.pi * (near if y * y < _SERIES_BELOW else far)


@device_jit
def square_slope(size, dh, dk, dl):
    """See `Shape.slope`; the factor of an axis vanishes between its maxima, so that no factor is divided by.

    Parameters
    ----------
    size : tuple of 4 float64
    dh, dk, dl : float64
        Fractional minus nearest Miller index.
    """
    along_a, by_h = _grating(dh, size[0])
    along_b, by_k = _grating(dk, size[1])
    along_c, by_l = _grating(dl, size[2])
    factor = along_a * along_b * along_c
    twice = 2.0 * factor
    slope = (twice * by_h * (along_b * along_c), twice * by_k * (along_a * along_c), twice * by_l * (along_a * along_b))
    return factor * factor, slope


SQUARE = Shape(
    "SQUARE", ("F_latt_a", "F_latt_b", "F_latt_c"),
    square_factor, square_factor_reduced, square_factor_single, square_lanes, square_slope,
)  # fmt: skip

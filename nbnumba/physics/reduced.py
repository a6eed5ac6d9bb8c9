"""Shape transforms from the distance to the nearest reflection, for processors on which libm's sine is dear: GPUs.

Angles stay below half a turn, nothing branches, and one division serves three axes. F_latt may come out with either
sign: only its square counts. The functions without `_single` in their name take float64.
"""

from __future__ import annotations

import math

import numpy as np

from nbnumba.numerics.elementary import ROUNDER
from nbnumba.numerics.half_turns import (
    NUDGE,
    NUDGE_SINGLE,
    ROUNDER_SINGLE,
    half_turn_cosine_single,
    half_turn_sine,
    half_turn_sine_single,
    nearest_whole,
    sphere_near_zero_single,
)
from nbnumba.numerics.jit import contracting_jit
from nbnumba.physics.lattice_factor import GAUSSIAN_WIDTH, SPHERE_VOLUME_SCALE, TOPHAT_RADIUS_SQUARED

NINE_DIGITS = np.float32(24576.0)
"""1.5·2¹⁴: adding and subtracting it rounds a float32 number of less than 2¹³ to nine binary digits after the point."""

LARGEST_SPLIT_INDEX = 8192.0
"""The components of Miller indices that `split_index` can take are smaller."""

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_THREE_OVER_PI_SQUARED = np.float32(3.0 / math.pi**2)
_INVERSE_PI = np.float32(1.0 / math.pi)
_SPHERE_VOLUME_SCALE = np.float32(SPHERE_VOLUME_SCALE)
_INVERSE_GAUSSIAN_WIDTH = np.float32(1.0 / GAUSSIAN_WIDTH)
_TOPHAT_RADIUS_SQUARED = np.float32(TOPHAT_RADIUS_SQUARED)


@contracting_jit
def _sines(index, cells, fma):
    """sin(π·N·h) and sin(π·h), with signs left open."""
    turns = fma(index, cells, -(fma(index, cells, ROUNDER) - ROUNDER))
    beyond = index - nearest_whole(index, ROUNDER)
    return half_turn_sine(turns, NUDGE * cells), half_turn_sine(beyond, NUDGE)


@contracting_jit
def square_factor(h, k, l, cells, fma):  # noqa: E741
    """Parallelepiped: the product over the axes of sin(π·N·h)/sin(π·h), N where h is whole.

    Parameters
    ----------
    h, k, l : float64
        Fractional Miller indices of less than 2⁵¹ / N.
    cells : ndarray, shape (3,), float64
        Whole numbers of unit cells along each axis.
    fma : compiled function
        x·y + z, rounded once.
    """
    many_a, one_a = _sines(h, cells[0], fma)
    many_b, one_b = _sines(k, cells[1], fma)
    many_c, one_c = _sines(l, cells[2], fma)
    return (many_a * many_b * many_c) / (one_a * one_b * one_c)


@contracting_jit
def _split_product(head, tail, q_head, q_tail, fma):
    """One component of a·q: to nine binary digits after the point, exactly, and the rest."""
    digits = fma(head, q_head, NINE_DIGITS) - NINE_DIGITS
    rest = fma(head, q_head, -digits)
    return digits, fma(tail, q_head, fma(head, q_tail, rest))


@contracting_jit
def split_index(heads, tails, q_heads, q_tails, fma):
    """A fractional Miller index in float32 arithmetic, with nearly the digits of float64.

    The components' first digits are summed without rounding, so that what is left after the whole number is exact.

    Parameters
    ----------
    heads, tails : tuple of 3 float32
        Direct cell vector, m, lab frame, as the sum of two vectors.
    q_heads, q_tails : tuple of 3 float32
        Scattering vector, 1/m, likewise.
    fma : compiled function
        x·y + z, rounded once.

    Returns
    -------
    whole : float32
        Nearest whole number to nine binary digits after the point, hence not always the nearest.
    beyond, rest : float32
        What the index is beyond it: |beyond| <= ½ holds nine digits, |rest| < 2⁻⁸ those behind them.
    """
    x, rest_x = _split_product(heads[0], tails[0], q_heads[0], q_tails[0], fma)
    y, rest_y = _split_product(heads[1], tails[1], q_heads[1], q_tails[1], fma)
    z, rest_z = _split_product(heads[2], tails[2], q_heads[2], q_tails[2], fma)
    digits = x + y + z
    whole = nearest_whole(digits, ROUNDER_SINGLE)
    return whole, digits - whole, rest_x + rest_y + rest_z


@contracting_jit
def nearest_reflection(whole, beyond, rest):
    """The nearest whole number of a split index, and the distance from it.

    Parameters
    ----------
    whole, beyond, rest : float32
        From `split_index`.

    Returns
    -------
    nearest, distance : float32
    """
    more = nearest_whole(beyond + rest, ROUNDER_SINGLE)
    return whole + more, beyond - more + rest


@contracting_jit
def _sines_single(beyond, rest, cells, fma):
    """sin(π·N·h) and sin(π·h), with signs left open."""
    # the first reduction is exact; the rest, times many cells, may be several turns again
    turns = fma(beyond, cells, -(fma(beyond, cells, ROUNDER_SINGLE) - ROUNDER_SINGLE))
    turns = fma(rest, cells, turns)
    many = half_turn_sine_single(turns - nearest_whole(turns, ROUNDER_SINGLE), NUDGE_SINGLE * cells)
    return many, half_turn_sine_single(beyond + rest, NUDGE_SINGLE)


@contracting_jit
def square_factor_single(h, k, l, cells, fma):  # noqa: E741
    """Parallelepiped: the product over the axes of sin(π·N·h)/sin(π·h), N where h is whole.

    Parameters
    ----------
    h, k, l : tuple of 3 float32
        Miller indices from `split_index`.
    cells : ndarray, shape (3,), float32
        Whole numbers of unit cells along each axis.
    fma : compiled function
        x·y + z, rounded once.
    """
    many_a, one_a = _sines_single(h[1], h[2], cells[0], fma)
    many_b, one_b = _sines_single(k[1], k[2], cells[1], fma)
    many_c, one_c = _sines_single(l[1], l[2], cells[2], fma)
    return (many_a * many_b * many_c) / (one_a * one_b * one_c)


@contracting_jit
def round_factor_single(radius_squared, fudge, cells):
    """Lattice factor of an ellipsoidal crystal; see `nbnumba.physics.lattice_factor.round_factor`.

    Parameters
    ----------
    radius_squared : float32
        From `nbnumba.physics.lattice_factor.index_radius_squared`.
    fudge : float32
        Scale of the squared radius.
    cells : ndarray, shape (3,), float32
        Unit cells along each axis.
    """
    s = radius_squared * fudge
    if s <= _ONE:
        sphere = sphere_near_zero_single(s)
    else:
        x = np.float32(math.sqrt(s))
        turns = x - nearest_whole(x, ROUNDER_SINGLE)
        sine = half_turn_sine_single(turns, _ZERO)
        sphere = _THREE_OVER_PI_SQUARED * (sine * _INVERSE_PI / x - half_turn_cosine_single(turns)) / s
    return cells[0] * cells[1] * cells[2] * _SPHERE_VOLUME_SCALE * sphere


@contracting_jit
def gauss_factor_single(radius_squared, fudge, cells):
    """Lattice factor of a Gaussian spot; see `nbnumba.physics.lattice_factor.gauss_factor`.

    Parameters
    ----------
    radius_squared : float32
        From `nbnumba.physics.lattice_factor.reciprocal_radius_squared`.
    fudge : float32
        Scale of the squared radius.
    cells : ndarray, shape (3,), float32
        Unit cells along each axis.
    """
    return cells[0] * cells[1] * cells[2] * np.float32(math.exp(-(radius_squared * _INVERSE_GAUSSIAN_WIDTH * fudge)))


@contracting_jit
def tophat_factor_single(radius_squared, fudge, cells):
    """Lattice factor of a spot of constant height; see `nbnumba.physics.lattice_factor.tophat_factor`.

    Parameters
    ----------
    radius_squared : float32
        From `nbnumba.physics.lattice_factor.reciprocal_radius_squared`.
    fudge : float32
        Scale of the squared radius.
    cells : ndarray, shape (3,), float32
        Unit cells along each axis.
    """
    return cells[0] * cells[1] * cells[2] if radius_squared * fudge < _TOPHAT_RADIUS_SQUARED else _ZERO


@contracting_jit
def nearest_amplitude_single(params, h0, k0, l0):
    """Amplitude of the nearest reflection, `default_F` outside the table, without float64 arithmetic.

    Parameters
    ----------
    params : KernelParams
        With a structure-factor table, float32.
    h0, k0, l0 : float32
        Whole Miller indices.
    """
    i, j, m = np.int32(h0) - params.h_min, np.int32(k0) - params.k_min, np.int32(l0) - params.l_min
    inside_h = (i >= 0) & (i < params.h_size - 1)
    inside_k = (j >= 0) & (j < params.k_size - 1)
    inside_l = (m >= 0) & (m < params.l_size - 1)
    if inside_h & inside_k & inside_l:
        return params.amplitudes[np.uint64((i * params.k_size + j) * params.l_size + m)]
    return params.default_F


@contracting_jit
def add_compensated(total, lost, term):
    """Add to a float32 sum without losing what is rounded away (W. Kahan, Comm. ACM 8, 40 (1965)).

    Parameters
    ----------
    total : float32
        Sum so far.
    lost : float32
        By how much it is too large.
    term : float32
        What to add.

    Returns
    -------
    total, lost : float32
    """
    wanted = term - lost
    summed = total + wanted
    return summed, (summed - total) - wanted

"""Miller indices, amplitudes and sums in float32 that keep nearly the digits of float64, for GPUs."""

from __future__ import annotations

import numpy as np

from nbnumba.numerics.elementary import ROUNDER
from nbnumba.numerics.half_turns import ROUNDER_SINGLE, nearest_whole
from nbnumba.numerics.jit import contracting_jit

NINE_DIGITS = np.float32(24576.0)
"""1.5·2¹⁴: adding and subtracting it rounds a float32 number of less than 2¹³ to nine binary digits after the point."""

LARGEST_SPLIT_INDEX = 8192.0
"""The components of Miller indices that `split_index` can take are smaller."""


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
def distance_single(index):
    """Distance of a Miller index from the nearest whole number.

    Parameters
    ----------
    index : tuple of 3 float32
        From `split_index`.
    """
    return nearest_reflection(index[0], index[1], index[2])[1]


@contracting_jit
def angles_single(index, cells, fma):
    """What a grating's sines are taken of.

    Parameters
    ----------
    index : tuple of 3 float32
        From `split_index`.
    cells : float32
        Unit cells along the axis.
    fma : compiled function
        x·y + z, rounded once.

    Returns
    -------
    many : float32
        Index times cells less a whole number, at most ½.
    one : float32
        Distance of the index from a whole number, at most a little more than ½.
    """
    _, beyond, rest = index
    # the first reduction is exact; the rest, times many cells, may be several turns again
    turns = fma(beyond, cells, -(fma(beyond, cells, ROUNDER_SINGLE) - ROUNDER_SINGLE))
    turns = fma(rest, cells, turns)
    return turns - nearest_whole(turns, ROUNDER_SINGLE), beyond + rest


@contracting_jit
def mixed_index(vector, q, cells, fma):
    """A Miller index in float64, and in float32 what is left of it after whole numbers.

    Parameters
    ----------
    vector : tuple of 3 float64
        Direct cell vector, m, lab frame.
    q : tuple of 3 float64
        Scattering vector, 1/m.
    cells : float64
        Unit cells along the axis.
    fma : compiled function
        x·y + z, rounded once.

    Returns
    -------
    index : float64
        Of less than 2⁵¹ / cells.
    rounded : float64
        The nearest whole number, plus ROUNDER: its lowest 32 bits are the whole number as an int32.
    distance : float32
        From the nearest whole number.
    turns : float32
        Index times cells less the nearest whole number.
    """
    index = vector[0] * q[0] + vector[1] * q[1] + vector[2] * q[2]
    rounded = index + ROUNDER
    turns = fma(index, cells, -(fma(index, cells, ROUNDER) - ROUNDER))
    return index, rounded, np.float32(index - (rounded - ROUNDER)), np.float32(turns)


@contracting_jit
def whole_part(rounded):
    """The whole number of at most 31 bits in the lowest bits of `rounded`, int32, without a conversion.

    Parameters
    ----------
    rounded : float64
        From `mixed_index`.
    """
    return np.int32((np.float64(rounded).view(np.int64) << 32) >> 32)


@contracting_jit
def nearest_amplitude_single(factors, h0, k0, l0):
    """Amplitude of the nearest reflection, `default_F` outside the table, without float64 arithmetic.

    Parameters
    ----------
    factors : Factors
        With a table, float32.
    h0, k0, l0 : float32 or int32
        Whole Miller indices.
    """
    i, j, m = np.int32(h0) - factors.h_min, np.int32(k0) - factors.k_min, np.int32(l0) - factors.l_min
    inside_h = (i >= 0) & (i < factors.h_size - 1)
    inside_k = (j >= 0) & (j < factors.k_size - 1)
    inside_l = (m >= 0) & (m < factors.l_size - 1)
    if inside_h & inside_k & inside_l:
        return factors.amplitudes[np.uint64((i * factors.k_size + j) * factors.l_size + m)]
    return factors.default_F


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

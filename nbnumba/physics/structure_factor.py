"""Structure-factor amplitude at any point of reciprocal space, from a table of whole Miller indices.

The table is flat, l fastest, and one plane larger on each axis than the indices it holds, as nanoBragg's is. Positions
in it are unsigned: numba checks signed ones for counting from the end.
"""

from __future__ import annotations

import math

import numpy as np

from nbnumba.numerics.jit import contracting_jit, device_jit

OUTSIDE = -1.0
"""Position of a reflection that the table does not hold."""


@device_jit
def table_position(factors, h0, k0, l0):
    """Where the table holds a reflection; OUTSIDE if it does not.

    Parameters
    ----------
    factors : Factors
    h0, k0, l0 : float64
        Whole Miller indices.

    Returns
    -------
    float64
        Whole number, exact up to 2⁵³ reflections.
    """
    i, j, m = h0 - factors.h_min, k0 - factors.k_min, l0 - factors.l_min
    inside_h = (i >= 0.0) & (i < factors.h_size - 1)
    inside_k = (j >= 0.0) & (j < factors.k_size - 1)
    inside_l = (m >= 0.0) & (m < factors.l_size - 1)
    position = (i * factors.k_size + j) * factors.l_size + m
    return position if inside_h & inside_k & inside_l else OUTSIDE


@device_jit
def tabled_amplitude(factors, position):
    """Amplitude at a position of the table, `default_F` outside.

    Parameters
    ----------
    factors : Factors
    position : float64
        From `table_position`.
    """
    return factors.default_F if position < 0.0 else factors.amplitudes[np.uint64(np.int64(position))]


@device_jit
def nearest_amplitude(factors, h0, k0, l0):
    """Amplitude of the nearest reflection, `default_F` outside the table.

    Parameters
    ----------
    factors : Factors
    h0, k0, l0 : float64
        Whole Miller indices.
    """
    if factors.has_amplitudes:
        return tabled_amplitude(factors, table_position(factors, h0, k0, l0))
    return factors.default_F


@device_jit
def interpolation_in_range(factors, h, k, l):  # noqa: E741
    """Whether the 4×4×4 neighbours of a point are all in the table, by nanoBragg's test.

    Parameters
    ----------
    factors : Factors
    h, k, l : float64
        Fractional Miller indices.
    """
    beyond_h = (h - factors.h_min + 3 > factors.h_size - 1) | (h - 2 < factors.h_min)
    beyond_k = (k - factors.k_min + 3 > factors.k_size - 1) | (k - 2 < factors.k_min)
    beyond_l = (l - factors.l_min + 3 > factors.l_size - 1) | (l - 2 < factors.l_min)
    return not (beyond_h | beyond_k | beyond_l)


@device_jit
def cubic_weights(u):
    """Lagrange weights of the values at -1, 0, 1 and 2 for the cubic through them at u.

    Parameters
    ----------
    u : float64
        Between 0 and 1.

    Returns
    -------
    tuple of 4 float64
    """
    before, after, beyond = u + 1.0, u - 1.0, u - 2.0
    return (
        u * after * beyond * (-1.0 / 6.0),
        before * after * beyond * 0.5,
        before * u * beyond * -0.5,
        before * u * after * (1.0 / 6.0),
    )


@device_jit
def first_neighbour(factors, h0, k0, l0):
    """Where the table holds the first of the 4×4×4 neighbours of a point for which `interpolation_in_range` holds.

    Parameters
    ----------
    factors : Factors
    h0, k0, l0 : float64
        Fractional Miller indices of the point, rounded down.

    Returns
    -------
    float64
        Whole number, exact up to 2⁵³ reflections.
    """
    i, j, m = h0 - 1.0 - factors.h_min, k0 - 1.0 - factors.k_min, l0 - 1.0 - factors.l_min
    return (i * factors.k_size + j) * factors.l_size + m


@device_jit
def row_at(table, p):
    """Four consecutive amplitudes.

    Parameters
    ----------
    table : ndarray, shape (n,), float64
        Structure-factor table.
    p : uint64
        Position of the first.

    Returns
    -------
    tuple of 4 float64
    """
    return table[p], table[p + np.uint64(1)], table[p + np.uint64(2)], table[p + np.uint64(3)]


@contracting_jit
def weighted_rows(w, row0, row1, row2, row3):
    """Weighted sum of four rows of four amplitudes.

    Parameters
    ----------
    w : tuple of 4 float64
        Weights.
    row0, row1, row2, row3 : tuple of 4 float64
        Rows from `row_at`.

    Returns
    -------
    tuple of 4 float64
    """
    return (
        w[0] * row0[0] + w[1] * row1[0] + w[2] * row2[0] + w[3] * row3[0],
        w[0] * row0[1] + w[1] * row1[1] + w[2] * row2[1] + w[3] * row3[1],
        w[0] * row0[2] + w[1] * row1[2] + w[2] * row2[2] + w[3] * row3[2],
        w[0] * row0[3] + w[1] * row1[3] + w[2] * row2[3] + w[3] * row3[3],
    )


@device_jit
def _along_k(table, p, size, w, row, weighted):
    """Four amplitudes along l, each interpolated along k."""
    p1, p2, p3 = p + size, p + size + size, p + size + size + size
    return weighted(w, row(table, p), row(table, p1), row(table, p2), row(table, p3))


@device_jit
def along_h_and_k(factors, first, wh, wk, row, weighted):
    """Four amplitudes along l, each interpolated along h and k.

    Parameters
    ----------
    factors : Factors
    first : float64
        From `first_neighbour`.
    wh, wk : tuple of 4 float64
        From `cubic_weights`.
    row, weighted : callable
        `row_at` and `weighted_rows`, or two functions that do the same with four numbers in one vector.

    Returns
    -------
    tuple of 4 float64, or what `weighted` makes
    """
    table, size, plane = factors.amplitudes, np.uint64(factors.l_size), np.uint64(factors.k_size * factors.l_size)
    p = np.uint64(np.int64(first))
    p1, p2, p3 = p + plane, p + plane + plane, p + plane + plane + plane
    return weighted(
        wh,
        _along_k(table, p, size, wk, row, weighted),
        _along_k(table, p1, size, wk, row, weighted),
        _along_k(table, p2, size, wk, row, weighted),
        _along_k(table, p3, size, wk, row, weighted),
    )


@contracting_jit
def along_l(w, row):
    """The amplitude between four along l.

    Parameters
    ----------
    w : tuple of 4 float64
        From `cubic_weights`.
    row : tuple of 4 float64
        Amplitudes.
    """
    return w[0] * row[0] + w[1] * row[1] + w[2] * row[2] + w[3] * row[3]


@device_jit
def tricubic_amplitude(factors, h, k, l):  # noqa: E741
    """Tensor product of cubic Lagrange interpolations through the 4×4×4 nearest reflections.

    nanoBragg nests the three interpolations; here each axis has its four weights, so that nothing is divided and four
    neighbours along l go through the sums together.

    Parameters
    ----------
    factors : Factors
    h, k, l : float64
        Fractional Miller indices for which `interpolation_in_range` holds.
    """
    # float: on CUDA math.floor gives a float, elsewhere a whole number
    h0, k0, l0 = float(math.floor(h)), float(math.floor(k)), float(math.floor(l))
    first = first_neighbour(factors, h0, k0, l0)
    row = along_h_and_k(factors, first, cubic_weights(h - h0), cubic_weights(k - k0), row_at, weighted_rows)
    return along_l(cubic_weights(l - l0), row)


@device_jit
def cubic_slopes(u):
    """Derivatives of `cubic_weights` by u.

    Parameters
    ----------
    u : float64
        Between 0 and 1.

    Returns
    -------
    tuple of 4 float64
    """
    before, after, beyond = u + 1.0, u - 1.0, u - 2.0
    return (
        (after * beyond + u * beyond + u * after) * (-1.0 / 6.0),
        (after * beyond + before * beyond + before * after) * 0.5,
        (u * beyond + before * beyond + before * u) * -0.5,
        (u * after + before * after + before * u) * (1.0 / 6.0),
    )


@device_jit
def tricubic_slope(factors, h, k, l):  # noqa: E741
    """`tricubic_amplitude` and its derivatives by the indices.

    Parameters
    ----------
    factors : Factors
    h, k, l : float64
        Fractional Miller indices for which `interpolation_in_range` holds.

    Returns
    -------
    amplitude : float64
    slope : tuple of 3 float64
    """
    h0, k0, l0 = float(math.floor(h)), float(math.floor(k)), float(math.floor(l))
    first = first_neighbour(factors, h0, k0, l0)
    wh, wk, wl = cubic_weights(h - h0), cubic_weights(k - k0), cubic_weights(l - l0)
    row = along_h_and_k(factors, first, wh, wk, row_at, weighted_rows)
    by_h = along_h_and_k(factors, first, cubic_slopes(h - h0), wk, row_at, weighted_rows)
    by_k = along_h_and_k(factors, first, wh, cubic_slopes(k - k0), row_at, weighted_rows)
    return along_l(wl, row), (along_l(wl, by_h), along_l(wl, by_k), along_l(cubic_slopes(l - l0), row))


@device_jit
def amplitude_slope(factors, h, k, l, h0, k0, l0):  # noqa: E741
    """Amplitude at a point of reciprocal space, and its derivatives by the indices: zero where nothing is interpolated.

    Parameters
    ----------
    factors : Factors
        Without the quirk `interp-sticky`.
    h, k, l, h0, k0, l0 : float64
        Fractional and nearest Miller indices.

    Returns
    -------
    amplitude : float64
        Electrons.
    slope : tuple of 3 float64
    """
    if factors.interpolate and interpolation_in_range(factors, h, k, l):
        return tricubic_slope(factors, h, k, l)
    return nearest_amplitude(factors, h0, k0, l0), (0.0, 0.0, 0.0)

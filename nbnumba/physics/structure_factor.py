"""Structure-factor amplitude at any point of reciprocal space, from a table of whole Miller indices.

The table is flat, l fastest, and one plane larger on each axis than the indices it holds, as nanoBragg's is. Positions
in it are unsigned: numba checks signed ones for counting from the end.
"""

from __future__ import annotations

import math

import numpy as np

from nbnumba._jit import contracting_jit, device_jit

OUTSIDE = -1.0
"""Position of a reflection that the table does not hold."""


@device_jit
def table_position(params, h0, k0, l0):
    """Where the table holds a reflection; OUTSIDE if it does not.

    Parameters
    ----------
    params : KernelParams
        Structure-factor table.
    h0, k0, l0 : float64
        Whole Miller indices.

    Returns
    -------
    float64
        Whole number, exact up to 2⁵³ reflections.
    """
    i, j, m = h0 - params.h_min, k0 - params.k_min, l0 - params.l_min
    inside_h = (i >= 0.0) & (i < params.h_size - 1)
    inside_k = (j >= 0.0) & (j < params.k_size - 1)
    inside_l = (m >= 0.0) & (m < params.l_size - 1)
    position = (i * params.k_size + j) * params.l_size + m
    return position if inside_h & inside_k & inside_l else OUTSIDE


@device_jit
def tabled_amplitude(params, position):
    """Amplitude at a position of the table, `default_F` outside.

    Parameters
    ----------
    params : KernelParams
        Structure-factor table.
    position : float64
        From `table_position`.
    """
    return params.default_F if position < 0.0 else params.amplitudes[np.uint64(np.int64(position))]


@device_jit
def nearest_amplitude(params, h0, k0, l0):
    """Amplitude of the nearest reflection, `default_F` outside the table.

    Parameters
    ----------
    params : KernelParams
        Structure-factor table.
    h0, k0, l0 : float64
        Whole Miller indices.
    """
    if params.has_amplitudes:
        return tabled_amplitude(params, table_position(params, h0, k0, l0))
    return params.default_F


@device_jit
def interpolation_in_range(params, h, k, l):  # noqa: E741
    """Whether the 4×4×4 neighbours of a point are all in the table, by nanoBragg's test.

    Parameters
    ----------
    params : KernelParams
        Structure-factor table.
    h, k, l : float64
        Fractional Miller indices.
    """
    return not (
        h - params.h_min + 3 > params.h_size - 1
        or h - 2 < params.h_min
        or k - params.k_min + 3 > params.k_size - 1
        or k - 2 < params.k_min
        or l - params.l_min + 3 > params.l_size - 1
        or l - 2 < params.l_min
    )


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


@contracting_jit
def _weighted(w, row0, row1, row2, row3):
    """Weighted sum of four rows of four amplitudes."""
    return (
        w[0] * row0[0] + w[1] * row1[0] + w[2] * row2[0] + w[3] * row3[0],
        w[0] * row0[1] + w[1] * row1[1] + w[2] * row2[1] + w[3] * row3[1],
        w[0] * row0[2] + w[1] * row1[2] + w[2] * row2[2] + w[3] * row3[2],
        w[0] * row0[3] + w[1] * row1[3] + w[2] * row2[3] + w[3] * row3[3],
    )


@device_jit
def _along_l(table, p):
    """Four consecutive amplitudes."""
    return table[p], table[p + np.uint64(1)], table[p + np.uint64(2)], table[p + np.uint64(3)]


@device_jit
def _along_k(table, p, row, w):
    """Four amplitudes along l, each interpolated along k."""
    return _weighted(
        w, _along_l(table, p), _along_l(table, p + row), _along_l(table, p + row + row),
        _along_l(table, p + row + row + row),
    )  # fmt: skip


@contracting_jit
def tricubic_amplitude(params, h, k, l):  # noqa: E741
    """Tensor product of cubic Lagrange interpolations through the 4×4×4 nearest reflections.

    nanoBragg nests the three interpolations; here each axis has its four weights, so that nothing is divided and four
    neighbours along l go through the sums together.

    Parameters
    ----------
    params : KernelParams
        Structure-factor table.
    h, k, l : float64
        Fractional Miller indices for which `interpolation_in_range` holds.
    """
    # float: on CUDA math.floor gives a float, elsewhere a whole number
    h0, k0, l0 = float(math.floor(h)), float(math.floor(k)), float(math.floor(l))
    wh, wk, wl = cubic_weights(h - h0), cubic_weights(k - k0), cubic_weights(l - l0)
    i, j, m = int(h0) - 1 - params.h_min, int(k0) - 1 - params.k_min, int(l0) - 1 - params.l_min
    table, row, plane = params.amplitudes, np.uint64(params.l_size), np.uint64(params.k_size * params.l_size)
    p = np.uint64((i * params.k_size + j) * params.l_size + m)
    along_l = _weighted(
        wh, _along_k(table, p, row, wk), _along_k(table, p + plane, row, wk),
        _along_k(table, p + plane + plane, row, wk), _along_k(table, p + plane + plane + plane, row, wk),
    )  # fmt: skip
    return wl[0] * along_l[0] + wl[1] * along_l[1] + wl[2] * along_l[2] + wl[3] * along_l[3]

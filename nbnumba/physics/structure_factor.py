"""Structure-factor amplitude at any point of reciprocal space."""

from __future__ import annotations

import math

from nbnumba._jit import device_jit


@device_jit
def lagrange_cubic(x0, y0, y1, y2, y3, x):
    """Value at `x` of the cubic through four points at x0, x0+1, x0+2, x0+3.

    Parameters
    ----------
    x0 : float64
        First abscissa, a whole number.
    y0, y1, y2, y3 : float64
        Ordinates.
    x : float64
        Where to evaluate.
    """
    x1, x2, x3 = x0 + 1.0, x0 + 2.0, x0 + 3.0
    term0 = (x - x1) * (x - x2) * (x - x3) * y0 / ((x0 - x1) * (x0 - x2) * (x0 - x3))
    term1 = (x - x0) * (x - x2) * (x - x3) * y1 / ((x1 - x0) * (x1 - x2) * (x1 - x3))
    term2 = (x - x0) * (x - x1) * (x - x3) * y2 / ((x2 - x0) * (x2 - x1) * (x2 - x3))
    term3 = (x - x0) * (x - x1) * (x - x2) * y3 / ((x3 - x0) * (x3 - x1) * (x3 - x2))
    return term0 + term1 + term2 + term3


@device_jit
def _along_l(grid, i, j, m, l0, l):  # noqa: E741
    """Interpolate along l at grid row (i, j), columns m..m+3."""
    return lagrange_cubic(l0, grid[i, j, m], grid[i, j, m + 1], grid[i, j, m + 2], grid[i, j, m + 3], l)


@device_jit
def _along_k(grid, i, j, m, k0, l0, k, l):  # noqa: E741
    """Interpolate along k, then l, at grid plane i, rows j..j+3, columns m..m+3."""
    return lagrange_cubic(
        k0,
        _along_l(grid, i, j, m, l0, l),
        _along_l(grid, i, j + 1, m, l0, l),
        _along_l(grid, i, j + 2, m, l0, l),
        _along_l(grid, i, j + 3, m, l0, l),
        k,
    )


@device_jit
def tricubic_amplitude(params, h, k, l):  # noqa: E741
    """Tensor product of cubic Lagrange interpolations through the 4×4×4 nearest reflections.

    Parameters
    ----------
    params : KernelParams
        Structure-factor grid.
    h, k, l : float64
        Fractional Miller indices for which `interpolation_in_range` holds.
    """
    # int: on CUDA, math.floor gives a float
    h0, k0, l0 = int(math.floor(h)) - 1, int(math.floor(k)) - 1, int(math.floor(l)) - 1
    i, j, m = h0 - params.h_min, k0 - params.k_min, l0 - params.l_min
    grid, first_h, first_k, first_l = params.amplitudes, float(h0), float(k0), float(l0)
    return lagrange_cubic(
        first_h,
        _along_k(grid, i, j, m, first_k, first_l, k, l),
        _along_k(grid, i + 1, j, m, first_k, first_l, k, l),
        _along_k(grid, i + 2, j, m, first_k, first_l, k, l),
        _along_k(grid, i + 3, j, m, first_k, first_l, k, l),
        h,
    )


@device_jit
def interpolation_in_range(params, h, k, l):  # noqa: E741
    """Whether the 4×4×4 neighbours of a point are all on the grid, by nanoBragg's test.

    Parameters
    ----------
    params : KernelParams
        Structure-factor grid.
    h, k, l : float64
        Fractional Miller indices.
    """
    grid = params.amplitudes
    return not (
        h - params.h_min + 3 > grid.shape[0] - 1
        or h - 2 < params.h_min
        or k - params.k_min + 3 > grid.shape[1] - 1
        or k - 2 < params.k_min
        or l - params.l_min + 3 > grid.shape[2] - 1
        or l - 2 < params.l_min
    )


@device_jit
def nearest_amplitude(params, h0, k0, l0):
    """Amplitude of the nearest reflection, `default_F` outside the grid.

    Parameters
    ----------
    params : KernelParams
        Structure-factor grid.
    h0, k0, l0 : float64
        Whole Miller indices.
    """
    if params.has_amplitudes:
        grid = params.amplitudes
        i, j, m = h0 - params.h_min, k0 - params.k_min, l0 - params.l_min
        inside_h = i >= 0 and i < grid.shape[0] - 1
        inside_k = j >= 0 and j < grid.shape[1] - 1
        if inside_h and inside_k and m >= 0 and m < grid.shape[2] - 1:
            return grid[int(i), int(j), int(m)]
    return params.default_F

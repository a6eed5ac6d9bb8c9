"""How far a point of reciprocal space lies from the nearest reflection, in units of a spot."""

from __future__ import annotations

import numpy as np

from nbnumba.numerics.jit import contracting_jit, device_jit, pass_jit
from nbnumba.numerics.scratch import GAUSSIAN_CONSTANTS, INTENSITY, PHASE_A, QX, QY, QZ, VECTOR, H, K, L, touches
from nbnumba.physics.scattering import miller_index, nearest


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
def spot_radius_squared(lattice, dh, dk, dl):
    """Squared distance from the reflection as Gaussian and top-hat spots measure it (quirk `gauss-radius`).

    Parameters
    ----------
    lattice : Lattice
    dh, dk, dl : float64
        Fractional minus nearest Miller index.
    """
    if lattice.index_radius:
        return index_radius_squared(dh, dk, dl, lattice.cells)
    return reciprocal_radius_squared(dh, dk, dl, lattice.reciprocal, lattice.cells)


@pass_jit
def scaled_metric(metric, scale):
    """The metric of a spot radius squared times a number.

    Parameters
    ----------
    metric : ndarray, shape (6,), float64
        Of the lattice: ρ² with its fudge.
    scale : float64
    """
    return (metric[0], metric[1], metric[2], metric[3] * scale, metric[4] * scale, metric[5] * scale)


@contracting_jit
def squared_length(metric, h, k, l):  # noqa: E741
    """The three squares of `nbnumba.setup.cell.reciprocal_metric`, those first that need the fewest steps.

    Parameters
    ----------
    metric : tuple of 6 float64
        From `scaled_metric`.
    h, k, l : float64
        Differences of Miller indices.
    """
    s, t, u, x, y, z = metric
    along_a, along_b = h + s * k + t * l, k + u * l
    along_c_squared = z * l * l
    return (along_c_squared + along_b * (y * along_b)) + along_a * (x * along_a)


@touches(reads=(H, K, L), writes=(PHASE_A,))
@pass_jit
def spot_radius_lanes(metric, scale, limit, lanes, s):
    """Scaled ρ² of the nearest reflection; in how many lanes it is below a limit.

    Parameters
    ----------
    metric : ndarray, shape (6,), float64
        Of the lattice: ρ² with its fudge.
    scale, limit : float64
        What ρ² is multiplied by, and what is counted.
    lanes : int
        Lanes in use.
    s : ndarray, shape (SCRATCH,), float64
        Scratch.

    Returns
    -------
    int
    """
    m = scaled_metric(metric, scale)
    below = 0
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        squared = squared_length(m, h - nearest(h), k - nearest(k), l - nearest(l))
        s[PHASE_A + i] = squared
        below += 1 if squared < limit else 0
    return below


def spot_adder(constants, factor):
    """What adds one spot to some lanes.

    Parameters
    ----------
    constants : compiled function
        ``constants(lattice, s)`` -> what `factor` needs and is the same for every lane.
    factor : compiled function
        ``factor(constants, dh, dk, dl)`` -> F_latt, of differences from the spot's Miller indices.

    Returns
    -------
    compiled function
        See `Shape.spot`.
    """

    @touches(reads=(QX, QY, QZ, INTENSITY, GAUSSIAN_CONSTANTS), writes=(INTENSITY,))
    @pass_jit
    def spot_lanes(lattice, axes, spot, first, lanes, s):
        fixed = constants(lattice, s)
        amplitude, h0, k0, l0 = spot
        # unsigned: numba checks signed positions for counting from the end
        x, y, z = np.uint64(QX + first), np.uint64(QY + first), np.uint64(QZ + first)
        sums = np.uint64(INTENSITY + first)
        for vector in range(0, lanes, VECTOR):
            for lane in range(VECTOR):
                i = np.uint64(vector + lane)
                q = (s[x + i], s[y + i], s[z + i])
                h = miller_index(axes[0], axes[1], axes[2], q)
                k = miller_index(axes[3], axes[4], axes[5], q)
                l = miller_index(axes[6], axes[7], axes[8], q)  # noqa: E741
                near = factor(fixed, h - h0, k - k0, l - l0)
                own = (nearest(h) == h0) & (nearest(k) == k0) & (nearest(l) == l0)
                s[sums + i] += amplitude * amplitude * near * near if own else 0.0

    return spot_lanes

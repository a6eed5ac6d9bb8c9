"""How far a point of reciprocal space lies from the nearest reflection, in units of a spot."""

from __future__ import annotations

from nbnumba.numerics.jit import contracting_jit, device_jit, pass_jit
from nbnumba.numerics.scratch import PHASE_A, H, K, L, touches
from nbnumba.physics.scattering import nearest


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


@contracting_jit
def _squared_length(metric, h, k, l):  # noqa: E741
    """The three squares of `nbnumba.setup.cell.reciprocal_metric`, those first that need the fewest steps."""
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
    m = (metric[0], metric[1], metric[2], metric[3] * scale, metric[4] * scale, metric[5] * scale)
    below = 0
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        squared = _squared_length(m, h - nearest(h), k - nearest(k), l - nearest(l))
        s[PHASE_A + i] = squared
        below += 1 if squared < limit else 0
    return below

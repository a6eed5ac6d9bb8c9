"""The crystal's sum over the spots that reach a row of pixels, in place of the sum over every lattice."""

from __future__ import annotations

from nbnumba.numerics.jit import nest_jit
from nbnumba.numerics.scratch import FAST, LANES, SLOW, VECTOR
from nbnumba.shapes.registry import spot_lanes


@nest_jit
def first_of_source(spots, start, stop, lattice):
    """The first spot, in a range that is sorted by lattice, of a lattice or one after it.

    Parameters
    ----------
    spots : ndarray of `kernels.spots.SPOT`
    start, stop : int
        Range.
    lattice : int
    """
    while start < stop:
        middle = (start + stop) // 2
        if spots[middle].lattice < lattice:
            start = middle + 1
        else:
            stop = middle
    return start


@nest_jit
def add_spots(params, listed, source, lanes, s):
    """Add every spot of a source that reaches the pixels of a block, all of one row of a panel.

    Parameters
    ----------
    params : KernelParams
    listed : tuple of (ndarray of `kernels.spots.SPOT`, int, int)
        Spots in the order of their lattices, and which of them may reach the block.
    source : int
    lanes : int
        Lanes in use, a multiple of VECTOR.
    s : ndarray, shape (SCRATCH,), float64
        Scratch.
    """
    spots, start, stop = listed
    vectors, rows = params.lattice.vectors, params.lattice.phi_rows
    per_source = rows.shape[1] * vectors.shape[1]
    slow, fast = int(s[SLOW]), int(s[FAST])
    for n in range(first_of_source(spots, start, stop, source * per_source), stop):
        spot = spots[n]
        lattice = spot.lattice - source * per_source
        if lattice >= per_source:
            break
        first = max(spot.fast_first - fast, 0)
        count = min(spot.fast_stop - fast, lanes) - first
        if slow < spot.slow_first or slow >= spot.slow_stop or count <= 0:
            continue
        count = (count + VECTOR - 1) // VECTOR * VECTOR
        # the vectors end with the block's; what is before the box belongs to the same sum
        first = min(first, LANES - count)
        v = vectors[rows[1, lattice // vectors.shape[1]], lattice % vectors.shape[1]]
        axes = (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8])
        reflection = (spot.amplitude, float(spot.h), float(spot.k), float(spot.l))
        spot_lanes(params.lattice, axes, reflection, first, count, s)

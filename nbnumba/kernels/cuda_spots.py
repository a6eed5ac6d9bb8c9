"""The sum over the spots that reach a pixel as a GPU does it, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nbnumba.kernels.cuda_crystal import factor_without_sign
from nbnumba.numerics.jit import device_jit
from nbnumba.physics.scattering import miller_index, nearest_index


class SpotColumns(NamedTuple):
    """The fields of `kernels.spots.SPOT` as arrays: tile after tile, each in the order of its spots' lattices."""

    amplitude: np.ndarray  # float64[n]
    lattice: np.ndarray  # int32[n]
    reflection: np.ndarray  # int16[n, 3]: h, k, l
    box: np.ndarray  # uint16[n, 4]: first and stop along fast, then along slow


@device_jit
def first_of_lattice(lattices, start, stop, lattice):
    """The first spot, in a range that is sorted by lattice, of a lattice or one after it.

    Parameters
    ----------
    lattices : ndarray, shape (n,), int32
    start, stop : int
        Range.
    lattice : int
    """
    while start < stop:
        middle = (start + stop) // 2
        if lattices[middle] < lattice:
            start = middle + 1
        else:
            stop = middle
    return start


@device_jit
def _add_spot(params, columns, n, lattice, q, intensity):
    """Add |F_cell·F_latt|² of a spot where it is the nearest reflection."""
    vectors = params.lattice.vectors
    domains = vectors.shape[1]
    v = vectors[params.lattice.phi_rows[1, lattice // domains], lattice % domains]
    h = miller_index(v[0], v[1], v[2], q)
    k = miller_index(v[3], v[4], v[5], q)
    l = miller_index(v[6], v[7], v[8], q)  # noqa: E741
    h0, k0, l0 = float(columns.reflection[n, 0]), float(columns.reflection[n, 1]), float(columns.reflection[n, 2])
    if nearest_index(h) == h0 and nearest_index(k) == k0 and nearest_index(l) == l0:
        factor, _ = factor_without_sign(params.lattice, h, k, l, h0, k0, l0)
        amplitude = columns.amplitude[n]
        intensity += amplitude * amplitude * factor * factor
    return intensity


@device_jit
def add_spots(params, which, q, intensity, weight, interpolating, events):
    """Add every spot of a source that reaches a pixel: takes the place of `kernels.pixel.crystal_sum`.

    Parameters
    ----------
    params : KernelParams
    which : tuple of (tuple of (SpotColumns, int, int, int, int), int, int)
        Spots, which of them may reach the pixel, and its fast and slow position on the panel; the source.
    q, intensity, weight, interpolating, events
        As in `crystal_sum`; the last three are not used.

    Returns
    -------
    intensity : float64
    interpolating : bool
    """
    listed, source, _ = which
    columns, start, stop, fast, slow = listed
    per_source = params.lattice.phi_rows.shape[1] * params.lattice.vectors.shape[1]
    before = source * per_source
    n = first_of_lattice(columns.lattice, start, stop, before)
    while n < stop and columns.lattice[n] < before + per_source:
        box = columns.box[n]
        if box[0] <= fast and fast < box[1] and box[2] <= slow and slow < box[3]:
            intensity = _add_spot(params, columns, n, columns.lattice[n] - before, q, intensity)
        n += 1
    return intensity, interpolating

"""Whether an image takes less time from the pixels that its spots reach than in full.

Times are of one CPU thread; only their ratios matter. The same is chosen every time, for any number of threads.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nbnumba.engine.search import expected_spots, found_spots, lattice_count

if TYPE_CHECKING:
    from nbnumba.kernels.params import KernelParams
    from nbnumba.kernels.spots import Search

NS_FULL, NS_BOX, NS_ROW, NS_SPOT, NS_COLUMN = 1.4, 2.0, 30.0, 300.0, 12.0
"""Time that a step of the full sum takes, a pixel of a box, a row of it, finding a spot, and passing a row of
reciprocal lattice points."""

NS_START = 2e6
"""Time that a search and its lists take, however few spots there are."""

SAMPLED_LATTICES = 8
"""Lattices at most whose spots are counted before anything is decided, and the share of all is one of so many."""

MARGIN = 1.5
"""By how much the number of spots that is expected without a search may be too large."""


def is_small(params: KernelParams) -> bool:
    """Whether the full sum takes no longer than a search for spots.

    Parameters
    ----------
    params : KernelParams
    """
    return not _takes_less(NS_START, _full(params))


def spots_if_cheaper(params: KernelParams, search: Search) -> float | None:
    """About how many spots there are, if they take less time than the full sum; else None.

    Parameters
    ----------
    params : KernelParams
    search : Search
    """
    full = _full(params)
    passing = NS_START + NS_COLUMN * lattice_count(params) * _columns(params, search)
    if not _takes_less(passing + NS_SPOT * expected_spots(params, search) / MARGIN, full):
        return None
    sample = _sample(params, search)
    boxes = NS_ROW * sample.rows + NS_BOX * sample.pixels
    return sample.spots if _takes_less(passing + NS_SPOT * sample.spots + _points(params) * boxes, full) else None


def _takes_less(sparse: float, full: float) -> bool:
    return sparse < full


def _points(params: KernelParams) -> int:
    """Layers and subpixels of a pixel."""
    return params.sampling.layers * params.sampling.oversample**2


def _full(params: KernelParams) -> float:
    """Time of the full sum, ns."""
    pixels = float((params.panels.windows[:, 3] * params.panels.windows[:, 4]).sum())
    return NS_FULL * pixels * _points(params) * lattice_count(params)


class _Sample(NamedTuple):
    """What a few lattices say of all."""

    spots: float
    rows: float
    pixels: float


def _sample(params: KernelParams, search: Search) -> _Sample:
    """Spots, rows of their boxes and pixels in them that all lattices should have."""
    lattices = lattice_count(params)
    step = max(lattices // SAMPLED_LATTICES, SAMPLED_LATTICES)
    first = min(step, lattices) // 2
    taken = len(range(first, lattices, step))
    spots = rows = pixels = 0
    for some in found_spots(params, search, first, lattices, step):
        high = (some["slow_stop"] - some["slow_first"]).astype(np.int64)
        wide = (some["fast_stop"] - some["fast_first"]).astype(np.int64)
        spots, rows, pixels = spots + len(some), rows + int(high.sum()), pixels + int((high * (wide + 4)).sum())
    share = lattices / taken
    return _Sample(spots * share, rows * share, pixels * share)


def _columns(params: KernelParams, search: Search) -> float:
    """Rows of reciprocal lattice points that are passed for one lattice, at most."""
    edges = params.lattice.vectors[-1, 0].reshape(3, 3)
    volume = abs(float(np.linalg.det(edges)))
    reach = float(search.longest.max()) + search.cap * search.stretch
    listed = np.prod((search.last - search.first + 1.0)[search.order[:2]])
    return min(math.pi * reach**2 * volume / float(np.linalg.norm(np.linalg.inv(edges), axis=0)[search.order[2]]) ** -1,
               float(listed))  # fmt: skip

"""Four numbers in one vector are what four numbers are one by one."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from nbnumba.numerics.four import load_four, unpacked, weighted_fours
from nbnumba.physics.structure_factor import row_at, weighted_rows


@numba.njit
def in_vectors(w, array, p):
    four0, four1 = load_four(array, p[0]), load_four(array, p[1])
    return unpacked(weighted_fours(w, four0, four1, load_four(array, p[2]), load_four(array, p[3])))


@numba.njit
def one_by_one(w, array, p):
    return weighted_rows(w, row_at(array, p[0]), row_at(array, p[1]), row_at(array, p[2]), row_at(array, p[3]))


@pytest.mark.parametrize("start", range(4))
def test_weighted_sums_of_any_four_neighbours_have_the_same_bits(start):
    random = np.random.default_rng(start)
    w, array = tuple(random.uniform(-1.0, 1.0, 4)), random.uniform(1.0, 500.0, 64)
    positions = np.array([start, 17 + start, 30, 60], dtype=np.uint64)
    assert in_vectors(w, array, positions) == one_by_one(w, array, positions)

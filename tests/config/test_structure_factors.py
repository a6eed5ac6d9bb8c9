"""Structure factors from lists of reflections."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbnumba.config import StructureFactors
from nbnumba.errors import NbnumbaWarning, UsageError
from nbnumba.io.hkl import read_hkl

reflections = st.lists(
    st.tuples(st.integers(-4, 4), st.integers(-3, 3), st.integers(-2, 2), st.floats(-1e3, 1e3)), min_size=1, max_size=40
)


@given(found=reflections, default=st.sampled_from([0.0, 2.5]))
def test_the_last_of_equal_reflections_counts_and_the_default_fills_the_rest(found, default):
    factors = StructureFactors.from_reflections([row[:3] for row in found], [row[3] for row in found], default)
    # one after the other, as nanoBragg reads them
    wanted = {row[:3]: row[3] for row in found}
    lowest = tuple(min(row[axis] for row in found) for axis in range(3))
    highest = tuple(max(row[axis] for row in found) for axis in range(3))
    assert (factors.h_min, factors.k_min, factors.l_min) == lowest
    assert factors.amplitudes.shape == tuple(high - low + 1 for low, high in zip(lowest, highest, strict=True))
    assert factors.count == len(found)
    assert factors.friedel_pairs == sum(hkl > (0, 0, 0) and tuple(-index for index in hkl) in wanted for hkl in wanted)
    for position, amplitude in np.ndenumerate(factors.amplitudes):
        hkl = tuple(low + step for low, step in zip(lowest, position, strict=True))
        assert amplitude == wanted.get(hkl, default)


@given(found=reflections)
def test_a_list_in_memory_equals_the_same_list_in_a_file(found, tmp_path_factory):
    path = tmp_path_factory.mktemp("hkl") / "F.hkl"
    path.write_text("".join(f"{row[0]} {row[1]} {row[2]} {row[3]!r}\n" for row in found))
    assert StructureFactors.from_reflections([row[:3] for row in found], [row[3] for row in found]) == read_hkl(path)


@pytest.mark.parametrize("indices", [
    np.array([[1, 2, 3], [2, 2, 3]], dtype=np.int8), np.array([[1.0, 2.0, 3.0], [2.0, 2.0, 3.0]]),
    np.array([[1, 2, 3], [2, 2, 3]], dtype=">i4"), [(1, 2, 3), (2, 2, 3)],
], ids=["int8", "float", "big-endian", "tuples"])  # fmt: skip
def test_indices_may_be_whole_numbers_of_any_kind(indices):
    factors = StructureFactors.from_reflections(indices, np.array([5, 6], dtype=np.int32))
    assert (factors.h_min, factors.amplitudes.ravel().tolist()) == (1, [5.0, 6.0])


@pytest.mark.parametrize(("hkl", "amplitudes", "message"), [
    ([[1, 2, 3], [1, 2.5, 3]], [1, 2], r"^hkl must be whole numbers, not \[1.0, 2.5, 3.0\] in row 1$"),
    ([[1, 2, math.nan]], [1], r"^hkl must be whole numbers, not \[1.0, 2.0, nan\] in row 0$"),
    ([[1, 2, 10**9]], [1], r"^hkl must be whole numbers, not \[1, 2, 1000000000\] in row 0$"),
    ([[1, 2]], [1], "^hkl must have 3 columns, not 2$"),
    ([1, 2, 3], [1], "^hkl must be an array with 2 axes"),
    ([], [], "^hkl must be an array with 2 axes and something in it"),
    ([[1, 2, 3]], [1j], r"^F must be real: nanoBragg's sum needs amplitudes, give abs\(F\)$"),
    ([[1, 2, 3]], np.array([1 + 0j]), "^F must be real"),
    ([[1, 2, 3], [4, 5, 6]], [1, math.nan], r"^F\[1\], of reflection 4 5 6, must be a finite number, not nan$"),
    ([[1, 2, 3], [4, 5, 6]], [math.inf, 1], r"^F\[0\], of reflection 1 2 3, must be a finite number, not inf$"),
    ([[1, 2, 3]], [1, 2], "^hkl has 1 reflections, F has 2 amplitudes$"),
    ([[1, 2, 3]], [[1]], "^F must be an array with 1 axes"),
    ([[0, 0, 0], [900000] * 3], [1, 1], r"^the index ranges \(900001 x 900001 x 900001\) need .* GB, .*stray indices$"),
])  # fmt: skip
def test_a_list_that_can_not_be_used_is_refused_in_one_line(hkl, amplitudes, message):
    with pytest.raises(UsageError, match=message):
        StructureFactors.from_reflections(hkl, amplitudes)


def test_a_default_that_is_no_number_is_refused():
    with pytest.raises(UsageError, match="^default_F must be a number, not nan$"):
        StructureFactors.from_reflections([[0, 0, 0]], [1.0], default_F=math.nan)


def test_a_reflection_with_two_amplitudes_is_told_and_the_last_counts():
    hkl = [(1, 0, 0), (0, 1, 0), (1, 0, 0), (1, 0, 0), (0, 1, 0)]
    with pytest.warns(NbnumbaWarning, match="1 of 5 .* the last one counts: first 1 0 0, F = 5, later 7"):
        grid = StructureFactors.from_reflections(hkl, [5.0, 3.0, 7.0, 7.0, 3.0])
    assert grid.amplitudes[1, 0, 0] == 7.0

"""Reflections from text land on the grid of Miller indices as in nanoBragg."""

from __future__ import annotations

import numpy as np
import pytest

from nbnumba.config.structure_factors import empty_grid
from nbnumba.errors import InputFileError, NbnumbaWarning, OutputFileError, UsageError
from nbnumba.io.hkl import read_hkl, read_reflections, write_reflections


@pytest.fixture
def hkl(tmp_path):
    """Reads a text as a file of reflections."""

    def read(text: str, default_F: float = 0.0):  # noqa: N803
        (tmp_path / "F.hkl").write_text(text)
        return read_hkl(tmp_path / "F.hkl", default_F)

    return read


def test_amplitudes_lie_at_their_indices(hkl):
    factors = hkl("-1 2 0 10.5\n1 3 0 20\n")
    assert (factors.h_min, factors.k_min, factors.l_min) == (-1, 2, 0)
    assert factors.amplitudes.shape == (3, 2, 1)
    expected = np.zeros((3, 2, 1))
    expected[0, 0, 0], expected[2, 1, 0] = 10.5, 20.0
    assert np.array_equal(factors.amplitudes, expected)
    assert factors.count == 2


def test_the_default_fills_the_range_but_not_the_padding(hkl):
    factors = hkl("0 0 0 5\n1 1 1 6\n", default_F=3.0)
    assert factors.amplitudes[0, 1, 1] == 3.0
    assert factors.amplitudes[0, 0, 0] == 5.0
    assert factors.table.size == 27
    assert np.count_nonzero(factors.amplitudes) == np.count_nonzero(factors.table) == 8


def test_of_repeated_reflections_the_last_counts(hkl):
    assert hkl("0 0 0 5\n0 0 0 6\n0 0 0 4\n").amplitudes[0, 0, 0] == 4.0


@pytest.mark.parametrize("text", [
    "\t1  2 3\t4e0\r\n1 2 4 +5.\r\n", "1 2 3 4\n\n1 2 4 5",
    "1 2 3 4\n1.0 2 4.0 5",
])  # fmt: skip
def test_any_white_space_separates_numbers(hkl, text):
    assert hkl(text).amplitudes.ravel().tolist() == [4.0, 5.0]


def test_signs_separate_indices_without_a_space(hkl):
    factors = hkl(" 1-10 -3 7.5\n")
    assert (factors.h_min, factors.k_min, factors.l_min, factors.amplitudes[0, 0, 0]) == (1, -10, -3, 7.5)


def test_amplitudes_are_read_to_the_last_bit(hkl):
    value = 0.1 + 0.2
    assert hkl(f"0 0 0 {value!r}").amplitudes[0, 0, 0] == value


@pytest.mark.parametrize(("text", "message"), [
    ("1 2 3 4\n1 2 4 5\nEND\n6 6 6 6", r"line 3: reading stops after 2 reflections at 'END'"),
    ("1 2 3 4\n1 2 4 5 # weak\n", r"line 2: reading stops after 2 reflections at '# weak'"),
    ("1 2 3 4\n1 2 4 5\n\n  # 1 2 5 6\n1 2 6 7", r"line 4: reading stops after 2 reflections at '# 1 2 5 6'"),
])  # fmt: skip
def test_reading_stops_with_a_warning_where_numbers_end(hkl, text, message):
    with pytest.warns(UserWarning, match=message):
        factors = hkl(text)
    assert factors.count == 2


@pytest.mark.parametrize(("text", "message"), [
    ("", "no reflection, h k l F, but with the end of the file"),
    (" \n ", "no reflection, h k l F, but with the end of the file"),
    ("H K L F\n1 2 3 4\n", "no reflection, h k l F, but with 'H K L F'"),
    ("1 2 3 4\n1.5 2 3 4\n", r"F.hkl: line 2: Miller indices must be integers, not '1.5 2 3 4'"),
    ("1 2 3 4 \n\n 1 nan 3 4\n", "line 3: Miller indices must be integers"),
    ("1e300 2 3 4", "line 1: Miller indices must be integers"),
    ("1 2 3 inf", "line 1: the amplitude must be a finite number"),
    ("0 0 0 1\n900000 900000 900000 1", "900001 x 900001 x 900001.*stray indices"),
])  # fmt: skip
def test_bad_files_are_refused_in_one_line(hkl, text, message):
    with pytest.raises(InputFileError, match=message) as refusal:
        hkl(text)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("text", "message"), [
    ("1 2 3 4 5\n1 2 4 5 6\n1 2 5 7 7\n1 2 6 8 8\n", "line 1 holds 5 numbers, '1 2 3 4 5'; a reflection is four"),
    ("\n1 2 3 4.5 0.25\n", "line 2 holds 5 numbers, '1 2 3 4.5 0.25'"),
    ("1 2 3 4\n1 2 4 5 0.1\n", "line 2 holds 5 numbers, '1 2 4 5 0.1'"),
    ("1 2 3 4\n1 2 4\n1 2 5 6\n", "line 2 holds 3 numbers, '1 2 4'"),
    ("1 2 3\n1 2 4\n1 2 5\n1 2 6\n", "line 1 holds 3 numbers"),
    ("1 2 3 4\n1 2 4 5\n1 2", "line 3 holds 2 numbers, '1 2'"),
    ("\n1 2 3", "line 2 holds 3 numbers, '1 2 3'"),
    ("1 2 3 4\n1 2 4 O5\n1 2 5 6\n", "line 2 holds 3 numbers, '1 2 4 O5'"),
    ("1 2 3 4\n1 2 4.5.6\n", "line 2 holds 2 numbers, '1 2 4.5.6'"),
    ("1 2 3 4 5 nan 7\n", "line 1 holds 7 numbers"),
])  # fmt: skip
def test_a_line_that_breaks_a_reflection_is_refused_by_its_number(hkl, text, message):
    with pytest.raises(InputFileError, match=f"F.hkl: {message}"):
        hkl(text)


@pytest.mark.parametrize(("text", "count"), [("1 2 3 4 1 2 4 5", 8), ("1\n2\n3\n4\n1 2 4\n5\n", 1)])
def test_lines_of_another_length_are_read_on_as_in_nanobragg_and_said(hkl, text, count):
    with pytest.warns(NbnumbaWarning, match=f"line 1 holds {count} numbers?: lines are read on, four numbers a refl"):
        assert hkl(text).amplitudes[0, 0].tolist() == [4.0, 5.0]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "ascii"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_editors_text_is_read(tmp_path, codec, end):
    (tmp_path / "F.hkl").write_bytes(end.join(("1 2 3 4", "1 2 4 5", "")).encode(codec))
    assert read_hkl(tmp_path / "F.hkl").amplitudes[0, 0].tolist() == [4.0, 5.0]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere.hkl: can't be read: No such file"):
        read_hkl(tmp_path / "nowhere.hkl")


def test_grids_larger_than_memory_are_refused():
    with pytest.raises(UsageError, match=r"need 8e\+03 GB"):
        empty_grid((10000, 10000, 10000))


def test_written_reflections_read_back_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(1)
    hkl = rng.integers(-50, 50, (1000, 3))
    amplitudes = np.concatenate([rng.lognormal(3.0, 5.0, 996), [0.0, 1e-300, 5e-324, 1.7e308]])
    write_reflections(tmp_path / "F.hkl", hkl, amplitudes)
    found, values = read_reflections(tmp_path / "F.hkl")
    assert np.array_equal(found, hkl)
    assert np.array_equal(values, amplitudes)


def test_nothing_is_written_where_it_can_not_be(tmp_path):
    with pytest.raises(OutputFileError, match="none does not exist"):
        write_reflections(tmp_path / "none" / "F.hkl", np.zeros((1, 3), dtype=int), np.ones(1))

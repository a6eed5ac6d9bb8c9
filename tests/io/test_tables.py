"""Orientation matrices, source lists and scattering tables."""

from __future__ import annotations

import numpy as np
import pytest
from golden import input_file

from nbnumba.config.sources import sources_in_metres
from nbnumba.errors import InputFileError, NbnumbaWarning
from nbnumba.io.matrix import read_matrix
from nbnumba.io.source_list import read_sources
from nbnumba.io.stol import read_stol

READERS = pytest.mark.parametrize("read", [read_matrix, read_sources, read_stol])


@pytest.fixture
def text_file(tmp_path):
    """Writes a text and returns its path."""

    def write(text: str):
        path = tmp_path / "input.txt"
        path.write_text(text)
        return path

    return write


def test_a_matrix_is_read_row_by_row():
    matrix = read_matrix(input_file("er1_1.0.mat"))
    assert matrix.tolist() == [
        [-0.01892997, -0.00730593, -0.02569886],
        [0.00029704, -0.03649487, 0.02351674],
        [-0.00576528, 0.02210828, 0.03032739],
    ]


def test_what_follows_nine_numbers_is_not_looked_at(text_file):
    assert read_matrix(text_file("1 2 3\n4 5 6 7\n8 1\n  misset: 0 0 0")).tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 1]]


@pytest.mark.parametrize(("text", "message"), [
    ("1 2 3 4 5 6 7 8", "nine numbers, 8 can be read$"),
    ("1 2 3\n4 x 6 7 8 9", "nine numbers, 4 can be read; line 2 goes on with 'x 6 7 8 9'"),
    ("1 2 3\n4 5 6\n7 8 nan", "line 3: z of c\\* is not a number"),
    ("1 2 3\n\ninf 5 6\n7 8 9", "line 3: y of a\\* is too large to compute with: inf"),
    ("1 nan", r"line 1: x of b\* is not a number"),
    ("1 2 3 4 5 6 7 8 1e200", r"line 1: z of c\* is too large to compute with: 1e\+200"),
    ("0.01 0.01 0\n0 0 0.01\n0 0 0.01", "axes, the columns of this matrix, lie in a plane"),
    ("0.01 0 0\n0 0.01 0\n0 0 0", "lie in a plane"),
    ("0 0 0\n0 0 0\n0 0 0", "lie in a plane"),
    # the determinant of the rounded digits is not 0
    ("0.0123457 0.0234568 0.0358025\n0.0345679 0.0456790 0.0802469\n0.0567890 0.0678901 0.1246791", "lie in a plane"),
])  # fmt: skip
def test_matrices_that_are_none_are_refused(text_file, text, message):
    with pytest.raises(InputFileError, match=message):
        read_matrix(text_file(text))


def test_the_golden_sources_are_read_column_by_column():
    sources = read_sources(input_file("sources5.txt"))
    assert sources_in_metres(sources)[:2].tolist() == [[-10, 0, 0, 1.0, 1e-10], [-10, 0.01, 0, 2.0, 1.01e-10]]
    assert sources[:2, 4].tolist() == [1.0, 1.01]


def test_sources_may_use_any_separator_and_leave_columns_out(text_file):
    text = "-10,0;0:1!1e-10\n\n  \t\n , -9 1\t2\n-8 1 2 3 1e-10 and more\r\n-7 0 0 nan 1e-6"
    with pytest.warns(NbnumbaWarning, match="line 5: what follows the fifth column, 'and', is not read"):
        sources = read_sources(text_file(text))
    nan = np.nan
    expected = [[-10, 0, 0, 1, 1e-10], [-9, 1, 2, nan, nan], [-8, 1, 2, 3, 1e-10], [-7, 0, 0, nan, 1e-6]]
    assert np.array_equal(sources_in_metres(sources), expected, equal_nan=True)


@pytest.mark.parametrize(("text", "message"), [
    ("", "holds no sources"),
    ("\n , \n", "holds no sources"),
    ("1 0 0\n1 0 O 1\n", "input.txt: line 2, column 3: 'O' is not a number"),
    ("1 0 inf", "line 1, column 3: 'inf' is too large to compute with"),
    ("-1 0 0\n0 0 0 1 1e-10\n", "line 2: the source lies at the sample, 0 0 0: it has no direction"),
    ("-1 0 0 1 0", "line 1: the wavelength must be above zero, not 0 m"),
    ("-1 0 0 1 -1e-10", "line 1: the wavelength must be above zero, not -1e-10 m"),
    ("-1 0 0 1 1.27", "line 1: the wavelength must be in metres: 1.27 m are no X-rays, 1.27 Å are 1.27e-10"),
    ("-1 0 0 1 1.1e-6", "line 1: the wavelength must be in metres"),
    ("-1 0 0 1 12398.42", "12398.4 m are no X-rays, 12398.4 eV are 1e-10"),
    ("-1 0 0\n9317.16 6e-13\n", r"line 2: 2 columns; a source is a line of five columns X Y Z weight wavelength\(m\)"),
    ("-7", "line 1: 1 column; a source is a line of five columns"),
    ("1_0 0 0", "line 1, column 1: '1_0' is not a number"),
    ("1 0 0 1 " + 60 * "x", f"column 5: '{40 * 'x'}…' is not a number$"),
    ("-1 0 \x1b[2J", "column 3: '\N{REPLACEMENT CHARACTER}\\[2J' is not a number$"),
])  # fmt: skip
def test_bad_source_lists_are_refused(text_file, text, message):
    with pytest.raises(InputFileError, match=message):
        read_sources(text_file(text))


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "ascii"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_editors_text_is_read(tmp_path, codec, end):
    def written(*lines: str):
        (tmp_path / "input.txt").write_bytes(end.join((*lines, "")).encode(codec))
        return tmp_path / "input.txt"

    assert read_matrix(written("1 0 0", "0 2 0", "0 0 3")).tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 3]]
    assert read_sources(written("-10 0 0 1 1e-10", "-9 0 0 2 2e-10")).tolist() == [
        [-10, 0, 0, 1, 1.0], [-9, 0, 0, 2, 2.0],
    ]  # fmt: skip
    assert read_stol(written("0 2.5", "0.1 2")).points.tolist() == [[0, 2.5], [0.1, 2]]


def test_every_line_of_a_scattering_table_is_a_point_and_words_are_zeros(text_file):
    table = read_stol(text_file("# stol F\n0.0 2.57\n\n0.1, 2.5 extra\n0.2\n 1e-1x nan\n!;3:4\n"))
    nan = np.nan
    points = [[0.0, 0.0], [0.0, 2.57], [0.1, 2.5], [0.2, nan], [0.1, nan], [3.0, 4.0]]
    assert np.array_equal(table.points, points, equal_nan=True)
    assert table.not_numbers == (1,)


def test_bytes_that_are_no_text_are_words(tmp_path):
    path = tmp_path / "bytes.stol"
    path.write_bytes(b"\xff\xfe\x00\xd8 1\n\xb5 2\n")
    assert read_stol(path).not_numbers


def test_an_empty_scattering_table_is_refused(text_file):
    with pytest.raises(InputFileError, match="holds no data"):
        read_stol(text_file("\n"))


@READERS
def test_missing_files_are_named(tmp_path, read):
    with pytest.raises(InputFileError, match="nowhere: can't be read: No such file"):
        read(tmp_path / "nowhere")


@READERS
def test_folders_are_not_read(tmp_path, read):
    with pytest.raises(InputFileError, match="can't be read: Is a directory"):
        read(tmp_path)

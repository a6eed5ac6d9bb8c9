"""Files of spectra and rotation matrices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.rotations import read_rotations
from nbnumba.io.spectrum import read_spectrum


@pytest.fixture
def text_file(tmp_path):
    """Writes a text and returns its path."""

    def write(text: str):
        path = tmp_path / "input.txt"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(("text", "unit"), [
    ("# energy eV weight\n12000 3\n12100 0\n", None),
    ("# photon energy (eV), weight\n\n12000,3 # main line\n# satellite\n12100\t0", None),
    ("#EV\n12000 3\n12100 0", "eV"),
    ("12000 3\n12100 0\n", "eV"),
    ("# made from a table in angstrom, converted to eV\n12000 3\n12100 0\n", "eV"),
])  # fmt: skip
def test_energies_are_read_with_their_weights(text_file, text, unit):
    spectrum = read_spectrum(text_file(text), unit)
    assert spectrum.wavelengths is None
    assert spectrum.energies.tolist() == [12000, 12100]
    assert spectrum.weights.tolist() == [3, 0]


@pytest.mark.parametrize(("text", "unit"), [
    ("# wavelength angstrom weight\n1.3 1\n1.2 2", None), ("# wavelength [Angstroms]\n1.3 1\n1.2 2", None),
    ("1.3 1\n1.2 2", "angstrom"),
])  # fmt: skip
def test_wavelengths_are_read_with_their_weights(text_file, text, unit):
    spectrum = read_spectrum(text_file(text), unit)
    assert spectrum.angstroms.tolist() == [1.3, 1.2]
    assert spectrum.weights.tolist() == [1, 2]


@pytest.mark.parametrize(("text", "unit", "message"), [
    ("12000 1\n", None, "input.txt: the unit is not clear: give spectrum_unit, or one header line such as"),
    ("# energy keV\n12 1\n", None, "the unit is not clear"),
    ("# eV or angstrom\n12000 1\n", None, "the unit is not clear"),
    ("# energy eV\n12000 1\n", "angstrom", "spectrum_unit=angstrom: a comment in .*input.txt says eV"),
])  # fmt: skip
def test_a_spectrum_without_a_clear_unit_is_refused(text_file, text, unit, message):
    with pytest.raises(UsageError, match=message):
        read_spectrum(text_file(text), unit)


@pytest.mark.parametrize(("text", "message"), [
    ("# nothing\n", r"input.txt: holds no spectrum; lines of two columns, energy \(eV\) and weight are needed"),
    ("# head\n12000 1\n12100\n", r"input.txt: line 3: 1 column, not two columns, energy \(eV\) and weight"),
    ("12000 1 5\n", "input.txt: line 1: 3 columns, not two columns"),
    ("12000 1\n12l00 1\n", "input.txt: line 2, column 1: '12l00' is not a number"),
    ("12000 1e99\n", "input.txt: line 1, column 2: '1e99' is too large to compute with"),
    ("12000 nan\n", "input.txt: line 1, column 2: a weight must be zero or more, not nan"),
    ("12000 1\n12100 -2\n", "input.txt: line 2, column 2: a weight must be zero or more, not -2"),
    ("0 1\n", "input.txt: line 1, column 1: must be above zero, not 0"),
    ("12000 1\n\n12100 1\n12050 1\n", "line 4: 12050 behind 12100: the lines must rise or fall throughout"),
    ("12000 1\n12000 1\n", "line 2: 12000 behind 12000: the lines must rise or fall throughout"),
    ("12100 1\n12000 1\n12050 1\n", "line 3: 12050 behind 12000: the lines must rise or fall throughout"),
    ("12000 0\n", "input.txt: Spectrum.weights must not all be 0: nothing shines then"),
    ("1.0 1\n1.1 1\n", "input.txt: Spectrum.energies are read in eV: wavelengths from .* are no X-rays"),
])  # fmt: skip
def test_what_is_no_spectrum_is_refused_with_its_line(text_file, text, message):
    with pytest.raises(InputFileError, match=message):
        read_spectrum(text_file(text), "eV")


def test_rotations_are_read_row_by_row(text_file):
    matrices = Rotation.from_rotvec([[0.0, 0.0, 0.0], [0.01, -0.02, 0.005]]).as_matrix()
    lines = [" ".join(map(repr, matrix.ravel().tolist())) for matrix in matrices]
    assert np.array_equal(read_rotations(text_file("# two domains\n" + "\n\n".join(lines) + "\n")), matrices)


@pytest.mark.parametrize(("text", "message"), [
    ("# none\n", "input.txt: holds no rotations; lines of nine numbers are needed, a matrix row by row"),
    ("1 0 0 0 1 0 0 0 1\n1 0 0 0 1 0\n", "input.txt: line 2: 6 numbers, not the nine of a matrix"),
    ("1 0 0 0 1 0 0 0 1 1\n", "input.txt: line 1: more than nine numbers, not the nine of a matrix"),
    ("1 0 0 0 1 0 0 x 1\n", "input.txt: line 1, column 8: 'x' is not a number"),
    ("1 0 0 0 1 0 0 0 1\n\n1 0 0 0 1 0 0 0 2\n", "input.txt: line 3: must hold rotations: rows are 3 off"),
    ("1 0 0 0 1 0 0 0 nan\n", "input.txt: line 1: must hold rotations"),
    ("1 0 0 0 1 0 0 0 1\n1 0 0 0 1 0 0 0 -1\n", "input.txt: line 2: must hold rotations: number 0 mirrors"),
])  # fmt: skip
def test_what_is_no_rotation_is_refused_with_its_line(text_file, text, message):
    with pytest.raises(InputFileError, match=message):
        read_rotations(text_file(text))


@pytest.mark.parametrize("read", [read_spectrum, read_rotations])
def test_missing_files_are_named(tmp_path, read):
    with pytest.raises(InputFileError, match="nowhere: can't be read: No such file"):
        read(tmp_path / "nowhere")

"""Models and data behind -hkl: calculated as far as the detector sees, at the beam's wavelength."""

from __future__ import annotations

import shlex
from pathlib import Path

import gemmi
import numpy as np
import pytest
from crystals import I222, SmallCrystal, as_dict
from nbnumba_cli.main import run
from reflection_files import CELL, cif_text, write_mtz

from nbnumba import StructureFactors
from nbnumba.errors import InputFileError, UsageError
from nbnumba.flags import interpret
from nbnumba.io.float_image import read_float_image
from nbnumba.models.options import SourceOptions
from nbnumba.models.read import read_source

DETECTOR = "-lambda 1.7 -distance 50 -detpixels 60 -pixel 1 -Xbeam 30.5 -Ybeam 30.5"
CORNER = 1.7 / (2.0 * np.sin(np.arctan(np.hypot(31.0, 31.0) / 50.0) / 2.0))
"""Å, of the corner 31 mm from the beam along both edges (MOSFLM's beam centre counts from the pixel's middle)."""


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A folder of its own, with small input files."""
    monkeypatch.chdir(tmp_path)
    Path("m.pdb").write_text(SmallCrystal().pdb())


def request(text: str, **options: object):
    return interpret(shlex.split(text), **options)


def test_a_model_is_calculated_beyond_the_corner_of_the_detector():
    found = request(f"-hkl m.pdb -cell 11 13 17 {DETECTOR}")
    notes = dict(found.notes)
    assert notes["detector's corner"] == f"{CORNER:.4g} Å"
    # two reciprocal cells more, for interpolation
    d_min = 1.0 / (1.0 / CORNER + 2.0 / 11.0)
    expected = read_source("m.pdb", SourceOptions(d_min=d_min, wavelength=1.7))
    factors = found.experiment.crystal.structure_factors
    assert factors.reflections == len(expected.hkl)
    (h, k, l), value = expected.hkl[17], expected.amplitudes[17]  # noqa: E741
    assert factors.amplitudes[h - factors.h_min, k - factors.k_min, l - factors.l_min] == value
    assert notes["completeness"].startswith("100 % of ")
    assert notes["f', f''"].startswith("at 1.7 Å")
    assert found.inputs == (("structure factors", Path("m.pdb")),)


def test_a_resolution_limit_saves_work():
    whole = request(f"-hkl m.pdb -cell 11 13 17 {DETECTOR}").experiment.crystal.structure_factors
    limited = request(f"-hkl m.pdb -cell 11 13 17 {DETECTOR} -dmin 4").experiment.crystal.structure_factors
    assert limited.reflections < whole.reflections / 2


def test_the_models_unit_cell_serves_where_none_is_given():
    found = request(f"-hkl m.pdb {DETECTOR}").experiment.crystal
    cell = found.unit_cell
    assert (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma) == CELL
    with pytest.raises(UsageError, match="^no unit cell: give -cell"):
        request("-hkl list.hkl")


@pytest.mark.parametrize(("flags", "words"), [
    ("-cell 11 13 18", "is not that of -cell, 11 13 18 Å 90 90 90°"),
    ("-cell 11 13 17 90 92 90", "is not that of -cell, 11 13 17 Å 90 92 90°"), ("-mat A.mat", "is not that of -mat, "),
])  # fmt: skip
def test_another_unit_cell_than_the_experiments_is_a_warning(capsys, flags, words):
    Path("A.mat").write_text("0.1 0 0\n0 0.1 0\n0 0 0.1\n")
    assert run(shlex.split(f"-hkl m.pdb {flags} -detpixels 4 -dmin 5 -nonoise -nopgm")) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "unit cell" in line]
    assert line.startswith("nbnumba: warning: m.pdb: its unit cell, 11 13 17 Å 90 90 90°, ")
    assert words in line


def test_data_that_end_before_the_detectors_corner_are_a_warning():
    hkl = gemmi.make_miller_array(gemmi.UnitCell(*CELL), gemmi.SpaceGroup("P 21 21 21"), 3.0)
    write_mtz(Path("d.mtz"), hkl, {("F", "F"): np.full(len(hkl), 5.0)})
    message = rf"d.mtz: the data end at 3.0\d* Å, the detector sees to {CORNER:.4g} Å: there every reflection has"
    with pytest.warns(UserWarning, match=message):
        found = request(f"-hkl d.mtz -default_F 2 {DETECTOR}")
    factors = found.experiment.crystal.structure_factors
    assert set(np.unique(factors.amplitudes)) == {0.0, 2.0, 5.0}


def test_the_image_of_a_model_is_that_of_its_written_list(capsys):
    crystal = SmallCrystal(symbol="I 2 2 2", symmetry=tuple(I222))
    Path("m.pdb").write_text(crystal.pdb())
    flags = shlex.split(f"-cell 11 13 17 -N 5 {DETECTOR} -default_F 3 -oversample 1 -nonoise -nopgm")
    assert run(["-hkl", "m.pdb", *flags, "-floatfile", "a.bin", "-dump", "a.dump"]) == 0
    assert "detector's corner   " in capsys.readouterr().out
    d_min = 1.0 / (1.0 / CORNER + 2.0 / 11.0)
    assert run(["hkl", "m.pdb", "--d-min", str(d_min), "--wavelength", "1.7", "-o", "P1.hkl"]) == 0
    assert run(["-hkl", "P1.hkl", *flags, "-floatfile", "b.bin", "-dump", "b.dump"]) == 0
    image = read_float_image("a.bin", (60, 60))
    assert image.max() > 0.0
    assert np.array_equal(image, read_float_image("b.bin", (60, 60)))
    assert Path("a.dump").read_bytes() == Path("b.dump").read_bytes()


def test_a_text_list_is_completed_by_its_space_group():
    Path("list.hkl").write_text("1 2 3 4\n")
    flags = "-hkl list.hkl -cell 11 13 17"
    alone, whole = request(flags), request(flags, spacegroup="P212121")
    assert alone.experiment.crystal.structure_factors.amplitudes.shape == (1, 1, 1)
    factors = whole.experiment.crystal.structure_factors
    assert factors.amplitudes.shape == (3, 5, 7)
    assert (factors.amplitudes == 4.0).sum() == 8
    assert dict(whole.notes)["space group"].startswith("P 21 21 21: ")
    assert alone.notes == ()


def test_a_space_group_without_reflections_is_refused():
    with pytest.raises(UsageError, match=r"^--spacegroup P1: has no effect without -hkl$"):
        request("-cell 10 -default_F 5", spacegroup="P1")


@pytest.mark.parametrize(("arguments", "status", "message"), [
    ("-hkl m.pdb --spacegroup P1", 2, "--spacegroup P1: m.pdb has its own, P 21 21 21"),
    ("-hkl list.hkl -cell 10 --spacegroup foo", 2, "--spacegroup 'foo': is no space group"),
    ("-hkl none.pdb", 1, "none.pdb: can't be read: No such file"),
    ("-hkl m.pdb -lambda 1e-4 -distance 1", 2, "-dmin 0.00025"),
    ("-hkl m.pdb -pgmfile m.pdb", 2, "-pgmfile m.pdb: would overwrite an input file"),
    ("-hkl map.mtz", 1, "only map coefficients and reals (FWT); name one with nbnumba hkl --column"),
])  # fmt: skip
def test_what_goes_wrong_is_one_line_in_flags(capsys, arguments, status, message):
    Path("list.hkl").write_text("1 2 3 4\n")
    write_mtz(Path("map.mtz"), np.array([[1, 2, 3]]), {("FWT", "F"): np.array([1.0])})
    before = {path.name for path in Path().iterdir()}
    assert run(shlex.split(f"{arguments} -detpixels 4")) == status
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if "compiling" not in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"nbnumba: error: {message}") or message in lines[0]
    assert {path.name for path in Path().iterdir()} == before


def test_traces_take_models_too(capsys):
    flags = shlex.split(f"-hkl m.pdb -N 3 {DETECTOR}")
    assert run(["trace", "20", "20", "--", *flags]) == 0
    assert "F_cell" in capsys.readouterr().out


# --- from Python ------------------------------------------------------------------------------------------------------


def at(factors: StructureFactors, h: int, k: int, l: int) -> float:  # noqa: E741
    return float(factors.amplitudes[h - factors.h_min, k - factors.k_min, l - factors.l_min])


def test_structure_factors_from_a_model():
    factors = StructureFactors.from_model("m.pdb", 2.0, k_sol=0.0)
    crystal = SmallCrystal()
    # the error of the grid
    assert at(factors, 1, 2, 3) == pytest.approx(abs(crystal.structure_factors([[1, 2, 3]])[0]), abs=1e-2)
    anomalous = StructureFactors.from_model("m.pdb", 2.0, wavelength=1.7)
    assert abs(at(anomalous, 1, 2, 3) - at(anomalous, -1, -2, -3)) > 0.1
    assert at(StructureFactors.from_model("m.pdb", 2.0, F000=3.0), 0, 0, 0) == 3.0
    with pytest.raises(UsageError, match=r"^k_sol -1: must be a number of zero or more$"):
        StructureFactors.from_model("m.pdb", 2.0, k_sol=-1.0)


def test_structure_factors_from_mtz_and_mmcif():
    columns = {("F", "F"): np.array([4.0, np.nan]), ("I", "J"): np.array([25.0, 49.0])}
    path = write_mtz(Path("d.mtz"), np.array([[1, 2, 3], [2, 2, 2]]), columns)
    factors = StructureFactors.from_mtz(path, default_F=1.5)
    assert (at(factors, -1, 2, 3), at(factors, 1, 1, 1), at(factors, 0, 0, 1)) == (4.0, 1.5, 0.0)
    assert at(StructureFactors.from_mtz(path, "I", F000=9.0), 2, -2, 2) == 7.0
    Path("d.cif").write_text(cif_text(["F_meas_au", "intensity_meas"], ["1 2 3 4 25"]))
    assert at(StructureFactors.from_sf_cif("d.cif", "IMEAN"), -1, -2, 3) == 5.0
    with pytest.raises(InputFileError, match=r"^m.pdb: holds a model, not reflections$"):
        StructureFactors.from_mtz("m.pdb")


def test_structure_factors_from_a_list_with_a_space_group():
    hkl, F = [[1, 2, 3]], [4.0]  # noqa: N806
    assert at(StructureFactors.from_reflections(hkl, F, spacegroup="P212121"), 1, -2, -3) == 4.0
    with_cell = StructureFactors.from_reflections(hkl, F, spacegroup="P212121", cell=CELL)
    # the spacing of 1 2 3, 3.98 Å, is the finest of the list: 0 3 0 and 0 0 3 lie within and are absent, 0 0 5 beyond
    assert with_cell.amplitudes.shape == (3, 7, 7)
    assert (with_cell.reflections, np.count_nonzero(with_cell.amplitudes)) == (8 + 2 * (1 + 2 + 2), 8)
    with pytest.raises(UsageError, match=r"^cell has no effect without spacegroup"):
        StructureFactors.from_reflections(hkl, F, cell=CELL)
    assert as_dict(np.array(hkl), np.array(F)) == {(1, 2, 3): 4.0}

"""What can't be read is refused in one line."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import gemmi
import numpy as np
import pytest
from crystals import SmallCrystal
from reflection_files import cif_text, write_mtz

from nbnumba.errors import InputFileError, MissingPackageError, NbnumbaError, UsageError
from nbnumba.models.names import is_model_or_data
from nbnumba.models.options import Solvent, SourceOptions
from nbnumba.models.read import read_contents, read_data, read_model, read_source

PDB = SmallCrystal().pdb()
HKL = np.array([[1, 1, 1], [1, 2, 3]])
COORDINATES = gemmi.read_pdb_string(PDB).make_mmcif_document().as_string()


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A folder of its own, with files that are good."""
    monkeypatch.chdir(tmp_path)
    Path("good.pdb").write_text(PDB)
    write_mtz(Path("good.mtz"), HKL, {("F", "F"): np.array([3.0, 4.0])})


def refusal(name: str, content: str | bytes | None = None, **options: object) -> str:
    """What is said about a file."""
    if content is not None:
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(NbnumbaError) as caught:
        read_source(name, SourceOptions(**{"d_min": 2.0, **options}))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["x.pdb", "x.ent", "X.CIF", "a/x.mmcif", "x.mtz", "x.pdb.gz", "x.mtz.GZ"])
def test_models_and_data_are_known_by_their_names(name):
    assert is_model_or_data(name)


@pytest.mark.parametrize("name", ["x.hkl", "x.txt", "pdb", "x.gz", "x.pdb.bz2", "mtz.hkl"])
def test_any_other_name_means_a_text_list(name):
    assert not is_model_or_data(name)


def test_the_same_model_is_read_from_pdb_mmcif_and_compressed():
    structure = gemmi.read_pdb("good.pdb")
    structure.make_mmcif_document().write_file("m.cif")
    Path("m.ent.gz").write_bytes(gzip.compress(PDB.encode()))
    options = SourceOptions(d_min=2.0)
    expected = read_source("good.pdb", options)
    for name in ("m.cif", "m.ent.gz"):
        assert np.array_equal(read_source(name, options).amplitudes, expected.amplitudes)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("none.pdb", None, "none.pdb: can't be read: No such file or directory"),
    ("e.pdb", "", "e.pdb: the model holds no atoms"),
    ("e.pdb", "hello\n", "e.pdb: the model holds no atoms"),
    ("e.pdb", "ATOM   \n", "e.pdb: can't be read as PDB: Problem in line 1"),
    ("e.pdb", PDB.split("HETATM")[0], "e.pdb: the model holds no atoms"),
    ("e.pdb", PDB.split("\n", 1)[1], "e.pdb: has no unit cell (CRYST1 record"),
    ("e.pdb", PDB.replace("P 21 21 21", "          "), "e.pdb: names no space group: give spacegroup"),
    ("e.pdb", PDB.replace("P 21 21 21", "X 21 21 21"), "e.pdb: the space group 'X 21 21 21' is unknown: give"),
    ("e.pdb", PDB.replace("  90.00  90.00  90.00", "  10.00  20.00 160.00"), "10 20 160° encloses no volume"),
    ("e.pdb", PDB.replace("  90.00  90.00  90.00", "  90.00 100.00  90.00"), "does not have the shape that P 21 21 21"),
    ("e.pdb", PDB.replace("   1.210", "     nan"), "e.pdb: atom FE (serial 1): position, occupancy or B fac"),
    ("e.pdb", PDB.replace("  1.00 20.00           S", "  1.00 20.00          FM"), "no form factor is known for Fm"),
    ("e.cif", "", "e.cif: is no CIF: it does not begin with 'data_'"),
    ("e.cif", b"\xff\xfe\x00", "e.cif: is no CIF"),
    ("e.cif", "data_x\n", "e.cif: holds neither coordinates (_atom_site) nor reflections (_refln.index_h)"),
    ("e.cif", "data_x\nloop_ _a", "e.cif: can't be read as CIF: "),
    ("e.cif", COORDINATES.replace("'P 21 21 21'", "?"), "e.cif: names no space group: give spacegroup"),
    ("e.cif", COORDINATES[: COORDINATES.index("HETATM") + 30], "e.cif: can't be read as CIF: "),
    ("e.cif", cif_text(["d_spacing"], ["1 1 1 3"]), "e.cif: block r1abcsf: Data not found in block r1abcsf"),
    ("e.cif", cif_text(["F_meas_au"], ["1 1 1 ?"]), "e.cif: column FP holds no value"),
    ("e.cif", cif_text(["phase_calc"], ["1 1 1 20"]), "e.cif: holds no column of amplitudes or intensities, only"),
    ("e.cif", cif_text(["F_meas_au"], ["1 1 1 2"], "data_x\n"), "e.cif: has no unit cell"),
    ("e.mtz", "", "e.mtz: is no MTZ file: it does not begin with 'MTZ'"),
    ("e.mtz", "hello", "e.mtz: is no MTZ file"),
    ("e.mtz", b"MTZ " + bytes(500), "e.mtz: the MTZ file is cut short: the end of its header is missing"),
    ("e.mtz", b"MTZ " + bytes(500) + b"MTZENDOFHEADERS", "e.mtz: can't be read as MTZ: "),
    ("e.mtz.gz", b"\x1f\x8b\x08", "e.mtz.gz: the compressed file is damaged or cut short"),
])  # fmt: skip
def test_files_that_are_not_what_they_must_be(name, content, message):
    assert message in refusal(name, content)


def test_a_truncated_mtz_file_is_refused_wherever_it_ends():
    whole = Path("good.mtz").read_bytes()
    for length in range(4, len(whole) - 80, 40):
        assert "cut.mtz: the MTZ file is cut short" in refusal("cut.mtz", whole[:length], d_min=None)


def test_unmerged_data_are_refused():
    mtz = gemmi.read_mtz_file("good.mtz")
    mtz.batches.append(gemmi.Mtz.Batch())
    mtz.write_to_file("u.mtz")
    assert refusal("u.mtz", d_min=None) == (
        "u.mtz: holds unmerged observations (1 batches); merge them first (aimless, dials.merge)"
    )


def test_random_bytes_and_cut_models_never_end_in_anything_but_one_line():
    rng = np.random.default_rng(0)
    options = {"r.hkl": {"d_min": None, "spacegroup": "P1"}}
    for name in ("r.pdb", "r.cif", "r.mtz", "r.hkl", "r.pdb.gz"):
        for _ in range(5):
            assert refusal(name, rng.bytes(500), **options.get(name, {})).startswith(name)
    for length in range(0, PDB.index("HETATM"), 10):
        assert refusal("c.pdb", PDB[:length]).startswith("c.pdb")
    for length in range(4, len(COORDINATES) - 200, 50):
        assert refusal("c.cif", COORDINATES[:length]).startswith("c.cif")


@pytest.mark.parametrize(("options", "message"), [
    ({"d_min": None}, "good.pdb is a model: give d_min, the finest spacing that the detector sees, in Å"),
    ({"d_min": 100.0}, "d_min 100: the largest spacing of the cell is 17 Å; give less"),
    ({"d_min": 0.001}, "d_min 0.001: a cell of 2431 Å³ needs "),
    ({"d_min": 1e-300}, "d_min 1e-300: a cell of 2431 Å³ needs "),
    ({"column": "F"}, "column F: good.pdb is a model and has no columns; leave it out"),
    ({"spacegroup": "P1"}, "spacegroup P1: good.pdb has its own, P 21 21 21: change the file, or leave this out"),
    ({"spacegroup": "P9"}, "spacegroup 'P9': is no space group"),
])  # fmt: skip
def test_options_that_a_model_can_not_take(options, message):
    assert refusal("good.pdb", **options).startswith(message)


@pytest.mark.parametrize(("name", "value"), [
    ("d_min", 0.0), ("d_min", -1.0), ("d_min", float("nan")), ("d_min", float("inf")), ("wavelength", 0.0),
    ("F000", -1.0), ("F000", float("nan")), ("k_sol", -0.1), ("b_sol", float("inf")),
])  # fmt: skip
def test_impossible_numbers_are_refused_by_name(name, value):
    with pytest.raises(UsageError, match=f"^{name} {value:g}: must be a number"):
        (Solvent if name.endswith("sol") else SourceOptions)(**{name: value})


@pytest.mark.parametrize(("options", "message"), [
    ({}, "list.hkl counts as a text list, for its name ends in none of .mtz .pdb .ent .cif .mmcif: give spacegroup, "),
    ({"spacegroup": "19", "d_min": 2.0}, "d_min: has no effect on a text list (list.hkl); leave it out"),
    ({"spacegroup": "19", "solvent": Solvent()}, "k_sol, b_sol: has no effect on a text list"),
])  # fmt: skip
def test_options_that_a_text_list_can_not_take(options, message):
    assert refusal("list.hkl", "1 2 3 4\n", **{"d_min": None, **options}).startswith(message)


def test_models_and_data_are_not_taken_for_each_other():
    with pytest.raises(InputFileError, match=r"^good.mtz: holds reflections, not a model$"):
        read_contents("good.mtz")
    with pytest.raises(InputFileError, match=r"^good.mtz: holds reflections, not a model$"):
        read_model("good.mtz", SourceOptions())
    with pytest.raises(InputFileError, match=r"^good.pdb: holds a model, not reflections$"):
        read_data("good.pdb", SourceOptions())


def test_atoms_of_unknown_element_and_further_models_are_warnings():
    Path("x.pdb").write_text(PDB.replace("           S", "           X"))
    with pytest.warns(UserWarning, match=r"x.pdb: 1 atoms of unknown element scatter as oxygen"):
        read_source("x.pdb", SourceOptions(d_min=3.0))
    atoms = "".join(line + "\n" for line in PDB.splitlines() if line.startswith("HETATM"))
    models = "".join(f"MODEL {i}\n{atoms}ENDMDL\n" for i in (1, 2))
    Path("x.pdb").write_text(PDB.splitlines()[0] + "\n" + models)
    with pytest.warns(UserWarning, match=r"x.pdb: the first of 2 models is taken"):
        found = read_source("x.pdb", SourceOptions(d_min=2.0))
    assert np.array_equal(found.amplitudes, read_source("good.pdb", SourceOptions(d_min=2.0)).amplitudes)


def test_without_gemmi_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gemmi", None)
    with pytest.raises(MissingPackageError, match=r"need the package gemmi: pip install 'nbnumba\[models\]'$"):
        read_source("good.pdb", SourceOptions(d_min=2.0))

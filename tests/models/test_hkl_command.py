"""nbnumba hkl from the outside: what it writes, what it prints, what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from crystals import SmallCrystal
from golden import ROOT
from nbnumba_cli.main import run
from reflection_files import write_mtz

from nbnumba.io.hkl import read_hkl, read_reflections
from nbnumba.models.options import SourceOptions
from nbnumba.models.read import read_source

HKL = np.array([[1, 1, 1], [1, 2, 3], [0, 0, 2]])


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A folder of its own, with small input files; kernels are compiled."""
    monkeypatch.chdir(tmp_path)
    Path("m.pdb").write_text(SmallCrystal().pdb())
    Path("list.hkl").write_text("1 2 3 4\n0 0 0 7\n")
    read_reflections("list.hkl")
    write_mtz(Path("d.mtz"), HKL, {("F", "F"): np.array([3.0, 4.0, 5.0]), ("I", "J"): np.array([9.0, 16.0, 36.0])})


@pytest.fixture
def hkl(capsys):
    """Runs the command; returns exit status, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(["hkl", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def files() -> set[str]:
    return {path.name for path in Path().iterdir()} - {"m.pdb", "list.hkl", "d.mtz"}


@pytest.mark.parametrize(("arguments", "options"), [
    (["m.pdb", "--d-min", "2", "--wavelength", "1.7"], {"d_min": 2.0, "wavelength": 1.7}),
    (["m.pdb", "--d-min", "2", "--F000", "100"], {"d_min": 2.0, "F000": 100.0}),
    (["d.mtz", "--column", "I"], {"column": "I"}),
    (["list.hkl", "--spacegroup", "P212121"], {"spacegroup": "P212121"}),
])  # fmt: skip
def test_what_is_written_reads_back_to_the_last_bit(hkl, arguments, options):
    status, out, err = hkl(*arguments, "-o", "P1.hkl")
    assert (status, err) == (0, "")
    expected = read_source(arguments[0], SourceOptions(**options))
    listed, amplitudes = read_reflections("P1.hkl")
    assert np.array_equal(listed, expected.hkl)
    assert np.array_equal(amplitudes, expected.amplitudes)
    assert out.splitlines() == [f"{label:20s}{text}" for label, text in (*expected.facts, ("written", "P1.hkl"))]
    assert read_hkl("P1.hkl").count == len(listed)


def test_energy_and_wavelength_say_the_same(hkl):
    assert hkl("m.pdb", "--d-min", "2", "--wavelength", "1.7", "-o", "a.hkl")[0] == 0
    assert hkl("m.pdb", "--d-min", "2", "--energy", repr(12398.42 / 1.7), "-o", "b.hkl")[0] == 0
    assert Path("a.hkl").read_text() == Path("b.hkl").read_text()


def test_an_energy_in_kev_is_told(hkl):
    _, _, said = hkl("m.pdb", "--d-min", "3", "--energy", "12.4", "-o", "a.hkl")
    assert "warning: --energy 12.4 is read in eV: 12.4 keV would be 12400" in said


def test_one_solvent_number_leaves_the_other_at_its_default(hkl):
    for name, arguments in {"a": ["--k-sol", "0.35"], "b": ["--b-sol", "46"], "c": []}.items():
        assert hkl("m.pdb", "--d-min", "3", "-o", name, *arguments)[0] == 0
    assert Path("a").read_text() == Path("b").read_text() == Path("c").read_text()


def test_data_are_compared_with_a_model(hkl):
    _, out, _ = hkl("d.mtz", "--model", "m.pdb", "-o", "P1.hkl")
    assert "absolute scale      not checked: fewer than 100 reflections below 4 Å\n" in out


@pytest.mark.parametrize(("arguments", "status", "message"), [
    (["m.pdb"], 2, "m.pdb is a model: give --d-min, the finest spacing that the detector sees, in Å"),
    (["m.pdb", "--d-min", "0"], 2, "--d-min 0: must be a number above zero, in Å"),
    (["m.pdb", "--d-min", "1e-9"], 2, "--d-min 1e-09: a cell of 2431 Å³ needs"),
    (["m.pdb", "--d-min", "two"], 2, "'two' is not a valid float"),
    (["m.pdb", "--d-min", "2", "--k-sol", "-1"], 2, "--k-sol -1: must be a number of zero or more"),
    (["m.pdb", "--d-min", "2", "--F000", "-1"], 2, "--F000 -1: must be a number of zero or more"),
    (["m.pdb", "--d-min", "2", "--energy", "0"], 2, "--energy 0: must be a number above zero, in eV"),
    (["m.pdb", "--d-min", "2", "--energy", "9", "--wavelength", "1"], 2, "--energy and --wavelength say the same"),
    (["m.pdb", "--d-min", "2", "--column", "F"], 2, "--column F: m.pdb is a model and has no columns"),
    (["m.pdb", "--d-min", "2", "--model", "d.mtz"], 1, "d.mtz: holds reflections, not a model"),
    (["d.mtz", "--column", "X"], 2, "--column X: d.mtz has no such column; choose from F; I"),
    (["d.mtz", "--energy", "9000"], 2, "--energy: d.mtz holds reflection data, and nothing is calculated"),
    (["d.mtz", "--k-sol", "0"], 2, "--k-sol, --b-sol: d.mtz holds reflection data"),
    (["d.mtz", "--spacegroup", "foo"], 2, "--spacegroup 'foo': is no space group"),
    (["d.mtz", "--spacegroup", "P1"], 2, "--spacegroup P1: d.mtz has its own, P 21 21 21"),
    (["list.hkl"], 2, "list.hkl counts as a text list"),
    (["none.mtz"], 1, "none.mtz: can't be read: No such file"),
    ([], 2, "Missing argument 'FILE'"),
    (["d.mtz", "m.pdb"], 2, "Got unexpected extra argument (m.pdb)"),
])  # fmt: skip
def test_wrong_usage_is_one_line_in_the_commands_own_names_and_leaves_no_file(hkl, arguments, status, message):
    found, out, err = hkl(*arguments, "-o", "P1.hkl")
    assert (found, out) == (status, "")
    assert err.startswith("nbnumba: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert files() == set()


@pytest.mark.parametrize(("output", "message"), [
    ("none/P1.hkl", "the folder"), (".", ".: is a folder"),
    ("d.mtz", "--output d.mtz: would overwrite an input file"),
    ("./m.pdb", "--output ./m.pdb: would overwrite an input file"),
])  # fmt: skip
def test_outputs_that_can_not_be_written_are_refused_first(hkl, output, message):
    before = Path("d.mtz").read_bytes(), Path("m.pdb").read_bytes()
    status, out, err = hkl("d.mtz", "--model", "m.pdb", "-o", output)
    assert (status > 0, out, err.count("\n")) == (True, "", 1)
    assert message in err
    assert before == (Path("d.mtz").read_bytes(), Path("m.pdb").read_bytes())


def test_an_existing_output_stays_when_the_input_is_bad(hkl):
    Path("P1.hkl").write_text("0 0 0 1\n")
    assert hkl("list.hkl", "--spacegroup", "foo", "-o", "P1.hkl")[0] == 2
    assert Path("P1.hkl").read_text() == "0 0 0 1\n"


def test_the_document_shows_what_the_command_prints(hkl):
    text = (ROOT / "docs" / "structure_factors.md").read_text(encoding="utf-8")
    command, *shown = text.split("```\n$ nbnumba hkl ")[1].split("```")[0].splitlines()
    source, *arguments = command.split()
    _, out, _ = hkl(str(ROOT / source), *arguments)
    printed, numbers = "\n".join(shown), re.compile(r"\d+(?:\.\d+)?")
    assert numbers.sub("", out.rstrip("\n")) == numbers.sub("", printed)
    # other processors round transforms in other ways: a pair more or less has two values
    expected = pytest.approx([float(number) for number in numbers.findall(printed)], rel=1e-3)
    assert [float(number) for number in numbers.findall(out)] == expected

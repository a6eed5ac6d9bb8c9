"""nbnumba noisify writes the files of noisify.c byte for byte, and prints its numbers."""

from __future__ import annotations

import re

import pytest
from golden import ROOT
from golden_noisify import noisify_cases
from nbnumba_cli.main import run

from nbnumba.flags.noisify import interpret_noisify


@pytest.mark.parametrize("case", noisify_cases(), ids=lambda case: case.name)
def test_files_and_printed_numbers_are_those_of_c(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    case.place_inputs(tmp_path)
    assert run(["noisify", *case.args]) == 0
    assert case.differing_files(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == {*case.inputs, *case.files}
    assert printed(capsys.readouterr().out) == {
        key: value for key, value in case.printed.items() if key != "width_height"
    }


def printed(text: str) -> dict[str, object]:
    """The numbers on the console under the names of the golden data."""
    patterns = {
        "max_input": r"^maximum +(\S+) in the float image, (\S+) photons$",
        "photons_before_psf": r"^before spreading +(\d+) photons",
        "psf_max_input": r"^radius .* largest pixel, (\S+) photons$",
        "auto_radius": r"^radius +(\d+) pixels",
        "adding_back": r"^beyond the radius +(\S+) photons",
        "noise_photons_overloads": r"^noise +(\d+) photons, (\d+) overloads",
    }
    found = {name: match.groups() for name, pattern in patterns.items() if (match := re.search(pattern, text, re.M))}
    numbers: dict[str, object] = {name: groups[0] for name, groups in found.items() if len(groups) == 1}
    numbers["max_input"] = list(found["max_input"])
    if "auto_radius" in found:
        numbers["auto_radius"] = int(found["auto_radius"][0])
    if "noise_photons_overloads" in found:
        photons, overloads = found["noise_photons_overloads"]
        numbers["noise_photons_overloads"] = [photons, int(overloads)]
    return numbers


def test_all_27_golden_runs_and_the_workflow_are_compared():
    assert len(noisify_cases()) == 28
    assert all(case.files for case in noisify_cases())


@pytest.mark.parametrize("case", noisify_cases(), ids=lambda case: case.name)
def test_shape_of_the_input_is_that_of_c(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case.place_inputs(tmp_path)
    assert interpret_noisify(case.args).image.shape == case.shape


def test_the_document_lists_every_golden_run():
    text = (ROOT / "docs" / "noisify.md").read_text(encoding="utf-8")
    for case in noisify_cases():
        assert re.search(rf"^\| {case.name} \| .* \| {len(case.files)} of {len(case.files)} \|$", text, re.M), case.name

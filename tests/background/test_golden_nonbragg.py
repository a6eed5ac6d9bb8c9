"""Files and figures equal those of nonBragg.c, for every golden case."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
import shutil
from typing import Any

import pytest
from golden import GOLDEN_DATA

from nbnumba.background.nonbragg import render_amorphous
from nbnumba.background.outputs import write_amorphous
from nbnumba.background.setup import lower_amorphous
from nbnumba.flags.nonbragg import interpret_nonbragg

FOLDER = GOLDEN_DATA / "nonbragg"
CASES = {path.parent.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*/case.json"))}
FORMS = {"float": "sha256", "smv": "sha256", "pgm": "sha256_header_and_first_half"}


@pytest.fixture(scope="module", params=CASES)
def run(request, tmp_path_factory):
    """A case, its folder with the files that were written, and what was reported."""
    case = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    for name in case["inputs"]:
        shutil.copy(FOLDER / "inputs" / name, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        asked = interpret_nonbragg(shlex.split(case["args"]))
        result = render_amorphous(lower_amorphous(asked.experiment), asked.files.images.adc_offset, threads=2)
        report = write_amorphous(result, asked.files, threads=2)
    yield case, folder, result, report
    shutil.rmtree(folder)


def test_there_are_20_cases():
    assert len(CASES) == 20


def test_files_equal_nonbraggs_by_the_byte(run):
    case, folder, result, report = run
    expected = {name: file[FORMS[file["kind"]]] for name, file in case["files"].items() if file["kind"] in FORMS}
    ours = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in expected}
    assert ours == expected
    assert {path.name for path in report.written} == set(case["files"])


def test_the_extracted_curve_equals_nonbraggs_where_that_is_not_garbage(run):
    case, folder, *_ = run
    for name, file in case["files"].items():
        if file["kind"] == "stol":
            # median and mad, columns 4 and 5, are uninitialised in C
            ours = [line.split() for line in (folder / name).read_text().splitlines()]
            assert [[*columns[:3], columns[5]] for columns in ours] == file["lines"]


def test_figures_equal_those_that_nonbragg_printed(run):
    case, _, result, report = run
    model, printed = result.model, case["printed"]
    angle = result.solid_angle_sr
    figures: dict[str, Any] = {
        "sources": len(model.sources.weights),
        "solid_angle": _printed(angle, 100.0 * angle / 4.0 / math.pi),
        "max_I": _printed(report.max_value, report.max_x, report.max_y),
        "mean_rms_rmsd": _printed(report.mean, report.rms, report.rmsd),
        "intfile_scale": f"{report.intfile_scale:g}",
        "pgm_scale": f"{report.pgm_scale:g}",
        "width_height": [model.geometry.pixels_fast, model.geometry.pixels_slow],
        "molecules": f"{model.sample.molecules:g}",
        "detector_origin": _printed(*model.geometry.pix0),
    }
    if report.noise_photons is not None:
        figures["noise_photons_overloads"] = [f"{report.noise_photons:.0f}", report.overloads]
    assert {key: figures[key] for key in printed if key in figures} == {
        key: value for key, value in printed.items() if key != "stol_lines" and value is not None
    }


def test_the_water_around_a_crystal_equals_nonbraggs(tmp_path, monkeypatch):
    # the second step of a run of nanoBragg, nonBragg and noisify
    monkeypatch.chdir(tmp_path)
    flags = (
        "-lambda 1.0 -detpixels_f 144 -detpixels_s 128 -pixel 0.8 -distance 110 -Xbeam 55.5 -Ybeam 47.699999999999996 "
        "-flux 1e12 -exposure 0.1 -beamsize 0.05 -samplesize 0.05 -polar 0.95 -nonoise -floatfile water.bin"
    )
    asked = interpret_nonbragg(["-stol", str(FOLDER / "inputs" / "water.stol"), *flags.split()])
    write_amorphous(render_amorphous(lower_amorphous(asked.experiment)), asked.files)
    checksum = hashlib.sha256((tmp_path / "water.bin").read_bytes()).hexdigest()
    assert checksum == "5c2660410701d2a5885ddfde10c592d73071fd35f0f4309d739ca6252662a319"


def _printed(*values: float) -> list[str]:
    """Numbers as C's %g prints them, zeros without a sign."""
    return [f"{value + 0.0:g}" for value in values]

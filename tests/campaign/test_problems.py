"""All that is wrong with a plan and its files is told at once, each with its line, before anything is made."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from campaign.plans import STILLS, write_plan
from golden import ROOT
from nbnumba_cli.main import run as nbnumba

from nbnumba.campaign import CrystalPlan, PlanError, parse_plan, prepare
from nbnumba.errors import UsageError

MODEL = ROOT / "nbnumba" / "data" / "er1" / "2ERL.pdb.gz"


def told(folder, capsys, text: str) -> list[str]:
    """What `campaign run` says of a plan, which makes nothing."""
    path = write_plan(folder, text)
    assert nbnumba(["campaign", "run", str(path), "--workers", "1"]) == 2
    assert not (folder / "out").exists()
    # kernels may be compiled meanwhile, which is said, too
    lines = [line for line in capsys.readouterr().err.splitlines() if "compiling kernels" not in line]
    return [line.removeprefix(f"nbnumba: error: {path}: ") for line in lines]


def spectra(path, weights: np.ndarray) -> None:
    """A file of spectra."""
    with h5py.File(path, "w") as file:
        file["energies"], file["weights"] = np.linspace(11990.0, 12010.0, weights.shape[1]), weights


def test_keys_sections_files_and_draws_are_told_in_one_round(tmp_path, capsys):
    weights = np.ones((10, 5))
    weights[[3, 7]] = 0.0
    spectra(tmp_path / "shots.h5", weights)
    text = (
        STILLS.replace("default_F = 100", 'hkl = "none.hkl"').replace("90, 95, 100]", "90, 95, 1]")
        .replace("energy_ev = {normal = [12000, 300]}", 'spectrum = {file = "shots.h5", per_shot = true}')
        .replace("{uniform = [10, 20]}", "{normal = [1, 2]}").replace("readout_noise = 1.0", "hot_pixels = 2")
        .replace("cells = [5, 5, 5]", 'cells = [5, 5, 5]\nsize_nm = 3\norientation = "none.npy"')
    )  # fmt: skip
    said = told(tmp_path, capsys, text + 'point_spread = "fiber"\n[image]\ndownsample = {size = 50}\n')
    assert [line.partition(": ")[0] for line in said] == [
        f"line {line}" for line in (8, 11, 13, 14, 20, 30, 34, 35, 37)
    ]
    for words in (
        "[structure_factors] hkl: ", "[crystal] unit_cell: the angles 90 95 1 enclose no volume",
        "[crystal] size_nm: say how large the crystal is: either size_nm or cells",
        "[crystal] orientation: ", "[beam] spectrum: shots.h5: spectrum of shot 3 (and of 1 others): ",
        "[background] water_um of shot", "[readout] hot_pixels must be a fraction between 0 and 1, not 2",
        "[readout] point_spread fiber must be a profile and its width", "[image] downsample: size 50 is larger",
    ):  # fmt: skip
        assert sum(words in line for line in said) == 1


def test_several_things_are_impossible_between_sections(tmp_path, capsys):
    text = STILLS.replace("unit_cell = [60, 70, 80, 90, 95, 100]\n", "").replace(
        "distance_mm = 100", "distance_mm = {uniform = [90, 100]}").partition("[readout]")[0]  # fmt: skip
    said = told(tmp_path, capsys, text + '[image]\ndtype = "uint16"\n')
    assert [line.partition(": ")[2].partition("]")[0] for line in said] == ["[campaign", "[crystal", "[image"]


def test_what_follows_from_another_problem_is_not_told(tmp_path, capsys):
    (line,) = told(tmp_path, capsys, STILLS.replace("flux = 1e12", "flux = -1\nexposure_s = 2"))
    assert line.startswith("line 19: [beam] flux must be a number above zero")
    (line,) = told(tmp_path, capsys, STILLS.replace("cells = [5, 5, 5]", "cels = [5, 5, 5]"))
    assert line == "line 12: [crystal] cels: there is no such key: did you mean cells?"


def test_a_cell_that_a_draw_makes_impossible_is_named_with_its_shot(tmp_path, capsys):
    (line,) = told(tmp_path, capsys, STILLS.replace("95, 100]", "95, {choice = [100, 5]}]"))
    assert line.startswith("line 11: [crystal] unit_cell of shot ")
    assert line.endswith("the angles 90 95 5 enclose no volume")


@pytest.mark.parametrize(("old", "new", "said"), [
    ("readout_noise = 1.0", 'point_spread = "fiber:80zz"', "line 32: [readout] point_spread fiber:80zz must be"),
    ("readout_noise = 1.0", 'point_spread = "fibre:80um"', "line 32: [readout] point_spread must be"),
    ("readout_noise = 1.0", 'point_spread = "fiber:80mm"', "line 32: shot 0: [readout] point_spread 80000 µm is wider"),
    ("readout_noise = 1.0", "fluctuation = 3", "line 32: [readout] fluctuation must be a fraction between 0 and 1"),
    ("calibration = 0.03", "calibration = 3", "line 31: [readout] calibration must be a fraction between 0 and 1"),
    ('cells = [5, 5, 5]\nshape = "gauss"', "cells = [5, 5, 5.5]", "line 12: shot 0: [crystal] cells"),
    ("readout_noise = 1.0", "readout_noise = 1\n[image]\ndownsample = {size = 41}",
     "line 34: [image] downsample: size 41 is larger than the image of 40 x 30 pixels"),
    ("cells = [5, 5, 5]", "cells = [5, 5, 5]\nb_factor = 20", "line 13: [crystal] b_factor has no effect on default_F"),
])  # fmt: skip
def test_what_is_impossible_has_a_line_wherever_it_shows(tmp_path, capsys, old, new, said):
    (line,) = told(tmp_path, capsys, STILLS.replace(old, new))
    assert said in line


@pytest.mark.parametrize(("key", "name", "said"), [
    ("mtz", "2ERL.pdb.gz", "holds a model, not reflections"), ("model", "list.txt", "give lists of h k l F as hkl"),
    ("hkl", "bad.hkl", "bad.hkl"),
])  # fmt: skip
def test_a_file_of_another_kind_is_refused(tmp_path, capsys, key, name, said):
    (tmp_path / "2ERL.pdb.gz").write_bytes(MODEL.read_bytes())
    (tmp_path / "list.txt").write_text("1 1 1 10.0\n", encoding="utf-8")
    (tmp_path / "bad.hkl").write_text("", encoding="utf-8")
    more = "\ndmin = 2" if key == "model" else ""
    (line,) = told(tmp_path, capsys, STILLS.replace("default_F = 100", f'{key} = "{name}"{more}'))
    assert line.startswith(f"line 8: [structure_factors] {key}: ")
    assert said in line


@pytest.mark.parametrize("data", [bytes(range(256)) * 10, MODEL.read_bytes()[:3000], b"\x00\x01,energy\n1,2\n"])
def test_a_column_file_that_is_no_text_is_one_line_of_words(tmp_path, capsys, data):
    (tmp_path / "shots.csv").write_bytes(data)
    (line,) = told(tmp_path, capsys, STILLS.replace("{normal = [12000, 300]}", '{column = "shots.csv:en"}'))
    assert line.isprintable()
    assert len(line) < 300
    assert "[beam] energy_ev: shots.csv: " in line


@pytest.mark.parametrize("detector", [
    'flags = "-pixel 1.5 -detpixels_x 40 -detpixels_y 30 -distance 90"', 'model = "jungfrau-4m"\ndistance_mm = 100',
])  # fmt: skip
def test_no_detector_is_made_larger(tmp_path, capsys, detector):
    text = STILLS.replace("pixels = [40, 30]\npixel_mm = 1.5\ndistance_mm = 100", detector).partition("[readout]")[0]
    (line,) = told(tmp_path, capsys, text + "[image]\ndownsample = {size = 4000}\n")
    assert "shot 0: [image] downsample: size 4000 is larger than the image of" in line


def test_a_section_made_in_python_tells_all_of_its_problems():
    with pytest.raises(UsageError, match=r"either size_nm or cells; .*more than one domain"):
        CrystalPlan(mosaic_spread=1.0)
    with pytest.raises(PlanError) as error:
        parse_plan("[campaign]\nshots = 0\n[crystal]\nmosaic_spread = 1\n", "plan.toml")
    assert len(error.value.problems) == 6


def test_good_spectra_are_not_looked_at_one_by_one(tmp_path, monkeypatch):
    from nbnumba.campaign import inputs

    spectra(tmp_path / "shots.h5", np.ones((10, 5)))
    looked: list[int] = []
    of_shot = inputs.Spectra.of_shot
    monkeypatch.setattr(inputs.Spectra, "of_shot", lambda self, shot: (looked.append(shot), of_shot(self, shot))[1])
    text = STILLS.replace("energy_ev = {normal = [12000, 300]}", 'spectrum = {file = "shots.h5", per_shot = true}')
    prepare(write_plan(tmp_path, text))
    assert set(looked) == {0}

"""What pixels hold: the direct beam's spot, light spread on the detector's own pixels, and counts that don't fit."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from campaign.plans import STILLS, write_plan
from golden import ROOT
from nbnumba_cli.main import run as nbnumba

import nbnumba.campaign as campaign
from nbnumba.errors import NbnumbaWarning
from nbnumba.readout import PointSpread, Readout, ReadoutSettings

ONE = STILLS.replace("shots = 10", "shots = 1").replace("images_per_shard = 3\n", "")
PHOTONS = ONE.partition("[background]")[0]
MODEL = ROOT / "nbnumba" / "data" / "er1" / "2ERL.pdb.gz"


def image_of(folder, text: str) -> np.ndarray:
    """The only image of a plan, made without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", NbnumbaWarning)
        campaign.run(write_plan(folder, text), workers=1)
    with campaign.open(folder / "out") as results:
        return results[0]


@pytest.mark.parametrize("source", ["default_F = 100", 'hkl = "f.hkl"', "model"])
def test_the_direct_beam_has_no_spot_unless_the_plan_keeps_it(tmp_path, source):
    (tmp_path / "f.hkl").write_text("0 0 0 500\n1 0 0 50\n0 0 2 60\n", encoding="utf-8")
    text = PHOTONS.replace("default_F = 100", f'model = "{MODEL}"\ndmin = 8' if source == "model" else source)
    dark, kept, stated = (
        image_of(tmp_path / name, (text if not f000 else text.replace("[crystal]", f"F000 = {f000}\n[crystal]"))
                 .replace('"f.hkl"', '"../f.hkl"'))
        for name, f000 in (("dark", ""), ("kept", '"keep"'), ("stated", "10"))
    )  # fmt: skip
    # the beam meets the corner of four pixels in the middle
    middle = np.s_[14:16, 19:21]
    assert dark[middle].max() < 1e-3 * kept[middle].min()
    # photons go with F²
    full = {"default_F = 100": 100.0, 'hkl = "f.hkl"': 500.0}.get(source)
    shot = campaign.prepare(tmp_path / "kept" / "plan.toml").shot(0)
    if full is None:
        factors = shot.experiment.crystal.structure_factors
        full = factors.amplitudes[-factors.h_min, -factors.k_min, -factors.l_min]
        # electrons in the cell of Er-1 and its solvent: some thousand
        assert 1000.0 < full < 20000.0
    share = (stated - dark)[middle].astype(float) / (kept - dark)[middle]
    # a difference of float32
    np.testing.assert_allclose(share, (10.0 / full) ** 2, rtol=1e-4)


@pytest.mark.parametrize("preset", ["counting", "ccd"])
def test_a_point_spread_in_length_takes_the_detectors_pixels(tmp_path, preset):
    text = ONE.replace("readout_noise = 1.0", f'point_spread = "fiber:2mm"\npreset = "{preset}"').replace(
        "calibration = 0.03\n", "calibration = 0\nreadout_noise = 0\n")  # fmt: skip
    image = image_of(tmp_path / "spread", text)
    shot = campaign.prepare(tmp_path / "spread" / "plan.toml").shot(0)
    photons = image_of(tmp_path / "photons", ONE.partition("[readout]")[0])
    # pixels of 1.5 mm
    spread = PointSpread("fiber", 2000.0, 1500.0)
    if preset == "ccd":
        readout = Readout.ccd(pixel_size=1500.0, point_spread=spread, calibration=0.0, readout_noise=0.0)
    else:
        readout = Readout.from_settings(ReadoutSettings(point_spread=spread))
    np.testing.assert_array_equal(image, readout.apply(photons, shot.readout_seed))


def test_counts_that_do_not_fit_are_clipped_and_said(tmp_path, capsys):
    text = ONE.replace("flux = 1e12", "flux = 2e10")
    path = write_plan(tmp_path, text + '[image]\ndtype = "uint8"\nformat = "hdf5"\n')
    whole = image_of(tmp_path / "whole", text)
    outside = np.count_nonzero((whole < 0) | (whole > 255)) / whole.size
    assert 0.0 < outside < 1.0
    words = f"{100.0 * outside:.2g} % of the pixels are below 0 or above 255, which uint8 does not hold"
    assert nbnumba(["campaign", "plan", str(path), "--no-sheet", "--workers", "1"]) == 0
    assert f"clipped     {words}" in capsys.readouterr().out
    assert nbnumba(["campaign", "run", str(path), "--workers", "1"]) == 0
    assert f"nbnumba: warning: {words}" in capsys.readouterr().err
    np.testing.assert_array_equal(campaign.open(tmp_path / "out")[0], np.clip(whole, 0, 255))


def test_hot_pixels_and_saturation_are_not_taken_for_lost_counts(tmp_path):
    text = ONE.replace("readout_noise = 1.0", "hot_pixels = 0.05\noffset = 50").replace("flux = 1e12", "flux = 1e9")
    image = image_of(tmp_path / "hot", text + '[image]\ndtype = "uint16"\n')
    image_of(tmp_path / "saturated", ONE.replace("readout_noise = 1.0", "saturation = 200")
             + '[image]\ndtype = "uint8"\nformat = "hdf5"\n')  # fmt: skip
    # 60 of 1200 are expected
    assert 30 < np.count_nonzero(image == 65535) < 90


def test_small_images_say_what_does_not_fit(tmp_path):
    small = ONE + '[image]\ndtype = "uint8"\ndownsample = {size = 16, how = "max"}\n'
    with pytest.warns(NbnumbaWarning, match="above 255"):
        outcome = campaign.run(write_plan(tmp_path, small), workers=1)
    assert 0.0 < outcome.clipped < 1.0

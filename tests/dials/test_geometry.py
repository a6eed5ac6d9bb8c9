"""dxtbx finds detector, beam centre, goniometer and scan where they are."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from golden import GOLDEN_DATA
from scenes import CONVENTIONS, TILT, counts, four_panels, panel, scene, simulation, sweep, tilted_panel
from xparm_text import XPARM

from nbnumba import Convention
from nbnumba.config.detectors import detector_panels
from nbnumba.errors import NbnumbaWarning
from nbnumba.io.expt import DialsExperiment, read_expt, write_expt
from nbnumba.io.formats import write_image
from nbnumba.io.scene import CrystalModel, Goniometer, Scan, axis_rotation
from nbnumba.io.simulated import scene_of
from nbnumba.io.xparm import read_xparm
from nbnumba.setup.panels import ray_pixel

pytestmark = pytest.mark.dials

PICOMETRE = 1e-9
"""mm."""

FLAT = counts((40, 30))


def check_panels(row, panels):
    assert len(row["panels"]) == len(panels)
    for found, expected in zip(row["panels"], panels, strict=True):
        for field in ("origin", "fast", "slow", "pixel_size"):
            assert found[field] == pytest.approx(getattr(expected, field), abs=PICOMETRE)
        assert tuple(found["image_size"]) == expected.image_size


@pytest.mark.parametrize("panels", [(panel(),), (tilted_panel(),), four_panels()], ids=["flat", "tilted", "four"])
def test_nxmx_panels_stand_where_they_are(tmp_path, dxtbx, panels):
    write_image(tmp_path / "x.nxs", FLAT, scene(*panels), compression="gzip")
    (row,) = dxtbx("x.nxs")
    check_panels(row, panels)
    assert row["format"] == "FormatNXmx"
    assert sum(row["sums"]) == FLAT.sum()
    assert row["corner"][0] == FLAT[:2, :3].tolist()
    assert row["wavelength"] == 1.1
    assert row["scan"] is None


def test_a_hierarchy_of_panels_goes_from_dials_to_nxmx_and_back(tmp_path, dxtbx):
    name = "stills_hierarchy_two_crystals"
    made = read_expt(GOLDEN_DATA / "dials" / f"{name}.expt")[0].scene
    # the beam there is 2 mrad off, and NXmx knows only one along z: the whole lab is turned
    write_image(tmp_path / "x.nxs", np.zeros((800, 180), np.int32), made, compression="gzip")
    write_expt(tmp_path / "x.expt", [DialsExperiment(made)])
    from_nxmx, from_expt = dxtbx("x.nxs", "x.expt")
    truth = json.loads((GOLDEN_DATA / "dials" / "truth.json").read_text())[name][0]
    for found, expected in zip(from_expt["panels"], truth["panels"], strict=True):
        assert found["origin"] == pytest.approx(expected["origin_mm"], abs=PICOMETRE)
    for found, expected in zip(from_nxmx["panels"], from_expt["panels"], strict=True):
        # in mm, for pixels would be corrected for the depth in the sensor, each with its own coefficient
        assert found["beam_mm"] == pytest.approx(expected["beam_mm"], abs=PICOMETRE)
        for axis in ("fast", "slow", "origin"):
            along = [np.dot(row["unit_s0"], p[axis]) for row, p in ((from_nxmx, found), (from_expt, expected))]
            assert along[0] == pytest.approx(along[1], abs=PICOMETRE)


@pytest.mark.parametrize("suffix", [".nxs", ".cbf", ".img"])
@pytest.mark.filterwarnings("ignore:.*seen from behind")
def test_the_beam_centre_of_every_convention_is_right(tmp_path, dxtbx, suffix):
    options = {"compression": "gzip"} if suffix == ".nxs" else {}
    models = {f"{convention.value}_1{suffix}": simulation(convention) for convention in CONVENTIONS}
    for name, model in models.items():
        write_image(tmp_path / name, FLAT.astype(np.uint16), scene_of(model), **options)
    for row, model in zip(dxtbx(*models), models.values(), strict=True):
        expected = np.array([model.geometry.f_beam, model.geometry.s_beam]) / model.geometry.pixel_size
        assert row["panels"][0]["beam_centre"] == pytest.approx(expected, abs=1e-6)
        assert row["panels"][0]["origin"][2] == pytest.approx(-100.0, abs=PICOMETRE)
        assert row["sums"] == [FLAT.sum()]


def test_adxvs_image_is_mirrored_in_cbf_and_right_in_nxmx(tmp_path, dxtbx):
    made = scene_of(simulation(Convention.ADXV))
    with pytest.warns(NbnumbaWarning, match="seen from behind"):
        write_image(tmp_path / "x_1.cbf", FLAT, made)
    write_image(tmp_path / "x_1.nxs", FLAT, made, compression="gzip")
    mirrored, right = dxtbx("x_1.cbf", "x_1.nxs")
    assert right["panels"][0]["slow"] == pytest.approx([0.0, 1.0, 0.0])
    assert mirrored["panels"][0]["slow"] == pytest.approx([0.0, -1.0, 0.0])


@pytest.mark.parametrize("suffix", [".nxs", ".cbf", ".img"])
def test_angles_of_a_sweep_are_right(tmp_path, dxtbx, dials, suffix):
    frames = counts((3, 40, 30)).astype(np.uint16)
    options = {"compression": "gzip"} if suffix == ".nxs" else {}
    write_image(tmp_path / (f"x{suffix}" if suffix == ".nxs" else f"x_##{suffix}"), frames, sweep(), **options)
    dials("dials.import", *sorted(path.name for path in tmp_path.glob(f"x*{suffix}")))
    (row,) = dxtbx("imported.expt")
    # one sequence of three images
    assert row["scan"] == pytest.approx([10.0, 0.5, 3])
    assert row["axis"] == pytest.approx([1.0, 0.0, 0.0])


def test_axes_around_the_spindle_are_right(tmp_path, dxtbx):
    goniometer = Goniometer((0.6, 0.0, 0.8), TILT, axis_rotation((0.0, 1.0, 0.0), 9.0))
    write_image(tmp_path / "x.nxs", counts((3, 40, 30)), sweep(goniometer=goniometer), compression="gzip")
    (row,) = dxtbx("x.nxs")
    assert row["axis"] == pytest.approx([0.6, 0.0, 0.8], abs=1e-12)
    assert row["fixed"] == pytest.approx(goniometer.fixed_rotation.ravel(), abs=1e-12)
    assert row["setting"] == pytest.approx(goniometer.setting_rotation.ravel(), abs=1e-12)


def test_masked_pixels_are_outside_the_trusted_range(tmp_path, dxtbx):
    mask = np.ones((40, 30), bool)
    mask[0, 1] = False
    names = {f"{np.dtype(dtype)}.nxs": dtype for dtype in (np.uint16, np.int32, np.float32)}
    for name, dtype in names.items():
        write_image(tmp_path / name, FLAT.astype(dtype), scene(panel(mask=mask)), compression="gzip")
    assert [row["corner"][0][0][1] for row in dxtbx(*names)] == [-1, -1, -1]


def test_the_sensor_is_as_thick_as_simulated(tmp_path, dxtbx):
    names = {f"x{k}_1{suffix}": thickness for suffix in (".nxs", ".cbf") for k, thickness in enumerate((0.0, 0.45))}
    for name, thickness in names.items():
        options = {"compression": "gzip"} if name.endswith(".nxs") else {}
        write_image(tmp_path / name, FLAT, scene(panel(thickness=thickness, material="Si")), **options)
    found = [row["panels"][0]["thickness"] for row in dxtbx(*names)]
    # a thin sensor in NXmx is the thinnest that dxtbx takes, a nanometre
    assert found == pytest.approx(list(names.values()), abs=1.1e-6)


def test_detectors_by_name_are_known_to_dxtbx(tmp_path, dxtbx):
    names = ("pilatus-1m", "pilatus-300k", "eiger-1m", "eiger2-1m")
    detectors = [detector_panels(name, 150.0, (40.1, 50.2))[0] for name in names]
    for name, made in zip(names, detectors, strict=True):
        write_image(tmp_path / f"{name}_1.cbf", np.zeros(made.image_size[::-1], np.int32), scene(made))
    rows = dxtbx(*(f"{name}_1.cbf" for name in names))
    assert [row["format"] for row in rows] == ["FormatCBFMiniPilatus"] * 2 + ["FormatCBFMiniEiger"] * 2
    for row, made in zip(rows, detectors, strict=True):
        centre = [value / made.pixel_size[0] for value in (40.1, 50.2)]
        assert row["panels"][0]["beam_centre"] == pytest.approx(centre, abs=1e-6)


def test_gain_and_pedestal_of_smv_reach_dxtbx(tmp_path, dxtbx):
    write_image(tmp_path / "x_1.img", FLAT.astype(np.uint16), scene(panel(gain=3.0, pedestal=40.0)))
    (row,) = dxtbx("x_1.img")
    assert row["format"].startswith("FormatSMVADSC")
    assert (row["panels"][0]["gain"], row["panels"][0]["pedestal"]) == (3.0, 40.0)


def test_experiment_lists_hold_the_same_crystal(tmp_path, dxtbx):
    made = sweep(
        *four_panels(), goniometer=Goniometer((0.6, 0.0, 0.8), TILT), scan=Scan(10.0, 0.5, images=3, first=7),
        crystal=CrystalModel(np.linalg.inv(np.array([[60.0, 1, 2], [3, 70, 4], [5, 6, 80]]))),
    )  # fmt: skip
    write_expt(tmp_path / "x.expt", [DialsExperiment(made)])
    (row,) = dxtbx("x.expt")
    check_panels(row, made.panels)
    assert row["A"] == pytest.approx(made.crystal.A.ravel(), abs=1e-15)
    assert row["scan"] == pytest.approx([10.0, 0.5, 3])
    assert row["fixed"] == pytest.approx(TILT.ravel(), abs=1e-12)


def test_xds_means_the_same_to_both(tmp_path, dxtbx):
    (tmp_path / "XPARM.XDS").write_text(XPARM)
    (row,) = dxtbx("XPARM.XDS")
    made = read_xparm(tmp_path / "XPARM.XDS")
    (found,), (expected,) = row["panels"], made.panels
    # dxtbx puts the spindle exactly along x, this program the beam along -z: lengths and angles must agree
    assert ray_pixel(expected, made.unit_s0) * 0.172 == pytest.approx(found["beam_mm"], abs=PICOMETRE)
    for axis in ("fast", "slow", "origin"):
        for one, other in ((row["unit_s0"], made.unit_s0), (row["axis"], made.goniometer.axis)):
            assert np.dot(one, found[axis]) == pytest.approx(np.dot(other, getattr(expected, axis)), abs=1e-9)


def test_a_beam_off_the_axis_stays_so_in_an_experiment_list(tmp_path, dxtbx):
    made = replace(scene(), unit_s0=(0.6, 0.0, -0.8))
    write_expt(tmp_path / "x.expt", [DialsExperiment(made)])
    assert dxtbx("x.expt")[0]["unit_s0"] == pytest.approx((0.6, 0.0, -0.8), abs=1e-15)

"""Experiment models of DIALS: read as dxtbx reads them, written so that they read the same."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from golden import GOLDEN_DATA
from scenes import TILT, four_panels, panel, scene, sweep

from nbnumba import Spectrum
from nbnumba.config.detectors import detector_panels
from nbnumba.errors import InputFileError, NbnumbaWarning
from nbnumba.io.expt import DialsExperiment, read_expt, write_expt
from nbnumba.io.scene import CrystalModel, Goniometer, Scan, axis_rotation, lattice_in_lab
from nbnumba.setup.panels import ray_pixel

DIALS = GOLDEN_DATA / "dials"
TRUTH = json.loads((DIALS / "truth.json").read_text())
"""What dxtbx makes of the files."""


@pytest.fixture(params=TRUTH, ids=str)
def read_and_truth(request):
    return read_expt(DIALS / f"{request.param}.expt"), TRUTH[request.param]


@pytest.fixture(params=TRUTH, ids=str)
def written_and_truth(request, tmp_path):
    write_expt(tmp_path / "again.expt", read_expt(DIALS / f"{request.param}.expt"))
    return read_expt(tmp_path / "again.expt"), TRUTH[request.param]


def check(experiments, truth):
    assert len(experiments) == len(truth)
    for experiment, expected in zip(experiments, truth, strict=True):
        made = experiment.scene
        assert made.wavelength == expected["wavelength"]
        assert made.unit_s0 == pytest.approx(expected["s0_unit"], abs=1e-15)
        assert made.polarization_normal == pytest.approx(expected["polarization_normal"], abs=1e-15)
        assert made.polarization_fraction == expected["polarization_fraction"]
        check_panels(made, expected)
        check_images(made, expected)


def check_panels(made, expected):
    for found, row in zip(made.panels, expected["panels"], strict=True):
        # frames in frames cost a few roundings
        assert found.origin == pytest.approx(row["origin_mm"], abs=1e-12)
        assert found.fast == pytest.approx(row["fast"], abs=1e-15)
        assert found.slow == pytest.approx(row["slow"], abs=1e-15)
        assert (found.name, list(found.image_size)) == (row["name"], row["size"])
        assert (found.pixel_size[0], found.thickness, found.mu) == (
            row["pixel_mm"], row["thickness_mm"], row["mu_per_mm"],
        )  # fmt: skip


def check_images(made, expected):
    for image in expected["images"]:
        matrix = lattice_in_lab(made, image["frame"] or 0)
        assert matrix.ravel() == pytest.approx(image["A_mid_per_angstrom"], abs=1e-16)
        for spot in image["spots"]:
            ray = np.array(made.unit_s0) / made.wavelength + matrix @ spot["hkl"]
            found = ray_pixel(made.panels[spot["panel"]], ray)
            # of coordinates up to 1000
            assert found == pytest.approx(spot["fast_slow_px"], abs=1e-10)


def test_models_are_what_dxtbx_makes_of_them(read_and_truth):
    check(*read_and_truth)


def test_models_survive_being_written(written_and_truth):
    check(*written_and_truth)


@pytest.mark.parametrize("moving", [0, 1, 2])
def test_axes_of_a_goniometer_stand_on_each_other(tmp_path, moving):
    data = json.loads((DIALS / "sweep_tilted_setting.expt").read_text())
    data["goniometer"] = [{
        "axes": [[1.0, 0.0, 0.0], [0.0, 0.6, 0.8], [0.0, 1.0, 0.0]], "angles": [10.0, 20.0, 30.0],
        "names": ["phi", "kappa", "omega"], "scan_axis": moving,
    }]  # fmt: skip
    (tmp_path / "x.expt").write_text(json.dumps(data))
    goniometer = read_expt(tmp_path / "x.expt")[0].scene.goniometer
    # from the crystal outwards: the first turns what the second carries, the third carries both
    phi, kappa, omega = (77.0 if axis == moving else angle for axis, angle in enumerate((10.0, 20.0, 30.0)))
    expected = (
        axis_rotation((0, 1, 0), omega) @ axis_rotation((0.0, 0.6, 0.8), kappa) @ axis_rotation((1, 0, 0), phi)
    )
    assert goniometer.rotation(77.0) == pytest.approx(expected, abs=1e-12)


def test_scans_of_newer_versions_are_read(tmp_path):
    data = json.loads((DIALS / "sweep_tilted_setting.expt").read_text())
    scan = data["scan"][0]
    start, width = scan.pop("oscillation")
    scan["properties"] = {
        "oscillation": [start + width * i for i in range(10)], "exposure_time": scan.pop("exposure_time"),
        "epochs": scan.pop("epochs"),
    }  # fmt: skip
    (tmp_path / "x.expt").write_text(json.dumps(data))
    made = read_expt(tmp_path / "x.expt")[0].scene
    assert (made.scan.start, made.scan.width, made.scan.images) == (33.0, 0.5, 10)
    assert made.exposure == 0.1
    scan["image_range"] = [1, 1]
    scan["properties"] = {name: values[:1] for name, values in scan["properties"].items()}
    (tmp_path / "x.expt").write_text(json.dumps(data))
    with pytest.warns(NbnumbaWarning, match="a scan of one image does not state its width"):
        assert read_expt(tmp_path / "x.expt")[0].scene.scan is None


def test_images_that_were_not_indexed_are_read_without_a_crystal(tmp_path):
    data = json.loads((DIALS / "still_flat.expt").read_text())
    del data["experiment"][0]["crystal"]
    (tmp_path / "x.expt").write_text(json.dumps(data))
    assert read_expt(tmp_path / "x.expt", need_crystal=False)[0].scene.crystal is None


def test_every_part_of_a_scene_is_written(tmp_path):
    made = sweep(
        *four_panels(), goniometer=Goniometer((0.6, 0.0, 0.8), TILT, axis_rotation((0, 1, 0), 9.0)),
        scan=Scan(10.0, 0.5, images=3, first=7), polarization_fraction=0.99,
        crystal=CrystalModel(np.diag([0.01, 0.02, 0.03]), "P 2y", np.arange(36.0).reshape(4, 3, 3)),
    )  # fmt: skip
    write_expt(tmp_path / "x.expt", [DialsExperiment(made, "abc", ("x_#####.cbf",), (0, 1, 2))])
    (again,) = read_expt(tmp_path / "x.expt")
    assert (again.identifier, again.images, again.frames) == ("abc", ("x_#####.cbf",), (0, 1, 2))
    assert again.scene.panels == made.panels
    assert again.scene.scan == made.scan
    assert (again.scene.flux, again.scene.exposure) == (1e12, 0.25)
    assert again.scene.goniometer.rotation(77.0) == pytest.approx(made.goniometer.rotation(77.0), abs=1e-15)
    assert again.scene.crystal.space_group == "P 2y"
    for image in range(3):
        assert lattice_in_lab(again.scene, image) == pytest.approx(lattice_in_lab(made, image), abs=1e-12)


def test_gaps_are_written_as_rectangles(tmp_path):
    (made,) = detector_panels("pilatus-300k", 100.0)
    write_expt(tmp_path / "x.expt", [DialsExperiment(scene(made))])
    data = json.loads((tmp_path / "x.expt").read_text())
    # rows 195 to 211 and 407 to 423, counted from 0, the end outside
    assert data["detector"][0]["panels"][0]["mask"] == [[0, 195, 487, 212], [0, 407, 487, 424]]
    (again,) = read_expt(tmp_path / "x.expt", need_crystal=False)
    assert np.array_equal(again.scene.panels[0].mask, made.mask)


def test_a_sensor_that_stands_for_none_is_none(tmp_path):
    # images of sensors without thickness state a nanometre, since dxtbx refuses 0: it would stop no photon
    write_expt(tmp_path / "x.expt", [DialsExperiment(scene(panel(thickness=1.0000000000000002e-06, mu=4.2)))])
    (again,) = read_expt(tmp_path / "x.expt", need_crystal=False)
    assert again.scene.panels[0].thickness == 0.0


def test_what_is_lost_is_said(tmp_path):
    mask = np.ones((40, 30), bool)
    mask[3, 3] = False
    with pytest.warns(NbnumbaWarning, match="of the mask only whole rows and columns"):
        write_expt(tmp_path / "x.expt", [DialsExperiment(scene(panel(mask=mask)))])
    spectrum = Spectrum(wavelengths=[1.0, 1.1])
    with pytest.warns(NbnumbaWarning, match="the spectrum is left out"):
        write_expt(tmp_path / "x.expt", [DialsExperiment(scene(spectrum=spectrum))])


def test_a_still_needs_no_goniometer(tmp_path):
    write_expt(tmp_path / "x.expt", [DialsExperiment(replace(scene(), crystal=CrystalModel(np.eye(3) / 50.0)))])
    data = json.loads((tmp_path / "x.expt").read_text())
    assert data["goniometer"] == data["scan"] == []
    assert data["crystal"][0]["real_space_b"] == [0.0, 50.0, 0.0]


def without(*keys):
    def change(data):
        for key in keys:
            del data["experiment"][0][key]
    return change


def setting(path, value):
    def change(data):
        *owners, last = path
        for owner in owners:
            data = data[owner]
        data[last] = value
    return change


@pytest.mark.parametrize(("change", "message"), [
    (without("crystal"), r"experiment 0 has no crystal: index the images first \(dials\.index\)"),
    (without("detector"), "experiment 0 has no detector: import images first"),
    (without("beam"), "experiment 0 has no beam: import images first"),
    (setting(["experiment"], []), "holds no experiment"),
    (setting(["__id__"], "Something"), "is no experiment list of DIALS"),
    (setting(["experiment", 0, "beam"], 7), "an experiment has beam 7, but the list holds 1"),
    (setting(["beam", 0], {"direction": [0, 0, 1]}), "beam 0 has no wavelength"),
    (setting(["detector", 0, "panels", 0, "fast_axis"], [1, 1, 0]), r"Panel\.fast of panel flat"),
    (setting(["crystal", 0, "real_space_a"], [0, 0, 0]), "real_space_a, b, c lie in a plane"),
    (setting(["crystal", 0, "real_space_a"], [1, 2]), "crystal 0 is no model of DIALS"),
    (setting(["crystal", 0, "real_space_a"], [1, 2, float("nan")]), "real_space_a, b, c are not all numbers"),
    (setting(["beam", 0, "wavelength"], "x"), "beam 0 is no model of DIALS: .*'x'"),
    (setting(["detector", 0, "panels"], []), "detector 0 is no model of DIALS"),
    (setting(["experiment", 0], 7), "experiment 0 names no models but is 7"),
    (setting(["beam", 0], None), "beam 0 is no model of DIALS but None"),
    (setting(["beam", 0, "direction"], [0, 0, 0]), "the beam's direction .* has no direction"),
    (setting(["detector", 0, "panels", 0, "image_size"], [9, 1.5]), "image_size must be a whole number above zero"),
])  # fmt: skip
def test_incomplete_lists_are_refused_in_one_line(tmp_path, change, message):
    data = json.loads((DIALS / "still_flat.expt").read_text())
    change(data)
    (tmp_path / "x.expt").write_text(json.dumps(data))
    with pytest.raises(InputFileError, match=rf"^{tmp_path}/x\.expt: [^\n]*{message}[^\n]*$"):
        read_expt(tmp_path / "x.expt")


@pytest.mark.parametrize(("change", "message"), [
    (setting(["crystal", 0, "A_at_scan_points"], [[1.0] * 9] * 3), "3 A_at_scan_points don't fit a scan of 10 images"),
    (setting(["goniometer", 0, "rotation_axis"], [0, 0, 0]), r"axis \[0, 0, 0\] has no direction"),
    (setting(["scan", 0, "image_range"], [5, 1]), "image_range 5 1 holds no image"),
])  # fmt: skip
def test_impossible_sweeps_are_refused_in_one_line(tmp_path, change, message):
    data = json.loads((DIALS / "sweep_tilted_setting.expt").read_text())
    change(data)
    (tmp_path / "x.expt").write_text(json.dumps(data))
    with pytest.raises(InputFileError, match=rf"^{tmp_path}/x\.expt: [^\n]*{message}[^\n]*$"):
        read_expt(tmp_path / "x.expt")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\x00"])
def test_what_is_no_json_is_refused(tmp_path, text):
    (tmp_path / "x.expt").write_text(text)
    with pytest.raises(InputFileError, match=r"x\.expt: is no (JSON|experiment list)"):
        read_expt(tmp_path / "x.expt")

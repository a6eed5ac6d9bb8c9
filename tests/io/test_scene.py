"""What is around an image: taken from a simulation, turned, asked for rays."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scenes import CONVENTIONS, TILT, four_panels, panel, scene, simulation, sweep, thick_simulation

from nbnumba import Convention, Detector, LabFrame, Pivot, Spread, lower
from nbnumba.errors import UsageError
from nbnumba.io.json_text import to_json
from nbnumba.io.scene import (
    CrystalModel,
    Goniometer,
    Scan,
    Scene,
    axis_rotation,
    lattice_in_lab,
    square_to_beam,
    turn_panel,
    turn_scene,
)
from nbnumba.io.simulated import scene_of
from nbnumba.setup.panels import ray_pixel
from nbnumba.setup.vectors import rotate_about


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_beam_meets_the_panel_where_the_set_up_says(convention):
    model = simulation(convention)
    made = scene_of(model)
    expected = np.array([model.geometry.f_beam, model.geometry.s_beam]) / model.geometry.pixel_size
    assert ray_pixel(made.panels[0], made.unit_s0) == pytest.approx(expected, abs=1e-9)
    assert made.panels[0].origin[2] == pytest.approx(-100.0)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_spot_lies_on_the_pixel_that_the_simulations_own_frame_gives(convention):
    model = simulation(convention, phi=33.0, oscillation=1.0, phi_steps=4)
    made = scene_of(model)
    geometry, hkl = model.geometry, np.array([3, -2, 5])
    middle = model.phi_start + model.phi.range / 2.0
    stars = [rotate_about(star, geometry.spindle, middle) for star in
             (model.lattice.a_star, model.lattice.b_star, model.lattice.c_star)]  # fmt: skip
    ray = np.array(geometry.beam) / 1.1 + hkl @ np.array(stars)
    # the plane of the detector in its own lab frame, metres
    reach = np.dot(geometry.odet, geometry.pix0) / np.dot(geometry.odet, ray)
    on_plane = reach * ray - geometry.pix0
    expected = [np.dot(on_plane, axis) / geometry.pixel_size for axis in (geometry.fdet, geometry.sdet)]
    found = ray_pixel(made.panels[0], np.array(made.unit_s0) / made.wavelength + lattice_in_lab(made) @ hkl)
    assert found == pytest.approx(expected, abs=1e-8)


def test_mosflms_origin_is_the_one_that_nanobragg_prints_for_dials():
    model = simulation(Convention.MOSFLM)
    assert scene_of(model).panels[0].origin == pytest.approx(model.geometry.dials_origin, abs=1e-12)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_electric_field_lies_across_the_polarization_normal(convention):
    model = simulation(convention)
    made = scene_of(model)
    # with the frames right, the E-vector of nanoBragg is normal x beam up to its sign
    expected = abs(np.dot(model.geometry.polar, model.geometry.spindle))
    assert abs(np.cross(made.polarization_normal, made.unit_s0)[0]) == pytest.approx(expected, abs=1e-12)
    assert made.polarization_fraction == pytest.approx(0.9)


def test_an_image_without_polarization_says_so():
    assert scene_of(simulation(beam={"polarization": False})).polarization_fraction is None


def test_a_still_has_its_crystal_as_it_stands():
    turned, plain = scene_of(simulation(phi=33.0)), scene_of(simulation())
    assert turned.goniometer is None
    assert turned.scan is None
    turned_plain = axis_rotation((1.0, 0.0, 0.0), 33.0) @ plain.crystal.A
    assert np.allclose(turned.crystal.A, turned_plain, rtol=1e-12, atol=1e-15)


def test_a_sweep_has_its_angles_in_degrees_and_its_spindle_along_x():
    made = scene_of(simulation(phi=33.0, oscillation=1.5, phi_steps=3))
    assert made.scan.start == pytest.approx(33.0)
    assert made.scan.width == pytest.approx(1.5)
    assert made.goniometer.axis == pytest.approx((1.0, 0.0, 0.0))


def test_a_spindle_along_the_beam_leaves_the_electric_field_along_x():
    frame = LabFrame(Convention.CUSTOM, Pivot.BEAM, beam=(0, 0, 1), fdet=(1, 0, 0), sdet=(0, -1, 0), odet=(0, 0, 1),
                     polar=(0, 1, 0), spindle=(0, 0, 1))  # fmt: skip
    model = simulation()
    detector = model.experiment.detector
    made = scene_of(lower(replace(model.experiment, detector=replace(detector, frame=frame))))
    assert made.panels[0].slow == pytest.approx((-1.0, 0.0, 0.0))


def test_the_sensor_is_the_one_that_was_simulated():
    (thick,) = scene_of(thick_simulation()).panels
    assert thick.thickness == pytest.approx(0.45)
    assert thick.mu == pytest.approx(1.0 / 0.234)
    (thin,) = scene_of(simulation()).panels
    assert (thin.thickness, thin.mu) == (0.0, 0.0)


def test_a_mask_is_good_where_nanobraggs_is_not_zero():
    mask = np.ones((40, 30), dtype=np.uint16)
    mask[3, 4] = 0
    assert np.array_equal(scene_of(simulation(detector={"mask": mask})).panels[0].mask, mask == 1)


def test_wavelengths_of_the_sources_are_the_spectrum():
    made = scene_of(simulation(beam={"dispersion": Spread(range=2.0, steps=3)}))
    assert made.spectrum.wavelengths == pytest.approx(1.1 * np.array([0.99, 1.0, 1.01]))
    assert made.spectrum.shares == pytest.approx([1 / 3] * 3)
    assert scene_of(simulation()).spectrum is None


def test_panels_of_a_detector_keep_their_place_in_the_frame_of_dials():
    model = simulation()
    panels = four_panels()
    of_panels = replace(model.experiment, detector=Detector(panels=panels))
    made = scene_of(lower(of_panels))
    assert made.panels == panels
    # in a frame of XDS they are half a turn about x away
    frame = LabFrame(convention=Convention.XDS)
    turned = scene_of(lower(replace(model.experiment, detector=Detector(
        panels=[turn_panel(one, np.diag([1.0, -1.0, -1.0])) for one in panels], frame=frame
    ))))  # fmt: skip
    for found, expected in zip(turned.panels, panels, strict=True):
        assert found.origin == pytest.approx(expected.origin, abs=1e-12)
        assert found.slow == pytest.approx(expected.slow, abs=1e-12)
        assert found.name == expected.name


def test_the_provenance_holds_the_whole_experiment_as_json():
    mask = np.ones((40, 30), dtype=np.uint16)
    model = simulation(detector={"mask": mask})
    made = json.loads(to_json(dict(scene_of(model).provenance)))
    assert made["program"] == "nbnumba"
    assert made["experiment"]["beam"]["wavelength"] == 1.1
    assert made["experiment"]["detector"]["frame"]["convention"] == "mosflm"
    assert made["experiment"]["detector"]["mask"]["shape"] == [40, 30]
    assert len(made["experiment"]["detector"]["mask"]["sha256"]) == 64


def test_a_curved_detector_can_t_be_described():
    with pytest.raises(UsageError, match=r"Detector\.curved: no file can describe"):
        scene_of(simulation(detector={"curved": True}))


def test_turning_the_lab_moves_no_spot():
    still = sweep(
        panel(), goniometer=Goniometer((0.6, 0.8, 0.0), TILT, axis_rotation((0.0, 0.0, 1.0), 5.0)),
        crystal=CrystalModel(np.diag([0.01, 0.02, 0.03]) + 0.001), scan=Scan(10.0, 0.5, images=4),
    )  # fmt: skip
    turned = turn_scene(still, axis_rotation((0.48, 0.64, 0.6), 77.0))
    for made in (still, turned):
        ray = np.array(made.unit_s0) / made.wavelength + lattice_in_lab(made, 3) @ (2, -3, 1)
        found = ray_pixel(made.panels[0], ray)
        if made is still:
            expected = found
    assert found == pytest.approx(expected, abs=1e-9)


def test_squaring_moves_the_beam_and_hardly_x():
    off = scene(unit_s0=(-0.002, 0.001, -math.sqrt(1 - 5e-6)), goniometer=None)
    squared = square_to_beam(off)
    assert squared.unit_s0 == (0.0, 0.0, -1.0)
    assert ray_pixel(squared.panels[0], squared.unit_s0) == pytest.approx(ray_pixel(off.panels[0], off.unit_s0))
    # turned by 2.2 mrad and no more
    assert np.linalg.norm(np.subtract(squared.panels[0].fast, off.panels[0].fast)) < 2.3e-3
    assert square_to_beam(squared) is squared


def test_impossible_scenes_are_refused_by_field():
    with pytest.raises(UsageError, match=r"Scene\.panels: at least one"):
        Scene((), 1.0)
    with pytest.raises(UsageError, match=r"Scene\.wavelength is 0\.0: a positive"):
        Scene((panel(),), 0.0)
    with pytest.raises(UsageError, match=r"Scene\.scan needs Scene\.goniometer"):
        Scene((panel(),), 1.0, scan=Scan(0.0, 1.0))
    with pytest.raises(UsageError, match=r"Scene\.crystal: there is none"):
        lattice_in_lab(scene())

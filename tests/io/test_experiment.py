"""Experiments from models that DIALS wrote: panels, lattices and spots are where dxtbx has them, and back again."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from golden import GOLDEN_DATA
from scenes import four_panels, simulation, sweep

from nbnumba import Beam, Crystal, Experiment, Sampling, UnitCell, lower, simulate
from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.io.experiment import LARGEST_STEP, experiment_of
from nbnumba.io.expt import DialsExperiment, read_expt, write_expt
from nbnumba.io.scene import CrystalModel, Goniometer, Scan, Scene, lattice_in_lab
from nbnumba.io.simulated import scene_of
from nbnumba.setup.panels import ray_pixel

DIALS = GOLDEN_DATA / "dials"
TRUTH = json.loads((DIALS / "truth.json").read_text())
"""What dxtbx makes of the files."""

CASES = [
    (name, number, image) for name, rows in TRUTH.items() for number, row in enumerate(rows)
    for image in range(len(row["images"]))
]  # fmt: skip


@pytest.fixture(params=CASES, ids=lambda case: "-".join(map(str, case)))
def made_and_truth(request):
    """An experiment, the file's beam and panels, and the image."""
    name, number, image = request.param
    row = TRUTH[name][number]
    truth = row["images"][image]
    return Experiment.from_dials(DIALS / f"{name}.expt", number, truth["frame"] or 0), row, truth


def in_the_middle(model):
    """A in the middle of the image, 1/Å: the first lattice of the set-up turned about its spindle by half the range."""
    lattice = model.lattice
    matrix = np.column_stack([lattice.a_star, lattice.b_star, lattice.c_star])
    angle = np.degrees(model.phi_start + model.phi.range / 2.0)
    return Goniometer(model.geometry.spindle).rotation(angle) @ matrix


def test_detector_beam_and_lattice_are_what_dxtbx_has(made_and_truth):
    made, row, truth = made_and_truth
    model = lower(made)
    assert made.physics.base == "exact"
    assert in_the_middle(model).ravel() == pytest.approx(truth["A_mid_per_angstrom"], abs=1e-15)
    assert model.wavelength * 1e10 == pytest.approx(row["wavelength"], rel=1e-15)
    assert model.geometry.beam == pytest.approx(row["s0_unit"], abs=1e-15)
    # either sense
    assert abs(np.dot(model.geometry.vertical, row["polarization_normal"])) == pytest.approx(1.0, abs=1e-12)
    assert made.beam.kahn_factor == pytest.approx(2.0 * row["polarization_fraction"] - 1.0)
    for geometry, panel in zip(model.panels, row["panels"], strict=True):
        assert np.array(geometry.pix0) * 1000.0 == pytest.approx(panel["origin_mm"], abs=1e-12)
        assert geometry.fdet == pytest.approx(panel["fast"], abs=1e-15)
        assert geometry.sdet == pytest.approx(panel["slow"], abs=1e-15)
        assert [geometry.pixels_fast, geometry.pixels_slow] == panel["size"]


def test_the_sensor_is_the_files(made_and_truth):
    made, row, _ = made_and_truth
    found = [(panel.thickness, panel.mu) for panel in made.detector.panels]
    assert found == [(panel["thickness_mm"], panel["mu_per_mm"]) for panel in row["panels"]]


def test_a_rendered_spot_lies_where_dials_predicts_it(made_and_truth):
    made, _, truth = made_and_truth
    spot = min(truth["spots"], key=lambda spot: spot["excitation_per_angstrom"])
    number, (fast, slow) = spot["panel"], spot["fast_slow_px"]
    around = (int(fast) - 7, int(fast) + 7, int(slow) - 7, int(slow) + 7)
    corner = (0, 0, 0, 0)
    # sensors move spots outwards, which predictions in this file leave out
    panels = [replace(panel, thickness=0.0) for panel in made.detector.panels]
    windows = [around if k == number else corner for k in range(len(panels))]
    still = Sampling(phi=made.sampling.phi + (made.sampling.oscillation or 0.0) / 2.0, oversample=4, roi=windows)
    crystal = replace(made.crystal, cells=(8, 8, 8), shape="gauss", default_F=100.0)
    result = simulate(replace(made, crystal=crystal, sampling=still, detector=replace(made.detector, panels=panels)))
    image = result.panels[number]
    slows, fasts = np.nonzero(image > 0.05 * image.max())
    centre = np.average([fasts + 0.5, slows + 0.5], axis=1, weights=image[slows, fasts])
    # spots are two pixels wide; obliquity and the curvature of the sphere favour one side a little
    assert centre == pytest.approx((fast, slow), abs=0.15)


def test_an_image_that_turns_backwards_ends_where_the_next_begins():
    axis = (0.6, 0.0, 0.8)
    scene = sweep(goniometer=Goniometer(axis), scan=Scan(10.0, -0.5, images=3),
                  crystal=CrystalModel(np.diag([0.01, 0.02, 0.03])))  # fmt: skip
    models = [lower(experiment_of(scene, image)) for image in range(3)]
    for image, model in enumerate(models):
        assert in_the_middle(model) == pytest.approx(lattice_in_lab(scene, image), abs=1e-15)
    for before, after in pairwise(models):
        assert before.phi_start + before.phi.range == pytest.approx(after.phi_start, abs=1e-12)
        assert before.phi.step <= np.radians(LARGEST_STEP) * (1.0 + 1e-12)


def scene_with(**fields) -> Scene:
    """A still with a crystal."""
    return replace(sweep(goniometer=None, scan=None, crystal=CrystalModel(np.eye(3) / 50.0)), **fields)


def test_photons_follow_from_flux_and_exposure_where_both_are_known():
    both = experiment_of(scene_with(flux=1e12, exposure=0.25))
    assert lower(both).fluence == pytest.approx(1e12 * 0.25 / 1e-8)
    for known in ({"flux": 0.0, "exposure": 0.25}, {"flux": 1e12, "exposure": 0.0}):
        assert lower(experiment_of(scene_with(**known))).fluence == Beam().fluence


def test_a_file_without_polarization_makes_an_image_without_it():
    assert not experiment_of(scene_with(polarization_fraction=None)).beam.polarization


def test_experiments_go_to_dials_and_back(tmp_path):
    model = simulation(phi=10.0, oscillation=0.5, phi_steps=25)
    model.experiment.to_dials(tmp_path / "truth.expt")
    again = lower(Experiment.from_dials(tmp_path / "truth.expt"))
    before, after = scene_of(model), scene_of(again)
    assert lattice_in_lab(after) == pytest.approx(lattice_in_lab(before), abs=1e-15)
    assert after.panels[0].origin == pytest.approx(before.panels[0].origin, abs=1e-12)
    assert after.scan == before.scan
    assert again.fluence == pytest.approx(model.fluence)
    assert again.experiment.beam.kahn_factor == pytest.approx(0.8)


def test_panels_with_their_own_lab_frame_keep_their_pixels(tmp_path):
    made = Experiment.from_dials(DIALS / "still_flat.expt")
    made.to_dials(tmp_path / "again.expt")
    again = Experiment.from_dials(tmp_path / "again.expt")
    # the beam of that file is 2 mrad off; what is written has it along -z, and everything turned with it
    assert again.detector.frame.beam == (0.0, 0.0, -1.0)
    (before,), (after,) = made.detector.panels, again.detector.panels
    # by as much as the beam is off, and no more
    assert np.linalg.norm(np.subtract(after.origin, before.origin)) < 0.0023 * np.linalg.norm(before.origin)
    for hkl in ((7, -18, 18), (-6, -22, 5)):
        places = []
        for one in (made, again):
            ray = np.array(one.detector.frame.beam) + one.crystal.reciprocal_matrix @ hkl
            places.append(ray_pixel(one.detector.panels[0], ray))
        assert places[0] == pytest.approx(places[1], abs=1e-9)


def test_an_experiment_of_many_that_lacks_a_crystal_is_refused_only_when_it_is_asked_for(tmp_path):
    data = json.loads((DIALS / "stills_hierarchy_two_crystals.expt").read_text())
    del data["experiment"][0]["crystal"]
    (tmp_path / "x.expt").write_text(json.dumps(data))
    assert Experiment.from_dials(tmp_path / "x.expt", 1).crystal.reciprocal_matrix is not None
    with pytest.raises(InputFileError, match=r"x\.expt: experiment 0 has no crystal: index the images first"):
        Experiment.from_dials(tmp_path / "x.expt", 0)


def test_experiments_share_the_panels_of_one_detector():
    first, second = read_expt(DIALS / "stills_hierarchy_two_crystals.expt")
    assert first.scene.panels is second.scene.panels


@pytest.mark.parametrize(("arguments", "message"), [
    (("still_flat", 1), r"still_flat\.expt: experiment=1: there is only 0"),
    (("stills_hierarchy_two_crystals", 2), r"experiment=2: there are 2, from 0 to 1"),
    (("still_flat", -1), "experiment=-1: there is only 0"),
    (("still_flat", 0, 1), "image=1: a still has only image 0"),
    (("sweep_tilted_setting", 0, 10), "image=10: there are 10, from 0 to 9"),
    (("sweep_tilted_setting", 0, -1), "image=-1: there are 10, from 0 to 9"),
    (("still_flat", 0, 0.5), "image must be a whole number, not 0.5"),
    (("still_flat", "0"), "experiment must be a whole number, not '0'"),
])  # fmt: skip
def test_what_is_not_there_is_refused(arguments, message):
    name, *numbers = arguments
    with pytest.raises(UsageError, match=message):
        Experiment.from_dials(DIALS / f"{name}.expt", *numbers)


def test_a_curved_detector_can_t_be_written(tmp_path):
    model = simulation(detector={"curved": True})
    with pytest.raises(UsageError, match="no file can describe a curved detector"):
        model.experiment.to_dials(tmp_path / "x.expt")
    assert not list(tmp_path.iterdir())


def test_an_experiment_list_has_the_suffix_of_one(tmp_path):
    with pytest.raises(UsageError, match=r"x\.nxs: an experiment list of DIALS has the suffix \.expt"):
        simulation().experiment.to_dials(tmp_path / "x.nxs")


def test_a_scene_of_many_panels_becomes_a_detector_of_them(tmp_path):
    write_expt(tmp_path / "x.expt", [DialsExperiment(scene_with(panels=four_panels()))])
    made = Experiment.from_dials(tmp_path / "x.expt")
    assert made.detector.panels == four_panels()
    assert made.crystal == Crystal(reciprocal_matrix=np.eye(3) / 50.0 * 1.1)
    assert UnitCell(50.0).a == pytest.approx(lower(made).lattice.lengths[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["beam"][0].update(polarization_fraction=3.0), "polarization_fraction is 3.0: a share lies"),
        (lambda data: data["detector"][0]["panels"][0].update(thickness=-1.0), "thickness must be a number of zero or"),
        (lambda data: data["experiment"][0].update(detector=-1), "an experiment has detector -1, but the list holds 1"),
        (lambda data: data["experiment"][0].update(crystal=5), "an experiment has crystal 5, but the list holds 1"),
    ],
)
def test_impossible_entries_are_named(tmp_path, change, message):
    data = json.loads((DIALS / "still_flat.expt").read_text())
    change(data)
    (tmp_path / "x.expt").write_text(json.dumps(data))
    with pytest.raises(InputFileError, match=f"x.expt: .*{message}"):
        Experiment.from_dials(tmp_path / "x.expt")


def test_a_flux_without_an_exposure_is_said_to_give_no_fluence(tmp_path):
    still = Experiment.from_dials(DIALS / "still_flat.expt")
    replace(still, beam=replace(still.beam, fluence=1e24)).to_dials(tmp_path / "x.expt")
    with pytest.warns(NbnumbaWarning, match="but no exposure, as stills do: the fluence is the default"):
        Experiment.from_dials(tmp_path / "x.expt")

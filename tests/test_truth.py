"""Ground truth: what every pixel sees, compared with traces of pixels, closed forms, and models that DIALS wrote."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from golden import GOLDEN_DATA
from scenes import four_panels, simulation

from nbnumba import Beam, Crystal, Detector, Experiment, LabFrame, Sampling, UnitCell, lower, simulate
from nbnumba.engine.truth import truth_of
from nbnumba.kernels.events import Domain, Source
from nbnumba.trace.record import record_pixels

CRYSTAL = Crystal(unit_cell=UnitCell(60.0, 70.0, 80.0, 95.0, 100.0, 105.0), misset=(10.0, 20.0, 30.0), default_F=100.0)


def recorded(model, slow, fast, panel=0):
    """q, 1/Å, and the nearest Miller indices of the last evaluation of a pixel, as the loop nest had them."""
    (trace,) = record_pixels(model, [(slow, fast)], panel=panel)
    source = [event for event in trace.events if isinstance(event, Source)][-1]
    domain = [event for event in trace.events if isinstance(event, Domain)][-1]
    return np.array([source.qx, source.qy, source.qz]) * 1e-10, np.array(domain[-3:])


def detector(kind):
    if kind == "panels":
        return Detector(panels=four_panels())
    frame = LabFrame("xds" if kind == "curved" else "mosflm")
    place = {"curved": True} if kind == "curved" else {"rotation": (5.0, -3.0, 8.0), "beam_center": (2.2, 3.5)}
    return Detector(frame=frame, pixel_size=0.2, pixels_fast=30, pixels_slow=40, **place)


@pytest.mark.parametrize("kind", ["plane", "curved", "panels"])
def test_pixels_see_what_their_traces_say(kind):
    # one subpixel, the pixel's centre, and one lattice, that of the middle of no rotation
    sampling = Sampling(phi=12.0, oversample=1)
    model = lower(Experiment(CRYSTAL, Beam(wavelength=1.1), detector(kind), sampling))
    truth = truth_of(model)
    assert truth.q.shape == (*model.image_shape, 3)
    for panel, seen in enumerate(truth.panels):
        slow, fast = model.shapes[panel]
        for pixel in ((0, 0), (slow // 2, fast // 3), (slow - 1, fast - 1)):
            q, hkl = recorded(model, *pixel, panel)
            assert seen.q[pixel] == pytest.approx(q, abs=1e-15)
            assert np.array_equal(seen.hkl[pixel], hkl)


def test_the_middle_subpixel_of_three_is_the_pixels_centre():
    fine, coarse = (truth_of(simulation(oversample=count)) for count in (3, 1))
    assert fine.q == pytest.approx(coarse.q, abs=1e-15)


def test_the_lattice_is_that_of_the_middle_of_the_rotation():
    turning = truth_of(simulation(phi=10.0, oscillation=4.0, phi_steps=3))
    still = truth_of(simulation(phi=12.0))
    assert np.array_equal(turning.hkl, still.hkl)
    assert np.array_equal(turning.q, still.q)
    assert (turning.hkl != truth_of(simulation(phi=10.0)).hkl).any()


def test_regions_of_interest_and_masks_make_no_difference():
    part = truth_of(simulation(roi=(3, 7, 2, 5)))
    assert np.array_equal(part.q, truth_of(simulation()).q)


def test_threads_make_no_difference():
    model = lower(Experiment(CRYSTAL, detector=Detector(pixels_fast=500, pixels_slow=400)))
    one, two = truth_of(model, 1), truth_of(model, 2)
    assert np.array_equal(one.q, two.q)
    assert np.array_equal(one.hkl, two.hkl)


def test_the_length_of_q_is_braggs():
    model = simulation()
    result = truth_of(model)
    # the middle of the pixel in the first corner: 2 sin θ/λ, from the distances alone
    geometry = model.geometry
    across = np.hypot(geometry.f_beam - 0.5 * geometry.pixel_size, geometry.s_beam - 0.5 * geometry.pixel_size)
    theta = np.arctan2(across, geometry.distance) / 2.0
    assert np.linalg.norm(result.q[0, 0]) == pytest.approx(2.0 * np.sin(theta) / 1.1, rel=1e-12)


@pytest.mark.parametrize("name", ["still_flat", "still_four_panels", "stills_hierarchy_two_crystals"])
def test_pixels_on_which_dials_predicts_spots_see_their_reflections(name):
    row = json.loads((GOLDEN_DATA / "dials" / "truth.json").read_text())[name][0]
    panels = truth_of(lower(Experiment.from_dials(GOLDEN_DATA / "dials" / f"{name}.expt"))).panels
    for spot in row["images"][0]["spots"]:
        fast, slow = (int(value) for value in spot["fast_slow_px"])
        assert panels[spot["panel"]].hkl[slow, fast].tolist() == spot["hkl"]


def test_a_result_brings_its_truth():
    experiment = Experiment(CRYSTAL, detector=Detector(panels=four_panels()), sampling=Sampling(oversample=1))
    result = simulate(experiment)
    truth = result.truth()
    assert [panel.q.shape for panel in truth.panels] == [(*image.shape, 3) for image in result.panels]
    assert truth.q.dtype == np.float64
    assert truth.hkl.dtype == np.int32
    assert np.array_equal(truth.q, truth_of(lower(replace(experiment, physics="exact"))).q)

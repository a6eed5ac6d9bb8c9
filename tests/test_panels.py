"""A detector of many panels is rendered in one go, each panel as it would be alone."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy import ndimage

from nbnumba import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    LabFrame,
    NbnumbaWarning,
    Panel,
    Sampling,
    Sensor,
    StructureFactors,
    UnitCell,
    UsageError,
    lower,
    simulate,
)
from nbnumba.config.detector import DIALS_LAB
from nbnumba.setup.panels import assemble
from nbnumba.trace.record import record_pixels, trace_lines

FACTORS = StructureFactors(np.random.default_rng(1).uniform(1.0, 300.0, (41, 41, 41)), -20, -20, -20)
CRYSTAL = Crystal(
    unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), cells=(5, 5, 5), structure_factors=FACTORS, default_F=7.0,
    mosaic_spread=1.0, mosaic_domains=3,
)  # fmt: skip
SAMPLING = Sampling(oversample=1)


def rotation(axis: int, degrees: float) -> np.ndarray:
    """About x, y or z."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    i, j = ((1, 2), (2, 0), (0, 1))[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = cosine
    matrix[i, j], matrix[j, i] = -sine, sine
    return matrix


def panel(number: int, size=(37, 29), **more) -> Panel:
    """One of a row of tilted panels 60 mm behind the sample."""
    turn = rotation(1, 4.0 * number - 6.0) @ rotation(2, 3.0 * number)
    origin = turn @ np.array([-30.0 + 16.0 * number, 5.0, -60.0])
    return Panel(
        origin=tuple(origin), fast=tuple(turn @ (1.0, 0.0, 0.0)), slow=tuple(turn @ (0.0, -1.0, 0.0)),
        pixel_size=(0.4, 0.4), image_size=size, name=f"p{number}", **more,
    )  # fmt: skip


def alone(one: Panel, sensor: Sensor | None = None) -> Detector:
    """A panel as nanoBragg's plane, placed by its first pixel."""
    frame = dataclasses.replace(DIALS_LAB, fdet=one.fast, sdet=one.slow, odet=tuple(np.cross(one.fast, one.slow)))
    return Detector(
        frame=frame, pixel_size=one.pixel_size[0], pixels_fast=one.image_size[0], pixels_slow=one.image_size[1],
        pix0=tuple(x / 1000.0 for x in one.origin), mask=one.mask, sensor=sensor or Sensor(),
    )  # fmt: skip


MASK = np.ones((29, 37), dtype=bool)
MASK[3:9, 5:20] = False
PANELS = (panel(0), panel(1, mask=MASK), panel(2, size=(20, 50)), panel(3))


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_every_panel_is_the_image_that_it_would_be_alone(engine):
    together = simulate(Experiment(CRYSTAL, Beam(), Detector(panels=PANELS), SAMPLING), engine)
    for number, one in enumerate(PANELS):
        image = simulate(Experiment(CRYSTAL, Beam(), alone(one), SAMPLING), engine).image
        # the same numbers but for the corner, which comes in m where the panel's is in mm
        np.testing.assert_allclose(together.panels[number], image, rtol=2e-5, atol=1e-6 * image.max())
    assert [image.shape for image in together.panels] == [(29, 37), (29, 37), (50, 20), (29, 37)]
    assert not together.panels[1][~MASK].any()
    assert together.panels[1][MASK].all()


def test_engines_agree_and_threads_do_not_matter():
    experiment = Experiment(CRYSTAL, Beam(), Detector(panels=PANELS), Sampling(oversample=2))
    one, two = (simulate(experiment, "cpu", threads=n).image for n in (1, 2))
    assert np.array_equal(one, two)
    np.testing.assert_allclose(one, simulate(experiment, "reference").image, rtol=1e-6)  # the bar of golden images


def test_a_region_of_interest_of_each_panel_is_its_crop():
    regions = ((2, 9, 3, 7), None, (-1, 5, -1, -1), (30, 36, 20, 28))
    whole = simulate(Experiment(CRYSTAL, Beam(), Detector(panels=PANELS), SAMPLING), "cpu").panels
    sampling = dataclasses.replace(SAMPLING, roi=regions)
    part = simulate(Experiment(CRYSTAL, Beam(), Detector(panels=PANELS), sampling), "cpu").panels
    for region, all_of_it, some in zip(regions, whole, part, strict=True):
        expected = np.zeros_like(all_of_it)
        fast_min, fast_max, slow_min, slow_max = (-1, -1, -1, -1) if region is None else region
        crop = np.s_[max(slow_min, 0) : slow_max + 1 if slow_max >= 0 else None,
                     max(fast_min, 0) : fast_max + 1 if fast_max >= 0 else None]  # fmt: skip
        expected[crop] = all_of_it[crop]
        assert np.array_equal(some, expected)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_sensors_of_panels_absorb_as_their_own_thickness_says(engine):
    thin = panel(0, thickness=0.1, mu=3.0)
    thick = dataclasses.replace(panel(2), thickness=0.45, mu=3.0)
    crystal = dataclasses.replace(CRYSTAL, cells=(1, 1, 1), structure_factors=None, mosaic_spread=None)
    bare = simulate(Experiment(crystal, Beam(), Detector(panels=[panel(0), panel(2)]), SAMPLING), engine)
    sensors = Detector(panels=[thin, thick], sensor=Sensor(layers=3))
    both = simulate(Experiment(crystal, Beam(), sensors, SAMPLING), engine)
    for one, before, after in zip((thin, thick), bare.panels, both.panels, strict=True):
        ratio = after / before
        # the absorbed fraction at normal incidence, and up to 20 % more for rays at 35 degrees
        least = 1.0 - math.exp(-one.thickness * one.mu)
        assert least * 0.985 < ratio.min() < ratio.max() < 1.2 * least


def test_pixels_may_be_oblong():
    tall = dataclasses.replace(PANELS[0], pixel_size=(0.4, 0.8), image_size=(37, 14))
    crystal = dataclasses.replace(CRYSTAL, cells=(1, 1, 1), structure_factors=None, mosaic_spread=None)
    fine, coarse = (
        simulate(Experiment(crystal, Beam(), Detector(panels=[one]), Sampling(oversample=2)), "cpu").panels[0]
        for one in (PANELS[0], tall)
    )
    pairs = fine[:28].reshape(14, 2, 37).sum(axis=1)
    # solid angle and polarization vary by (0.4/60)² between the rules
    np.testing.assert_allclose(coarse, pairs, rtol=2e-4)


def test_a_slab_stacks_equal_panels_and_refuses_others():
    equal = simulate(Experiment(CRYSTAL, Beam(), Detector(panels=[panel(0), panel(3)]), SAMPLING), "cpu")
    assert np.array_equal(equal.slab(), np.concatenate(equal.panels))
    with pytest.raises(UsageError, match="panels of 2 sizes make no slab"):
        simulate(Experiment(CRYSTAL, Beam(), Detector(panels=PANELS), SAMPLING), "cpu").slab()


def test_the_assembled_image_shows_every_panel_once():
    result = simulate(Experiment(CRYSTAL, Beam(), Detector(panels=[panel(0), panel(3)]), SAMPLING), "cpu")
    seen = result.assembled()
    shown = seen[~np.isnan(seen)]
    # tilted by at most 6 degrees, so that hardly a pixel hides another
    assert 0.97 * 2 * 37 * 29 < shown.size <= 2 * 37 * 29
    assert shown.max() == result.image.max()


def flat_model(*panels: Panel):
    """Panels of pixels of 0.1 mm, ready to be looked at."""
    return lower(Experiment(CRYSTAL, Beam(), Detector(panels=panels), SAMPLING))


def flat_panel(x: float, turn: float = 0.0, size=(4, 3)) -> Panel:
    """A panel square to the beam, x in pixels, turned by some degrees."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return Panel(origin=(0.1 * x, 0.0, -100.0), fast=(c, s, 0.0), slow=(s, -c, 0.0), pixel_size=(0.1, 0.1),
                 image_size=size)  # fmt: skip


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5, 2.5, 7.25])
def test_panels_that_are_fractions_of_a_pixel_apart_are_shown_without_holes(shift):
    images = [np.arange(12.0).reshape(3, 4), np.arange(12.0, 24.0).reshape(3, 4)]
    seen = assemble(flat_model(flat_panel(0.0), flat_panel(4.0 + shift)), images, -1.0)
    start = 4 + int(shift)
    assert np.array_equal(seen[:, :4], images[0])
    assert np.array_equal(seen[:, start : start + 4], images[1])
    assert (np.delete(seen, [0, 1, 2, 3, *range(start, start + 4)], axis=1) == -1.0).all()


def test_a_turned_panel_is_shown_without_holes():
    images = [np.zeros((3, 4)), np.ones((30, 40))]
    seen = assemble(flat_model(flat_panel(-60.0), flat_panel(0.0, 30.0, (40, 30))), images, -1.0)
    # as much of the page as the panel is large, but for pixels along its edge of 140
    assert (seen == 1.0).sum() == pytest.approx(1200, abs=70)
    assert np.array_equal(ndimage.binary_fill_holes(seen == 1.0), seen == 1.0)


def test_the_frame_of_panels_is_that_of_dials_unless_another_one_is_given():
    detector = Detector(panels=PANELS)
    assert lower(Experiment(CRYSTAL, Beam(), detector)).geometry.beam == (0.0, 0.0, -1.0)
    xds = Detector(panels=PANELS, frame=LabFrame(convention="xds"))
    assert lower(Experiment(CRYSTAL, Beam(), xds)).geometry.beam == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("fields", "message"), [
    ({"distance": 90.0}, "Detector.distance belongs to nanoBragg's one plane"),
    ({"mask": np.ones((3, 3), dtype=np.uint16)}, "Detector.mask belongs to nanoBragg's one plane"),
    ({"curved": True}, "Detector.curved belongs to nanoBragg's one plane"),
    ({"sensor": Sensor(thickness=300.0)}, "each panel has a thickness and mu of its own"),
])  # fmt: skip
def test_what_places_the_one_plane_does_not_go_with_panels(fields, message):
    with pytest.raises(UsageError, match=message):
        Detector(panels=PANELS, **fields)


@pytest.mark.parametrize("panels", [[], [1.0], "no"])
def test_panels_are_panels(panels):
    with pytest.raises(UsageError, match="Detector.panels must be panels, one or more"):
        Detector(panels=panels)


def test_some_sensors_with_and_some_without_thickness_are_refused():
    with pytest.raises(UsageError, match="some panels have a sensor"):
        lower(Experiment(CRYSTAL, Beam(), Detector(panels=[panel(0), panel(1, thickness=0.3, mu=3.0)])))


def test_a_region_for_each_panel_is_needed():
    with pytest.raises(UsageError, match="give one region for each of the 4 panels"):
        lower(Experiment(CRYSTAL, Beam(), Detector(panels=PANELS), Sampling(roi=(1, 2, 3, 4))))


def test_panels_that_hide_others_or_stand_upstream_are_warned_of():
    twice = dataclasses.replace(PANELS[0], name="again")
    with pytest.warns(NbnumbaWarning, match=r"panel 0 \(p0\) and panel 1 \(again\) overlap as seen from the sample"):
        simulate(Experiment(CRYSTAL, Beam(), Detector(panels=[PANELS[0], twice]), SAMPLING), "cpu")
    behind = dataclasses.replace(PANELS[0], origin=(0.0, 0.0, 60.0))
    with pytest.warns(NbnumbaWarning, match=r"panel 0 \(p0\) stands upstream of the sample"):
        simulate(Experiment(CRYSTAL, Beam(), Detector(panels=[behind]), SAMPLING), "cpu")


def test_a_trace_of_a_panels_pixel_ends_in_its_photons():
    experiment = Experiment(CRYSTAL, Beam(kahn_factor=0.9), Detector(panels=PANELS), Sampling(oversample=2))
    result = simulate(experiment, "reference")
    (trace,) = record_pixels(result.model, [(20, 11)], panel=2)
    assert trace.photons == result.panels[2][20, 11]
    lines = list(trace_lines(result.model, [trace]))
    assert lines.index("TRACE_PY: pixel 20 11") == lines.index("TRACE_PY: panel 2") + 1
    with pytest.raises(UsageError, match="there is no panel 4; the detector has 4"):
        list(record_pixels(result.model, [(20, 11)], panel=4))

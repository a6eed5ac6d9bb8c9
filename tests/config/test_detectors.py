"""Detectors by name: sizes from modules and gaps, panels before the sample."""

from __future__ import annotations

import numpy as np
import pytest

from nbnumba import Detector
from nbnumba.config.detectors import DETECTORS, detector_model, detector_panels, measuring_pixels
from nbnumba.errors import UsageError
from nbnumba.setup.panels import lab_position, ray_pixel

PUBLISHED_SIZES = {
    "pilatus-100k": (487, 195), "pilatus-300k": (487, 619), "pilatus-300k-w": (1475, 195), "pilatus-1m": (981, 1043),
    "pilatus-2m": (1475, 1679), "pilatus-6m": (2463, 2527),
    "eiger-500k": (1030, 514), "eiger-1m": (1030, 1065), "eiger-4m": (2070, 2167), "eiger-9m": (3110, 3269),
    "eiger-16m": (4150, 4371),
    "eiger2-500k": (1028, 512), "eiger2-1m": (1028, 1062), "eiger2-4m": (2068, 2162), "eiger2-9m": (3108, 3262),
    "eiger2-16m": (4148, 4362),
    "jungfrau-4m": (2068, 2164), "jungfrau-16m": (4144, 4364),
}  # fmt: skip
"""Pixels along fast and slow as the makers state them; of the JUNGFRAU 16M as its modules and gaps give them."""

ACTIVE_EDGES = {
    "rayonix-mx170-hs": 170.0, "rayonix-mx225": 225.0, "rayonix-mx225-hs": 225.0, "rayonix-mx300": 300.0,
    "rayonix-mx300-hs": 300.0, "rayonix-mx325": 325.0, "rayonix-mx340-hs": 340.0,
}  # fmt: skip
"""mm; they give the detectors their names."""


def test_every_detector_has_the_size_that_its_maker_states():
    assert {name: model.image_size for name, model in DETECTORS.items() if name in PUBLISHED_SIZES} == PUBLISHED_SIZES
    assert DETECTORS.keys() == PUBLISHED_SIZES.keys() | ACTIVE_EDGES.keys()


@pytest.mark.parametrize("name", ACTIVE_EDGES)
def test_a_phosphor_is_as_wide_as_its_name_says(name):
    model = detector_model(name)
    # pixel sizes are stated to 0.1 µm, of which there are up to 4096
    assert model.image_size[0] * model.pixel_size == pytest.approx(ACTIVE_EDGES[name], abs=0.05)


@pytest.mark.parametrize("name", sorted(PUBLISHED_SIZES))
def test_modules_and_gaps_fill_the_image(name):
    model = detector_model(name)
    corners = model.module_corners()
    assert len(corners) == model.modules[0] * model.modules[1]
    assert corners[0] == (0, 0)
    assert tuple(np.add(corners[-1], model.module_size)) == model.image_size


def test_gaps_are_masked_and_nothing_else():
    (panel,) = detector_panels("pilatus-6m", 200.0)
    assert panel.mask.sum() == 5 * 12 * 487 * 195
    assert panel.mask[:195, :487].all()
    assert not panel.mask[:, 487:494].any()
    assert not panel.mask[195:212].any()
    assert panel.mask[212, 494]


def test_a_single_module_has_no_mask():
    assert detector_panels("eiger2-500k", 100.0)[0].mask is None


def test_the_beam_meets_the_middle_or_where_it_is_told_to():
    (middle,) = detector_panels("eiger2-16m", 150.0)
    assert ray_pixel(middle, (0, 0, -1)) == pytest.approx((2074.0, 2181.0), abs=1e-9)
    (off,) = detector_panels("EIGER2 16M", 150.0, beam_centre=(155.5875, 163.6125))
    assert ray_pixel(off, (0, 0, -1)) == pytest.approx((2074.5, 2181.5), abs=1e-9)
    assert off.origin == pytest.approx((-155.5875, 163.6125, -150.0))


def test_chips_of_a_jungfrau_are_panels_without_their_wide_pixels():
    panels = detector_panels("jungfrau-16m", 100.0)
    assert len(panels) == 256
    assert {panel.image_size for panel in panels} == {(254, 254)}
    assert len({panel.name for panel in panels}) == 256
    # neighbours in a module: 254 pixels and the two double ones between them
    assert panels[1].origin[0] - panels[0].origin[0] == pytest.approx(258 * 0.075)
    assert panels[4].origin[1] - panels[0].origin[1] == pytest.approx(-258 * 0.075)
    # neighbouring modules: 1030 pixels and a gap of 8, 514 and a gap of 36
    assert panels[8].origin[0] - panels[0].origin[0] == pytest.approx(1038 * 0.075)
    assert panels[32].origin[1] - panels[0].origin[1] == pytest.approx(-550 * 0.075)


def test_no_two_panels_overlap():
    panels = detector_panels("jungfrau-4m", 100.0)
    corners = np.array([[lab_position(panel, pixel)[:2] for pixel in ((0, 0), panel.image_size)] for panel in panels])
    low, high = corners.min(axis=1), corners.max(axis=1)
    apart = ((low[:, None] >= high[None]) | (high[:, None] <= low[None])).any(axis=-1)
    assert (apart | np.eye(len(panels), dtype=bool)).all()


@pytest.mark.parametrize("name", ["PILATUS 6M", "pilatus_6m", " Pilatus-6M "])
def test_names_are_taken_in_any_spelling(name):
    assert detector_model(name).name == "PILATUS 6M"


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"unknown detector 'pilatus-7m': did you mean pilatus-\dm, pilatus-\dm"):
        detector_model("pilatus-7m")


def test_a_detector_before_the_sample_is_refused():
    with pytest.raises(UsageError, match="distance is -5.0: the detector must stand behind the sample"):
        detector_panels("pilatus-1m", -5.0)


@pytest.mark.parametrize("name", ["jungfrau-4m", "pilatus-6m", "eiger-500k"])
def test_the_pixels_of_the_whole_grid_that_measure_are_those_of_the_panels(name):
    model, panels = detector_model(name), detector_panels(name, 100.0, beam_centre=(0.0, 0.0))
    mask = measuring_pixels(model)
    mask = np.ones(model.image_size[::-1], dtype=bool) if mask is None else mask
    expected = np.zeros_like(mask)
    for panel in panels:
        fast, slow = round(panel.origin[0] / model.pixel_size), round(-panel.origin[1] / model.pixel_size)
        columns, rows = panel.image_size
        expected[slow : slow + rows, fast : fast + columns] = True if panel.mask is None else panel.mask
    assert np.array_equal(mask, expected)


def test_a_detector_is_had_by_its_name():
    named = Detector.named("eiger-4m", distance=120.0, beam_centre=(70.0, 80.0))
    assert named.panels == detector_panels("eiger-4m", 120.0, (70.0, 80.0))


@pytest.mark.parametrize(("arguments", "message"), [
    ({"name": 5, "distance": 200.0}, "name must be that of a detector, such as eiger-16m, not 5"),
    ({"name": "pilatus-6m", "distance": "far"}, "distance must be a number, not 'far'"),
    ({"name": "pilatus-6m", "distance": float("nan")}, "distance must be a number"),
    ({"name": "pilatus-6m", "distance": 200.0, "beam_centre": 3}, "beam_centre must be two values"),
    ({"name": "pilatus-6m", "distance": 200.0, "beam_centre": (1, 2, 3)}, "beam_centre must be two values"),
])  # fmt: skip
def test_what_places_no_detector_is_one_line(arguments, message):
    with pytest.raises(UsageError, match=message):
        Detector.named(**arguments)

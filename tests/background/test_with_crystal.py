"""Background beside spots: sums, regions, masks, panels, engines, and what a renderer keeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scene import FLAT

from nbnumba import (
    Background,
    Beam,
    Crystal,
    Detector,
    Experiment,
    Panel,
    RadialCurve,
    Renderer,
    Sampling,
    UnitCell,
    UsageError,
    simulate,
)
from nbnumba.engine.background import HostBackgrounds

WATER, AIR = Background.water(0.1), Background.air(5.0)
CRYSTAL = Crystal(unit_cell=UnitCell(40.0, 50.0, 60.0), cells=(5, 5, 5), default_F=100.0, shape="gauss")
MASK = np.ones((41, 53), dtype=bool)
MASK[7:13, 20:22] = False
SPOTS = Experiment(
    crystal=CRYSTAL, beam=Beam(fluence=1e22, kahn_factor=0.9),
    detector=Detector(pixels_fast=53, pixels_slow=41, pixel_size=1.0, distance=80.0, rotation=(3.0, -4.0, 5.0),
                      mask=MASK),
    sampling=Sampling(oversample=2, roi=(3, 49, 2, 39)),
)  # fmt: skip


def image(experiment: Experiment, engine: str = "cpu", **options) -> np.ndarray:
    """float64 photons."""
    return simulate(experiment, engine, dtype=np.float64, **options).image


def test_the_image_is_the_sum_of_spots_and_materials():
    together = image(replace(SPOTS, background=(WATER, AIR)))
    alone = [image(replace(SPOTS, crystal=Crystal(), background=material)) for material in (WATER, AIR)]
    assert all(photons.max() > 0.0 for photons in alone)
    np.testing.assert_allclose(together, image(SPOTS) + sum(alone), rtol=1e-14)


def test_what_is_masked_or_outside_of_the_region_stays_dark():
    alone = image(replace(SPOTS, crystal=Crystal(), background=WATER))
    lit = np.zeros(alone.shape, dtype=bool)
    lit[2:40, 3:50] = True
    assert np.array_equal(alone > 0.0, lit & MASK)


@pytest.mark.parametrize("physics", ["exact", "nanobragg"])
@pytest.mark.parametrize("curved", [False, True])
def test_engines_agree(physics, curved):
    experiment = replace(
        SPOTS, background=(WATER, AIR), physics=physics,
        detector=replace(SPOTS.detector, rotation=(0.0, 0.0, 0.0), curved=curved),
    )
    # the engines' exponentials and divisions differ in the last digits
    np.testing.assert_allclose(image(experiment), image(experiment, "reference"), rtol=1e-11)


def test_float32_images_are_those_of_float64_rounded():
    experiment = replace(SPOTS, background=WATER)
    # the spots are rounded, then the sum
    np.testing.assert_allclose(simulate(experiment, "cpu").image, image(experiment), rtol=2e-7)


def test_panels_of_different_sizes_get_what_one_of_them_gets_alone():
    panels = (
        Panel((-30.0, 20.0, -80.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.5, 0.5), (50, 31)),
        Panel((5.0, 20.0, -90.0), (0.8, 0.0, 0.6), (0.0, -1.0, 0.0), (1.0, 0.7), (37, 29)),
        Panel((-30.0, -5.0, -70.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.5), (11, 7)),
    )
    whole = replace(SPOTS, detector=Detector(panels=panels), background=(WATER,), sampling=Sampling(oversample=1))
    images = simulate(whole, "cpu", dtype=np.float64).panels
    for panel, photons in zip(panels, images, strict=True):
        alone = simulate(replace(whole, detector=Detector(panels=(panel,))), "cpu", dtype=np.float64).panels[0]
        np.testing.assert_allclose(photons, alone, rtol=1e-13)


def test_a_crystal_that_scatters_nothing_is_as_good_as_none():
    nothing = replace(SPOTS, crystal=replace(CRYSTAL, default_F=0.0), background=WATER)
    assert np.array_equal(image(nothing), image(replace(nothing, crystal=Crystal())))
    with pytest.raises(UsageError, match="no unit cell"):
        image(replace(SPOTS, crystal=Crystal()))


@pytest.fixture
def made(monkeypatch):
    """Every image of a molecule that is made."""
    curves = []
    make = HostBackgrounds.make

    def counted(self, params, curve):
        curves.append(curve)
        return make(self, params, curve)

    monkeypatch.setattr(HostBackgrounds, "make", counted)
    return curves


def test_a_second_image_of_the_same_geometry_evaluates_nothing(made):
    with Renderer("cpu") as renderer:
        first = renderer.render(replace(SPOTS, background=(WATER, AIR)), np.float64).image
        assert len(made) == 2
        turned = replace(CRYSTAL, misset=(10.0, 20.0, 30.0), cells=(3, 3, 3))
        thicker = (Background.water(0.2), Background.air(20.0), Background.water(0.05))
        other = replace(SPOTS, crystal=turned, background=thicker, beam=replace(SPOTS.beam, fluence=3e22))
        second = renderer.render(other, np.float64).image
        assert len(made) == 2
    alone = [
        image(replace(other, background=())), image(replace(SPOTS, crystal=Crystal(), background=WATER)),
        image(replace(SPOTS, crystal=Crystal(), background=AIR)),
    ]  # fmt: skip
    np.testing.assert_allclose(second, alone[0] + 3.0 * (2.5 * alone[1] + 4.0 * alone[2]), rtol=1e-13)
    assert first.max() > 0.0


@pytest.mark.parametrize("change", [
    {"beam": replace(SPOTS.beam, wavelength=1.01)},
    {"beam": replace(SPOTS.beam, kahn_factor=0.8)},
    {"detector": replace(SPOTS.detector, distance=81.0)},
    {"detector": replace(SPOTS.detector, mask=None)},
    {"sampling": replace(SPOTS.sampling, oversample=1)},
    {"background": Background(RadialCurve([0.0, 1.0], [3.0, 3.1]), 0.1, 1.0, 18.0)},
])  # fmt: skip
def test_another_geometry_or_curve_is_evaluated_anew(change, made):
    before = replace(SPOTS, background=Background(FLAT, 0.1, 1.0, 18.0))
    after = replace(before, **change)
    with Renderer("cpu") as renderer:
        renderer.render(before)
        changed = renderer.render(after, np.float64).image
    assert len(made) == 2
    assert np.array_equal(changed, image(after))


def test_after_an_image_with_a_background_comes_one_without():
    with Renderer("cpu") as renderer:
        renderer.render(replace(SPOTS, background=WATER))
        without = renderer.render(SPOTS, np.float64).image
    assert np.array_equal(without, image(SPOTS))


def test_pixels_that_a_carried_state_renders_twice_get_their_background_once():
    # the first evaluation of a scan from spindle angle 0 sees another lattice (quirk phi-carryover)
    scan = Sampling(phi=0.0, oscillation=10.0, phi_steps=3, oversample=1)
    experiment = replace(SPOTS, sampling=scan, physics="nanobragg", detector=replace(SPOTS.detector, mask=None))
    alone = image(replace(experiment, crystal=Crystal(), background=WATER))
    np.testing.assert_allclose(image(replace(experiment, background=WATER)), image(experiment) + alone, rtol=1e-13)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Background.water(0.0), "Background.thickness must be a number above zero, not 0.0"),
    (lambda: Background.named("milk", 1.0), "must be one of air, water, not 'milk'"),
    (lambda: Background("water", 1.0, 1.0, 18.0), "Background.curve must be a RadialCurve, not 'water'"),
    (lambda: Experiment(background="water"), "Experiment.background must be a Background, or a sequence of them"),
    (lambda: Experiment(background=[3]), "Experiment.background must be a Background, or a sequence of them"),
    (lambda: image(replace(SPOTS, background=WATER, beam=Beam(size=-1.0))), r"Beam.size=-1: the volume of a backgro"),
    (lambda: image(replace(SPOTS, background=WATER, beam=Beam(size=0.0))), r"Beam.size=0: the volume of a backgro"),
])  # fmt: skip
def test_bad_descriptions_are_refused_in_a_line(make, message):
    with pytest.raises(UsageError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


def test_descriptions_are_equal_by_content():
    assert Background.water(0.1) == WATER
    assert len({Background.water(0.1), WATER, AIR}) == 2
    assert Background.water(0.2) != WATER


def test_many_images_side_by_side_are_those_made_alone(made):
    # thicknesses and crystals change, threads share the images of molecules
    experiments = [
        replace(
            SPOTS, crystal=replace(CRYSTAL, misset=(angle, 0.0, 0.0)), background=(Background.water(0.1 + angle), AIR)
        )
        for angle in np.linspace(0.0, 1.0, 8)
    ]  # fmt: skip
    with Renderer("cpu", threads=2) as renderer:
        images = [result.image for result in renderer.render_many(experiments, np.float64)]
    assert len(made) == 2
    for experiment, together in zip(experiments, images, strict=True):
        assert np.array_equal(together, image(experiment))

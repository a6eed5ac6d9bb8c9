"""Pixels as a function of parameters: equal to images, and their derivatives to differences of images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from refine.experiments import PANELS, experiment

from nbnumba import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    Physics,
    Sampling,
    Spectrum,
    Spread,
    UnitCell,
    simulate,
)
from nbnumba.errors import UsageError
from nbnumba.refine import PixelModel
from nbnumba.refine.registry import PARAMETERS

ENGINES = ["reference", "cpu"]
COUNT = 112
STEP = 5e-4
"""In units of each parameter's scale. Differences of fourth order are then right to 1e-9 of their largest."""

SOME = np.array([(p, s, f) for p in range(2) for s in range(7) for f in range(8)])[::4]
"""Pixels of both panels."""

SOURCES = np.array([[0.0, 0.0, 1.0, 1.0, 1.0], [0.01, 0.0, 1.0, 2.0, 1.02]])


def all_but(*left_out: str) -> list[str]:
    """Without amplitudes, which have a file of their own."""
    return [name for name in PARAMETERS if name not in (*left_out, "F")]


def differences(model: PixelModel, x: np.ndarray, number: int, step: float) -> np.ndarray:
    """Derivative by one parameter from four images."""
    d = np.zeros(len(x))
    d[number] = step
    return (8.0 * (model(x + d) - model(x - d)) - (model(x + 2 * d) - model(x - 2 * d))) / (12.0 * step)


def assert_derivatives(model: PixelModel, x: np.ndarray) -> None:
    """Compare where pixels are smooth: one that passes from one nearest reflection to another has a jump."""
    photons, jacobian = model.value_and_jacobian(x)
    for number, name in enumerate(model.names):
        ours, largest = jacobian[:, number], np.abs(jacobian[:, number]).max()
        near, wide = differences(model, x, number, STEP), differences(model, x, number, 3 * STEP)
        # images have some 15 digits, and the difference is divided by the step
        noise = 2e-15 * photons.max() / STEP
        smooth = np.abs(near - wide) < 5e-7 * largest + noise
        assert smooth.mean() > 0.5, name
        assert np.abs(ours - near)[smooth].max() < 1e-6 * largest + noise, name


@st.composite
def experiments(draw):
    isotropic = draw(st.booleans())
    return experiment(
        shape=draw(st.sampled_from(["gauss", "round", "square"])), interpolate=draw(st.booleans()),
        mosaic_spread=0.7 if isotropic else (0.5, 1.0, 1.5), layers=draw(st.sampled_from([1, 2])),
        oversample=draw(st.sampled_from([1, 2])), polarization=draw(st.booleans()),
        divergence=draw(st.sampled_from([Spread(), Spread(range=5.0, steps=2)])), point_pixel=draw(st.booleans()),
        dmin=draw(st.sampled_from([0.0, 4.0])), water=draw(st.sampled_from([0.0, 0.05])),
        distribution=draw(st.sampled_from(["gaussian", "ball"])),
    )  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(start=experiments(), seed=st.integers(0, 999))
def test_derivatives_are_those_of_images(engine, start, seed):
    square = start.crystal.shape.name == "SQUARE"
    random = np.random.default_rng(seed)
    parameters, background = all_but("N") if square else all_but(), random.uniform(0.0, 1.0, len(SOME))
    model = PixelModel(start, parameters, SOME, background=background, engine=engine, threads=1)
    x = model.start + random.uniform(-0.3, 0.3, len(model.start))
    assert_derivatives(model, x)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_list_of_sources_turns_and_shifts_with_the_beam(engine):
    start = experiment(sources=SOURCES)
    parameters = ["beam_direction", "wavelength_shift", "wavelength_scale", "orientation"]
    model = PixelModel(start, parameters, engine=engine)
    assert_derivatives(model, model.start + 0.2)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", ["gauss", "round", "square"])
@pytest.mark.parametrize("interpolate", [False, True])
def test_photons_are_those_of_the_image(engine, shape, interpolate):
    start = experiment(shape=shape, interpolate=interpolate, water=0.05)
    model = PixelModel(start, all_but("N", "background"), engine=engine)
    image = simulate(start, "reference", dtype=np.float64).image
    photons, _ = model.value_and_jacobian(model.start)
    # sums in another order; cells and orientation instead of missetting angles
    np.testing.assert_allclose(photons, image, rtol=0.0, atol=1e-12 * image.max())
    np.testing.assert_allclose(model(model.start), image, rtol=0.0, atol=1e-12 * image.max())


def test_the_experiment_of_a_vector_has_the_models_photons():
    model = PixelModel(experiment(), all_but("background"))
    x = model.start + np.random.default_rng(3).uniform(-0.5, 0.5, len(model.start))
    image = simulate(model.experiment(x), "cpu", dtype=np.float64).image
    np.testing.assert_allclose(model(x), image, rtol=0.0, atol=1e-12 * image.max())


@pytest.mark.parametrize("engine", ENGINES)
def test_the_pullback_is_the_transposed_jacobian(engine):
    model = PixelModel(experiment(), all_but(), background=np.ones(COUNT), engine=engine)
    x = model.start + 0.1
    photons, jacobian = model.value_and_jacobian(x)
    weights = np.random.default_rng(4).normal(size=COUNT)
    value, pullback = model.vjp(x)
    np.testing.assert_allclose(value, photons, rtol=1e-13)
    gradient = weights @ jacobian
    np.testing.assert_allclose(pullback(weights), gradient, rtol=0.0, atol=1e-12 * np.abs(gradient).max())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_list_of_pixels_in_any_order(engine):
    whole = PixelModel(experiment(), ["orientation", "origin"], engine=engine)
    chosen = np.random.default_rng(5).permutation(COUNT)[:70]
    model = PixelModel(experiment(), ["orientation", "origin"], whole.pixels[chosen], engine=engine)
    photons, jacobian = whole.value_and_jacobian(whole.start)
    ours, theirs = model.value_and_jacobian(model.start)
    # a pixel's neighbours in a block may be others
    np.testing.assert_allclose(ours, photons[chosen], rtol=1e-12)
    np.testing.assert_allclose(theirs, jacobian[chosen], rtol=0.0, atol=1e-12 * np.abs(jacobian).max())


def test_masked_pixels_and_those_outside_of_regions_are_left_out():
    mask = np.ones((7, 8))
    mask[2, 3] = 0
    detector = Detector(panels=[replace(PANELS[0], mask=mask), PANELS[1]])
    start = replace(experiment(), detector=detector)
    start = replace(start, sampling=replace(start.sampling, roi=(None, (1, 2, 3, 5))))
    model = PixelModel(start, ["scale"])
    assert len(model.pixels) == 55 + 6
    assert [0, 2, 3] not in model.pixels.tolist()
    with pytest.raises(UsageError, match=r"panel, slow, fast = \(0, 2, 3\) is masked; leave it out"):
        PixelModel(start, ["scale"], [(0, 2, 3)])


@pytest.mark.parametrize(("system", "cell", "free"), [
    ("monoclinic", (70.0, 80.0, 90.0, 90.0, 100.0, 90.0), ["a", "b", "c", "beta"]),
    ("orthorhombic", (70.0, 80.0, 90.0, 90.0, 90.0, 90.0), ["a", "b", "c"]),
    ("tetragonal", (70.0, 70.0, 90.0, 90.0, 90.0, 90.0), ["a", "c"]),
    ("hexagonal", (70.0, 70.0, 90.0, 90.0, 90.0, 120.0), ["a", "c"]),
    ("rhombohedral", (70.0, 70.0, 70.0, 80.0, 80.0, 80.0), ["a", "alpha"]),
    ("cubic", (70.0, 70.0, 70.0, 90.0, 90.0, 90.0), ["a"]),
])  # fmt: skip
def test_a_crystal_system_leaves_its_constants_free(system, cell, free):
    start = replace(experiment(), crystal=replace(experiment().crystal, unit_cell=UnitCell(*cell)))
    model = PixelModel(start, ["cell"], crystal_system=system)
    assert [name.removeprefix("cell.") for name in model.names] == free
    assert_derivatives(model, model.start + 0.1)


def test_nanobraggs_one_plane_becomes_a_panel_where_its_geometry_is_refined():
    start = Experiment(
        Crystal(unit_cell=UnitCell(70.0, 80.0, 90.0), cells=(5, 5, 5), shape="gauss", default_F=50.0),
        Beam(kahn_factor=0.5, dispersion=Spread(range=2.0, steps=3)),
        Detector(pixels_fast=9, pixels_slow=8, pixel_size=3.0, distance=80.0, twotheta=5.0),
        Sampling(oversample=1),
    )  # fmt: skip
    model = PixelModel(start, ["distance", "beam_direction", "panel_rotation", "wavelength_shift"])
    image = simulate(start, "reference", dtype=np.float64).image
    np.testing.assert_allclose(model(model.start), image.ravel(), rtol=0.0, atol=1e-12 * image.max())
    assert_derivatives(model, model.start + 0.2)


PLAIN = Experiment(
    Crystal(unit_cell=UnitCell(70.0, 80.0, 90.0), cells=(5, 5, 5), shape="gauss", default_F=50.0), Beam(),
    Detector(pixels_fast=9, pixels_slow=8, pixel_size=3.0), Sampling(oversample=1),
)  # fmt: skip


def changed(part: str, **fields) -> Experiment:
    return replace(PLAIN, **{part: replace(getattr(PLAIN, part), **fields)})


@pytest.mark.parametrize(("start", "parameters", "options", "message"), [
    (PLAIN, ["sclae"], {}, "there is no 'sclae'; choose from scale, orientation"),
    (PLAIN, ["scale", "scale"], {}, "each once"),
    (PLAIN, [], {}, "give one or more of scale"),
    (changed("crystal", shape="tophat"), ["scale"], {}, "the edge of a top-hat spot has no derivatives"),
    (changed("crystal", shape="square"), ["N"], {}, "N of a parallelepiped has no derivatives"),
    (PLAIN, ["mosaic_spread"], {}, "a mosaic spread needs a start"),
    (changed("crystal", mosaic_spread=1.0, mosaic_domains=3), ["mosaic_spread"], {}, "rounds the domains' angles"),
    (PLAIN, ["spectrum"], {}, "the weights of a spectrum need one"),
    (changed("beam", spectrum=Spectrum([1.0, 1.1, 1.2], weights=[1.0, 0.0, 1.0])), ["spectrum"], {},
     "line 1 has the weight 0"),
    (PLAIN, ["B"], {}, "B changes a table of amplitudes"),
    (PLAIN, ["background"], {}, "the scale of a background needs one"),
    (PLAIN, ["cell"], {"crystal_system": "cubic"}, "the cell 70 80 90 90 90 90 does not belong to it"),
    (PLAIN, ["cell"], {"crystal_system": "weird"}, "crystal_system 'weird': choose one of triclinic"),
    (PLAIN, ["scale"], {"pixels": [(0, 8, 0)]}, r"\(0, 8, 0\) lies outside of 1 panel\(s\) of 8 x 9"),
    (PLAIN, ["scale"], {"pixels": [(0.5, 8.0, 0.0)]}, "whole numbers"),
    (PLAIN, ["scale"], {"background": [1.0, 2.0]}, "background has 2 pixels; the model has 72"),
    (changed("detector", curved=True), ["distance"], {}, "the geometry of a curved detector can't be refined"),
    (PLAIN, ["F"], {}, "derivatives by reflections are those of a table"),
    (PLAIN, ["F:1,2"], {}, "there is no 'F:1,2'; choose from .*, F:h,k,l"),
    (replace(PLAIN, physics=Physics("nanobragg")), ["scale"], {}, "interp-sticky, .*phi-carryover"),
    (replace(PLAIN, physics=Physics(keep=["oversample-compound"])), ["scale"], {}, "oversample-compound"),
])  # fmt: skip
def test_what_has_no_derivatives_is_refused_in_one_line(start, parameters, options, message):
    with pytest.raises(UsageError, match=message) as caught:
        PixelModel(start, parameters, **options)
    assert "\n" not in str(caught.value)


def test_vectors_of_another_length_or_no_numbers_are_refused():
    model = PixelModel(PLAIN, ["scale", "orientation"])
    with pytest.raises(UsageError, match=r"x has the shape \(3,\); there are 4 parameters"):
        model([1.0, 2.0, 3.0])
    with pytest.raises(UsageError, match=r"x: orientation.y is not a finite number"):
        model([1.0, 0.0, np.nan, 0.0])

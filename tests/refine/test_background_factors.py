"""Factors of amorphous materials and of a given background: linear, and equal to images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from refine.experiments import experiment
from refine.test_pixel_model import assert_derivatives

from nbnumba import Background, Experiment, RadialCurve, simulate
from nbnumba.errors import UsageError
from nbnumba.refine import PixelModel, PoissonLikelihood, fit, refine_shot

COUNT = 112


def wet(*materials: Background) -> Experiment:
    start = experiment(divergence=experiment().beam.horizontal_divergence)
    return replace(start, background=materials, beam=replace(start.beam, size=1e-4))


WATER, AIR = Background.water(1e-6), Background.air(1e-4)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_photons_are_those_of_the_image(engine):
    start = wet(WATER, AIR)
    dry = simulate(replace(start, background=()), "reference", dtype=np.float64).image
    image = simulate(start, "reference", dtype=np.float64).image
    assert 0.1 < (image - dry).max() / dry.max() < 10.0
    model = PixelModel(start, ["scale", "orientation"], engine=engine)
    np.testing.assert_allclose(model(model.start), image, rtol=0.0, atol=1e-12 * image.max())


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_derivatives_are_those_of_images(engine):
    parameters = ["scale", "orientation", "cell", "N", "mosaic_spread", "B", "background"]
    random = np.random.default_rng(1)
    pixels = np.column_stack([random.integers(0, 2, 40), random.integers(0, 7, 40), random.integers(0, 8, 40)])
    model = PixelModel(wet(WATER, AIR), parameters, pixels, background=random.uniform(0.0, 1.0, 40), engine=engine)
    assert model.names[-3:] == ("background[0]", "background[1]", "background[2]")
    assert_derivatives(model, model.start + random.uniform(-0.3, 0.3, len(model.start)))


@pytest.mark.parametrize("fields", [{"layers": 2, "oversample": 2}, {"point_pixel": True, "polarization": False}])
def test_derivatives_by_geometry_and_wavelengths_are_those_of_images(fields):
    """The crystal is all but dark, so that its photons do not hide those of the materials."""
    parameters = ["scale", "distance", "origin", "panel_rotation", "beam_direction", "wavelength_shift",
                  "wavelength_scale", "spectrum", "background"]  # fmt: skip
    start = wet(WATER, AIR)
    start = replace(
        start, crystal=replace(start.crystal, structure_factors=None, default_F=1.0),
        sampling=replace(start.sampling, oversample=fields.get("oversample", 1)),
        detector=replace(start.detector, point_pixel=fields.get("point_pixel", False)),
        beam=replace(start.beam, polarization=fields.get("polarization", True)),
    )  # fmt: skip
    random = np.random.default_rng(1)
    pixels = np.column_stack([random.integers(0, 2, 40), random.integers(0, 7, 40), random.integers(0, 8, 40)])
    model = PixelModel(start, parameters, pixels, threads=2)
    x = model.start + random.uniform(-0.3, 0.3, len(model.start))
    assert_derivatives(model, x)
    image = simulate(model.experiment(x), "reference", dtype=np.float64).panels
    expected = [image[panel][slow, fast] for panel, slow, fast in pixels]
    np.testing.assert_allclose(model.value_and_jacobian(x)[0], expected, rtol=1e-12)
    np.testing.assert_allclose(model(x), expected, rtol=1e-12)


def test_pixels_are_linear_in_each_factor():
    image = np.random.default_rng(2).uniform(0.0, 1.0, COUNT)
    model = PixelModel(wet(WATER, AIR), ["background"], background=image)
    factors = np.array([0.5, 2.0, 3.0])
    x = factors / model.scales
    photons, jacobian = model.value_and_jacobian(x)
    none = PixelModel(replace(wet(), background=()), ["scale"])
    crystal = none(none.start)
    # what is added to the crystal's photons is the sum of the columns: exact but for the roundings of that sum
    np.testing.assert_allclose(crystal + jacobian @ x, photons, rtol=4e-16 * 4)
    np.testing.assert_array_equal(model.value_and_jacobian(2.0 * x)[1], model.value_and_jacobian(x)[1])
    for number, material in enumerate((WATER, AIR)):
        alone = replace(wet(material), crystal=replace(wet().crystal, structure_factors=None, default_F=0.0))
        expected = simulate(alone, "reference", dtype=np.float64).image
        np.testing.assert_allclose(jacobian[:, number] / model.scales[number], expected, rtol=1e-13)
    np.testing.assert_array_equal(jacobian[:, 2], image * model.scales[2])


def test_the_experiment_of_a_vector_has_materials_as_thick():
    model = PixelModel(wet(WATER, AIR), ["background", "scale"])
    values = {"scale": 1.5, "background[0]": 0.25, "background[1]": 4.0}
    x = np.array([values[name] for name in model.names]) / model.scales
    found = model.experiment(x)
    assert [material.thickness for material in found.background] == pytest.approx([0.25e-6, 4e-4], rel=1e-15)
    image = simulate(found, "cpu", dtype=np.float64).image
    np.testing.assert_allclose(model(x), image, rtol=0.0, atol=1e-12 * image.max())


def test_the_pullback_is_the_transposed_jacobian():
    model = PixelModel(wet(WATER), ["scale", "N", "background"], background=np.ones(COUNT))
    x = model.start * 1.1
    _, jacobian = model.value_and_jacobian(x)
    weights = np.random.default_rng(4).normal(size=COUNT)
    gradient = weights @ jacobian
    np.testing.assert_allclose(model.vjp(x)[1](weights), gradient, rtol=0.0, atol=1e-12 * np.abs(gradient).max())


def test_a_thickness_comes_back_from_noisy_pixels():
    true = wet(WATER)
    true = replace(true, beam=replace(true.beam, fluence=1e28))
    truth = PixelModel(true, ["scale"])
    data = np.random.default_rng(5).poisson(truth(truth.start)).astype(float)
    model = PixelModel(replace(true, background=[Background.water(2e-6)]), ["scale", "background"])
    likelihood = PoissonLikelihood(model, data)
    found = fit(likelihood)
    values, errors = model.values(found), likelihood.standard_errors(found)
    for name, expected in (("scale", 1.0), ("background", 0.5)):
        assert abs(values[name] - expected) < 3.5 * errors[name]
        assert errors[name] < 0.1


def test_a_curve_that_ends_before_a_pixel_is_refused():
    curve = RadialCurve(np.array([0.0, 0.01]), np.ones(2), "refuse")
    with pytest.raises(UsageError, match=r"pixels lie beyond the curve of a background, the first at panel 0, slow"):
        PixelModel(wet(Background(curve, 1.0, 1.0, 18.0)), ["scale"])


def test_a_shot_has_planes_instead_of_materials():
    with pytest.raises(UsageError, match="a plane of background of its own"):
        refine_shot([np.ones((7, 8))] * 2, wet(WATER), ["scale"])

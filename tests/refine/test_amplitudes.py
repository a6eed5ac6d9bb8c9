"""Amplitudes of single reflections as parameters: derivatives are those of images, experiments hold the values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from refine.experiments import FACTORS, experiment
from refine.test_likelihood import spots, still
from refine.test_pixel_model import assert_derivatives
from scipy.stats import chi2

from nbnumba import Experiment, StructureFactors, simulate
from nbnumba.errors import UsageError
from nbnumba.refine import PixelModel, PoissonLikelihood, fit

SOME = np.array([(p, s, f) for p in range(2) for s in range(7) for f in range(8)])[::3]
"""Pixels of both panels."""


def strongest(count: int) -> list[str]:
    """Names of the reflections that give most photons to the pixels."""
    model = PixelModel(experiment(), ["scale"], SOME)
    matrix, indices = model.structure_factor_slopes(model.start)
    order = np.argsort(-np.asarray(matrix.sum(axis=0)).ravel())[:count]
    return [f"F:{h},{k},{l}" for h, k, l in indices[order].tolist()]  # noqa: E741


def place_of(name: str) -> tuple[int, ...]:
    """Where the table holds a reflection."""
    return tuple(np.array([int(n) for n in name[2:].split(",")]) + [10, 11, 12])


@pytest.mark.parametrize("shape", ["gauss", "round", "square"])
@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_derivatives_are_those_of_images(shape, engine):
    names = [*strongest(3), "scale", "B", "orientation", "background"]
    model = PixelModel(experiment(shape=shape), names, SOME, background=np.ones(len(SOME)), engine=engine)
    assert model.names[-4:] == (*strongest(3), "background")
    assert_derivatives(model, model.start + np.random.default_rng(1).uniform(-0.3, 0.3, len(model.start)))


def test_an_image_is_quadratic_in_each_amplitude():
    name = strongest(1)[0]
    model = PixelModel(experiment(), [name])
    images = [model(np.array([factor]) * model.start) for factor in (1.0, 2.0, 3.0)]
    # a + b·F²: second differences of equal steps are 3:5
    np.testing.assert_allclose(5.0 * (images[1] - images[0]), 3.0 * (images[2] - images[1]),
                               rtol=0.0, atol=1e-13 * images[2].max())  # fmt: skip
    _, jacobian = model.value_and_jacobian(3.0 * model.start)
    slope = (images[2] - images[1]) / 5.0 * 6.0 / model.start
    np.testing.assert_allclose(jacobian[:, 0], slope, rtol=0.0, atol=1e-13 * slope.max())


def test_the_pullback_is_the_transposed_jacobian_for_all_reflections_of_an_image():
    start = experiment()
    model = PixelModel(start, ["F", "orientation"], threads=2)
    x = model.start * 1.05 + 0.01
    photons, jacobian = model.value_and_jacobian(x)
    value, pullback = model.vjp(x)
    weights = np.random.default_rng(4).normal(size=len(model.pixels))
    np.testing.assert_allclose(value, photons, rtol=1e-13)
    gradient = weights @ jacobian
    np.testing.assert_allclose(pullback(weights), gradient, rtol=0.0, atol=1e-12 * np.abs(gradient).max())
    without_default = replace(model.experiment(x), crystal=replace(model.experiment(x).crystal, default_F=0.0))
    dark = PixelModel(without_default, ["scale"])
    # the photons of the table are homogeneous in F, of degree two; reflections that are left out are faint
    by_amplitudes = (jacobian[:, 3:] @ x[3:]).sum()
    assert by_amplitudes == pytest.approx(2.0 * dark(dark.start).sum(), rel=1e-3)


def test_the_experiment_of_a_vector_holds_the_amplitudes_and_has_the_models_photons():
    names = strongest(4)
    model = PixelModel(experiment(), [*names, "B"])
    x = model.start + np.random.default_rng(3).uniform(-2.0, 2.0, 5)
    found = model.experiment(x)
    image = simulate(found, "cpu", dtype=np.float64).image
    np.testing.assert_allclose(model(x), image, rtol=0.0, atol=1e-12 * image.max())
    without = model.experiment(np.concatenate([model.start[:1], x[1:]])).crystal.structure_factors
    for name in names:
        assert without.amplitudes[place_of(name)] == pytest.approx(model.values(x)[name], rel=1e-15)


def test_mates_stand_alone():
    # Friedel's mate of a reflection is another entry of the table
    name = strongest(1)[0]
    model = PixelModel(experiment(), [name])
    table = model.experiment(1.1 * model.start).crystal.structure_factors.amplitudes
    assert table[place_of(name)] == pytest.approx(1.1 * FACTORS.amplitudes[place_of(name)])
    assert np.count_nonzero(table != FACTORS.amplitudes) == 1


def test_amplitudes_of_spots_come_back_from_noisy_pixels_with_their_errors():
    random = np.random.default_rng(7)
    table = StructureFactors(random.uniform(50.0, 150.0, (47, 53, 59)), -23, -26, -29)
    true = replace(still(), crystal=replace(still().crystal, structure_factors=table, interpolate=False))
    pixels, photons = spots(true, 15)
    whole = PixelModel(true, ["F"], pixels)
    _, jacobian = whole.value_and_jacobian(whole.start)
    names = [whole.names[n] for n in np.argsort(-jacobian.sum(axis=0))[:12]]
    model = PixelModel(true, [*names, "orientation"], pixels, background=np.full(len(pixels), 0.5))
    likelihood = PoissonLikelihood(model, random.poisson(photons + 0.5).astype(float))
    begin = model.start * np.concatenate([np.ones(3), random.uniform(0.7, 1.3, 12)])
    found = fit(likelihood, begin)
    difference = found - model.start
    squares = difference @ np.linalg.solve(likelihood.covariance(found), difference)
    assert chi2.ppf(0.001, 15) < squares < chi2.ppf(0.999, 15)
    assert np.abs(difference[3:]).max() < 0.2 * np.abs(begin - model.start)[3:].max()


def with_amplitude(place: tuple[int, int, int], value: float) -> Experiment:
    table = np.array(FACTORS.amplitudes)
    table[place] = value
    return replace(
        experiment(), crystal=replace(experiment().crystal, structure_factors=StructureFactors(table, -10, -11, -12))
    )


@pytest.mark.parametrize(("start", "names", "message"), [
    (experiment(interpolate=True), ["F"], "no reflection's own"),
    (experiment(), ["F:11,0,0"], "F:11,0,0 lies outside of the table"),
    (with_amplitude((10, 11, 13), 0.0), ["F:0,0,1"], "F:0,0,1 has the amplitude 0, from where no fit gets away"),
    (experiment(), ["F", "F:1,0,0"], "leave the single ones out"),
    (experiment(), ["F:1,0,0", "F:01,0,0"], "each once"),
])  # fmt: skip
def test_what_is_no_amplitude_is_refused_in_one_line(start, names, message):
    with pytest.raises(UsageError, match=message) as caught:
        PixelModel(start, names, SOME)
    assert "\n" not in str(caught.value)


def test_derivatives_larger_than_the_memory_are_refused(monkeypatch):
    model = PixelModel(experiment(), strongest(3), SOME)
    monkeypatch.setattr("nbnumba.refine.model.machine_memory", lambda: 100)
    with pytest.raises(UsageError, match="derivatives of 38 pixels by 3 parameters need .* GB, this machine has"):
        model.value_and_jacobian(model.start)
    assert model.vjp(model.start)[1](np.ones(len(SOME))).shape == (3,)


def test_names_between_commas_may_hold_indices():
    names = strongest(2)
    model = PixelModel(experiment(), f"scale,{names[0]},B,{names[1]}", SOME)
    assert model.names == ("scale", "B", *names)

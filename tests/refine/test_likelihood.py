"""Likelihoods: gradients, standard errors, and parameters that come back from noisy pixels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from refine.experiments import experiment
from scipy.optimize import approx_fprime
from scipy.stats import chi2

from nbnumba import Beam, Crystal, Detector, Experiment, Orientation, Panel, Sampling, Spectrum, UnitCell
from nbnumba.errors import UsageError
from nbnumba.refine import GaussianLikelihood, PixelModel, PoissonLikelihood
from nbnumba.refine.rotations import rotation
from nbnumba.refine.with_scipy import climb, fit


def still() -> Experiment:
    """A still of five wavelengths on a panel of 240 x 240 pixels, with up to 1100 photons in a pixel."""
    return Experiment(
        Crystal(
            unit_cell=UnitCell(40.0, 45.0, 50.0, 90.0, 100.0, 90.0), orientation=Orientation.random(3),
            cells=(12, 12, 12), shape="gauss", default_F=100.0,
        ),
        Beam(wavelength=1.0, fluence=6e26, spectrum=Spectrum(np.linspace(0.99, 1.01, 5))),
        Detector(panels=[Panel((-48.0, 48.0, -80.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.4, 0.4), (240, 240))]),
        Sampling(oversample=1),
    )  # fmt: skip


def spots(start: Experiment, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of boxes of 7 x 7 around the strongest local maxima, and what the model has there."""
    whole = PixelModel(start, ["scale"])
    image = whole(whole.start).reshape(240, 240)
    chosen, left = [], image.copy()
    left[:4], left[-4:], left[:, :4], left[:, -4:] = 0.0, 0.0, 0.0, 0.0
    for _ in range(count):
        slow, fast = np.unravel_index(int(left.argmax()), left.shape)
        chosen += [(0, s, f) for s in range(slow - 3, slow + 4) for f in range(fast - 3, fast + 4)]
        left[slow - 6 : slow + 7, fast - 6 : fast + 7] = 0.0
    pixels = np.unique(chosen, axis=0)
    return pixels, image[pixels[:, 1], pixels[:, 2]]


@pytest.fixture(scope="module")
def shot():
    """Pixels of the twenty strongest spots, and their photons."""
    return spots(still(), 20)


@pytest.mark.parametrize("kind", ["poisson", "gaussian"])
def test_gradients_are_those_of_the_value(kind):
    model = PixelModel(experiment(), ["scale", "orientation", "cell", "N", "distance"])
    data = np.random.default_rng(1).poisson(model(model.start)).astype(float)
    x = model.start + 0.1
    fit = PoissonLikelihood(model, data) if kind == "poisson" else GaussianLikelihood(model, data, 2.0)
    value, gradient = fit.value_and_gradient(x)
    assert value == pytest.approx(fit.value(x), rel=1e-12)
    # forward differences: half the second derivative times the step
    numeric = approx_fprime(x, fit.value, 1e-7)
    np.testing.assert_allclose(gradient, numeric, rtol=0.0, atol=1e-4 * np.abs(numeric).max())


def test_the_gradient_of_the_true_parameters_has_the_fisher_information_as_covariance():
    model = PixelModel(experiment(), ["scale", "orientation"], background=np.ones(112))
    photons = model(model.start)
    random = np.random.default_rng(2)
    fits = [PoissonLikelihood(model, random.poisson(photons).astype(float)) for _ in range(400)]
    _, jacobian = model.value_and_jacobian(model.start)
    gradients = np.array([jacobian.T @ (1.0 - fit.data / photons) for fit in fits])
    information = fits[0].fisher_information(model.start)
    # of 400 draws a variance is known to 7 %
    ratio = np.diag(gradients.T @ gradients / len(fits)) / np.diag(information)
    np.testing.assert_allclose(ratio, 1.0, atol=0.3)


def misset(model: PixelModel, x: np.ndarray) -> np.ndarray:
    """Rotation vector from the true orientation to the found one, degrees."""
    true, found = still().crystal.orientation, model.experiment(x).crystal.orientation
    turn = found.matrix @ true.matrix.T
    return np.degrees(0.5 * np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]))


def test_misset_and_cell_come_back_from_noisy_spots_with_their_errors(shot):
    """Fifty shots that begin 0.3 degrees and 0.5 % of each cell length off."""
    pixels, photons = shot
    assert 1000.0 < photons.max() < 1200.0
    background = np.ones(len(pixels))
    crystal = still().crystal
    true = np.array([0.0, 0.0, 0.0, 40.0, 45.0, 50.0, 100.0, 1.0])
    squares = []
    for seed in range(50):
        random = np.random.default_rng(seed)
        axis = random.normal(size=3)
        turn = rotation(axis * math.radians(0.3) / np.linalg.norm(axis))
        off = replace(
            crystal, orientation=Orientation(turn @ crystal.orientation.matrix),
            unit_cell=UnitCell(40.0 * 1.005, 45.0 * 0.995, 50.0 * 1.005, 90.0, 100.0, 90.0),
        )  # fmt: skip
        model = PixelModel(
            replace(still(), crystal=off), ["orientation", "cell", "scale"], pixels, crystal_system="monoclinic",
            background=background, threads=1,
        )  # fmt: skip
        likelihood = PoissonLikelihood(model, random.poisson(photons + background).astype(float))
        found = fit(likelihood)
        values = np.array([*misset(model, found), *list(model.values(found).values())[3:]])
        difference = (values - true) / model.scales
        assert np.linalg.norm(values[:3]) < 0.03
        assert np.abs(values[3:6] / true[3:6] - 1.0).max() < 1e-3
        squares.append(difference @ np.linalg.solve(likelihood.covariance(found), difference))
    # the errors are those of the Fisher information: χ² of 50 × 8 degrees of freedom, at its 0.1 and 99.9 percentiles
    assert chi2.ppf(0.001, 400) < sum(squares) < chi2.ppf(0.999, 400)


def test_scoring_ends_where_the_gradient_does(shot):
    pixels, photons = shot
    model = PixelModel(still(), ["orientation", "scale", "N"], pixels, background=np.ones(len(pixels)))
    likelihood = PoissonLikelihood(model, np.random.default_rng(6).poisson(photons + 1.0).astype(float))
    found = climb(likelihood, model.start + 0.3)
    _, gradient = likelihood.value_and_gradient(found)
    # a gradient of one part in a hundred of its own standard deviation
    deviation = np.sqrt(np.diag(likelihood.fisher_information(found)))
    assert np.abs(gradient / deviation).max() < 0.01
    assert likelihood.value(found) <= likelihood.value(model.start)


def test_a_direction_that_changes_nothing_is_named():
    model = PixelModel(experiment(), ["scale", "spectrum"])
    fit = PoissonLikelihood(model, np.ones(len(model.pixels)))
    message = r"no pixel tells .*scale.*spectrum\[2\].*; fix one of its parameters"
    with pytest.raises(UsageError, match=message):
        fit.standard_errors(model.start)
    model = PixelModel(experiment(), ["scale", "origin"], [(0, 0, 0), (0, 3, 3), (0, 4, 4), (0, 5, 5), (0, 6, 6)])
    with pytest.raises(UsageError, match=r"no pixel tells origin\[1\].x; fix"):
        PoissonLikelihood(model, np.ones(5)).standard_errors(model.start)


@pytest.mark.parametrize(("data", "message"), [
    (np.zeros(112), "no pixel has a photon"),
    (np.full(112, -1.0), "pixel 0 has -1 photons; mask it"),
    (np.ones(3), "data has 3 pixels; the model has 112"),
    (np.full(112, np.nan), "pixel 0 is not a finite number"),
])  # fmt: skip
def test_data_that_are_no_photons_are_refused(data, message):
    with pytest.raises(UsageError, match=message):
        PoissonLikelihood(PixelModel(experiment(), ["scale"]), data)


def test_standard_deviations_are_above_zero():
    model = PixelModel(experiment(), ["scale"])
    with pytest.raises(UsageError, match="give one standard deviation above zero"):
        GaussianLikelihood(model, np.ones(112), 0.0)

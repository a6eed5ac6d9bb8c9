"""A model as a function of other packages has their gradients."""

from __future__ import annotations

import numpy as np
import pytest
from refine.experiments import experiment

from nbnumba.refine import GaussianLikelihood, PixelModel
from nbnumba.refine.with_scipy import least_squares, minimize


@pytest.fixture(scope="module")
def model():
    return PixelModel(experiment(), ["scale", "orientation", "N"], [(0, 3, 3), (0, 3, 4), (1, 2, 2), (1, 5, 6)])


@pytest.fixture(scope="module")
def gradient(model):
    """Of the sum of squared photons."""
    photons, jacobian = model.value_and_jacobian(model.start)
    return 2.0 * photons @ jacobian


def test_scipy_finds_the_parameters_that_the_data_were_made_with():
    model = PixelModel(experiment(), ["scale", "orientation"])
    x = model.start + [1.0, 0.5, -0.5, 0.3]
    data = model(x)
    likelihood = GaussianLikelihood(model, data, 1e-2 * data.max())
    for found in (least_squares(likelihood, gtol=1e-12).x, minimize(likelihood, options={"ftol": 1e-15}).x):
        # what the default tolerances leave
        np.testing.assert_allclose(found, x, atol=1e-3)


def test_torch_has_the_pullback_as_gradient(model, gradient):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'nbnumba[torch]'")
    from nbnumba.refine.with_torch import photons

    x = torch.tensor(model.start, requires_grad=True)
    (photons(model, x) ** 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-12)
    point = torch.tensor(model.start + 0.1, requires_grad=True)
    scale = 1.0 / float(model(model.start).max())
    assert torch.autograd.gradcheck(lambda v: photons(model, v) * scale, (point,), eps=1e-5, atol=1e-6)


def test_jax_has_the_pullback_as_gradient(model, gradient):
    jax = pytest.importorskip("jax", reason="JAX is not installed: pip install 'nbnumba[jax]'")
    jax.config.update("jax_enable_x64", True)
    from nbnumba.refine.with_jax import photons

    of_vector = photons(model)
    square = jax.jit(jax.grad(lambda x: (of_vector(x) ** 2).sum()))
    np.testing.assert_allclose(square(jax.numpy.asarray(model.start)), gradient, rtol=1e-12)

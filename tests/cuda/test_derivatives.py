"""Derivatives on a GPU are those of the processor: the same functions, compiled to PTX and run on the host."""

from __future__ import annotations

import numpy as np
import pytest
from availability import needs_ptx_compiler

needs_ptx_compiler()

from refine.experiments import experiment  # noqa: E402

from nbnumba.refine import PixelModel  # noqa: E402
from nbnumba.refine.registry import PARAMETERS  # noqa: E402

PIXELS = [(panel, slow, fast) for panel in (0, 1) for slow in (1, 4) for fast in (0, 3, 6)]


@pytest.mark.parametrize(("shape", "interpolate"), [("gauss", False), ("round", False), ("square", True)])
def test_photons_and_derivatives_are_those_of_the_reference_engine(gpu, shape, interpolate):
    start = experiment(shape=shape, interpolate=interpolate)
    left_out = {"background", "F", *(["N"] if shape == "square" else [])}
    parameters = [name for name in PARAMETERS if name not in left_out]
    ours, plain = (PixelModel(start, parameters, PIXELS, engine=engine) for engine in ("cuda", "reference"))
    x = plain.start + 0.2
    photons, jacobian = plain.value_and_jacobian(x)
    found, derivatives = ours.value_and_jacobian(x)
    # fused operations change the last bits; a derivative is a difference of terms
    np.testing.assert_allclose(found, photons, rtol=0.0, atol=1e-12 * photons.max())
    np.testing.assert_allclose(ours(x), photons, rtol=0.0, atol=1e-12 * photons.max())
    for column, name in enumerate(plain.names):
        largest = np.abs(jacobian[:, column]).max()
        assert np.abs(derivatives[:, column] - jacobian[:, column]).max() <= 1e-10 * largest, name

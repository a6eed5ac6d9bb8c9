"""Refinement: pixels as a function of parameters, exact derivatives, likelihoods, and a fit of a shot.

`with_scipy`, `with_torch` and `with_jax` hand a model to those packages; torch and jax are imported by theirs alone.
"""

from __future__ import annotations

from nbnumba.refine.likelihood import GaussianLikelihood, PoissonLikelihood
from nbnumba.refine.model import PixelModel

__all__ = ["GaussianLikelihood", "PixelModel", "PoissonLikelihood"]

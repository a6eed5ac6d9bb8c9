"""Refinement: pixels as a function of parameters with exact derivatives, likelihoods, and the fit of a shot.

`nbnumba.refine.with_torch` and `nbnumba.refine.with_jax` hand a model to PyTorch and JAX, and are imported by name.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

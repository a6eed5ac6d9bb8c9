"""Refinement: pixels as a function of parameters, exact derivatives, likelihoods, and a fit of a shot."""

from __future__ import annotations

from nbnumba.refine.model import PixelModel

__all__ = ["PixelModel"]

"""Photons of an amorphous sample, on an absolute scale: nonBragg's own sequence, and the same physics for any curve."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

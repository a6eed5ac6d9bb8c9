"""nonBragg: photons of an amorphous sample as it computes them, its files, and curves from images."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

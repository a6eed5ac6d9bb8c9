"""How far one image is from another: figures, peaks, bars, and a folder that shows it all."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

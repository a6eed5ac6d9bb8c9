"""From photons to detector units: point spread, noise and digitization as stages, image -> image."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

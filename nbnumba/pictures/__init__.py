"""Pictures of diffraction images: panels where they stand, resolution rings, beam centre and Miller indices."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Every intermediate number of chosen pixels: recorded, written, read, and compared with those of another program."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

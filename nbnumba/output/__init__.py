"""What nanoBragg makes of a float image: statistics, integers, noise and its set of files."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""nbnumba: the X-ray diffraction image of a nanocrystal, on an absolute scale, equal to nanoBragg's.

The names that the stub beside this file lists are public (docs/library.md has them by job); they are imported on first
use, so that ``import nbnumba`` is immediate.
"""

from __future__ import annotations

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

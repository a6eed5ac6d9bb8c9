"""Readers and writers of every format: reflections, matrices, sources, spectra, images, geometry.

The names that the stub beside this file lists are public; a module is imported when a name of it is first used.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

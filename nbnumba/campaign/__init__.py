"""Campaigns: images by the hundred thousand from one plan, on any machine layout the same bits.

The names that the stub beside this file lists are public; they are imported on first use.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

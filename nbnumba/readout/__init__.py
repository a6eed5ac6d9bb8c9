"""From photons to detector units: point spread, noise and digitization as stages, image -> image.

The names below are imported on first use, so that reading flags stays immediate.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbnumba.readout.electronics import CalibrationError, Digitize, Gain, Offset, ReadoutNoise, Saturation
    from nbnumba.readout.photons import PhotonCounting, SourceFluctuation
    from nbnumba.readout.pixels import DeadPixels, Gaps, HotPixels
    from nbnumba.readout.readout import Readout
    from nbnumba.readout.settings import ReadoutSettings
    from nbnumba.readout.spread import PointSpread
    from nbnumba.readout.stage import Stage

_HOMES = {
    **dict.fromkeys(
        ("CalibrationError", "Digitize", "Gain", "Offset", "ReadoutNoise", "Saturation"), "nbnumba.readout.electronics"
    ),
    **dict.fromkeys(("PhotonCounting", "SourceFluctuation"), "nbnumba.readout.photons"),
    **dict.fromkeys(("DeadPixels", "Gaps", "HotPixels"), "nbnumba.readout.pixels"),
    "Readout": "nbnumba.readout.readout",
    "ReadoutSettings": "nbnumba.readout.settings",
    "PointSpread": "nbnumba.readout.spread",
    "Stage": "nbnumba.readout.stage",
}

__all__ = [
    "CalibrationError", "DeadPixels", "Digitize", "Gain", "Gaps", "HotPixels", "Offset", "PhotonCounting",
    "PointSpread", "Readout", "ReadoutNoise", "ReadoutSettings", "Saturation", "SourceFluctuation", "Stage",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'nbnumba.readout' has no attribute '{name}'") from None
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)

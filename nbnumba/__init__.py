"""nbnumba: the X-ray diffraction image of a nanocrystal, on an absolute scale, equal to nanoBragg's.

The names below are the public API; they are imported on first use, so that ``import nbnumba`` is immediate.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbnumba.config import (
        Beam,
        Convention,
        Crystal,
        CrystalShape,
        Detector,
        Experiment,
        LabFrame,
        MosaicDistribution,
        Orientation,
        Panel,
        Physics,
        Pivot,
        Sampling,
        Sensor,
        Spectrum,
        Spread,
        StructureFactors,
        UnitCell,
    )  # fmt: skip
    from nbnumba.errors import (
        EngineFailedError,
        EngineUnavailableError,
        InputFileError,
        NbnumbaError,
        NbnumbaWarning,
        OutputFileError,
        UsageError,
    )
    from nbnumba.setup.lowering import lower
    from nbnumba.simulation import Renderer, SimulationResult, simulate

__version__ = "0.1.0"

_HOMES = {
    **dict.fromkeys(
        ("Beam", "Convention", "Crystal", "CrystalShape", "Detector", "Experiment", "LabFrame", "MosaicDistribution",
         "Orientation", "Panel", "Physics", "Pivot", "Sampling", "Sensor", "Spectrum", "Spread", "StructureFactors",
         "UnitCell"),
        "nbnumba.config",
    ),
    **dict.fromkeys(
        ("EngineFailedError", "EngineUnavailableError", "InputFileError", "NbnumbaError", "NbnumbaWarning",
         "OutputFileError", "UsageError"),
        "nbnumba.errors",
    ),
    "lower": "nbnumba.setup.lowering",
    "Renderer": "nbnumba.simulation",
    "SimulationResult": "nbnumba.simulation",
    "simulate": "nbnumba.simulation",
}  # fmt: skip

__all__ = [
    "Beam", "Convention", "Crystal", "CrystalShape", "Detector", "EngineFailedError", "EngineUnavailableError",
    "Experiment", "InputFileError", "LabFrame", "MosaicDistribution", "NbnumbaError", "NbnumbaWarning", "Orientation",
    "OutputFileError", "Panel", "Physics", "Pivot", "Renderer", "Sampling", "Sensor", "SimulationResult", "Spectrum",
    "Spread", "StructureFactors", "UnitCell", "UsageError", "lower", "simulate",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'nbnumba' has no attribute '{name}'") from None
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)

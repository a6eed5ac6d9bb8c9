from . import (
    background as background,
    campaign as campaign,
    compare as compare,
    flags as flags,
    io as io,
    output as output,
    pictures as pictures,
    readout as readout,
    refine as refine,
    trace as trace,
)
from .config import (
    Background as Background,
    Beam as Beam,
    Convention as Convention,
    Crystal as Crystal,
    CrystalShape as CrystalShape,
    Detector as Detector,
    Experiment as Experiment,
    LabFrame as LabFrame,
    MosaicDistribution as MosaicDistribution,
    Orientation as Orientation,
    Panel as Panel,
    Physics as Physics,
    Pivot as Pivot,
    RadialCurve as RadialCurve,
    Sampling as Sampling,
    Sensor as Sensor,
    Spectrum as Spectrum,
    Spread as Spread,
    StructureFactors as StructureFactors,
    UnitCell as UnitCell,
)
from .engine.truth import Truth as Truth
from .errors import (
    EngineFailedError as EngineFailedError,
    EngineUnavailableError as EngineUnavailableError,
    InputFileError as InputFileError,
    MissingPackageError as MissingPackageError,
    NbnumbaError as NbnumbaError,
    NbnumbaWarning as NbnumbaWarning,
    OutputFileError as OutputFileError,
    UsageError as UsageError,
)
from .prediction import Spots as Spots, spots as spots
from .quirks import QUIRKS as QUIRKS, Quirk as Quirk
from .setup.lowering import lower as lower
from .setup.model import Model as Model
from .simulation import (
    Renderer as Renderer,
    SimulationResult as SimulationResult,
    simulate as simulate,
)

__version__: str

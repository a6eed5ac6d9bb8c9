from .electronics import (
    CalibrationError as CalibrationError,
    Digitize as Digitize,
    Gain as Gain,
    Offset as Offset,
    ReadoutNoise as ReadoutNoise,
    Saturation as Saturation,
)
from .names import PRESETS as PRESETS
from .photons import (
    PhotonCounting as PhotonCounting,
    SourceFluctuation as SourceFluctuation,
)
from .pixels import (
    DeadPixels as DeadPixels,
    Gaps as Gaps,
    HotPixels as HotPixels,
)
from .point_spread import (
    convolve as convolve,
    fiber_kernel as fiber_kernel,
    gaussian_kernel as gaussian_kernel,
)
from .readout import Readout as Readout
from .scene import scene_of_counts as scene_of_counts
from .settings import (
    ReadoutSettings as ReadoutSettings,
    preset_settings as preset_settings,
)
from .spread import PointSpread as PointSpread
from .stage import (
    Purpose as Purpose,
    Stage as Stage,
    Strip as Strip,
)

from .curve import RadialCurve as RadialCurve
from .experiment import (
    AmorphousExperiment as AmorphousExperiment,
    AmorphousFiles as AmorphousFiles,
    Extraction as Extraction,
)
from .extraction import ExtractedCurve as ExtractedCurve
from .nonbragg import (
    AmorphousImage as AmorphousImage,
    simulate_amorphous as simulate_amorphous,
)
from .outputs import (
    AmorphousReport as AmorphousReport,
    write_amorphous as write_amorphous,
)
from .photons import (
    ScatteringGeometry as ScatteringGeometry,
    background_photons as background_photons,
    molecules_in_beam as molecules_in_beam,
    pixel_stol as pixel_stol,
)

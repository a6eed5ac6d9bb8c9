from .experiment import (
    AmorphousExperiment as AmorphousExperiment,
    AmorphousFiles as AmorphousFiles,
    Extraction as Extraction,
)
from .extraction import ExtractedCurve as ExtractedCurve
from .measured import curve_from_image as curve_from_image
from .nonbragg import (
    AmorphousImage as AmorphousImage,
    simulate_amorphous as simulate_amorphous,
)
from .outputs import (
    AmorphousReport as AmorphousReport,
    write_amorphous as write_amorphous,
)

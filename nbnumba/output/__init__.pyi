from .digitize import (
    integer_image as integer_image,
    integer_scale as integer_scale,
    pgm_image as pgm_image,
    pgm_scale as pgm_scale,
)
from .files import OutputFiles as OutputFiles
from .noise import PoissonNoise as PoissonNoise
from .statistics import (
    ImageStatistics as ImageStatistics,
    image_statistics as image_statistics,
)
from .write import (
    OutputReport as OutputReport,
    write_outputs as write_outputs,
)

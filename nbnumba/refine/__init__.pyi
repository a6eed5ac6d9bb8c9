from .factor_slopes import StructureFactorSlopes as StructureFactorSlopes
from .likelihood import (
    GaussianLikelihood as GaussianLikelihood,
    Likelihood as Likelihood,
    PoissonLikelihood as PoissonLikelihood,
)
from .model import PixelModel as PixelModel
from .picture import draw_boxes as draw_boxes
from .shot import (
    Refinement as Refinement,
    refine_shot as refine_shot,
)
from .spots import Box as Box
from .with_scipy import (
    fit as fit,
    least_squares as least_squares,
    minimize as minimize,
)

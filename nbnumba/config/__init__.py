"""Frozen descriptions of an experiment, in the units that users type; every value is checked where it is made."""

from nbnumba.config.background import Background
from nbnumba.config.beam import Beam, Spread
from nbnumba.config.crystal import Crystal, CrystalShape, MosaicDistribution, UnitCell
from nbnumba.config.detector import Convention, Detector, LabFrame, Pivot, Sensor
from nbnumba.config.experiment import Experiment
from nbnumba.config.orientation import Orientation
from nbnumba.config.panel import Panel
from nbnumba.config.physics import Physics
from nbnumba.config.radial_curve import RadialCurve
from nbnumba.config.sampling import Sampling
from nbnumba.config.spectrum import Spectrum
from nbnumba.config.structure_factors import StructureFactors

__all__ = [
    "Background", "Beam", "Convention", "Crystal", "CrystalShape", "Detector", "Experiment", "LabFrame",
    "MosaicDistribution", "Orientation", "Panel", "Physics", "Pivot", "RadialCurve", "Sampling", "Sensor", "Spectrum",
    "Spread", "StructureFactors", "UnitCell",
]

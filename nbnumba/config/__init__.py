"""Frozen descriptions of an experiment, in the units that users type."""

from nbnumba.config.beam import Beam, Spread
from nbnumba.config.crystal import Crystal, CrystalShape, StructureFactors, UnitCell
from nbnumba.config.detector import Convention, Detector, LabFrame, Pivot, Sensor
from nbnumba.config.experiment import Experiment
from nbnumba.config.sampling import Sampling

__all__ = [
    "Beam", "Convention", "Crystal", "CrystalShape", "Detector", "Experiment", "LabFrame",
    "Pivot", "Sampling", "Sensor", "Spread", "StructureFactors", "UnitCell",
]

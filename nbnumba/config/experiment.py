"""The whole experiment: what a simulation is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nbnumba.config.background import BACKGROUNDS, Background
from nbnumba.config.beam import Beam
from nbnumba.config.crystal import Crystal
from nbnumba.config.description import Description
from nbnumba.config.detector import Detector
from nbnumba.config.physics import PHYSICS, Physics
from nbnumba.config.rules import Rules, instance
from nbnumba.config.sampling import Sampling


@dataclass(frozen=True, eq=False)
class Experiment(Description):
    """Crystal, beam, detector and sampling of one image, and the physics that makes it.

    Attributes
    ----------
    crystal, beam, detector, sampling
        What scatters, what shines, what sees, and how finely; every default is nanoBragg's.
    physics : Physics or str
        "exact", "nanobragg", or either with exceptions.
    background : sequence of Background
        Amorphous materials in the beam, whose photons are added to those of the crystal. With one, the crystal may be
        left out.
    """

    crystal: Crystal = Crystal()
    beam: Beam = Beam()
    detector: Detector = Detector()
    sampling: Sampling = Sampling()
    physics: Physics = Physics()
    background: tuple[Background, ...] = ()

    RULES: ClassVar[Rules] = {
        "crystal": instance(Crystal),
        "beam": instance(Beam),
        "detector": instance(Detector),
        "sampling": instance(Sampling),
        "physics": PHYSICS,
        "background": BACKGROUNDS,
    }

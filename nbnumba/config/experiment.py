"""The whole experiment: what a simulation is computed from."""

from __future__ import annotations

import os
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

    @classmethod
    def from_dials(cls, path: str | os.PathLike[str], experiment: int = 0, image: int = 0) -> Experiment:
        """What DIALS made of an image: detector, beam, spindle and lattice, in exact physics.

        Parameters
        ----------
        path : path
            .expt file with a crystal, such as indexed.expt or refined.expt; DIALS itself is not needed.
        experiment, image : int
            Which experiment of the list, and which image of its scan, from 0.

        Returns
        -------
        Experiment
            In DIALS' lab frame: panels of any hierarchy with their sensors and masks, the beam with its polarization,
            the lattice (of this image, where refinement let it vary) between the goniometer's fixed rotations, and the
            rotation of this image. Structure factors, size and mosaicity of the crystal have their defaults: the file
            does not know them, or not in these terms.

        Raises
        ------
        InputFileError
            If the file can't be read, is no experiment list, or the experiment lacks detector, beam or crystal.
        UsageError
            If there is no such experiment or image.

        Examples
        --------
        >>> measured = Experiment.from_dials("refined.expt", image=3)
        >>> factors = StructureFactors.from_mtz("data.mtz")
        >>> crystal = dataclasses.replace(measured.crystal, cells=(20, 20, 20), structure_factors=factors)
        >>> image = simulate(dataclasses.replace(measured, crystal=crystal)).panels[0]
        """
        from nbnumba.io.experiment import read_experiment

        return read_experiment(path, experiment, image)

    def to_dials(self, path: str | os.PathLike[str]) -> None:
        """Write the true model of the image as an experiment list that DIALS loads.

        Parameters
        ----------
        path : path
            .expt file to write. The lab is turned so that the beam travels along -z and the spindle lies near x.

        Raises
        ------
        UsageError
            If the experiment is impossible, its detector curved, or the file has another suffix.
        OutputFileError
            If the file can't be written.
        """
        from nbnumba.io.experiment import write_experiment

        write_experiment(path, self)

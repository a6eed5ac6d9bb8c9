"""What options say of the beam and the crystal that nanoBragg has no flags for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nbnumba.config import Beam, Crystal, MosaicDistribution, Sampling
from nbnumba.config.beam import DEFAULT_WAVELENGTH
from nbnumba.errors import UsageError
from nbnumba.flags.settings import Settings


@dataclass(frozen=True)
class Additions:
    """Values of options; None where one is not given.

    Attributes
    ----------
    spectrum_path : Path or None
        Spectrum in place of the dispersion.
    spectrum_unit : str or None
        "eV" or "angstrom"; None leaves it to the file.
    mosaic_distribution : MosaicDistribution or None
        How the rotations of mosaic domains are distributed; None is nanoBragg's.
    mosaic_path : Path or None
        Rotations of the domains, in place of all that describes them.
    cutoff : float or None
        By how much a pixel may differ from the full sum, photons.
    """

    spectrum_path: Path | None = None
    spectrum_unit: str | None = None
    mosaic_distribution: MosaicDistribution | None = None
    mosaic_path: Path | None = None
    cutoff: float | None = None

    def __post_init__(self) -> None:
        if self.spectrum_unit is not None and self.spectrum_path is None:
            raise UsageError(f"{{spectrum_unit={self.spectrum_unit}}}: has no effect without {{Beam.spectrum}}")
        if self.mosaic_distribution is not None and self.mosaic_path is not None:
            raise UsageError("{Crystal.mosaic_rotations} are the domains: leave {Crystal.mosaic_distribution} out")

    def to_beam(self, beam: Beam) -> Beam:
        """A beam with the spectrum.

        Parameters
        ----------
        beam : Beam
        """
        if self.spectrum_path is None:
            return beam
        from nbnumba.io.spectrum import read_spectrum

        # 1 Å is nanoBragg's default, whether a flag or a header states it or none
        wavelength = None if beam.wavelength == DEFAULT_WAVELENGTH else beam.wavelength
        return replace(beam, wavelength=wavelength, spectrum=read_spectrum(self.spectrum_path, self.spectrum_unit))

    def to_crystal(self, crystal: Crystal) -> Crystal:
        """A crystal with the mosaic domains.

        Parameters
        ----------
        crystal : Crystal
        """
        if self.mosaic_path is not None:
            from nbnumba.io.rotations import read_rotations

            return replace(crystal, mosaic_rotations=read_rotations(self.mosaic_path))
        if self.mosaic_distribution is not None:
            return replace(crystal, mosaic_distribution=self.mosaic_distribution)
        return crystal

    def to_sampling(self, sampling: Sampling) -> Sampling:
        """A sampling with the cutoff.

        Parameters
        ----------
        sampling : Sampling
        """
        return sampling if self.cutoff is None else replace(sampling, cutoff=self.cutoff)

    def warnings(self, settings: Settings) -> Iterator[str]:
        """Options, and flags beside them, that have no effect.

        Parameters
        ----------
        settings : Settings
            What the flags say.
        """
        crystal = settings.crystal
        if self.mosaic_distribution is not None and crystal.mosaic_spread in (None, 0.0):
            yield f"--mosaic-distribution {self.mosaic_distribution.value}: has no effect without -mosaic"
        if self.mosaic_path is not None and crystal.mosaic_seed != Crystal().mosaic_seed:
            yield f"-mosaic_seed {crystal.mosaic_seed}: has no effect on the domains of --mosaic_file"

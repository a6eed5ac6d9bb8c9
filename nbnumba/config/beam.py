"""What shines: wavelength, fluence, polarization, divergence, dispersion (user units)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nbnumba.config.description import Description
from nbnumba.config.rules import BOOLEAN, INTEGER, NOT_NEGATIVE, NUMBER, POSITIVE, Rules, instance, optional
from nbnumba.config.sources import SOURCES
from nbnumba.config.spectrum import Spectrum
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

DEFAULT_FLUENCE = 125932015286227086360700780544.0
"""Photons/m² that make r_e²·fluence exactly 1."""

DEFAULT_WAVELENGTH = 1.0
"""Å."""


@dataclass(frozen=True, eq=False)
class Spread(Description):
    """One sampled range (divergence or dispersion); None or negative means not given, see the sampling rules.

    Attributes
    ----------
    range : float or None
        Full width, in the unit of the quantity (mrad, %).
    step : float or None
        Distance between neighbouring samples, same unit.
    steps : int or None
        Number of samples.
    """

    range: float | None = None
    step: float | None = None
    steps: int | None = None

    RULES: ClassVar[Rules] = {"range": optional(NUMBER), "step": optional(NUMBER), "steps": optional(INTEGER)}


@dataclass(frozen=True, eq=False)
class Beam(Description):
    """The incident X-ray beam.

    Attributes
    ----------
    wavelength : float or None
        Central wavelength, Å; None takes the spectrum's mean, or 1 Å without one, see `nominal_wavelength`.
    fluence : float
        Photons/m²; replaced by flux·exposure/size² when `flux` is not zero.
    flux : float
        Photons/s.
    exposure : float
        Exposure time, s.
    size : float
        Beam diameter, mm; also clips the crystal height and width. Negative: neither that nor a fluence by the flux.
    kahn_factor : float
        Kahn polarization factor, -1 to 1 for a physical beam.
    polarization : bool
        Apply the polarization factor at all.
    horizontal_divergence, vertical_divergence : Spread
        Divergence, mrad.
    round_divergence : bool
        Cut the divergence grid to an ellipse.
    dispersion : Spread
        Spectral width Δλ/λ, % (full width).
    sources : array_like, shape (n, 5), or None
        X, Y, Z (any length, towards the source, lab frame), weight, wavelength in Å; NaN takes the default. Replaces
        divergence and dispersion. Kept as a read-only float64 array. A sixth column, if there is one, is what the
        float64 before it leaves of a wavelength that was stated in another unit (`nbnumba.config.sources`).
    spectrum : Spectrum or None
        Wavelengths and weights for every direction of the divergence, in place of the dispersion. `wavelength` is
        then the nominal one, of a reciprocal matrix and of headers.
    """

    wavelength: float | None = None
    fluence: float = DEFAULT_FLUENCE
    flux: float = 0.0
    exposure: float = 1.0
    size: float = 0.1
    kahn_factor: float = 0.0
    polarization: bool = True
    horizontal_divergence: Spread = Spread()
    vertical_divergence: Spread = Spread()
    round_divergence: bool = True
    dispersion: Spread = Spread(range=0.0)
    sources: np.ndarray | None = None
    spectrum: Spectrum | None = None

    RULES: ClassVar[Rules] = {
        "wavelength": optional(POSITIVE),
        "fluence": NOT_NEGATIVE,
        "flux": NOT_NEGATIVE,
        "exposure": NOT_NEGATIVE,
        "size": NUMBER,
        "kahn_factor": NUMBER,
        "polarization": BOOLEAN,
        "horizontal_divergence": instance(Spread),
        "vertical_divergence": instance(Spread),
        "round_divergence": BOOLEAN,
        "dispersion": instance(Spread),
        "sources": optional(SOURCES),
        "spectrum": optional(instance(Spectrum)),
    }

    def _check(self) -> None:
        if self.spectrum is None:
            return
        given = {"sources": self.sources is not None, "dispersion": self.dispersion != Beam.dispersion}
        for field in given:
            if given[field]:
                raise UsageError(
                    f"{{Beam.spectrum}} and {{Beam.{field}}} both say what wavelengths there are; give one"
                )

    @property
    def nominal_wavelength(self) -> float:
        """The wavelength of reciprocal matrices and headers, Å."""
        if self.wavelength is not None:
            return self.wavelength
        return DEFAULT_WAVELENGTH if self.spectrum is None else self.spectrum.mean

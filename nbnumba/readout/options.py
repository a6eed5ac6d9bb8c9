"""What noisify.c does with an image: free of NumPy, so that flags can be read in no time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar

from nbnumba.config.beam import DEFAULT_FLUENCE
from nbnumba.config.description import Description
from nbnumba.config.rules import (
    BITS,
    BOOLEAN,
    INTEGER,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    Rules,
    choice,
    instance,
    optional,
)


class Profile(Enum):
    """Form of a point spread."""

    NONE = ""
    GAUSS = "gauss"
    FIBER = "fiber"


@dataclass(frozen=True, eq=False)
class NoisifyPointSpread(Description):
    """How noisify spreads the photons of a pixel.

    Attributes
    ----------
    profile : Profile
        A Gaussian, that of a fibre-optic taper, or none.
    fwhm : float
        Full width at half maximum, µm; 0 or less: no spread.
    radius : int
        How far each pixel is rendered, pixels; 0: as far as its photons matter; negative: its photons are spread evenly
        over the image.
    """

    profile: Profile = Profile.NONE
    fwhm: float = 46.0
    radius: int = 0

    RULES: ClassVar[Rules] = {"profile": choice(Profile), "fwhm": NUMBER, "radius": INTEGER}

    @property
    def acts(self) -> bool:
        """Whether there is a spread."""
        return self.profile is not Profile.NONE and self.fwhm > 0.0


@dataclass(frozen=True, eq=False)
class NoisifyOptions(Description):
    """What becomes of the photons; the defaults are noisify's.

    Attributes
    ----------
    scale : float
        Factor on every input value.
    fluence : float
        Photons/m²; the input is scaled by it and by the square of the classical electron radius.
    gain : float
        Detector units per photon.
    adc_offset : float
        Added to every pixel, detector units.
    readout_noise : float
        Of each pixel, detector units rms.
    flicker_noise : float
        Fluctuation of the source, rms, as a fraction; drawn anew for each pixel (quirk `flicker-per-pixel`).
    calibration_noise : float
        Error of each pixel's gain, rms, as a fraction.
    seed : int or None
        Of all but the calibration, as the user types it; None takes the clock.
    calibration_seed : int
        The usual one is negative: noisify goes on with the shuffle table that is there (quirk `shared-table`).
    noise : bool
        Whether there is any noise.
    point_spread : NoisifyPointSpread
        Of the photons that are counted; without noise, of those that are expected.
    bits : int
        Of a pixel: 16 or 32.
    """

    scale: float = 1.0
    fluence: float = DEFAULT_FLUENCE
    gain: float = 1.0
    adc_offset: float = 40.0
    readout_noise: float = 0.0
    flicker_noise: float = 0.0
    calibration_noise: float = 0.03
    seed: int | None = None
    calibration_seed: int = -123456789
    noise: bool = True
    point_spread: NoisifyPointSpread = NoisifyPointSpread()
    bits: int = 16

    RULES: ClassVar[Rules] = {
        "scale": NUMBER,
        "fluence": NOT_NEGATIVE,
        "gain": NUMBER,
        "adc_offset": NUMBER,
        "readout_noise": NOT_NEGATIVE,
        "flicker_noise": NOT_NEGATIVE,
        "calibration_noise": NOT_NEGATIVE,
        "seed": optional(INTEGER),
        "calibration_seed": INTEGER,
        "noise": BOOLEAN,
        "point_spread": instance(NoisifyPointSpread),
        "bits": BITS,
    }


@dataclass(frozen=True)
class NoisifyFiles:
    """Which files are written; the defaults are noisify's.

    Attributes
    ----------
    int_path : Path
        SMV image without noise.
    pgm_path : Path or None
        PGM image; None writes none.
    noise_path : Path
        SMV image with noise, written if there is any.
    """

    int_path: Path = Path("intimage.img")
    pgm_path: Path | None = Path("image.pgm")
    noise_path: Path = Path("noiseimage.img")


@dataclass(frozen=True, eq=False)
class DetectorHeader(Description):
    """What the header of an SMV image says of the experiment.

    Attributes
    ----------
    pixel_size, distance : float
        Edge of a pixel, distance of the detector, mm.
    wavelength : float
        Å.
    x_beam, y_beam : float or None
        Direct beam, mm; along the slow axis the header counts it from the other end of the detector. None: the
        middle.
    phi, oscillation : float
        Spindle angle at the start and its range, degrees.
    """

    pixel_size: float = 0.1
    distance: float = 100.0
    wavelength: float = 1.0
    x_beam: float | None = None
    y_beam: float | None = None
    phi: float = 0.0
    oscillation: float = 1.0

    RULES: ClassVar[Rules] = {
        "pixel_size": POSITIVE,
        "distance": NUMBER,
        "wavelength": POSITIVE,
        "x_beam": optional(NUMBER),
        "y_beam": optional(NUMBER),
        "phi": NUMBER,
        "oscillation": NUMBER,
    }

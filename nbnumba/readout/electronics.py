"""From counted photons to detector units: calibration error, gain, noise, offset, saturation, integers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from nbnumba.config.rules import NOT_NEGATIVE, NUMBER, POSITIVE, Rules, optional
from nbnumba.numerics.counter_arrays import draw_normal
from nbnumba.numerics.counter_random import stream_key
from nbnumba.readout.names import DTYPES
from nbnumba.readout.stage import FRACTION, POSITIVE_MAP, SEED, Purpose, Stage, Strip, require, require_shape, word


@dataclass(frozen=True, eq=False)
class CalibrationError(Stage):
    """What is left of the differences between pixels after the detector's flat-field correction.

    The factors belong to the detector: they are the same in every image, whatever its seed.

    Attributes
    ----------
    rms : float
        Relative standard deviation of the pixels' factors, which are normal deviates around 1, and 0 where that would
        be negative.
    seed : int
        Of the factors: each seed is another detector.
    factors : ndarray, shape (slow, fast) or (panel, slow, fast), or None
        The factors themselves, in place of `rms` and `seed`.
    """

    rms: float = 0.0
    seed: int = 0
    factors: np.ndarray | None = field(default=None, repr=False)

    RULES: ClassVar[Rules] = {"rms": FRACTION, "seed": SEED, "factors": optional(POSITIVE_MAP)}

    def _check(self) -> None:
        """Refuse two kinds of factors at once."""
        one = self.factors is None or self.rms == 0.0
        require(one, "CalibrationError.rms", f"{self.rms} has no effect beside {{CalibrationError.factors}}")

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse an image of another size than the map; see `Stage.check`."""
        require_shape("CalibrationError.factors", self.factors, shape)

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Scale each pixel; see `Stage.apply`."""
        if self.factors is not None:
            values *= strip.rows_of(self.factors, len(values))
            return values
        deviates = draw_normal(values.size, strip.first_pixel, stream_key(self.seed, Purpose.CALIBRATION))
        deviates *= self.rms
        deviates += 1.0
        values *= np.maximum(deviates, 0.0, out=deviates).reshape(values.shape)
        return values


@dataclass(frozen=True, eq=False)
class Gain(Stage):
    """Detector units per photon.

    Attributes
    ----------
    adu_per_photon : float
        Above zero.
    """

    adu_per_photon: float

    RULES: ClassVar[Rules] = {"adu_per_photon": POSITIVE}

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Scale the image; see `Stage.apply`."""
        values *= self.adu_per_photon
        return values


@dataclass(frozen=True, eq=False)
class ReadoutNoise(Stage):
    """Noise of the electronics: a normal deviate for each pixel of each image.

    Attributes
    ----------
    rms : float
        Standard deviation, in the units of the image at this place (ADU behind `Gain`).
    seed : int or None
        Replaces the image's seed.
    """

    rms: float
    seed: int | None = None

    RULES: ClassVar[Rules] = {"rms": NOT_NEGATIVE, "seed": optional(SEED)}

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Add noise; see `Stage.apply`."""
        deviates = draw_normal(values.size, strip.first_pixel, strip.key(Purpose.READOUT, self.seed))
        deviates *= self.rms
        values += deviates.reshape(values.shape)
        return values


@dataclass(frozen=True, eq=False)
class Offset(Stage):
    """Pedestal that keeps readout noise above zero.

    Attributes
    ----------
    adu : float
        Added to each pixel.
    """

    adu: float

    RULES: ClassVar[Rules] = {"adu": NUMBER}

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Add the pedestal; see `Stage.apply`."""
        values += self.adu
        return values


@dataclass(frozen=True, eq=False)
class Saturation(Stage):
    """The largest value that a pixel reports.

    Attributes
    ----------
    level : float
        In the units of the image at this place.
    """

    level: float

    RULES: ClassVar[Rules] = {"level": POSITIVE}

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Clip; see `Stage.apply`."""
        np.minimum(values, self.level, out=values)
        return values


@dataclass(frozen=True, eq=False)
class Digitize(Stage):
    """Whole numbers: the nearest one that the integer type has; halves go to the even neighbour.

    Attributes
    ----------
    dtype : str
        uint8, uint16, uint32, int16 or int32. Values beyond its range take its nearest limit: none wraps.
    """

    dtype: str = "int32"

    RULES: ClassVar[Rules] = {"dtype": word(*DTYPES)}

    def holds(self, value: float) -> bool:
        """Whether pixels of the type can have a value.

        Parameters
        ----------
        value : float
            Any.
        """
        limits = np.iinfo(self.dtype)
        return bool(limits.min <= value <= limits.max and value == math.floor(value))

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Round and clip; the numbers are still float64; see `Stage.apply`."""
        limits = np.iinfo(self.dtype)
        return np.clip(np.rint(values, out=values), limits.min, limits.max, out=values)

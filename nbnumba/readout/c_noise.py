"""The noise of noisify.c, drawn pixel after pixel from its random numbers, and its conversion to integers."""

from __future__ import annotations

import numpy as np

from nbnumba.numerics.c_random import gaussdev, go_on_with, keep_place, poidev, poisson_state, ran1_state
from nbnumba.numerics.jit import device_jit, jit
from nbnumba.output.digitize import c_integer
from nbnumba.readout.options import NoisifyOptions

_SEED, _CALIBRATION_SEED = 0, 1
"""Which of the two sequences of random numbers."""

_LIMIT_16, _LIMIT_32 = 65535.0, 2147483647.0
"""Larger values are clipped."""

_SMALLEST_LONG = -9223372036854775808.0


class NoisyReadout:
    """Draws the photons of an image and the noise of reading them out, as noisify does.

    Both sequences of random numbers share one shuffle table, one spare Gauss deviate and one Poisson memory (quirk
    `shared-table`).

    Parameters
    ----------
    options : NoisifyOptions
        Detector and noise.
    seed : int
        Of all but the calibration, as the user types it.

    Attributes
    ----------
    seed : int
        As given.
    counted : float
        Photons counted so far.
    photons : float
        Photons read out so far; a point spread may have come between.
    overloads : int
        Pixels clipped so far.
    """

    def __init__(self, options: NoisifyOptions, seed: int) -> None:
        self.seed = seed
        self.counted = self.photons = 0.0
        self.overloads = 0
        self._options = options
        self._state, self._memory = ran1_state(0), poisson_state()
        self._numbers = np.array([-seed, -options.calibration_seed])

    def count(self, photons: np.ndarray) -> None:
        """Count photons; the next call goes on with the random numbers.

        Parameters
        ----------
        photons : ndarray, shape (any, fast), float32
            Expected photons: an image, or the rows that follow those of the call before. They become counts.
        """
        self.counted = _count(
            photons, float(self._options.flicker_noise), float(self._options.calibration_noise),
            self._state, self._memory, self._numbers, self.counted,
        )  # fmt: skip

    def digitize(self, photons: np.ndarray) -> np.ndarray:
        """Read out photons, to be called when all are counted; the next call goes on with the random numbers.

        Parameters
        ----------
        photons : ndarray, shape (any, fast), float32
            Counted photons: an image, or the rows that follow those of the call before.

        Returns
        -------
        ndarray, shape (any, fast), uint16 or uint32
            Detector units.
        """
        pixels = _blank(photons, self._options)
        self.photons, self.overloads = _digitize(
            photons, float(self._options.gain), float(self._options.adc_offset), float(self._options.readout_noise),
            _limit(self._options), self._state, self._memory, self._numbers, self.photons, self.overloads, pixels,
        )  # fmt: skip
        return pixels


def expected_integers(photons: np.ndarray, options: NoisifyOptions) -> np.ndarray:
    """Detector units without noise: at most 65535 for 32 bits too (quirk `int32-clip`).

    Parameters
    ----------
    photons : ndarray, shape (any, fast), float32
        Expected photons.
    options : NoisifyOptions
        Detector.

    Returns
    -------
    ndarray, shape (any, fast), uint16 or uint32
    """
    pixels = _blank(photons, options)
    _convert(photons, float(options.gain), float(options.adc_offset), options.bits == 32, pixels)
    return pixels


def expected_greys(photons: np.ndarray, options: NoisifyOptions) -> np.ndarray:
    """Grey values: detector units up to 255.

    Parameters
    ----------
    photons : ndarray, shape (any, fast), float32
        Expected photons.
    options : NoisifyOptions
        Detector.

    Returns
    -------
    ndarray, shape (any, fast), uint8
    """
    pixels = np.empty(photons.shape, np.uint16)
    _convert(photons, float(options.gain), float(options.adc_offset), False, pixels)
    return np.minimum(pixels, 255).astype(np.uint8)


def _blank(photons: np.ndarray, options: NoisifyOptions) -> np.ndarray:
    """Pixels to be assigned."""
    return np.empty(photons.shape, np.uint32 if options.bits == 32 else np.uint16)


def _limit(options: NoisifyOptions) -> float:
    """Value above which a pixel of the noise image is an overload."""
    return _LIMIT_32 if options.bits == 32 else _LIMIT_16


@device_jit
def _c_unsigned(value: float, wide: bool) -> np.uint32:
    """The low bits of C's conversion to a longer integer, as x86 makes unsigned ones (quirk `negative-wrap`)."""
    if wide:
        return np.uint32(np.int64(value)) if _SMALLEST_LONG <= value < -_SMALLEST_LONG else np.uint32(0)
    return np.uint32(c_integer(value))


@jit
def _convert(photons: np.ndarray, gain: float, offset: float, wide: bool, pixels: np.ndarray) -> None:
    """Detector units without noise."""
    for slow in range(photons.shape[0]):
        row, integers = photons[slow], pixels[slow]
        for fast in range(row.size):
            value = row[fast] * gain + offset
            value = _LIMIT_16 if value > _LIMIT_16 else value
            integers[fast] = _c_unsigned(value, wide)


@device_jit
def _gauss(state: np.ndarray, memory: np.ndarray, numbers: np.ndarray, which: int) -> float:
    """A Gauss deviate from one of the sequences."""
    go_on_with(state, numbers, which)
    deviate = np.float64(gaussdev(state, memory))
    keep_place(state, numbers, which)
    return deviate


@jit
def _count(
    photons: np.ndarray, flicker: float, calibration: float, state: np.ndarray, memory: np.ndarray,
    numbers: np.ndarray, total: float,
) -> float:  # fmt: skip
    """Expected photons become counts; their sum on top of those before."""
    for slow in range(photons.shape[0]):
        for fast in range(photons.shape[1]):
            mean = np.float64(photons[slow, fast])
            if flicker > 0.0:
                mean *= 1.0 + flicker * _gauss(state, memory, numbers, _SEED)
            if calibration > 0.0:
                mean *= 1.0 + calibration * _gauss(state, memory, numbers, _CALIBRATION_SEED)
            go_on_with(state, numbers, _SEED)
            photons[slow, fast] = poidev(np.float32(mean), state, memory)
            keep_place(state, numbers, _SEED)
            total += photons[slow, fast]
    return total


@jit
def _digitize(
    photons: np.ndarray, gain: float, offset: float, noise: float, limit: float, state: np.ndarray,
    memory: np.ndarray, numbers: np.ndarray, total: float, overloads: int, pixels: np.ndarray,
) -> tuple[float, int]:  # fmt: skip
    """Detector units of all pixels; photons and overloads on top of those before."""
    for slow in range(photons.shape[0]):
        for fast in range(photons.shape[1]):
            total += photons[slow, fast]
            value = photons[slow, fast] * gain + offset
            if noise > 0.0:
                value += noise * _gauss(state, memory, numbers, _SEED)
            if value > limit:
                value = limit
                overloads += 1
            pixels[slow, fast] = _c_unsigned(value, limit > _LIMIT_16)
    return total, overloads

"""Photon-counting noise, drawn pixel after pixel as nanoBragg does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbnumba.numerics.c_random import poidev, poisson_state, ran1_state, seed_again
from nbnumba.numerics.jit import jit
from nbnumba.output.digitize import c_integer
from nbnumba.setup.model import region_in

if TYPE_CHECKING:
    from nbnumba.setup.model import Window


class PoissonNoise:
    """Draws the photons of an image, pixel after pixel.

    One sequence of random numbers runs through the whole image, so that this can't be done in parallel.

    Parameters
    ----------
    seed : int
        Seed as the user types it.
    adc_offset : float
        Added to every pixel of the region of interest.
    state : ndarray, shape (34,), int64, or None
        The generator as earlier draws left it, from `ran1_state`: a negative seed goes on with its shuffle table. Not
        changed; None starts a new one.

    Attributes
    ----------
    photons : float
        Photons drawn so far.
    overloads : int
        Pixels that were clipped to 65535 so far.
    """

    def __init__(self, seed: int, adc_offset: float, state: np.ndarray | None = None) -> None:
        self.photons = 0.0
        self.overloads = 0
        self._adc_offset = float(adc_offset)
        self._generator = ran1_state(0) if state is None else state.copy()
        seed_again(self._generator, -seed)
        self._memory = poisson_state()

    def draw(self, image: np.ndarray, window: Window | None = None) -> np.ndarray:
        """Photon counts with Poisson noise and the detector's offset; the next call goes on with the sequence.

        Parameters
        ----------
        image : ndarray, shape (slow, fast), float32
            Expected photons per pixel: an image, or the rows that follow those of the call before.
        window : Window or None
            Region of interest; None for the whole image.

        Returns
        -------
        ndarray, shape (slow, fast), uint16
            Counts plus offset; 0 outside the region of interest.
        """
        pixels = np.zeros(image.shape, dtype=np.uint16)
        self.photons, self.overloads = _fill_counts(
            image, region_in(image.shape, window), self._adc_offset, self._generator, self._memory,
            self.photons, self.overloads, pixels,
        )  # fmt: skip
        return pixels


@jit
def _fill_counts(
    image: np.ndarray,
    window: Window,
    adc_offset: float,
    state: np.ndarray,
    memory: np.ndarray,
    photons: float,
    overloads: int,
    pixels: np.ndarray,
) -> tuple[float, int]:
    """Pixels of the noise image; photons and overloads on top of those drawn before."""
    fast_start, fast_stop, slow_start, slow_stop = window
    for slow in range(slow_start, slow_stop):
        for fast in range(fast_start, fast_stop):
            count = float(poidev(image[slow, fast], state, memory))
            photons += count
            value = count + adc_offset
            if value > 65535.0:
                value = 65535.0
                overloads += 1
            pixels[slow, fast] = np.uint16(c_integer(value))
    return photons, overloads

"""Photon-counting noise, drawn pixel after pixel as nanoBragg does."""

from __future__ import annotations

import numpy as np

from nbnumba._jit import jit
from nbnumba.c_random import poidev, poisson_state, ran1_state, seed_again
from nbnumba.digitize import c_integer
from nbnumba.statistics import Window, clip_roi


def poisson_image(
    image: np.ndarray, seed: int, adc_offset: float, roi: Window, state: np.ndarray | None = None
) -> tuple[np.ndarray, float, int]:
    """Photon counts with Poisson noise and the detector's offset.

    One sequence of random numbers runs through the whole image, so that this can't be done in parallel.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Expected photons per pixel.
    seed : int
        Seed as the user types it.
    adc_offset : float
        Added to every pixel of the region of interest.
    roi : tuple of 4 int
        Fast min, fast max, slow min, slow max, pixels, inclusive; the maxima may lie past the edge.
    state : ndarray, shape (34,), int64, or None
        The generator as earlier draws left it, from `ran1_state`: a negative seed goes on with its shuffle table. Not
        changed; None starts a new one.

    Returns
    -------
    pixels : ndarray, shape (slow, fast), uint16
        Counts plus offset; 0 outside the region of interest.
    photons : float
        Photons drawn in all.
    overloads : int
        Pixels that were clipped to 65535.
    """
    pixels = np.zeros(image.shape, dtype=np.uint16)
    window = clip_roi(roi, image.shape)
    generator = ran1_state(0) if state is None else state.copy()
    seed_again(generator, -seed)
    photons, overloads = _fill_counts(image, window, float(adc_offset), generator, poisson_state(), pixels)
    return pixels, photons, overloads


@jit
def _fill_counts(
    image: np.ndarray, window: Window, adc_offset: float, state: np.ndarray, memory: np.ndarray, pixels: np.ndarray
) -> tuple[float, int]:
    """Pixels of the noise image; photons and overloads."""
    fast_start, fast_stop, slow_start, slow_stop = window
    photons, overloads = 0.0, 0
    for slow in range(slow_start, slow_stop):
        for fast in range(fast_start, fast_stop):
            count = np.float64(poidev(image[slow, fast], state, memory))
            photons += count
            value = count + adc_offset
            if value > 65535.0:
                value = 65535.0
                overloads += 1
            pixels[slow, fast] = np.uint16(c_integer(value))
    return photons, overloads

"""Photons to the integers of image files, with C's roundings and conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbnumba.numerics.jit import device_jit, jit
from nbnumba.setup.model import region_in

if TYPE_CHECKING:
    from nbnumba.output.statistics import ImageStatistics
    from nbnumba.setup.model import Window

_BRIGHTEST = 55000.0
"""Value that the automatic integer scale gives the maximum, without the offset."""


def integer_scale(given: float, statistics: ImageStatistics) -> float:
    """Scale of the integer image.

    Parameters
    ----------
    given : float
        What the user wants; 0 or less lets the maximum become 55000.
    statistics : ImageStatistics
        Of the float image.

    Returns
    -------
    float
        Pixel values per photon.
    """
    if given > 0.0:
        return given
    return _BRIGHTEST / statistics.max_value if statistics.max_value > 0.0 else 1.0


def pgm_scale(given: float, statistics: ImageStatistics, intfile_scale: float) -> float:
    """Scale of the PGM image.

    Parameters
    ----------
    given : float
        What the user wants; 0 or less lets five rmsd become 250.
    statistics : ImageStatistics
        Of the float image.
    intfile_scale : float
        Scale of the integer image, taken when the rmsd is 0.

    Returns
    -------
    float
        Grey values per photon.
    """
    if given > 0.0:
        return given
    return 250.0 / (5.0 * statistics.rmsd) if statistics.rmsd > 0.0 else intfile_scale


def integer_image(image: np.ndarray, window: Window | None, scale: float, adc_offset: float) -> np.ndarray:
    """Scaled and rounded image with the detector's offset.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons per pixel.
    window : Window or None
        Region of interest; None for the whole image.
    scale : float
        Pixel values per photon.
    adc_offset : float
        Added to every pixel of the region of interest.

    Returns
    -------
    ndarray, shape (slow, fast), uint16
        Clipped to 0...65535; 0 outside the region of interest.
    """
    pixels = np.zeros(image.shape, dtype=np.uint16)
    _fill_integers(image, region_in(image.shape, window), float(scale), float(adc_offset), pixels)
    return pixels


def pgm_image(image: np.ndarray, window: Window | None, scale: float) -> np.ndarray:
    """Scaled and truncated 8-bit image.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons per pixel.
    window : Window or None
        Region of interest; None for the whole image.
    scale : float
        Grey values per photon.

    Returns
    -------
    ndarray, shape (slow, fast), uint8
        Clipped to 255; 0 outside the region of interest. Negative values wrap around as in C.
    """
    pixels = np.zeros(image.shape, dtype=np.uint8)
    _fill_greys(image, region_in(image.shape, window), float(scale), pixels)
    return pixels


@device_jit
def c_integer(value: float) -> np.int32:
    """C's conversion of a double to a 32-bit integer on x86: what has none, NaN included, becomes -2**31.

    Parameters
    ----------
    value : float
        Any double.

    Returns
    -------
    int32
        Truncated towards zero.
    """
    return np.int32(value) if -2147483648.0 <= value < 2147483648.0 else np.int32(-2147483648)


# Rows are taken as slices, whose indices can't be negative, and conversions test no more than they must: numba then
# vectorises the loops.


@jit
def _fill_integers(image: np.ndarray, window: Window, scale: float, adc_offset: float, pixels: np.ndarray) -> None:
    """Pixels of the integer image."""
    fast_start, fast_stop, slow_start, slow_stop = window
    for slow in range(slow_start, slow_stop):
        photons, integers = image[slow, fast_start:fast_stop], pixels[slow, fast_start:fast_stop]
        for i in range(photons.size):
            value = photons[i] * scale + adc_offset
            value = 65535.0 if value > 65535.0 else value
            # also where the value is NaN
            value = value if value > 0.0 else 0.0
            # nanoBragg rounds with floorf: the sum becomes float32 first; of positive numbers floor is truncation
            integers[i] = np.uint16(np.int32(np.float32(value + 0.5)))


@jit
def _fill_greys(image: np.ndarray, window: Window, scale: float, pixels: np.ndarray) -> None:
    """Pixels of the PGM image."""
    fast_start, fast_stop, slow_start, slow_stop = window
    for slow in range(slow_start, slow_stop):
        photons, greys = image[slow, fast_start:fast_stop], pixels[slow, fast_start:fast_stop]
        for i in range(photons.size):
            value = photons[i] * scale
            value = 255.0 if value > 255.0 else value
            greys[i] = np.uint8(np.int32(value)) if value > -2147483649.0 else np.uint8(0)

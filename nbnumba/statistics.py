"""What nanoBragg reports of an image: its maximum, mean, rms and rmsd."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nbnumba._jit import jit

Window = tuple[int, int, int, int]

LANES = 256
"""Sums that run side by side, one for each column modulo this number: the processor adds several at once.

nanoBragg adds pixel after pixel, or in as many parts as it has threads. The sums differ in their last digits; six are
printed.
"""


@dataclass(frozen=True)
class ImageStatistics:
    """Figures of an image inside its region of interest.

    Attributes
    ----------
    max_value : float
        Largest pixel, photons; 0 if none is positive.
    max_x, max_y : float
        Its position along the fast and slow axis, m: centre of its last subpixel; 0 if no pixel is positive.
    mean, rms : float
        Mean and root mean square of the pixels that are not masked, photons.
    rmsd : float
        Root mean square deviation from that mean of all pixels, masked ones as 0, photons.
    """

    max_value: float
    max_x: float
    max_y: float
    mean: float
    rms: float
    rmsd: float


def clip_roi(roi: Window, shape: tuple[int, int]) -> Window:
    """The pixels of a region of interest that lie on the detector.

    Parameters
    ----------
    roi : tuple of 4 int
        Fast min, fast max, slow min, slow max, pixels, inclusive; the maxima may lie past the edge.
    shape : tuple of 2 int
        Slow, fast.

    Returns
    -------
    tuple of 4 int
        Fast start, fast stop, slow start, slow stop; the stops are exclusive.
    """
    slow, fast = shape
    return max(roi[0], 0), min(roi[1] + 1, fast), max(roi[2], 0), min(roi[3] + 1, slow)


def image_statistics(
    image: np.ndarray, roi: Window, mask: np.ndarray | None, subpixel_size: float, oversample: int
) -> ImageStatistics:
    """Statistics of an image as nanoBragg computes them.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons per pixel, 0 where the mask is.
    roi : tuple of 4 int
        Fast min, fast max, slow min, slow max, pixels, inclusive; the maxima may lie past the edge.
    mask : ndarray, shape (slow, fast), uint16, or None
        Pixels of value 0 were not evaluated.
    subpixel_size : float
        Edge of a subpixel, m.
    oversample : int
        Subpixels along each edge of a pixel.

    Returns
    -------
    ImageStatistics
    """
    fast_start, fast_stop, slow_start, slow_stop = clip_roi(roi, image.shape)
    inside = np.s_[slow_start:slow_stop, fast_start:fast_stop]
    pixels = image[inside]
    count = pixels.size if mask is None else int(np.count_nonzero(mask[inside]))
    sums, square_sums = np.zeros((2, LANES))
    _accumulate(pixels, sums, square_sums)
    mean = float(sums.sum()) / max(count, 1)
    deviations = np.zeros(LANES)
    _add_squared_deviations(pixels, mean, deviations)
    peak, slow, fast = _find_peak(pixels)
    return ImageStatistics(
        max_value=peak,
        max_x=_last_subpixel(fast_start + fast, subpixel_size, oversample) if peak > 0.0 else 0.0,
        max_y=_last_subpixel(slow_start + slow, subpixel_size, oversample) if peak > 0.0 else 0.0,
        mean=mean,
        rms=_root_mean(float(square_sums.sum()), count),
        rmsd=_root_mean(float(deviations.sum()), pixels.size),
    )


def _find_peak(pixels: np.ndarray) -> tuple[float, int, int]:
    """The largest value, at least 0, and its first place, slow and fast; NaN is never the largest."""
    row_peaks = np.fmax.reduce(pixels, axis=1, initial=np.float32(0.0))
    slow = int(np.argmax(row_peaks))
    return float(row_peaks[slow]), slow, int(np.argmax(pixels[slow] == row_peaks[slow]))


def _root_mean(squares: float, count: int) -> float:
    """Root of a mean square with one degree of freedom taken off; nanoBragg divides by 1 when none is left."""
    return math.sqrt(squares / max(count - 1, 1))


def _last_subpixel(pixel: int, subpixel_size: float, oversample: int) -> float:
    """Position of the centre of a pixel's last subpixel."""
    return subpixel_size * (pixel * oversample + oversample - 1) + subpixel_size / 2.0


# Unsigned indices can't be negative; numba then needs no test that would keep it from vectorising the loops.


@jit
def _accumulate(pixels: np.ndarray, sums: np.ndarray, square_sums: np.ndarray) -> None:
    """Add the pixels and their squares to the lanes."""
    width, lanes = np.uintp(pixels.shape[1]), np.uintp(sums.size)
    for slow in range(pixels.shape[0]):
        row = pixels[slow]
        for first in range(np.uintp(0), width, lanes):
            for lane in range(min(lanes, width - first)):
                value = row[first + lane]
                sums[lane] += value
                # the square is a float32 product, the sum a double
                square_sums[lane] += value * value


@jit
def _add_squared_deviations(pixels: np.ndarray, mean: float, square_sums: np.ndarray) -> None:
    """Add the squared deviations from the mean to the lanes."""
    width, lanes = np.uintp(pixels.shape[1]), np.uintp(square_sums.size)
    for slow in range(pixels.shape[0]):
        row = pixels[slow]
        for first in range(np.uintp(0), width, lanes):
            for lane in range(min(lanes, width - first)):
                deviation = row[first + lane] - mean
                square_sums[lane] += deviation * deviation

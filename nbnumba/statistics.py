"""What nanoBragg reports of an image: its maximum, mean, rms and rmsd, added up in scan order."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nbnumba._jit import jit

Window = tuple[int, int, int, int]


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
        Photons per pixel.
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
    window = clip_roi(roi, image.shape)
    usable = np.ones((1, 1), dtype=np.uint16) if mask is None else mask
    total, squares, count, peak, peak_fast, peak_slow = _accumulate(image, window, usable, mask is not None)
    mean = total / max(count, 1)
    deviations, pixels = _squared_deviations(image, window, mean)
    found = peak > 0.0
    return ImageStatistics(
        max_value=peak,
        max_x=_last_subpixel(peak_fast, subpixel_size, oversample) if found else 0.0,
        max_y=_last_subpixel(peak_slow, subpixel_size, oversample) if found else 0.0,
        mean=mean,
        rms=_root_mean(squares, count),
        rmsd=_root_mean(deviations, pixels),
    )


def _root_mean(squares: float, count: int) -> float:
    """Root of a mean square with one degree of freedom taken off; nanoBragg divides by 1 when none is left."""
    return math.sqrt(squares / max(count - 1, 1))


def _last_subpixel(pixel: int, subpixel_size: float, oversample: int) -> float:
    """Position of the centre of a pixel's last subpixel."""
    return subpixel_size * (pixel * oversample + oversample - 1) + subpixel_size / 2.0


@jit
def _accumulate(
    image: np.ndarray, window: Window, mask: np.ndarray, has_mask: bool
) -> tuple[float, float, int, float, int, int]:
    """Sum, sum of squares and number of the pixels that are not masked; the maximum and where it is."""
    fast_start, fast_stop, slow_start, slow_stop = window
    total, squares, count = 0.0, 0.0, 0
    peak, peak_fast, peak_slow = np.float32(0.0), 0, 0
    for slow in range(slow_start, slow_stop):
        for fast in range(fast_start, fast_stop):
            if has_mask and mask[slow, fast] == 0:
                continue
            value = image[slow, fast]
            if value > peak:
                peak, peak_fast, peak_slow = value, fast, slow
            total += value
            # the square is a float32 product, the sum a double
            squares += value * value
            count += 1
    return total, squares, count, np.float64(peak), peak_fast, peak_slow


@jit
def _squared_deviations(image: np.ndarray, window: Window, mean: float) -> tuple[float, int]:
    """Sum of squared deviations from the mean, and number of pixels."""
    fast_start, fast_stop, slow_start, slow_stop = window
    squares = 0.0
    for slow in range(slow_start, slow_stop):
        for fast in range(fast_start, fast_stop):
            deviation = image[slow, fast] - mean
            squares += deviation * deviation
    return squares, (fast_stop - fast_start) * (slow_stop - slow_start)

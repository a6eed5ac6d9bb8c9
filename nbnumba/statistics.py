"""What nanoBragg reports of an image: its maximum, mean, rms and rmsd."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbnumba._jit import reordering_jit

Window = tuple[int, int, int, int]

STRIP_PIXELS = 1 << 18
"""Pixels of a strip of rows: what is done with them, one thing after the other, finds them in the processor's cache."""


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


def strip_rows(shape: tuple[int, int]) -> Iterator[slice]:
    """Cut an image into strips of consecutive rows.

    Parameters
    ----------
    shape : tuple of 2 int
        Slow, fast.

    Yields
    ------
    slice
        Rows of about STRIP_PIXELS pixels, at least one.
    """
    slow, fast = shape
    height = max(STRIP_PIXELS // fast, 1)
    for first in range(0, slow, height):
        yield slice(first, first + height)


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
    strips = [_strip_sums(pixels[rows]) for rows in strip_rows(pixels.shape)]
    mean = sum(strip.total for strip in strips) / max(count, 1)
    row_peaks = np.concatenate([strip.row_peaks for strip in strips])
    slow = int(np.argmax(row_peaks))
    peak, fast = float(row_peaks[slow]), int(np.argmax(pixels[slow] == row_peaks[slow]))
    return ImageStatistics(
        max_value=peak,
        max_x=_last_subpixel(fast_start + fast, subpixel_size, oversample) if peak > 0.0 else 0.0,
        max_y=_last_subpixel(slow_start + slow, subpixel_size, oversample) if peak > 0.0 else 0.0,
        mean=mean,
        rms=_root_mean(sum(strip.squares for strip in strips), count),
        rmsd=_root_mean(sum(strip.deviations_from(mean) for strip in strips), pixels.size),
    )


@dataclass(frozen=True)
class _StripSums:
    """Sums over some rows, taken while they are in the processor's cache.

    Attributes
    ----------
    size : int
        Pixels.
    total, squares : float
        Sums of the pixels and of their squares.
    deviations : float
        Sum of the squared deviations from the rows' own mean.
    row_peaks : ndarray, shape (rows,), float32
        Largest value of each row, at least 0; NaN is never the largest.
    """

    size: int
    total: float
    squares: float
    deviations: float
    row_peaks: np.ndarray

    def deviations_from(self, mean: float) -> float:
        """Sum of the squared deviations from another mean."""
        return self.deviations + self.size * (self.total / self.size - mean) ** 2


def _strip_sums(pixels: np.ndarray) -> _StripSums:
    """Sums over some rows of an image."""
    total, squares = _sums(pixels)
    deviations = _squared_deviations(pixels, total / pixels.size)
    row_peaks = np.fmax.reduce(pixels, axis=1, initial=np.float32(0.0))
    return _StripSums(pixels.size, total, squares, deviations, row_peaks)


def _root_mean(squares: float, count: int) -> float:
    """Root of a mean square with one degree of freedom taken off; nanoBragg divides by 1 when none is left."""
    return math.sqrt(squares / max(count - 1, 1))


def _last_subpixel(pixel: int, subpixel_size: float, oversample: int) -> float:
    """Position of the centre of a pixel's last subpixel."""
    return subpixel_size * (pixel * oversample + oversample - 1) + subpixel_size / 2.0


# nanoBragg adds pixel after pixel, or in as many parts as it has threads. The sums differ in their last digits; six are
# printed.


@reordering_jit
def _sums(pixels: np.ndarray) -> tuple[float, float]:
    """Sums of the pixels and of their squares."""
    total = squares = 0.0
    for slow in range(pixels.shape[0]):
        row = pixels[slow]
        for fast in range(row.size):
            value = row[fast]
            total += value
            # the square is a float32 product, the sum a double
            squares += value * value
    return total, squares


@reordering_jit
def _squared_deviations(pixels: np.ndarray, mean: float) -> float:
    """Sum of the squared deviations from a number."""
    total = 0.0
    for slow in range(pixels.shape[0]):
        row = pixels[slow]
        for fast in range(row.size):
            deviation = row[fast] - mean
            total += deviation * deviation
    return total

"""What nanoBragg reports of an image: its maximum, mean, rms and rmsd."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.numerics.jit import jit, reordering_jit
from nbnumba.setup.model import region_in

if TYPE_CHECKING:
    from nbnumba.setup.model import Window

IN_ORDER_PIXELS = 2**18
"""Images of at most so many pixels are summed one pixel after the other, as nanoBragg does on one thread. The automatic
scale of the PGM image follows from the rmsd, and in a small image of few different values it can make a pixel a whole
number to the last digit: then the digit decides what is left of it without its fraction."""


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


def row_sums(image: np.ndarray, window: Window | None) -> np.ndarray:
    """Sums over the rows inside a region of interest, from which the statistics of an image follow.

    Parameters
    ----------
    image, window
        As in `image_statistics`.

    Returns
    -------
    ndarray, shape (rows inside, 4), float64
        Sum, sum of squares, squared deviations from the row's own mean, and largest value, at least 0.
    """
    fast_start, fast_stop, slow_start, slow_stop = region_in(image.shape, window)
    pixels = image[slow_start:slow_stop, fast_start:fast_stop]
    rows = np.empty((len(pixels), 4))
    _sum_rows(pixels, rows)
    return rows


def image_statistics(
    image: np.ndarray,
    window: Window | None = None,
    mask: np.ndarray | None = None,
    subpixel_size: float = 1.0,
    oversample: int = 1,
    sums: np.ndarray | None = None,
) -> ImageStatistics:
    """Statistics of an image as nanoBragg computes them.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons per pixel, 0 where the mask is.
    window : Window or None
        Region of interest; None for the whole image.
    mask : ndarray, shape (slow, fast), uint16, or None
        Pixels of value 0 were not evaluated.
    subpixel_size : float
        Edge of a subpixel, m; 1 gives positions in pixels.
    oversample : int
        Subpixels along each edge of a pixel.
    sums : ndarray, shape (rows inside the region of interest, 4), float64, or None
        `row_sums` if they are known.

    Returns
    -------
    ImageStatistics
    """
    fast_start, fast_stop, slow_start, slow_stop = region_in(image.shape, window)
    inside = np.s_[slow_start:slow_stop, fast_start:fast_stop]
    pixels = image[inside]
    count = pixels.size if mask is None else int(np.count_nonzero(mask[inside]))
    rows = row_sums(image, window) if sums is None else sums
    peaks = rows[:, 3]
    slow = int(np.argmax(peaks))
    peak, fast = float(peaks[slow]), int(np.argmax(pixels[slow] == peaks[slow]))
    if pixels.size <= IN_ORDER_PIXELS:
        mean, squares, deviations = _moments_in_order(pixels, count)
    else:
        mean, squares, deviations = _moments_of_rows(rows, pixels.shape[1], count)
    return ImageStatistics(
        max_value=peak,
        max_x=last_subpixel(fast_start + fast, subpixel_size, oversample) if peak > 0.0 else 0.0,
        max_y=last_subpixel(slow_start + slow, subpixel_size, oversample) if peak > 0.0 else 0.0,
        mean=mean,
        rms=_root_mean(squares, count),
        rmsd=_root_mean(deviations, pixels.size),
    )


def _moments_of_rows(rows: np.ndarray, width: int, count: int) -> tuple[float, float, float]:
    """Mean, sum of squares and of squared deviations from `row_sums`, whose deviations are from each row's own mean."""
    totals, squares, deviations, _ = rows.T
    mean = totals.sum() / max(count, 1)
    with np.errstate(invalid="ignore"):  # of infinite pixels
        return float(mean), squares.sum(), deviations.sum() + width * ((totals / width - mean) ** 2).sum()


def _root_mean(squares: float, count: int) -> float:
    """Root of a mean square with one degree of freedom taken off; nanoBragg divides by 1 when none is left."""
    return math.sqrt(squares / max(count - 1, 1))


def last_subpixel(pixel: int, subpixel_size: float, oversample: int) -> float:
    """Where nanoBragg says that a pixel lies: the centre of its last subpixel.

    Parameters
    ----------
    pixel : int
        Pixel along one axis.
    subpixel_size : float
        Edge of a subpixel, m.
    oversample : int
        Subpixels along each edge of a pixel.

    Returns
    -------
    float
        Distance from the detector's edge, m.
    """
    return subpixel_size * (pixel * oversample + oversample - 1) + subpixel_size / 2.0


@jit
def _moments_in_order(pixels: np.ndarray, count: int) -> tuple[float, float, float]:
    """Mean, sum of squares, and of squared deviations from the mean, added pixel after pixel."""
    total = squares = deviations = 0.0
    for row in pixels:
        for value in row:
            total += value
            squares += value * value
    mean = total / max(count, 1)
    for row in pixels:
        for value in row:
            deviations += (value - mean) * (value - mean)
    return mean, squares, deviations


# Added in any order, the sums differ from nanoBragg's in their last digits; six are printed.


@reordering_jit
def _sum_rows(pixels: np.ndarray, rows: np.ndarray) -> None:
    """Sum of each row, of its squares and of its squared deviations from its mean; its largest value, at least 0."""
    for slow in range(pixels.shape[0]):
        row = pixels[slow]
        total = squares = deviations = 0.0
        peak = np.int32(0)
        for fast in range(row.size):
            value = row[fast]
            total += value
            # the square is a float32 product, the sum a double
            squares += value * value
            # the bits of positive numbers are in the numbers' order, and NaN is none of them
            positive = value if value > np.float32(0.0) else np.float32(0.0)
            peak = max(peak, np.float32(positive).view(np.int32))
        mean = total / row.size
        for fast in range(row.size):
            deviation = row[fast] - mean
            deviations += deviation * deviation
        rows[slow, 0], rows[slow, 1], rows[slow, 2] = total, squares, deviations
        rows[slow, 3] = np.int32(peak).view(np.float32)

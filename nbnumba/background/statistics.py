"""What nonBragg reports of an image, added up pixel after pixel as it does."""

from __future__ import annotations

import math

import numpy as np

from nbnumba.numerics.jit import jit
from nbnumba.output.statistics import ImageStatistics, last_subpixel
from nbnumba.setup.model import Window


def nonbragg_statistics(
    image: np.ndarray, window: Window, subpixel_size: float, oversample: int, counted: int | None = None
) -> ImageStatistics:
    """Statistics as nonBragg computes them (quirks `rmsd-shift` and `img-mean`).

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons per pixel.
    window : Window
        Region of interest.
    subpixel_size : float
        Edge of a subpixel, m.
    oversample : int
        Subpixels along each edge of a pixel.
    counted : int or None
        Number that mean and rms are divided by where it is not that of the pixels: after a curve was extracted.

    Returns
    -------
    ImageStatistics
    """
    total, squares, peak, number = _moments(image, window)
    pixels = (window.fast_stop - window.fast_start) * (window.slow_stop - window.slow_start)
    n = max(pixels if counted is None else counted, 1)
    mean = total / n
    deviations = _shifted_deviations(image, window, mean)
    slow, fast = divmod(number, image.shape[1])
    return ImageStatistics(
        max_value=peak,
        max_x=last_subpixel(fast, subpixel_size, oversample) if peak > 0.0 else 0.0,
        max_y=last_subpixel(slow, subpixel_size, oversample) if peak > 0.0 else 0.0,
        mean=mean, rms=math.sqrt(squares / (max(n, 2) - 1)), rmsd=math.sqrt(deviations / (max(pixels, 2) - 1)),
    )  # fmt: skip


@jit
def _moments(image: np.ndarray, window: Window) -> tuple[float, float, float, int]:
    """Sum, sum of squares (float32 products), largest value, at least 0, and number of the first pixel that has it."""
    total = squares = peak = 0.0
    number = 0
    for slow in range(window.slow_start, window.slow_stop):
        for fast in range(window.fast_start, window.fast_stop):
            value = image[slow, fast]
            if value > peak:
                peak = np.float64(value)
                number = slow * image.shape[1] + fast
            total += value
            squares += value * value
    return total, squares, peak, number


@jit
def _shifted_deviations(image: np.ndarray, window: Window, mean: float) -> float:
    """Squared deviations from the mean of the pixel that follows each; 0 follows the last."""
    pixels = image.reshape(-1)
    deviations = 0.0
    for slow in range(window.slow_start, window.slow_stop):
        for fast in range(window.fast_start, window.fast_stop):
            follower = slow * image.shape[1] + fast + 1
            deviation = (pixels[follower] if follower < pixels.size else np.float32(0.0)) - mean
            deviations += deviation * deviation
    return deviations

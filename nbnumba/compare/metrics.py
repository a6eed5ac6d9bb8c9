"""Figures that say how far one image is from another, and the bars that they must meet."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nbnumba.errors import UsageError
from nbnumba.io.plane import ShapeMismatchError

RELATIVE_FLOOR = 1e-9
"""Share of the reference's maximum below which differences are absolute: between peaks the terms cancel."""


@dataclass(frozen=True)
class ImageMetrics:
    """How an image differs from the reference; sums in float64.

    Attributes
    ----------
    pixels : int
        Pixels compared.
    different : int
        Pixels whose float32 bits differ (two NaN count as the same).
    correlation : float
        Pearson correlation; NaN where an image is constant and the other is not the same.
    mse, rmse : float
        Mean squared difference, photons², and its root, photons.
    max_absolute : float
        Largest difference, photons; infinite where only one image has a number.
    max_relative : float
        Largest difference relative to the reference, or to RELATIVE_FLOOR of its maximum where that is larger.
    worst_pixel : tuple of 2 int
        Slow, fast of the largest relative difference, within the region compared.
    reference_sum, image_sum, sum_ratio : float
        Photons, and image over reference.
    """

    pixels: int
    different: int
    correlation: float
    mse: float
    rmse: float
    max_absolute: float
    max_relative: float
    worst_pixel: tuple[int, int]
    reference_sum: float
    image_sum: float
    sum_ratio: float

    @property
    def different_per_10000(self) -> float:
        """Pixels in 10 000 whose bits differ."""
        return 1e4 * self.different / self.pixels


def measure(reference: np.ndarray, image: np.ndarray) -> ImageMetrics:
    """Compare two images pixel by pixel.

    Parameters
    ----------
    reference, image : ndarray, shape (slow, fast), float32
        Photons per pixel; other types are taken as float32.

    Returns
    -------
    ImageMetrics

    Raises
    ------
    ShapeMismatchError
        If shapes differ.
    """
    reference, image = (np.asarray(pixels, dtype=np.float32) for pixels in (reference, image))
    if reference.shape != image.shape:
        raise ShapeMismatchError(f"the images have different shapes, {reference.shape} and {image.shape}")
    a, b = reference.astype(np.float64), image.astype(np.float64)
    different = different_pixels(reference, image)
    delta = absolute_difference(a, b)
    relative = delta / relative_scale(a)
    mse = float(np.mean(np.square(delta)))
    sums = float(a.sum()), float(b.sum())
    slow, fast = np.unravel_index(int(np.argmax(relative)), relative.shape)
    return ImageMetrics(
        pixels=a.size,
        different=int(different.sum()),
        correlation=_correlation(a, b),
        mse=mse,
        rmse=math.sqrt(mse),
        max_absolute=float(delta.max()),
        max_relative=float(relative.max()),
        worst_pixel=(int(slow), int(fast)),
        reference_sum=sums[0],
        image_sum=sums[1],
        sum_ratio=sums[1] / sums[0] if sums[0] else 1.0 if sums[1] == 0.0 else math.inf,
    )


def different_pixels(reference: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Where the bits of two images differ.

    Parameters
    ----------
    reference, image : ndarray, shape (slow, fast), float32

    Returns
    -------
    ndarray of bool
        Two NaN count as the same.
    """
    bits = np.ascontiguousarray(reference).view(np.uint32) != np.ascontiguousarray(image).view(np.uint32)
    return np.asarray(bits & ~(np.isnan(reference) & np.isnan(image)))


def absolute_difference(reference: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Size of the difference of every pixel.

    Parameters
    ----------
    reference, image : ndarray of float64
        Photons per pixel.

    Returns
    -------
    ndarray of float64
        Photons; 0 where both are NaN or the same infinity, infinite where only one is a number.
    """
    with np.errstate(invalid="ignore"):
        delta = np.abs(image - reference)
    same = (image == reference) | (np.isnan(image) & np.isnan(reference))
    return np.where(same, 0.0, np.where(np.isnan(delta), np.inf, delta))


def relative_scale(reference: np.ndarray) -> np.ndarray:
    """What differences are relative to: the pixel's value, or RELATIVE_FLOOR of the maximum where that is larger.

    Parameters
    ----------
    reference : ndarray of float64
        Photons per pixel.

    Returns
    -------
    ndarray of float64
        Photons, positive.
    """
    size = np.where(np.isfinite(reference), np.abs(reference), 0.0)
    floor = max(RELATIVE_FLOOR * float(size.max()), float(np.finfo(np.float64).tiny))
    return np.asarray(np.maximum(size, floor))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of the pixels that are numbers in both images."""
    numbers = np.isfinite(a) & np.isfinite(b)
    a, b = a[numbers], b[numbers]
    if a.size == 0:
        return math.nan
    if np.array_equal(a, b):
        return 1.0
    a, b = a - a.mean(), b - b.mean()
    # scaled first: squares of the largest float32 values times the number of pixels must not overflow
    a, b = (x / (np.abs(x).max() or 1.0) for x in (a, b))
    scale = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(a @ b) / scale if scale else math.nan


_FIGURES: dict[str, tuple[str, Callable[[ImageMetrics], float], bool]] = {
    "bits": ("bit-different pixels in 10 000", lambda m: m.different_per_10000, False),
    "relative": ("largest relative difference", lambda m: m.max_relative, False),
    "absolute": ("largest difference, photons", lambda m: m.max_absolute, False),
    "rmse": ("root mean square difference, photons", lambda m: m.rmse, False),
    "sum": ("relative difference of the sums", lambda m: abs(m.sum_ratio - 1.0), False),
    "correlation": ("Pearson correlation", lambda m: m.correlation, True),
}
"""Figures that a bar may be set on: description, value, and whether more is better."""

DEFAULT_BARS: Mapping[str, float] = {"bits": 2.0, "relative": 1e-6}
"""nanoBragg.c compiled with and without FMA differs from itself in 1 pixel of 10⁴, by 1.2e-7."""


@dataclass(frozen=True)
class Judgement:
    """A figure against its bar.

    Attributes
    ----------
    figure, description : str
        Which figure.
    value, bar : float
        What it is and what it may be.
    is_met : bool
        Whether it is good enough; NaN never is.
    """

    figure: str
    description: str
    value: float
    bar: float
    is_met: bool


def parse_bars(texts: Sequence[str]) -> Mapping[str, float]:
    """Read bars such as ``bits=2`` or ``correlation=0.999``; a number alone is a correlation.

    Parameters
    ----------
    texts : sequence of str
        What the user gave; nothing means DEFAULT_BARS.

    Returns
    -------
    dict of str to float
        Bar of each figure.

    Raises
    ------
    UsageError
        If a figure is unknown or a bar is no number.
    """
    bars: dict[str, float] = {}
    for text in texts:
        figure, _, number = text.rpartition("=")
        figure = figure or "correlation"
        if figure not in _FIGURES:
            raise UsageError(f"{{threshold}} {text}: choose a figure from {', '.join(_FIGURES)}")
        try:
            bars[figure] = float(number)
        except ValueError:
            raise UsageError(f"{{threshold}} {text}: {number!r} is no number") from None
    return bars or DEFAULT_BARS


def judge(metrics: ImageMetrics, bars: Mapping[str, float]) -> list[Judgement]:
    """Hold figures against their bars.

    Parameters
    ----------
    metrics : ImageMetrics
        From `measure`.
    bars : dict of str to float
        Figure -> bar: bits, relative, absolute, rmse and sum at most, correlation at least.

    Returns
    -------
    list of Judgement
    """
    judgements = []
    for figure, bar in bars.items():
        description, value_of, more_is_better = _FIGURES[figure]
        value = value_of(metrics)
        is_met = value >= bar if more_is_better else value <= bar
        judgements.append(Judgement(figure, description, value, bar, is_met))
    return judgements

"""The whole comparison of two images: one region, every figure, a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nbnumba.compare.images import Roi, clip_roi, match_shapes
from nbnumba.compare.metrics import DEFAULT_BARS, ImageMetrics, Judgement, judge, measure
from nbnumba.compare.peaks import PeakMatch, match_peaks


@dataclass(frozen=True)
class Assessment:
    """Two images on the same pixels and how far they are apart.

    Attributes
    ----------
    reference, image : ndarray, shape (slow, fast), float32
        The region compared.
    corner : tuple of 2 int
        Slow, fast of its first pixel.
    shapes : tuple of 2 tuple of 2 int
        Slow, fast of reference and image before clipping and resampling.
    metrics : ImageMetrics
    peaks : PeakMatch
    judgements : sequence of Judgement
        One for each bar.
    """

    reference: np.ndarray
    image: np.ndarray
    corner: tuple[int, int]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    metrics: ImageMetrics
    peaks: PeakMatch
    judgements: Sequence[Judgement]

    @property
    def is_good(self) -> bool:
        """Whether every bar is met."""
        return all(judgement.is_met for judgement in self.judgements)


def assess(
    reference: np.ndarray,
    image: np.ndarray,
    bars: Mapping[str, float] = DEFAULT_BARS,
    peak_count: int = 50,
    roi: Roi | None = None,
    resample: bool = False,
) -> Assessment:
    """Compare two images.

    Parameters
    ----------
    reference, image : ndarray, shape (slow, fast), float32
        Photons per pixel; other types are taken as float32.
    bars : dict of str to float
        Figure -> bar, see `judge`.
    peak_count : int
        Strongest peaks of each image to be paired.
    roi : tuple of 4 int or None
        Fast minimum, maximum, slow minimum, maximum, inclusive, in pixels of the reference.
    resample : bool
        Take the nearest pixels of an image whose shape is another.

    Returns
    -------
    Assessment

    Raises
    ------
    ShapeMismatchError
        If shapes differ and may not be resampled.
    UsageError
        If the region holds no pixel.
    """
    reference, image = (np.asarray(pixels, dtype=np.float32) for pixels in (reference, image))
    shapes = reference.shape, image.shape
    image = match_shapes(reference, image, resample)
    fast_min, fast_max, slow_min, slow_max = clip_roi(roi or (0, 2**31, 0, 2**31), reference.shape)
    window = slice(slow_min, slow_max + 1), slice(fast_min, fast_max + 1)
    reference, image = reference[window], image[window]
    metrics = measure(reference, image)
    peaks = match_peaks(reference, image, peak_count)
    return Assessment(reference, image, (slow_min, fast_min), shapes, metrics, peaks, judge(metrics, bars))

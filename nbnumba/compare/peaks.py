"""Finds the strongest peaks of two images and pairs them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

MATCH_RADIUS = 5.0
"""Pixels within which two peaks can be the same."""

_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class PeakMatch:
    """How the strongest peaks of two images lie to each other.

    Attributes
    ----------
    reference_count, image_count : int
        Peaks found in each image, at most as many as asked for.
    matched : int
        Pairs that are no farther apart than MATCH_RADIUS.
    mean_distance, max_distance : float
        Pixels, over the matched pairs; NaN without any.
    """

    reference_count: int
    image_count: int
    matched: int
    mean_distance: float
    max_distance: float


def find_peaks(image: np.ndarray, count: int) -> np.ndarray:
    """The strongest local maxima.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Photons per pixel.
    count : int
        How many.

    Returns
    -------
    ndarray, shape (n, 2), float64
        Slow, fast in pixels, strongest first, n ≤ count; a plateau counts once, at its centre.
    """
    pixels = np.where(np.isfinite(image), image, 0.0)
    highest = pixels == ndimage.maximum_filter(pixels, footprint=_NEIGHBOURS)
    # a flat region is no peak: something around it must be lower
    risen = highest & (pixels > ndimage.minimum_filter(pixels, footprint=_NEIGHBOURS))
    candidates = ndimage.binary_propagation(risen, _NEIGHBOURS, mask=highest)
    labels, found = ndimage.label(candidates, _NEIGHBOURS)
    if found == 0:
        return np.empty((0, 2))
    numbers = np.arange(1, found + 1)
    heights = ndimage.maximum(pixels, labels, numbers)
    centres = np.array(ndimage.center_of_mass(candidates, labels, numbers))
    # peaks of equal height but for rounding keep one order in both images
    rounded = np.round(heights / (np.abs(heights).max() or 1.0), 6)
    strongest = np.lexsort((centres[:, 1], centres[:, 0], -rounded))[:count]
    return centres[strongest]


def match_peaks(reference: np.ndarray, image: np.ndarray, count: int) -> PeakMatch:
    """Pair the strongest peaks of two images so that the distances add up to the least.

    Parameters
    ----------
    reference, image : ndarray, shape (slow, fast)
        Photons per pixel.
    count : int
        Peaks per image.

    Returns
    -------
    PeakMatch
    """
    ours, theirs = find_peaks(reference, count), find_peaks(image, count)
    distances = cdist(ours, theirs)
    # farther than the radius is all the same: such pairs must not pull on the others
    rows, columns = linear_sum_assignment(np.minimum(distances, 2.0 * MATCH_RADIUS))
    matched = distances[rows, columns]
    matched = matched[matched <= MATCH_RADIUS]
    mean, largest = (float(matched.mean()), float(matched.max())) if matched.size else (math.nan, math.nan)
    return PeakMatch(len(ours), len(theirs), matched.size, mean, largest)

"""Brings two images into a form in which their pixels can be compared: clipped, of one shape."""

from __future__ import annotations

import numpy as np

from nbnumba.errors import UsageError
from nbnumba.io.plane import ShapeMismatchError, shape_text

Roi = tuple[int, int, int, int]
"""Fast minimum and maximum, slow minimum and maximum, all inclusive, as nanoBragg's -roi takes them."""


def match_shapes(reference: np.ndarray, image: np.ndarray, resample: bool) -> np.ndarray:
    """The image on the pixels of the reference.

    Parameters
    ----------
    reference, image : ndarray, shape (slow, fast)
        Images.
    resample : bool
        Take the nearest pixel where shapes differ.

    Returns
    -------
    ndarray, shape of `reference`
        The image itself when the shapes are equal.

    Raises
    ------
    ShapeMismatchError
        If shapes differ and may not be resampled.
    """
    if image.shape == reference.shape:
        return image
    if not resample:
        raise ShapeMismatchError(
            f"the images have different shapes, {shape_text(reference.shape)} and {shape_text(image.shape)}: "
            "resample the second to compare them on the pixels of the first"
        )
    rows, columns = (
        ((np.arange(wanted) + 0.5) * (have / wanted)).astype(np.intp)
        for wanted, have in zip(reference.shape, image.shape, strict=True)
    )
    return image[np.ix_(rows, columns)]


def clip_roi(roi: Roi, shape: tuple[int, ...]) -> Roi:
    """A region of interest without what lies outside the image.

    Parameters
    ----------
    roi : tuple of 4 int
        Fast minimum, maximum, slow minimum, maximum, inclusive.
    shape : tuple of 2 int
        Slow, fast.

    Returns
    -------
    tuple of 4 int

    Raises
    ------
    UsageError
        If no pixel is left.
    """
    fast_min, fast_max = max(roi[0], 0), min(roi[1], shape[1] - 1)
    slow_min, slow_max = max(roi[2], 0), min(roi[3], shape[0] - 1)
    if fast_min > fast_max or slow_min > slow_max:
        raise UsageError(f"{{roi}} {' '.join(map(str, roi))}: holds no pixel of an image of {shape_text(shape)} pixels")
    return fast_min, fast_max, slow_min, slow_max

"""Brings two images into a form in which their pixels can be compared: read, clipped, of one shape."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nbnumba.errors import NbnumbaError, UsageError
from nbnumba.io.float_image import read_float_image
from nbnumba.io.smv import read_smv
from nbnumba.io.tiff import read_tiff

Roi = tuple[int, int, int, int]
"""Fast minimum and maximum, slow minimum and maximum, all inclusive, as nanoBragg's -roi takes them."""


class ShapeMismatchError(NbnumbaError):
    """Two images have different shapes."""


def read_image(path: str | os.PathLike[str], shape: tuple[int, int] | None) -> np.ndarray:
    """Read an image of any kind that nanoBragg or nbnumba writes.

    Parameters
    ----------
    path : path
        ``.tif`` or ``.tiff``, ``.img`` (SMV), or anything else: a raw float image.
    shape : tuple of 2 int or None
        Slow, fast: raw float images don't say. The others must agree if it is given.

    Returns
    -------
    ndarray, shape (slow, fast), float32

    Raises
    ------
    UsageError
        If a raw image comes without a shape.
    InputFileError
        If the file can't be read or is not what its name says.
    ShapeMismatchError
        If the file states another shape.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".tif", ".tiff"):
        image = read_tiff(path)
    elif suffix == ".img":
        image = read_smv(path).data.astype(np.float32)
    elif shape is None:
        raise UsageError(f"{path}: a raw float image does not state its shape: give --shape SLOW FAST")
    else:
        return read_float_image(path, shape)
    if shape is not None and image.shape != shape:
        raise ShapeMismatchError(f"{path}: is {_text(image.shape)} pixels, --shape says {_text(shape)}")
    return image


def _text(shape: tuple[int, ...]) -> str:
    """A shape for messages."""
    return f"{shape[0]} x {shape[1]} (slow x fast)"


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
            f"the images have different shapes, {_text(reference.shape)} and {_text(image.shape)}: "
            "--resample compares them on the pixels of the first"
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
        raise UsageError(f"--roi {' '.join(map(str, roi))}: holds no pixel of an image of {_text(shape)} pixels")
    return fast_min, fast_max, slow_min, slow_max

"""Raw float images: nothing but float32 pixels, fast axis fastest, native byte order."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from nbnumba.errors import InputFileError
from nbnumba.io.atomic import atomic_write, write_array
from nbnumba.io.reading import read_input


def read_float_image(path: str | os.PathLike[str], shape: tuple[int, int]) -> np.ndarray:
    """Read a raw float image.

    Parameters
    ----------
    path : path
        File to read.
    shape : tuple of 2 int
        Slow, fast: the file does not say.

    Returns
    -------
    ndarray, shape (slow, fast), float32
        Photons per pixel.

    Raises
    ------
    InputFileError
        If the file can't be read or has another size.
    """
    data = read_input(path)
    slow, fast = shape
    if len(data) != 4 * slow * fast:
        raise InputFileError(
            f"{path}: {slow} x {fast} (slow x fast) float pixels are {4 * slow * fast} bytes, the file has {len(data)}"
        )
    return np.frombuffer(data, dtype=np.float32).reshape(shape).copy()


def write_float_image(path: str | os.PathLike[str], pixels: Iterable[np.ndarray]) -> None:
    """Write a raw float image.

    Parameters
    ----------
    path : path
        File to write.
    pixels : iterable of ndarray, shape (fast,) or (any, fast), float32
        Consecutive rows, photons per pixel: an image, or pieces of one.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    with atomic_write(path) as stream:
        for rows in pixels:
            write_array(stream, rows)

"""Raw float images: nothing but float32 pixels, fast axis fastest, native byte order."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from nbnumba.errors import InputFileError
from nbnumba.io.atomic import atomic_write, write_array
from nbnumba.io.pixels import real_image
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
    return np.array(np.frombuffer(data, dtype=np.float32).reshape(shape))


def write_float_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write a raw float image, as nanoBragg's floatimage.bin is.

    Parameters
    ----------
    path : path
        File to write.
    image : ndarray, shape (slow, fast), or up to four axes
        Photons per pixel, taken as float32; fast axis fastest.

    Raises
    ------
    UsageError
        If it holds no real numbers, or none.
    OutputFileError
        If the file can't be written.
    """
    pixels = real_image(path, image, (1, 2, 3, 4))
    write_float_rows(path, [np.ascontiguousarray(pixels, dtype=np.float32)])


def write_float_rows(path: str | os.PathLike[str], pixels: Iterable[np.ndarray]) -> None:
    """Write a raw float image that comes in pieces.

    Parameters
    ----------
    path : path
        File to write.
    pixels : iterable of ndarray, shape (fast,) or (any, fast), float32
        Consecutive rows, photons per pixel.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    with atomic_write(path) as stream:
        for rows in pixels:
            write_array(stream, rows)

"""Raw float images: nothing but float32 pixels, fast axis fastest, native byte order."""

from __future__ import annotations

import os

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


def write_float_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write a raw float image.

    Parameters
    ----------
    path : path
        File to write.
    image : ndarray, shape (slow, fast), float32
        Photons per pixel.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    with atomic_write(path) as stream:
        write_array(stream, image)

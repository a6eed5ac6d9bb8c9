"""PGM images: 8-bit grey."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

import numpy as np

from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.atomic import atomic_write, write_array
from nbnumba.io.pixels import real_image
from nbnumba.io.reading import read_input

_HEADER = re.compile(rb"P5\s(?:\s*#[^\n]*\n)*\s*(\d{1,9})\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s+(?:#[^\n]*\n\s*)*255\s")


def write_pgm(path: str | os.PathLike[str], image: np.ndarray, scale: float = 1.0) -> None:
    """Write a binary PGM image of 256 grey values as nanoBragg does, with the scale in a comment.

    Parameters
    ----------
    path : path
        File to write.
    image : ndarray, shape (slow, fast), uint8
        Grey values; the slow axis runs down the picture.
    scale : float
        Grey values per photon, as the comment says.

    Raises
    ------
    UsageError
        If the image has other axes or pixels.
    OutputFileError
        If the file can't be written.
    """
    image = real_image(path, image)
    if image.dtype != np.uint8:
        raise UsageError(f"{path}: {{image}}: the grey values of a PGM image are uint8, not {image.dtype}")
    write_pgm_rows(path, image.shape, [np.ascontiguousarray(image)], scale)


def write_pgm_rows(
    path: str | os.PathLike[str], shape: tuple[int, ...], pixels: Iterable[np.ndarray], scale: float
) -> None:
    """Write a binary PGM image that comes in pieces, as nanoBragg does, with the scale in a comment.

    Parameters
    ----------
    path : path
        File to write.
    shape : tuple of 2 int
        Slow, fast.
    pixels : iterable of ndarray, shape (any, fast), uint8
        Grey values: consecutive rows, in one piece or many.
    scale : float
        Grey values per photon.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    slow, fast = shape
    with atomic_write(path) as stream:
        stream.write(f"P5\n{fast} {slow}\n# pixels scaled by {scale:g}\n255\n".encode())
        for rows in pixels:
            write_array(stream, rows)


def read_pgm(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a binary PGM image of 256 grey values.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    ndarray, shape (slow, fast), uint8

    Raises
    ------
    InputFileError
        If the file can't be read, is no such image or is cut off.
    """
    data = read_input(path)
    match = _HEADER.match(data)
    if match is None:
        raise InputFileError(f"{path}: is no binary PGM image (P5) of 256 grey values")
    fast, slow = (int(size) for size in match.groups())
    if len(data) < match.end() + slow * fast:
        raise InputFileError(f"{path}: is cut off: {slow * fast} pixels are needed")
    pixels = np.frombuffer(data, np.uint8, count=slow * fast, offset=match.end())
    return np.array(pixels.reshape(slow, fast))

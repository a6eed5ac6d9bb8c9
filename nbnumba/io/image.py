"""Images of one panel, read and written in the format that the file's name says."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nbnumba.errors import NbnumbaError, UsageError
from nbnumba.io import formats
from nbnumba.io.atomic import check_target
from nbnumba.io.cbf import read_cbf
from nbnumba.io.float_image import read_float_image
from nbnumba.io.photon_image import SHAPED_SUFFIXES, read_photons
from nbnumba.io.smv import SmvHeader, read_smv, write_smv

SMV_SUFFIXES = (".img", ".smv")
CBF_SUFFIX = ".cbf"
WRITTEN_SUFFIXES = (*SMV_SUFFIXES, ".tif", ".tiff", ".npy", ".bin")
"""Names that an image can be written under."""

_SMV_BLOCK = 512
_SMV_TYPES = {"unsigned_short": "uint16", "long_integer": "int32"}
"""TYPE of an SMV header -> pixels."""

_OF_THE_FILE = ("HEADER_BYTES", "DIM", "BYTE_ORDER", "TYPE", "SIZE1", "SIZE2")
"""Keys that belong to a file rather than to its experiment."""


class ShapeMismatchError(NbnumbaError):
    """Two images have different shapes."""


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape for messages."""
    return f"{shape[0]} x {shape[1]} (slow x fast)"


def states_its_shape(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name tells a format that says how many pixels it has.

    Parameters
    ----------
    path : path
        File name.

    Returns
    -------
    bool
    """
    return Path(path).suffix.lower() in (*SMV_SUFFIXES, CBF_SUFFIX, *SHAPED_SUFFIXES)


def read_image(path: str | os.PathLike[str], shape: tuple[int, int] | None) -> np.ndarray:
    """Read an image of any kind that nanoBragg or nbnumba writes.

    Parameters
    ----------
    path : path
        ``.img`` or ``.smv``, ``.cbf``, TIFF, NumPy or HDF5 by its name, or anything else: a raw float image.
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
    if suffix in SMV_SUFFIXES:
        image = read_smv(path).data.astype(np.float32)
    elif suffix == CBF_SUFFIX:
        image = read_cbf(path).images.astype(np.float32)
    elif suffix in SHAPED_SUFFIXES:
        image = read_photons(path)
    elif shape is None:
        raise UsageError(f"{path}: a raw float image does not state its shape: give --shape SLOW FAST")
    else:
        return read_float_image(path, shape)
    if shape is not None and image.shape != shape:
        raise ShapeMismatchError(f"{path}: is {shape_text(image.shape)} pixels, not {shape_text(shape)} as stated")
    return image


def check_image_target(path: str | os.PathLike[str], dtype: str) -> None:
    """Raise an error if an image can't be written under this name; to be called before a long computation.

    Parameters
    ----------
    path : path
        File to write.
    dtype : str
        Of the pixels.

    Raises
    ------
    UsageError
        If the name's end is unknown, or the format does not hold such pixels.
    OutputFileError
        If the folder is missing or not writable, or the name is a folder's.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN_SUFFIXES:
        raise UsageError(f"{path}: the name must end in one of {', '.join(WRITTEN_SUFFIXES)}, which is the format")
    if suffix in SMV_SUFFIXES and dtype not in _SMV_TYPES.values():
        raise UsageError(f"{path}: SMV images hold {', '.join(_SMV_TYPES.values())}, not {{Digitize.dtype}} {dtype}")
    check_target(path)


def write_image(
    path: str | os.PathLike[str],
    image: np.ndarray,
    header: SmvHeader | None = None,
    entries: Mapping[str, str] | None = None,
) -> None:
    """Write an image in the format that the name's end says.

    Parameters
    ----------
    path : path
        ``.img`` or ``.smv`` (SMV), ``.tif`` or ``.tiff``, ``.npy``, ``.bin`` (raw float32).
    image : ndarray, shape (slow, fast)
        Pixels.
    header : SmvHeader or None
        What an SMV image takes over of its experiment.
    entries : mapping of str to str or None
        Keys and values of an SMV image, in place of those of `header`.

    Raises
    ------
    UsageError
        As in `check_image_target`.
    OutputFileError
        If the file can't be written.
    """
    check_image_target(path, image.dtype.name)
    suffix = Path(path).suffix.lower()
    if suffix in SMV_SUFFIXES:
        write_smv(path, _smv_header(image, header, entries or {}), [np.ascontiguousarray(image)])
    else:
        formats.write_image(path, image)


def _smv_header(image: np.ndarray, header: SmvHeader | None, entries: Mapping[str, str]) -> bytes:
    """Header of an SMV image, padded to a multiple of 512 bytes."""
    (kind,) = (name for name, dtype in _SMV_TYPES.items() if dtype == image.dtype)
    slow, fast = image.shape
    values = {
        "HEADER_BYTES": "", "DIM": "2", "BYTE_ORDER": f"{sys.byteorder}_endian", "TYPE": kind, "SIZE1": str(fast),
        "SIZE2": str(slow),
    }  # fmt: skip
    taken = {} if header is None else header.entries()
    values |= {key: value for key, value in taken.items() if key not in _OF_THE_FILE} | dict(entries)
    # room for the size itself
    size = -(-(sum(len(key) + len(value) + 3 for key, value in values.items()) + 12) // _SMV_BLOCK) * _SMV_BLOCK
    values["HEADER_BYTES"] = str(size)
    lines = "".join(f"{key}={value};\n" for key, value in values.items())
    return f"{{\n{lines}}}\f".encode("latin-1").ljust(size)

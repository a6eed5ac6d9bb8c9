"""Float images of any kind: raw ones, and those that state their shape."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from nbnumba.errors import InputFileError
from nbnumba.io.reading import read_input
from nbnumba.io.tiff import read_tiff

HDF5_SUFFIXES = (".h5", ".hdf5", ".nxs")
_NXMX_IMAGES = "entry/data/data"
SHAPED_SUFFIXES = (".tif", ".tiff", ".npy", *HDF5_SUFFIXES)
"""Names of files that state their shape."""


def read_photons(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a float image.

    Parameters
    ----------
    path : path
        TIFF, NumPy or HDF5 by its name, else a raw float image.

    Returns
    -------
    ndarray, shape (slow, fast) or, of a raw image, (pixels,), float32

    Raises
    ------
    InputFileError
        If the file can't be read, is not what its name says or holds no pixel.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".tif", ".tiff"):
        image = _plane(path, read_tiff(path))
    elif suffix == ".npy":
        image = _plane(path, _read_npy(path))
    elif suffix in HDF5_SUFFIXES:
        image = _plane(path, _read_hdf5(path))
    else:
        image = _read_raw(path)
    if image.size == 0:
        raise InputFileError(f"{path}: holds no pixel")
    return image


def _read_raw(path: str | os.PathLike[str]) -> np.ndarray:
    """All float32 numbers of a file."""
    data = read_input(path)
    if len(data) % 4:
        raise InputFileError(f"{path}: is no raw float image: its {len(data)} bytes are no multiple of 4")
    return np.frombuffer(data, np.float32)


def _read_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """The array of a NumPy file."""
    try:
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputFileError(f"{path}: can't be read: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise InputFileError(f"{path}: is no NumPy array of numbers: {error}") from error


def _read_hdf5(path: str | os.PathLike[str]) -> np.ndarray:
    """The float dataset of an HDF5 file."""
    try:
        import h5py
    except ImportError:
        raise InputFileError(f"{path}: reading HDF5 files needs h5py: pip install h5py") from None
    with contextlib.suppress(ImportError):
        # brings what reads bitshuffle
        import hdf5plugin  # noqa: F401
    try:
        with h5py.File(path) as file:
            return _float_dataset(path, file)[()]
    except OSError as error:
        raise InputFileError(f"{path}: can't be read: {error.strerror or error}") from error


def _float_dataset(path: str | os.PathLike[str], file: Any) -> Any:
    """The images of an NXmx file; of any other the only float dataset of two or more axes."""
    import h5py

    if _NXMX_IMAGES in file:
        return file[_NXMX_IMAGES]
    found: dict[str, Any] = {}

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and item.ndim >= 2:
            found[name] = item

    file.visititems(look)
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise InputFileError(f"{path}: one float image is needed, the file holds {names}")
    return next(iter(found.values()))


def _plane(path: str | os.PathLike[str], image: np.ndarray) -> np.ndarray:
    """An image of two axes; leading axes of length 1 are dropped."""
    while image.ndim > 2 and image.shape[0] == 1:
        image = image[0]
    if image.ndim != 2 or image.dtype.kind not in "fiu":
        raise InputFileError(f"{path}: one plane of numbers is needed, not {image.dtype} of the shape {image.shape}")
    return np.ascontiguousarray(image, dtype=np.float32)

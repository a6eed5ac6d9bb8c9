"""Pixels of HDF5 files that need not be complete NXmx files."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import numpy as np

from nbnumba.errors import InputFileError

_NXMX_IMAGES = "entry/data/data"


def read_hdf5_pixels(path: str | os.PathLike[str]) -> np.ndarray:
    """Read the pixels of an HDF5 file, whatever else it does or does not say.

    Parameters
    ----------
    path : path
        NXmx, or any HDF5 file with one float dataset of two or more axes.

    Returns
    -------
    ndarray, shape (..., slow, fast)
        As stored.

    Raises
    ------
    InputFileError
        If the file can't be read, or does not say which of several datasets is the image.
    """
    try:
        import h5py
    except ImportError:
        raise InputFileError(f"{path}: reading HDF5 files needs h5py: pip install h5py") from None
    with contextlib.suppress(ImportError):
        # brings what reads bitshuffle
        import hdf5plugin  # noqa: F401
    try:
        with h5py.File(path) as file:
            pixels: np.ndarray = _float_dataset(path, file)[()]
            return pixels
    except OSError as error:
        if "plugin" in str(error):
            needed = "is compressed (bitshuffle), which needs hdf5plugin: pip install hdf5plugin"
            raise InputFileError(f"{path}: {needed}") from None
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

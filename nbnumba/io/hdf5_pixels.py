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
        If the file can't be read, does not say which of several datasets is the image, or holds none.
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
            images = _images(path, file)
            if images.ndim < 2 or images.size == 0 or images.dtype.kind not in "iuf":
                raise InputFileError(f"{path}: {images.name} holds no images of numbers")
            pixels: np.ndarray = images[()]
            return pixels
    except OSError as error:
        if "plugin" in str(error):
            needed = "is compressed (bitshuffle), which needs hdf5plugin: pip install hdf5plugin"
            raise InputFileError(f"{path}: {needed}") from None
        raise InputFileError(f"{path}: can't be read: {error.strerror or error}") from error


def _images(path: str | os.PathLike[str], file: Any) -> Any:
    """The images of an NXmx file; of any other the only float dataset of two or more axes."""
    import h5py

    if _NXMX_IMAGES in file:
        images = file.get(_NXMX_IMAGES)
        if not isinstance(images, h5py.Dataset):
            raise InputFileError(f"{path}: {_NXMX_IMAGES} is no dataset, or one of a file that is missing")
        return images
    found: dict[str, Any] = {}

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and item.ndim >= 2:
            found[name] = item

    file.visititems(look)
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise InputFileError(f"{path}: one float image is needed, the file holds {names}")
    return next(iter(found.values()))

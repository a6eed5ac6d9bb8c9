"""Float images in TIFF files."""

from __future__ import annotations

import io
import os
import stat

import numpy as np

from nbnumba.errors import InputFileError
from nbnumba.io.atomic import atomic_write


def read_tiff(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a grey TIFF image as float32.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    ndarray, shape (slow, fast), float32

    Raises
    ------
    InputFileError
        If the file can't be read or is no TIFF image of one plane.
    """
    import tifffile

    try:
        image = tifffile.imread(path)
    except OSError as error:
        raise InputFileError(f"{path}: can't be read: {error.strerror or error}") from error
    except (ValueError, tifffile.TiffFileError) as error:
        raise InputFileError(f"{path}: is no TIFF image: {error}") from error
    if image.ndim != 2:
        raise InputFileError(f"{path}: one grey plane is needed, the image has the shape {image.shape}")
    return np.ascontiguousarray(image, dtype=np.float32)


def write_tiff(path: str | os.PathLike[str], image: np.ndarray, description: str | None = None) -> None:
    """Write a float image as TIFF, uncompressed.

    Parameters
    ----------
    path : path
        File to write.
    image : ndarray, shape (slow, fast), float32
        Photons per pixel.
    description : str or None
        What the file says of its image (ImageDescription).

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    import tifffile

    with atomic_write(path) as stream:
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            tifffile.imwrite(stream, image, photometric="minisblack", description=description)
        else:
            # tifffile moves about in its file, which a pipe or device can't
            buffer = io.BytesIO()
            tifffile.imwrite(buffer, image, photometric="minisblack", description=description)
            stream.write(buffer.getbuffer())

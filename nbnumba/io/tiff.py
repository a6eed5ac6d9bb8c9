"""Float images in TIFF files."""

from __future__ import annotations

import io
import logging
import math
import os
import stat
from typing import Any

import numpy as np

from nbnumba.errors import InputFileError, NbnumbaError
from nbnumba.io.atomic import atomic_write
from nbnumba.io.reading import quote, read_input
from nbnumba.memory import machine_memory


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
        If the file can't be read, is damaged or is no TIFF image of one plane.
    """
    data = read_input(path)
    logger = logging.getLogger("tifffile")
    was_disabled = logger.disabled
    # what it logs about damaged files would come on top of the error
    logger.disabled = True
    try:
        return _decode(data, path)
    except NbnumbaError:
        raise
    except MemoryError:
        raise InputFileError(f"{path}: the image does not fit into the memory of this machine") from None
    except Exception as error:
        # there is hardly an exception that damaged bytes don't raise somewhere in a decoder
        raise InputFileError(f"{path}: is no TIFF image or is damaged: {quote(str(error), 100)}") from error
    finally:
        logger.disabled = was_disabled


def _decode(data: bytes, path: str | os.PathLike[str]) -> np.ndarray:
    """The pixels of a TIFF file as float32."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        # not by their count: damaged pages may follow each other in a circle
        if _has_page(file, 1):
            raise InputFileError(f"{path}: one grey plane is needed, the image has several pages")
        series, page = file.series[0], file.pages[0]
        if len(page.dataoffsets) != math.prod(page.chunked):
            # tifffile would fill in zeros
            raise InputFileError(
                f"{path}: is damaged: an image of its shape has {math.prod(page.chunked)} pieces, the file has "
                f"{len(page.dataoffsets)}"
            )
        if series.size * np.dtype(np.float64).itemsize > machine_memory():
            raise MemoryError
        image = series.asarray()
    if image.ndim != 2 or image.size == 0:
        raise InputFileError(f"{path}: one grey plane is needed, the image has the shape {image.shape}")
    if image.dtype.kind not in "biuf":
        raise InputFileError(f"{path}: pixels must be real numbers, not {image.dtype}")
    return np.ascontiguousarray(image, dtype=np.float32)


def _has_page(file: Any, number: int) -> bool:
    """Whether a TIFF file has a page of this number, counted from 0."""
    try:
        file.pages[number]
    except IndexError:
        return False
    return True


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

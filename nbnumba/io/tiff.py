"""Grey images in TIFF files."""

from __future__ import annotations

import io
import logging
import math
import os
import stat
from collections.abc import Iterator
from typing import Any

import numpy as np

from nbnumba.errors import InputFileError, NbnumbaError
from nbnumba.io.atomic import atomic_write
from nbnumba.io.pixels import real_image
from nbnumba.io.reading import quote, read_input
from nbnumba.memory import machine_memory


def read_tiff(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a grey TIFF image of one page or many.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    ndarray, shape (slow, fast) or (pages, slow, fast)
        Of the type that is stored.

    Raises
    ------
    InputFileError
        If the file can't be read, is damaged or holds no grey images of one size.
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
    """The pixels of a TIFF file."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        images = [_plane(page, path) for page in _pages(file, path)]
    if len({(image.shape, image.dtype) for image in images}) > 1:
        raise InputFileError(f"{path}: its {len(images)} pages differ in size or type; equal ones are needed")
    return images[0] if len(images) == 1 else np.stack(images)


def _pages(file: Any, path: str | os.PathLike[str]) -> Iterator[Any]:
    """The pages, one after the other: damaged ones may follow each other in a circle."""
    places: set[int] = set()
    room = machine_memory()
    page = file.pages[0]
    while page is not None:
        if page.offset in places:
            raise InputFileError(f"{path}: is damaged: its pages follow each other in a circle")
        places.add(page.offset)
        # as much again where pages are stacked
        room -= 2 * math.prod(page.shape) * np.dtype(np.float64).itemsize
        if room < 0:
            raise MemoryError
        yield page
        page = _page(file, len(places))


def _page(file: Any, number: int) -> Any:
    """The page of this number, counted from 0; None if there is none."""
    try:
        return file.pages[number]
    except IndexError:
        return None


def _plane(page: Any, path: str | os.PathLike[str]) -> np.ndarray:
    """The pixels of a page, if they are those of a grey image."""
    if len(page.dataoffsets) != math.prod(page.chunked):
        # tifffile would fill in zeros
        raise InputFileError(
            f"{path}: is damaged: an image of its shape has {math.prod(page.chunked)} pieces, the file has "
            f"{len(page.dataoffsets)}"
        )
    image: np.ndarray = page.asarray()
    if image.size == 0:
        raise InputFileError(f"{path}: is no TIFF image or is damaged: it holds no pixel")
    if image.ndim != 2:
        raise InputFileError(f"{path}: one grey plane is needed, the image has the shape {image.shape}")
    if image.dtype.kind not in "biuf":
        raise InputFileError(f"{path}: pixels must be real numbers, not {image.dtype}")
    return image


def write_tiff(path: str | os.PathLike[str], image: np.ndarray, description: str | None = None) -> None:
    """Write a grey image as TIFF, uncompressed.

    Parameters
    ----------
    path : path
        File to write.
    image : ndarray, shape (slow, fast) or (pages, slow, fast)
        Pixels, kept as they are.
    description : str or None
        What the file says of its image (ImageDescription).

    Raises
    ------
    UsageError
        If the image has other axes, no pixel or no real numbers.
    OutputFileError
        If the file can't be written.
    """
    import tifffile

    image = real_image(path, image, (2, 3))
    with atomic_write(path) as stream:
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            tifffile.imwrite(stream, image, photometric="minisblack", description=description)
        else:
            # tifffile moves about in its file, which a pipe or device can't
            buffer = io.BytesIO()
            tifffile.imwrite(buffer, image, photometric="minisblack", description=description)
            stream.write(buffer.getbuffer())

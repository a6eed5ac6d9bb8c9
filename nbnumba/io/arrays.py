"""Pixels without a word about them: .npy, TIFF, raw floats and PNG previews, of one frame or a stack."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

import numpy as np

from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.atomic import atomic_write
from nbnumba.io.float_image import read_float_image, write_float_image
from nbnumba.io.names import numbered_names
from nbnumba.io.preview import write_preview
from nbnumba.io.reading import read_input
from nbnumba.io.scene import ImageFile, Scene
from nbnumba.io.tiff import read_tiff, write_tiff

Images = np.ndarray | Sequence[np.ndarray]


def write_npy(path: str | os.PathLike[str], images: Images, scene: Scene | None = None) -> None:
    """Write the array as NumPy keeps it.

    Parameters
    ----------
    path : path
        File to write.
    images : ndarray or sequence of ndarray
        Any number of axes; sequences are stacked.
    scene : Scene or None
        Not used: the format has no place for it.

    Raises
    ------
    UsageError
        If images of different shapes can't be stacked.
    OutputFileError
        If the file can't be written.
    """
    array = _stack(path, images)
    with atomic_write(path) as stream:
        np.save(stream, array, allow_pickle=False)


def write_tiff_stack(path: str | os.PathLike[str], images: Images, scene: Scene | None = None) -> None:
    """Write a TIFF image, of several frames or panels one with as many pages; floats as float32.

    Parameters
    ----------
    path, images, scene
        As in `write_npy`; three axes at most.

    Raises
    ------
    UsageError, OutputFileError
        As in `write_npy`.
    """
    array = _stack(path, images)
    if array.ndim > 3:
        raise UsageError(f"{path}: frames of several panels don't fit into pages of a TIFF file; write .npy or .nxs")
    write_tiff(path, array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array)


def write_raw_floats(path: str | os.PathLike[str], images: Images, scene: Scene | None = None) -> None:
    """Write raw float32 pixels as nanoBragg does, one image behind the other.

    Parameters
    ----------
    path, images, scene
        As in `write_npy`.

    Raises
    ------
    UsageError, OutputFileError
        As in `write_npy`.
    """
    write_float_image(path, _stack(path, images))


def write_previews(path: str | os.PathLike[str], images: Images, scene: Scene | None = None) -> None:
    """Write a grey preview of each frame; panels stand one below the other.

    Parameters
    ----------
    path : path
        File to write; of several frames the number takes the place of ##### in it.
    images : ndarray or sequence of ndarray
        (slow, fast), with axes of frames and panels before them.
    scene : Scene or None
        Says whether a third axis is one of panels; without it, it is one of frames.

    Raises
    ------
    UsageError, OutputFileError
        As in `write_npy`.
    """
    array = _stack(path, images)
    panels = len(scene.panels) if scene is not None else 1
    if panels > 1 and array.ndim > 2 and array.shape[-3] == panels:
        array = array.reshape(*array.shape[:-3], panels * array.shape[-2], array.shape[-1])
    frames = array.reshape(-1, *array.shape[-2:])
    for name, frame in zip(numbered_names(path, len(frames)), frames, strict=True):
        write_preview(name, frame)


def _stack(path: str | os.PathLike[str], images: Images) -> np.ndarray:
    """Images as one array of numbers."""
    try:
        array = np.asarray(images)
    except ValueError:
        raise UsageError(f"{path}: images of different shapes can't be stacked") from None
    if array.ndim < 2 or array.dtype.kind not in "iuf":
        raise UsageError(f"{{images}} of shape {array.shape} and type {array.dtype} are no images of numbers")
    return array


def read_npy(path: str | os.PathLike[str]) -> ImageFile:
    """Read an array that NumPy kept.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    ImageFile
        Without a scene.

    Raises
    ------
    InputFileError
        If the file can't be read or holds no images.
    """
    try:
        array = np.load(io.BytesIO(read_input(path)), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputFileError(f"{path}: is no complete .npy file: {error}") from error
    if not isinstance(array, np.ndarray) or array.ndim < 2 or array.dtype.kind not in "iuf":
        raise InputFileError(f"{path}: holds no images of numbers")
    if array.size == 0:
        raise InputFileError(f"{path}: holds no pixel")
    return ImageFile(array)


def read_tiff_pages(path: str | os.PathLike[str]) -> ImageFile:
    """Read a grey TIFF file of one page or many.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    ImageFile
        Without a scene.

    Raises
    ------
    InputFileError
        If the file can't be read or is no grey TIFF image.
    """
    return ImageFile(read_tiff(path))


def read_raw_floats(path: str | os.PathLike[str], shape: tuple[int, int]) -> ImageFile:
    """Read raw float32 pixels.

    Parameters
    ----------
    path : path
        File to read.
    shape : tuple of 2 int
        Slow, fast.

    Returns
    -------
    ImageFile
        Without a scene.

    Raises
    ------
    InputFileError
        If the file can't be read or has another size.
    """
    return ImageFile(read_float_image(path, shape))

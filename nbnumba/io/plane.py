"""Single images of one panel: read from any format as photons, and counts written with the header of another image."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.errors import InputFileError, NbnumbaError, UsageError
from nbnumba.io.atomic import check_target
from nbnumba.io.formats import FORMATS, SMV_SUFFIXES, check_image, format_of, read_pixels, write_image
from nbnumba.io.reading import read_input
from nbnumba.io.smv import WRITTEN_TYPES, SmvHeader, write_smv

if TYPE_CHECKING:
    from nbnumba.io.scene import Scene


COUNTS_SUFFIXES = tuple(
    suffix for known in FORMATS
    if not known.picture and (known.reader or not known.scene) for suffix in known.suffixes
)  # fmt: skip
"""Names that counts can be written under."""


_MARKING = tuple(s for known in FORMATS if known.name in ("NXmx", "miniCBF") for s in known.suffixes)
"""Files in which negative numbers mark pixels."""


class ShapeMismatchError(NbnumbaError):
    """Two images have different shapes."""


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape for messages."""
    return f"{shape[0]} x {shape[1]} (slow x fast)"


def read_plane(path: str | os.PathLike[str], shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a single image of one panel, of any format, as photons.

    Parameters
    ----------
    path : path
        SMV, CBF, TIFF, NumPy or HDF5 by its suffix, or anything else: a raw float image.
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
        If the file can't be read, is not what its name says, or holds more than one image or no pixel.
    ShapeMismatchError
        If the file states another shape.
    """
    image = _plane(path, read_pixels(path, shape))
    if shape is not None and image.shape != shape:
        raise ShapeMismatchError(f"{path}: is {shape_text(image.shape)} pixels, not {shape_text(shape)} as stated")
    return image


def marked_pixels(images: Iterable[tuple[str, np.ndarray]], scene: Scene | None) -> np.ndarray | None:
    """Pixels without a value: gaps (-1) and dead ones (-2) of miniCBF and NXmx files, and what their detector masks.

    Parameters
    ----------
    images : iterable of (str, ndarray)
        Names of files, whose suffixes say the format, and pixels of one shape.
    scene : Scene or None
        Their detector; panels one below the other.

    Returns
    -------
    ndarray, shape of each, bool; or None
        None where no pixel is marked.
    """
    marks = [(pixels == -1) | (pixels == -2) for path, pixels in images if Path(path).suffix.lower() in _MARKING]
    panels = () if scene is None else scene.panels
    if any(panel.mask is not None for panel in panels):
        good = [np.ones(panel.image_size[::-1], bool) if panel.mask is None else panel.mask for panel in panels]
        marks.append(~np.vstack(good))
    marked = np.logical_or.reduce(marks) if marks else np.False_
    return np.asarray(marked) if marked.any() else None


def read_raw_numbers(path: str | os.PathLike[str]) -> np.ndarray:
    """Read all pixels of a raw float image whose shape is not known.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    ndarray, shape (pixels,), float32

    Raises
    ------
    InputFileError
        If the file can't be read, or is no raw float image.
    """
    data = read_input(path)
    if len(data) % 4:
        raise InputFileError(f"{path}: is no raw float image: its {len(data)} bytes are no multiple of 4")
    if not data:
        raise InputFileError(f"{path}: holds no pixel")
    return np.frombuffer(data, np.float32)


def _plane(path: str | os.PathLike[str], image: np.ndarray) -> np.ndarray:
    """An image of two axes; leading axes of length 1 are dropped."""
    while image.ndim > 2 and image.shape[0] == 1:
        image = image[0]
    if image.ndim != 2 or image.dtype.kind not in "fiu":
        raise InputFileError(f"{path}: one plane of numbers is needed, not {image.dtype} of the shape {image.shape}")
    if image.size == 0:
        raise InputFileError(f"{path}: holds no pixel")
    return np.ascontiguousarray(image, dtype=np.float32)


def check_counts_target(
    path: str | os.PathLike[str], dtype: str, header: SmvHeader | None = None, scene: Scene | None = None
) -> None:
    """Raise an error if counts can't be written under this name; to be called before a long computation.

    Parameters
    ----------
    path : path
        File to write.
    dtype : str
        Of the pixels.
    header, scene
        As in `write_counts`.

    Raises
    ------
    UsageError
        If the suffix is unknown, the format does not hold such pixels, or describes a detector that nobody does.
    MissingPackageError
        If a library is not installed.
    OutputFileError
        If the folder is missing or not writable, or the name is a folder's.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in COUNTS_SUFFIXES:
        raise UsageError(f"{path}: the name must end in one of {', '.join(COUNTS_SUFFIXES)}, which is the format")
    known = format_of(path)
    if suffix in SMV_SUFFIXES and dtype not in WRITTEN_TYPES:
        raise UsageError(f"{path}: SMV images hold {', '.join(WRITTEN_TYPES)}, not {{Digitize.dtype}} {dtype}")
    if known.scene and scene is None and suffix not in SMV_SUFFIXES:
        raise UsageError(
            f"{path}: {known.name} files describe the detector, and no image here does: give {{header}} (NXmx, CBF, "
            ".expt, or SMV of {OutputFiles.smv_header=dials})"
        )
    if _needs_scene(path, header, scene):
        check_image(path, scene)
    else:
        check_target(path)


def write_counts(
    path: str | os.PathLike[str],
    image: np.ndarray,
    header: SmvHeader | None = None,
    entries: Mapping[str, str] | None = None,
    scene: Scene | None = None,
) -> None:
    """Write an image of counts with what is known of its experiment.

    Parameters
    ----------
    path : path
        Its suffix says the format.
    image : ndarray, shape (slow, fast) or (panel, slow, fast)
        Pixels.
    header, entries
        Of an SMV image, see `nbnumba.io.smv.write_smv`; other formats have no place for them.
    scene : Scene or None
        For the formats that describe one, and for SMV without a header.

    Raises
    ------
    UsageError, MissingPackageError
        As in `check_counts_target`.
    OutputFileError
        If the file can't be written.
    """
    check_counts_target(path, image.dtype.name, header, scene)
    if not _needs_scene(path, header, scene) and Path(path).suffix.lower() in SMV_SUFFIXES:
        write_smv(path, image, header, entries)
    else:
        write_image(path, image, scene)


def _needs_scene(path: str | os.PathLike[str], header: SmvHeader | None, scene: Scene | None) -> bool:
    """Whether the file is written from the scene."""
    is_smv = Path(path).suffix.lower() in SMV_SUFFIXES
    return scene is not None and format_of(path).scene and not (is_smv and header is not None)


def by_panel(image: np.ndarray, scene: Scene | None) -> np.ndarray:
    """An image whose panels lie one below the other, with an axis for them.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
    scene : Scene or None
        Its detector.

    Returns
    -------
    ndarray, shape (panel, slow, fast)
        A view; the image itself if there is one panel, or panels differ in size.
    """
    sizes = [] if scene is None else [panel.image_size for panel in scene.panels]
    if len(sizes) < 2 or len(set(sizes)) > 1 or image.size != len(sizes) * sizes[0][0] * sizes[0][1]:
        return image
    return image.reshape(len(sizes), *sizes[0][::-1])

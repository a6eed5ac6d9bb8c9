"""Formats of images by the suffix of a file's name: a format is a row here and a module, imported when it is met."""

from __future__ import annotations

import importlib
import os
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbnumba.errors import InputFileError, NbnumbaError, UsageError
from nbnumba.io.atomic import check_target, reason
from nbnumba.io.names import numbered_names

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.io.scene import ImageFile, Scene


@dataclass(frozen=True)
class Format:
    """What a format can do.

    Attributes
    ----------
    name : str
        As people call it.
    suffixes : tuple of str
        Of file names, in small letters, with the dot.
    writer : str
        ``module:function`` that takes path, images, scene and the options; module below nbnumba.io.
    reader : str
        ``module:function`` that takes a path and returns an `ImageFile`; empty if it is not read as images.
    pixels : str
        ``module:function`` that takes a path and returns pixels alone, where that asks less of the file; empty if not.
    checker : str
        ``module:function`` that takes path, scene and the options, and raises what the writer would.
    options : tuple of str
        Further arguments of the writer.
    scene : bool
        Whether it can't be written without a scene.
    picture : bool
        Whether it is for looking at: panels are shown where they stand.
    """

    name: str
    suffixes: tuple[str, ...]
    writer: str
    reader: str = ""
    checker: str = ""
    pixels: str = ""
    options: tuple[str, ...] = ()
    scene: bool = False
    picture: bool = False


SMV_SUFFIXES = (".img", ".smv")

FORMATS = (
    Format("NXmx", (".nxs", ".h5", ".hdf5", ".nx"), "nxmx:write_nxmx", "nxmx_reader:read_nxmx", "nxmx:check_nxmx",
           "hdf5_pixels:read_hdf5_pixels", ("compression", "layout", "truth"), scene=True),
    Format("miniCBF", (".cbf",), "cbf:write_cbf", "cbf:read_cbf", "cbf:check_cbf", scene=True),
    Format("SMV", SMV_SUFFIXES, "smv_dials:write_smv_images", "smv_dials:read_smv_image", "smv_dials:check_smv",
           options=("header",), scene=True),
    Format("NumPy", (".npy",), "arrays:write_npy", "arrays:read_npy"),
    Format("TIFF", (".tif", ".tiff"), "arrays:write_tiff_stack", "arrays:read_tiff_pages"),
    Format("raw floats", (".bin",), "arrays:write_raw_floats"),
    Format("PNG preview", (".png",), "arrays:write_previews", picture=True),
    Format("DIALS experiment", (".expt",), "expt:write_scene", scene=True),
    Format("CrystFEL geometry", (".geom",), "crystfel:write_geom_of", "", "crystfel:check_geom", scene=True),
)  # fmt: skip
"""Every format that images, or what is around them, can be written in."""

COMPRESSIONS = ("bslz4", "gzip", "none")
"""Of NXmx: bitshuffle with LZ4 is fast and needs hdf5plugin to read; gzip is read by every HDF5 library."""

LAYOUTS = ("slab", "stacked")
"""Of NXmx: panels one below the other in one image, or along an axis of their own as LCLS has them."""

SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format that a file's name asks for.

    Parameters
    ----------
    path : path
        File name.

    Returns
    -------
    Format

    Raises
    ------
    UsageError
        If the suffix is unknown.
    """
    suffix = Path(path).suffix.lower()
    for known in FORMATS:
        if suffix in known.suffixes:
            return known
    raise UsageError(f"{path}: no format has the suffix {suffix!r}: take one of {', '.join(SUFFIXES)}")


def smv_hints(named: Mapping[str, Path | None]) -> Iterator[str]:
    """Names that promise another format than the SMV that they will hold.

    Parameters
    ----------
    named : mapping of str to (Path or None)
        What the user knows each SMV image by, and its name.

    Yields
    ------
    str
    """
    for word, path in named.items():
        suffix = "" if path is None else path.suffix.lower()
        if suffix in SUFFIXES and suffix not in (*SMV_SUFFIXES, ".bin"):
            yield f"{word} {path}: is an SMV image, whatever its name says"


def write_image(
    path: str | os.PathLike[str], images: np.ndarray | Sequence[np.ndarray], scene: Scene | None = None, **options: Any
) -> None:
    """Write images in the format that the file's name asks for.

    Parameters
    ----------
    path : path
        File to write; its suffix chooses the format. Where a format holds one frame, ##### stands for its number.
    images : ndarray or sequence of ndarray
        A frame or several: (slow, fast) for one panel; (panel, slow, fast), a sequence of images, panels one below the
        other or flat one behind the other for several. Photons or counts; formats of whole numbers round and clip.
    scene : Scene or None
        What is around the pixels, see `scene_of`; formats that need it refuse None.
    **options
        ``compression`` and ``layout`` of NXmx, see `NXmxWriter`; ``header`` of SMV, such as nanoBragg's from
        `smv_header`: without, it is one from which dxtbx makes the right detector.

    Raises
    ------
    UsageError
        If the format is unknown, can't describe the scene, or does not know an option.
    MissingPackageError
        If it needs a library that is not installed.
    OutputFileError
        If the file can't be written.

    Warns
    -----
    NbnumbaWarning
        If something is lost in this format.
    """
    known = _fitting(path, scene, options)
    writer = _load(known.writer)
    writer(path, images, scene, **options)


def check_image(path: str | os.PathLike[str], scene: Scene | None, **options: Any) -> None:
    """Raise now what `write_image` would raise after a long simulation.

    Parameters
    ----------
    path, scene, **options
        As in `write_image`.

    Raises
    ------
    UsageError, MissingPackageError, OutputFileError
        As in `write_image`.
    """
    known = _fitting(path, scene, options)
    for name in numbered_names(path, 1):
        check_target(name)
    if known.checker:
        with warnings.catch_warnings():
            # they come when it is written
            warnings.simplefilter("ignore")
            _load(known.checker)(path, scene, **options)


def is_readable(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name tells a format that `read_image` reads without being told a shape.

    Parameters
    ----------
    path : path
        File name.

    Returns
    -------
    bool
    """
    return _reader(path) is not None


def _reader(path: str | os.PathLike[str]) -> Format | None:
    suffix = Path(path).suffix.lower()
    return next((known for known in FORMATS if suffix in known.suffixes and known.reader), None)


def read_image(path: str | os.PathLike[str], shape: tuple[int, int] | None = None) -> ImageFile:
    """Read images of any format that can be read.

    Parameters
    ----------
    path : path
        File to read; its suffix says the format, unless it is one of raw floats.
    shape : tuple of 2 int or None
        Slow, fast: of raw floats, which don't say.

    Returns
    -------
    ImageFile
        Pixels as stored, and the scene where the format has one.

    Raises
    ------
    UsageError
        If the format is not read, or raw floats come without a shape.
    InputFileError
        If the file can't be read or is not what its name says.
    MissingPackageError
        If a library is needed that is not installed.
    """
    known = _reader(path)
    if known is not None:
        image: ImageFile = _load(known.reader)(path)
        return image
    if shape is None:
        raise _shapeless(path)
    raw: ImageFile = _load("arrays:read_raw_floats")(path, shape)
    return raw


def read_pixels(path: str | os.PathLike[str], shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read images of any format without what is around them.

    Parameters
    ----------
    path, shape
        As in `read_image`. Of HDF5 files any will do that has one float dataset of two or more axes.

    Returns
    -------
    ndarray, shape (..., slow, fast)
        As stored.

    Raises
    ------
    UsageError, InputFileError, MissingPackageError
        As in `read_image`.
    """
    known = _reader(path)
    if known is not None and known.pixels:
        pixels: np.ndarray = _load(known.pixels)(path)
        return pixels
    return read_image(path, shape).images


def _shapeless(path: str | os.PathLike[str]) -> NbnumbaError:
    """Why a file, whose name tells no format that is read, is no image as it stands."""
    suffix = Path(path).suffix.lower()
    try:
        is_folder = stat.S_ISDIR(Path(path).stat().st_mode)
    except OSError as error:
        return InputFileError(f"{path}: can't be read: {reason(error)}")
    if is_folder:
        return InputFileError(f"{path}: is a folder; give the name of an image")
    missing = f"{path}: a raw float image does not state its shape: give {{shape}}"
    if suffix == ".bin":
        return UsageError(missing)
    known = ", ".join(end for known in FORMATS if known.reader for end in known.suffixes)
    return UsageError(f"{missing}; other images have one of the suffixes {known}")


def _fitting(path: str | os.PathLike[str], scene: Scene | None, options: dict[str, Any]) -> Format:
    """The format, if it takes what is there."""
    known = format_of(path)
    if known.scene and scene is None:
        raise UsageError(f"{path}: {known.name} files describe the detector: give {{scene}}")
    for option in options:
        if option not in known.options:
            raise UsageError(f"{path}: {{{option}}} has no effect on {known.name} files")
    return known


def _load(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(f"nbnumba.io.{module}"), function)
    return found

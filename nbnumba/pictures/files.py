"""What pictures need of image files: a frame, and the best that is known of what is around it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from nbnumba.errors import InputFileError
from nbnumba.io.expt import read_expt
from nbnumba.io.flat import flat_panel
from nbnumba.io.formats import SMV_SUFFIXES, read_image, read_pixels
from nbnumba.io.plane import ShapeMismatchError, shape_text
from nbnumba.io.scene import ImageFile, Scene
from nbnumba.io.smv import SmvHeader, read_smv_header


def read_shown(
    path: str | os.PathLike[str], geometry: str | os.PathLike[str] | None = None,
    shape: tuple[int, int] | None = None,
) -> ImageFile:
    """Read an image for looking at.

    Parameters
    ----------
    path : path
        Image of any format; HDF5 files of other programs are shown without geometry.
    geometry : path or None
        .expt file whose first experiment says what is around the image. None takes the one of the image's own name
        beside it, if there is one, and otherwise what the image says.
    shape : tuple of 2 int or None
        Slow, fast: of raw floats. The others must agree if it is given.

    Returns
    -------
    ImageFile

    Raises
    ------
    UsageError, InputFileError, MissingPackageError
        As in `nbnumba.io.read_image`.
    ShapeMismatchError
        If the file states another shape.
    """
    beside = Path(path).parent / f"{Path(path).stem}.expt"
    chosen = geometry or (beside if beside.is_file() else None)
    if chosen is None:
        image = _with_header(path, _read_any(path, shape))
    else:
        image = ImageFile(read_pixels(path, shape), read_expt(chosen, need_crystal=False)[0].scene)
    stored = np.shape(image.images)[-2:]
    if shape is not None and stored != shape:
        raise ShapeMismatchError(f"{path}: is {shape_text(stored)} pixels, not {shape_text(shape)} as stated")
    return image


def _read_any(path: str | os.PathLike[str], shape: tuple[int, int] | None) -> ImageFile:
    """An image with its scene, or pixels alone where the file is not complete enough for one."""
    try:
        return read_image(path, shape)
    except InputFileError:
        return ImageFile(read_pixels(path, shape))


def _with_header(path: str | os.PathLike[str], image: ImageFile) -> ImageFile:
    """The scene that nanoBragg's SMV header tells, if the image has none yet."""
    if image.scene is not None or Path(path).suffix.lower() not in SMV_SUFFIXES:
        return image
    return replace(image, scene=simulated_scene(read_smv_header(path)))


def simulated_scene(header: SmvHeader) -> Scene | None:
    """The geometry of nanoBragg's SMV images whose detector stands square to the beam.

    Parameters
    ----------
    header : SmvHeader
        Of any SMV image.

    Returns
    -------
    Scene or None
        One panel around the foot point XDS_ORGX, XDS_ORGY, which means the same under all conventions; None for headers
        of others and for tilted detectors, of which the header says too little.
    """
    entries = header.entries()
    try:
        pixel, wavelength = float(entries["PIXEL_SIZE"]), float(entries["WAVELENGTH"])
        distance, close = float(entries["DISTANCE"]), float(entries["CLOSE_DISTANCE"])
        foot = float(entries["XDS_ORGX"]) - 0.5, float(entries["XDS_ORGY"]) - 0.5
        swing = float(entries["TWOTHETA"])
    except (KeyError, ValueError):
        return None
    if not header.is_simulated or swing != 0.0 or abs(close - distance) > 1e-6 * distance or pixel <= 0.0:
        return None
    panel = flat_panel((header.width, header.height), (pixel, pixel), (*foot, close))
    return Scene((panel,), wavelength, polarization_fraction=None)

"""Pictures of diffraction images for people: dark spots on white, weak ones visible beside strong ones."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from nbnumba.errors import UsageError
from nbnumba.io.atomic import atomic_write, is_written_in_place
from nbnumba.io.pixels import real_image

_LARGEST_EDGE = 2048
"""Pixels along the longer edge; larger images are reduced."""

_BLACK_QUANTILE = 0.9995
_DECADES = 4.0
"""Range of intensities that is told apart; less where the background is high."""


_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {"optimize": True}),
    ".jpg": ("JPEG", {"quality": 90}),
    ".jpeg": ("JPEG", {"quality": 90}),
    ".tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".gif": ("GIF", {}),
    ".bmp": ("BMP", {}),
    ".webp": ("WEBP", {"lossless": True}),
    ".pgm": ("PPM", {}),
}
"""Suffix -> Pillow's name of the format and how to write it."""


def preview_format(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any]]:
    """The format of a preview, chosen by the suffix of its name.

    Parameters
    ----------
    path : path
        Name of the file; devices and pipes have no suffix and take PNG.

    Returns
    -------
    name : str
        What Pillow calls the format.
    options : dict
        How Pillow shall write it.

    Raises
    ------
    UsageError
        If no format belongs to the suffix.
    """
    if is_written_in_place(Path(path)):
        return _FORMATS[".png"]
    try:
        return _FORMATS[Path(path).suffix.lower()]
    except KeyError:
        raise UsageError(f"{path}: the name of a preview ends in {' '.join(_FORMATS)}") from None


def write_preview(path: str | os.PathLike[str], image: np.ndarray, description: str | None = None) -> None:
    """Write a grey preview: logarithmic, from white at the background to black at the strong spots.

    Images with edges longer than 2048 pixels are reduced; each pixel of the preview then shows the largest value
    that it covers, so that no spot is lost.

    Parameters
    ----------
    path : path
        File to write; its suffix chooses the format, see `preview_format`.
    image : ndarray, shape (slow, fast)
        Photons per pixel, any real type; the slow axis runs down the picture.
    description : str or None
        What the file says of its image: a text chunk of PNG; other formats have no place for it.

    Raises
    ------
    UsageError
        If no format belongs to the suffix, or the image has other axes, no pixel or no real numbers.
    OutputFileError
        If the file can't be written.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    name, options = preview_format(path)
    picture = Image.fromarray(grey_preview(real_image(path, image)))
    if name == "PNG" and description is not None:
        options = {**options, "pnginfo": PngInfo()}
        options["pnginfo"].add_text("Description", description)
    buffer = io.BytesIO()
    picture.save(buffer, format=name, **options)
    with atomic_write(path) as stream:
        stream.write(buffer.getbuffer())


def grey_preview(image: np.ndarray) -> np.ndarray:
    """The grey values of the preview.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons per pixel.

    Returns
    -------
    ndarray, shape (slow, fast) or smaller, uint8
        255 is white.
    """
    # whole numbers without a sign can't be subtracted
    reduced = _reduce(image if image.dtype.kind == "f" else image.astype(np.float64))
    positive = reduced[(reduced > 0.0) & np.isfinite(reduced)]
    if positive.size == 0:
        return np.full(reduced.shape, 255, dtype=np.uint8)
    background, black = (float(value) for value in np.quantile(positive, (0.5, _BLACK_QUANTILE)))
    strongest = black - background
    if strongest <= 0.0:
        return np.full(reduced.shape, 255, dtype=np.uint8)
    faintest = max(background, strongest * 10.0**-_DECADES)
    signal = np.clip(np.nan_to_num(reduced) - background, 0.0, strongest)
    darkness = np.log1p(signal / faintest) / np.log1p(strongest / faintest)
    return np.asarray(255.0 * (1.0 - darkness), dtype=np.uint8)


def _reduce(image: np.ndarray) -> np.ndarray:
    """The largest value of each block of pixels, with blocks so large that the edges fit the preview."""
    block = -(-max(image.shape) // _LARGEST_EDGE)
    if block == 1:
        return image
    rows, columns = (np.arange(0, size, block) for size in image.shape)
    return np.maximum.reduceat(np.maximum.reduceat(image, rows, axis=0), columns, axis=1)

"""Pictures of diffraction images for people: dark spots on white, weak ones visible beside strong ones."""

from __future__ import annotations

import os

import numpy as np

from nbnumba.io.atomic import atomic_write

_LARGEST_EDGE = 2048
"""Pixels along the longer edge; larger images are reduced."""

_BLACK_QUANTILE = 0.9995
_DECADES = 4.0
"""Range of intensities that is told apart; less where the background is high."""


def write_png(path: str | os.PathLike[str], image: np.ndarray, description: str | None = None) -> None:
    """Write a grey preview: logarithmic, from white at the background to black at the strong spots.

    Images with edges longer than 2048 pixels are reduced; each pixel of the preview then shows the largest value
    that it covers, so that no spot is lost.

    Parameters
    ----------
    path : path
        File to write.
    image : ndarray, shape (slow, fast), float32
        Photons per pixel; the slow axis runs down the picture.
    description : str or None
        What the file says of its image, in a text chunk.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    picture = Image.fromarray(grey_preview(image))
    said = PngInfo()
    if description is not None:
        said.add_text("Description", description)
    with atomic_write(path) as stream:
        picture.save(stream, format="PNG", optimize=True, pnginfo=said)


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
    reduced = _reduce(image)
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
    return (255.0 * (1.0 - darkness)).astype(np.uint8)


def _reduce(image: np.ndarray) -> np.ndarray:
    """The largest value of each block of pixels, with blocks so large that the edges fit the preview."""
    block = -(-max(image.shape) // _LARGEST_EDGE)
    if block == 1:
        return image
    rows, columns = (np.arange(0, size, block) for size in image.shape)
    return np.maximum.reduceat(np.maximum.reduceat(image, rows, axis=0), columns, axis=1)

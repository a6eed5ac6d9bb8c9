"""How images become grey: dark spots on white, weak ones visible beside strong ones, a sharp spot never lost."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from nbnumba.io.atomic import atomic_write

WHITE_PERCENTILE, BLACK_PERCENTILE = 20.0, 99.98
"""Of the positive pixels; those above are all black: the direct beam must not make every spot pale."""

STRIP = 10
"""Images that are longer than so many times their width are stretched."""

GREY_DECADES = 4
"""Range below black that logarithmic greys show; less where the background is high."""


def grey_scale(image: np.ndarray, percentile: float | None) -> Normalize:
    """The greys of a preview.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Image that sets the scale.
    percentile : float or None
        Linear up to the value below which this percentage of the pixels lies; None means logarithmic.

    Returns
    -------
    Normalize
        To be shared by pictures that shall be compared by eye.
    """
    numbers = image[np.isfinite(image)].astype(np.float64)
    positive = numbers[numbers > 0.0]
    if positive.size == 0:
        return Normalize(0.0, 1.0)
    if percentile is None:
        white, black = np.percentile(positive, (WHITE_PERCENTILE, BLACK_PERCENTILE)).tolist()
        return LogNorm(min(max(white, black * 10.0**-GREY_DECADES), 0.5 * black), black, clip=True)
    return Normalize(0.0, float(np.percentile(numbers, percentile)) or float(np.max(positive)), clip=True)


def draw_blocks(
    axes: Axes, image: np.ndarray, limit: int, corner: tuple[int, int], hide_zeros: bool = False, **style: Any
) -> AxesImage:
    """Draw an image by the value of largest size in each block, so that at most `limit` blocks lie along each axis.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    image : ndarray, shape (slow, fast)
        Finite numbers, or NaN where nothing shall be drawn.
    limit : int
        Blocks along either axis.
    corner : tuple of 2 int
        Slow, fast of the first pixel.
    hide_zeros : bool
        Draw nothing where the value is 0.
    **style
        Of ``Axes.imshow``.

    Returns
    -------
    AxesImage
    """
    tall, wide = (-(-n // limit) for n in image.shape)
    rows, columns = -(-image.shape[0] // tall), -(-image.shape[1] // wide)
    padded = np.zeros((rows * tall, columns * wide), dtype=image.dtype)
    padded[: image.shape[0], : image.shape[1]] = image
    blocks = padded.reshape(rows, tall, columns, wide)
    high, low = blocks.max(axis=(1, 3)), blocks.min(axis=(1, 3))
    shown = np.where(high >= -low, high, low)
    if hide_zeros:
        shown = np.ma.masked_equal(shown, 0.0)
    slow, fast = corner[0] - 0.5, corner[1] - 0.5
    extent = (fast, fast + columns * wide, slow + rows * tall, slow)
    return axes.imshow(shown, extent=extent, interpolation="nearest", **style)


def stretch_strips(axes: Axes, shape: tuple[int, ...]) -> None:
    """Let an image that would be a mere line fill its axes, with pixels that are no squares.

    Parameters
    ----------
    axes : Axes
        Where it was drawn.
    shape : tuple of 2 int
        Of the image.
    """
    if max(shape) > STRIP * min(shape):
        axes.set_aspect("auto")


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as a PNG file.

    Parameters
    ----------
    figure : Figure
        What to write.
    path : path
        PNG file.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    FigureCanvasAgg(figure)
    with atomic_write(path) as stream:
        figure.savefig(stream, format="png", dpi=130)

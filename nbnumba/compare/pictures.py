"""Pictures for people: what two images look like and where they differ."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from nbnumba.compare.metrics import absolute_difference, different_pixels, relative_scale
from nbnumba.io.atomic import atomic_write

PREVIEW_PIXELS = 1000
"""Larger images are drawn by the maximum of blocks, so that a sharp spot does not vanish."""

MAP_PIXELS = 400
"""The same for maps of differences, by the largest difference: a single pixel must be visible."""

LOG_DECADES = 6
"""Decades below the maximum that logarithmic greys show."""

CIRCLED_PIXELS = 60
"""So few differing pixels are circled as well."""


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
    top = float(numbers.max(initial=0.0))
    if top <= 0.0:
        return Normalize(0.0, 1.0)
    if percentile is None:
        lowest = float(numbers[numbers > 0.0].min())
        return LogNorm(min(max(lowest, top * 10.0**-LOG_DECADES), 0.5 * top), top, clip=True)
    return Normalize(0.0, float(np.percentile(numbers, percentile)) or top, clip=True)


def draw_preview(
    path: str | os.PathLike[str], image: np.ndarray, scale: Normalize, title: str, corner: tuple[int, int]
) -> None:
    """Draw an image in greys.

    Parameters
    ----------
    path : path
        PNG file to write.
    image : ndarray, shape (slow, fast)
        Photons per pixel.
    scale : Normalize
        From `grey_scale`.
    title : str
        Heading.
    corner : tuple of 2 int
        Slow, fast of the first pixel.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    figure = Figure(figsize=(8.0, 7.0), layout="constrained")
    axes = figure.add_subplot()
    picture = _show(axes, np.nan_to_num(image), PREVIEW_PIXELS, corner, cmap="gray_r", norm=scale)
    _label(axes, title)
    figure.colorbar(picture, ax=axes, label="photons per pixel", shrink=0.85)
    _save(figure, path)


def draw_difference(
    path: str | os.PathLike[str],
    reference: np.ndarray,
    image: np.ndarray,
    names: tuple[str, str],
    corner: tuple[int, int],
) -> None:
    """Draw where an image is above and below the reference, in photons and relative to the reference.

    Pixels of equal bits show the reference in pale grey; the colours are logarithmic in the size of the difference.

    Parameters
    ----------
    path : path
        PNG file to write.
    reference, image : ndarray, shape (slow, fast), float32
        Photons per pixel.
    names : tuple of 2 str
        What to call reference and image.
    corner : tuple of 2 int
        Slow, fast of the first pixel.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    different = different_pixels(reference, image)
    a, b = reference.astype(np.float64), image.astype(np.float64)
    signed = np.where(b < a, -1.0, 1.0) * absolute_difference(a, b)
    figure = Figure(figsize=(15.0, 7.0), layout="constrained")
    count = int(different.sum())
    figure.suptitle(f"{names[1]} minus {names[0]}: {count} of {different.size} pixels differ in bits")
    panels = figure.subplots(1, 2)
    _draw_map(panels[0], signed, different, reference, corner, "photons per pixel")
    _draw_map(panels[1], signed / relative_scale(a), different, reference, corner, f"relative to {names[0]}")
    _save(figure, path)


def _draw_map(
    axes: Axes, signed: np.ndarray, different: np.ndarray, reference: np.ndarray, corner: tuple[int, int], unit: str
) -> None:
    """One map of signed differences over a pale image."""
    greys = grey_scale(reference, None)
    _show(axes, np.nan_to_num(reference), MAP_PIXELS, corner, cmap="gray_r", norm=greys, alpha=0.25)
    _label(axes, f"difference, {unit}")
    sizes = np.abs(signed[different & np.isfinite(signed) & (signed != 0.0)])
    if sizes.size == 0:
        text = "only in bits: signs of zero or numbers missing" if different.any() else "no pixel differs"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", fontsize=16, color="darkgreen",
                  bbox={"facecolor": "white", "edgecolor": "none"})  # fmt: skip
        _circle(axes, signed, different, corner)
        return
    top = float(sizes.max())
    norm = SymLogNorm(linthresh=top * 1e-3, linscale=0.5, vmin=-top, vmax=top)
    shown = np.where(different, np.clip(signed, -top, top), 0.0)
    picture = _show(axes, shown, MAP_PIXELS, corner, hide_zeros=True, cmap="bwr", norm=norm)
    axes.figure.colorbar(picture, ax=axes, label=f"above (red), below (blue), {unit}", shrink=0.85)
    _circle(axes, signed, different, corner)


def _circle(axes: Axes, signed: np.ndarray, different: np.ndarray, corner: tuple[int, int]) -> None:
    """Circle the differing pixels when they are few, in the colour of their sign."""
    slow, fast = np.nonzero(different)
    if slow.size <= CIRCLED_PIXELS:
        colours = ["red" if value > 0.0 else "blue" for value in signed[slow, fast]]
        axes.scatter(fast + corner[1], slow + corner[0], s=90, facecolors="none", edgecolors=colours)


def _show(
    axes: Axes, image: np.ndarray, limit: int, corner: tuple[int, int], hide_zeros: bool = False, **style: Any
) -> AxesImage:
    """Draw an image by the value of largest size in each block, so that at most `limit` blocks lie along each axis."""
    step = -(-max(image.shape) // limit)
    rows, columns = (-(-n // step) for n in image.shape)
    padded = np.zeros((rows * step, columns * step), dtype=image.dtype)
    padded[: image.shape[0], : image.shape[1]] = image
    blocks = padded.reshape(rows, step, columns, step)
    high, low = blocks.max(axis=(1, 3)), blocks.min(axis=(1, 3))
    shown = np.where(high >= -low, high, low)
    if hide_zeros:
        shown = np.ma.masked_equal(shown, 0.0)
    slow, fast = corner[0] - 0.5, corner[1] - 0.5
    extent = (fast, fast + columns * step, slow + rows * step, slow)
    return axes.imshow(shown, extent=extent, interpolation="nearest", **style)


def _label(axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("fast (pixel)")
    axes.set_ylabel("slow (pixel)")


def _save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as a PNG file."""
    FigureCanvasAgg(figure)
    with atomic_write(path) as stream:
        figure.savefig(stream, format="png", dpi=110)

"""Pictures for people: what two images look like and where they differ."""

from __future__ import annotations

import math
import os

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from scipy import ndimage

from nbnumba.compare.metrics import absolute_difference, different_pixels, relative_scale
from nbnumba.pictures.greys import draw_blocks, grey_scale, save_figure, stretch_strips

PREVIEW_PIXELS = 900
"""Larger images are drawn by the maximum of blocks, so that a sharp spot does not vanish."""

MAP_PIXELS = 450
"""The same for maps of differences, by the largest difference: a single pixel must be visible."""

MAP_DECADES = 6
"""Range below the largest difference that has colours of its own; smaller ones share the palest."""

CIRCLED_PLACES = 60
"""So few places with differing pixels are circled as well."""

_TINTS = colormaps["RdBu_r"](np.concatenate((np.linspace(0.0, 0.36, 128), np.linspace(0.64, 1.0, 128))))
BLUE_TO_RED = ListedColormap(_TINTS, "blue_to_red")
"""Without white in the middle: the smallest difference is tinted, only equal pixels are not."""


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
    figure = Figure(figsize=(9.6, 8.2))
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.06, top=0.95)
    axes = figure.add_subplot()
    picture = draw_blocks(axes, np.nan_to_num(image), PREVIEW_PIXELS, corner, cmap="gray_r", norm=scale)
    stretch_strips(axes, image.shape)
    _label(axes, title)
    figure.colorbar(picture, ax=axes, label="photons per pixel", shrink=0.85, pad=0.03, extend="both")
    save_figure(figure, path)


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
    figure = Figure(figsize=(15.0, 6.9))
    figure.subplots_adjust(left=0.05, right=0.96, bottom=0.07, top=0.91, wspace=0.2)
    count = int(different.sum())
    figure.suptitle(f"{names[1]} minus {names[0]}: {count} of {different.size} pixels differ in bits")
    panels = figure.subplots(1, 2)
    _draw_map(panels[0], signed, different, reference, corner, "photons per pixel")
    _draw_map(panels[1], signed / relative_scale(a), different, reference, corner, f"relative to {names[0]}")
    save_figure(figure, path)


def _draw_map(
    axes: Axes, signed: np.ndarray, different: np.ndarray, reference: np.ndarray, corner: tuple[int, int], unit: str
) -> None:
    """One map of signed differences over a pale image."""
    greys = grey_scale(reference, None)
    draw_blocks(axes, np.nan_to_num(reference), MAP_PIXELS, corner, cmap="gray_r", norm=greys, alpha=0.35)
    stretch_strips(axes, reference.shape)
    _label(axes, f"difference, {unit}")
    sizes = np.abs(signed[different & np.isfinite(signed) & (signed != 0.0)])
    if sizes.size:
        _tint(axes, np.where(different, signed, 0.0), sizes, corner, unit)
    else:
        text = "only in bits: signs of zero or numbers missing" if different.any() else "no pixel differs"
        # above the middle, where a circle is likelier
        axes.text(0.5, 0.9, text, transform=axes.transAxes, ha="center", fontsize=16, color="darkgreen",
                  bbox={"facecolor": "white", "edgecolor": "none"})  # fmt: skip
    _circle(axes, signed, different, corner)


def _tint(axes: Axes, signed: np.ndarray, sizes: np.ndarray, corner: tuple[int, int], unit: str) -> None:
    """Colour the differing pixels: red above, blue below, the darker the larger."""
    top = float(sizes.max())
    lowest = max(float(sizes.min()), top * 10.0**-MAP_DECADES)
    # at least one decade, or the colours of equal differences would depend on their last digits
    decades = max(math.log10(top / lowest), 1.0)
    with np.errstate(divide="ignore"):
        depth = np.clip(np.log10(np.abs(signed) / top) / decades + 1.0, 1e-3, 1.0)
    shown = np.where(signed == 0.0, 0.0, np.sign(signed) * depth)
    picture = draw_blocks(axes, shown, MAP_PIXELS, corner, hide_zeros=True, cmap=BLUE_TO_RED, norm=Normalize(-1.0, 1.0))
    bar = axes.figure.colorbar(picture, ax=axes, label=f"below (blue), above (red), {unit}", shrink=0.85, pad=0.03)
    ends = math.log10(top) - decades, math.log10(top)
    ticks = {1.0: f"{top:.3g}"}
    for power in range(math.ceil(ends[0]), math.floor(ends[1]) + 1):
        position = (power - ends[0]) / decades
        # labels must not run into each other
        if 0.04 < position < 0.95:
            ticks[position] = f"$10^{{{power}}}$"
    bar.set_ticks(
        [*ticks, *(-position for position in ticks)],
        labels=[*(f"+{text}" for text in ticks.values()), *(f"−{text}" for text in ticks.values())],
    )


def _circle(axes: Axes, signed: np.ndarray, different: np.ndarray, corner: tuple[int, int]) -> None:
    """Circle the places with differing pixels when they are few, in the colour of their largest difference."""
    labels, count = ndimage.label(different, np.ones((3, 3), dtype=bool))
    if count > CIRCLED_PLACES:
        return
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        values = signed[rows, columns][labels[rows, columns] == number]
        colour = "red" if values[np.argmax(np.abs(values))] > 0.0 else "blue"
        size = max(rows.stop - rows.start, columns.stop - columns.start)
        centre = (0.5 * (columns.start + columns.stop - 1) + corner[1], 0.5 * (rows.start + rows.stop - 1) + corner[0])
        radius = 0.75 * size + 0.015 * max(different.shape)
        axes.add_patch(Circle(centre, radius, fill=False, edgecolor=colour, linewidth=1.2))


def _label(axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("fast (pixel)")
    axes.set_ylabel("slow (pixel)")

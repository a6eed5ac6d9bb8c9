"""A figure of an image: greys, resolution rings, beam centre and Miller indices of the strongest spots."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nbnumba.errors import UsageError
from nbnumba.io.pixels import split_frames
from nbnumba.io.scene import Scene
from nbnumba.pictures.greys import draw_blocks, grey_scale, stretch_strips
from nbnumba.pictures.labels import indexed_spots
from nbnumba.pictures.page import cone, edges, on_page, page_of, plain_page, seen_pixels, two_theta_of
from nbnumba.setup.panels import Page

PIXELS = 1200
"""Larger images are drawn by the maximum of blocks, so that a sharp spot does not vanish."""

GAP_COLOUR = "lightsteelblue"
"""Where no panel is; a pixel without photons is white."""

_RING_RADII = (0.3, 0.55, 0.8)
"""Places of the rings between the beam and the farthest corner, before their resolutions are rounded; where the beam
misses the detector, between the nearest point of its borders and the farthest."""

_RINGS, _CENTRE, _SPOTS = "tab:blue", "tab:red", "tab:green"


class Picture(Figure):
    """A figure that notebooks show without being told of matplotlib."""

    def _repr_png_(self) -> bytes:
        """What a notebook draws."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=80)
        return buffer.getvalue()


def image_figure(
    images: np.ndarray | Sequence[np.ndarray], scene: Scene | None = None, frame: int = 0, title: str = "",
    linear: bool = False, rings: bool = True, labels: int = 10,
) -> Figure:
    """A figure of one image.

    Parameters
    ----------
    images, scene, frame, title, linear, rings, labels
        As in `draw_image`.

    Returns
    -------
    Figure
        Of matplotlib; notebooks show it, `save_figure` writes it.

    Raises
    ------
    UsageError
        As in `draw_image`.
    """
    figure = Picture(figsize=(8.4, 7.6), layout="constrained")
    draw_image(figure.add_subplot(), images, scene, frame, title, linear, rings, labels)
    return figure


def draw_image(
    axes: Axes, images: np.ndarray | Sequence[np.ndarray], scene: Scene | None = None, frame: int = 0, title: str = "",
    linear: bool = False, rings: bool = True, labels: int = 10,
) -> None:
    """Draw one image, with what its scene tells.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    images : ndarray or sequence of ndarray
        A frame or several: (slow, fast) of one panel; of several (panel, slow, fast), one below the other, or a
        sequence of images. Photons or counts; values below 0, and masks of the scene, mark gaps and bad pixels.
    scene : Scene or None
        What is around the pixels; without it there are neither rings nor labels.
    frame : int
        Which frame, from 0.
    title : str
        Heading.
    linear : bool
        Linear greys instead of logarithmic ones.
    rings : bool
        Draw the beam centre, and rings of equal resolution d = λ / (2 sin θ).
    labels : int
        Miller indices of so many of the strongest spots, if the scene has a crystal.

    Raises
    ------
    UsageError
        If there is no such frame, the images are no pixels or don't fit the scene, or labels can't be counted.
    """
    if not isinstance(labels, (int, np.integer)) or labels < 0:
        raise UsageError(f"{{labels}} must be a whole number of 0 or more, not {labels!r}")
    panels = _panels_of(images, scene, frame)
    page = plain_page(panels[0]) if scene is None else page_of(scene, panels)
    _draw_greys(axes, page.image, linear)
    axes.set(title=title, xlabel="fast (pixel)", ylabel="slow (pixel)")
    if scene is None:
        return
    if rings:
        _draw_beam(axes, scene, page)
        for resolution in ring_resolutions(scene):
            _draw_ring(axes, scene, page, resolution)
    if labels > 0 and scene.crystal is not None:
        _draw_labels(axes, scene, page, panels, labels, frame)


def _panels_of(images: np.ndarray | Sequence[np.ndarray], scene: Scene | None, frame: int) -> list[np.ndarray]:
    """One frame as an image for each panel."""
    if scene is not None:
        frames = split_frames(images, scene.panels)
    else:
        array = _array_of(images)
        frames = [[image] for image in array.reshape(-1, *array.shape[-2:])]
    if frame not in range(len(frames)):
        raise UsageError(f"{{frame}} is {frame!r}: there are {len(frames)}, counted from 0")
    if scene is None:
        return frames[int(frame)]
    return [_without_masked(image, panel.mask) for image, panel in zip(frames[int(frame)], scene.panels, strict=True)]


def _array_of(images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """Frames of which nothing is known but their pixels."""
    try:
        array = np.asarray(images)
    except ValueError:
        raise UsageError("{images}: arrays of one shape are needed") from None
    if array.ndim < 2 or array.size == 0 or array.dtype.kind not in "biuf":
        stated = f"{array.dtype} of shape {array.shape}"
        raise UsageError(f"{{images}}: pixels, real numbers along slow and fast, are needed, not {stated}")
    return array


def _without_masked(image: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """An image, without the numbers that stand where its panel measures nothing."""
    return image if mask is None else np.where(mask, image, np.nan)


def _draw_greys(axes: Axes, image: np.ndarray, linear: bool) -> None:
    """Pixels, gaps in a colour of their own, and a bar."""
    gaps = ~np.isfinite(image) | (image < 0.0)
    seen = np.where(gaps, 0.0, image)
    picture = draw_blocks(axes, seen, PIXELS, (0, 0), cmap="gray_r", norm=grey_scale(image, 99.9 if linear else None))
    if gaps.any():
        tint = ListedColormap([GAP_COLOUR])
        draw_blocks(axes, gaps.astype(np.float64), PIXELS, (0, 0), hide_zeros=True, cmap=tint)
    limits = (-0.5, image.shape[1] - 0.5), (image.shape[0] - 0.5, -0.5)
    axes.set(xlim=limits[0], ylim=limits[1])
    stretch_strips(axes, image.shape)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.figure.colorbar(picture, ax=axes, label="photons or counts per pixel", shrink=0.8, extend="both")


def ring_resolutions(scene: Scene) -> list[float]:
    """Resolutions worth a ring, in two digits.

    Parameters
    ----------
    scene : Scene
        Detector and beam.

    Returns
    -------
    list of float
        Å, coarsest first.
    """
    angles = two_theta_of(scene, edges(scene))
    beam = np.array([scene.unit_s0])
    nearest = 0.0 if any(np.isfinite(seen_pixels(panel, beam)).all() for panel in scene.panels) else float(angles.min())
    found = []
    for share in _RING_RADII:
        spacing = scene.wavelength / (2.0 * math.sin(0.5 * (nearest + share * (float(angles.max()) - nearest))))
        rounded = float(f"{spacing:.1e}")
        if rounded > scene.wavelength / 2.0 and rounded not in found:
            found.append(rounded)
    return found


def _draw_ring(axes: Axes, scene: Scene, page: Page, resolution: float) -> None:
    """One ring, as far as panels see it, and its resolution."""
    rays = cone(scene, 2.0 * math.asin(scene.wavelength / (2.0 * resolution)))
    seen = list(on_page(scene, page, rays))
    for points in seen:
        axes.plot(*points.T, color=_RINGS, linewidth=0.7, alpha=0.8)
    points = np.concatenate(seen)
    points = points[np.isfinite(points[:, 0])]
    if len(points):
        column, row = points[np.argmax(points[:, 0] - points[:, 1])]
        axes.annotate(f"{resolution:g} Å", (column, row), color=_RINGS, fontsize=8, ha="center", va="center",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8})  # fmt: skip


def _draw_beam(axes: Axes, scene: Scene, page: Page) -> None:
    """A cross where the beam meets the detector."""
    for points in on_page(scene, page, np.array([scene.unit_s0])):
        axes.plot(*points.T, "+", color=_CENTRE, markersize=12, markeredgewidth=1.2)


def _draw_labels(
    axes: Axes, scene: Scene, page: Page, panels: Sequence[np.ndarray], count: int, frame: int
) -> None:
    """Miller indices beside their spots."""
    for spot in indexed_spots(scene, page, panels, count, frame):
        text = " ".join(str(index).replace("-", "−") for index in spot.hkl)
        # beside the right edge there is no place on the right
        side, end = (-6, "right") if spot.place[0] > 0.85 * page.image.shape[1] else (6, "left")
        axes.annotate(text, spot.place, xytext=(side, 6), textcoords="offset points", color=_SPOTS, fontsize=8, ha=end,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85})  # fmt: skip
        axes.plot(*spot.place, "o", markersize=9, markerfacecolor="none", markeredgecolor=_SPOTS, markeredgewidth=0.8)

"""The geometry of panels: pixels <-> lab positions <-> rays from the sample."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nbnumba.config import Convention, Pivot
from nbnumba.setup.detector_frame import CONVENTION_FRAMES
from nbnumba.setup.model import DetectorGeometry
from nbnumba.setup.units import MM
from nbnumba.setup.vectors import cross, dot, scale, unit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nbnumba.config import Detector, LabFrame, Panel
    from nbnumba.setup.model import Model

_EDGE_ON = 1e-6
"""Area of a pixel, as seen, in pixels: panels that show less are not drawn."""

_BORDER = 1e-6
"""Pixels; a border may lie right on the middle of a pixel of the page."""


def panel_normal(panel: Panel) -> np.ndarray:
    """The unit vector fast × slow.

    Parameters
    ----------
    panel : Panel
        Any panel.

    Returns
    -------
    ndarray, shape (3,), float64
        In the panel's lab frame.
    """
    return np.cross(panel.fast, panel.slow)


def lab_position(panel: Panel, pixel: ArrayLike) -> np.ndarray:
    """Where points of a panel lie.

    Parameters
    ----------
    panel : Panel
        Any panel.
    pixel : array_like, shape (..., 2)
        Fast, slow in pixels from the outer corner of the first pixel, whose centre is (0.5, 0.5).

    Returns
    -------
    ndarray, shape (..., 3), float64
        mm, in the panel's lab frame.
    """
    lengths = np.asarray(pixel, dtype=np.float64) * panel.pixel_size
    return np.asarray(panel.origin + lengths @ np.array([panel.fast, panel.slow]))


def ray_pixel(panel: Panel, direction: ArrayLike) -> np.ndarray:
    """Where rays from the sample meet the plane of a panel.

    Parameters
    ----------
    panel : Panel
        Any panel.
    direction : array_like, shape (..., 3)
        Directions of the rays in the panel's lab frame, any length.

    Returns
    -------
    ndarray, shape (..., 2), float64
        Fast, slow in pixels from the outer corner of the first pixel; NaN for rays that run along the panel or away
        from it.
    """
    rays = np.asarray(direction, dtype=np.float64)
    fast, slow, origin = (np.array(vector) for vector in (panel.fast, panel.slow, panel.origin))
    normal = np.cross(fast, slow)
    # origin + f·fast + s·slow = t·ray, by Cramer's rule
    outwards = (rays @ normal)[..., None]
    along = np.stack([rays @ np.cross(slow, origin), rays @ np.cross(origin, fast)], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        pixel = along / outwards / panel.pixel_size
    return np.where(outwards * (normal @ origin) > 0.0, pixel, np.nan)


def place_panels(detector: Detector) -> tuple[DetectorGeometry, ...]:
    """The panels of a detector as the set-up sees them.

    Parameters
    ----------
    detector : Detector
        With panels.

    Returns
    -------
    tuple of DetectorGeometry
        SI units, lab frame; the outward axis points away from the sample.
    """
    assert detector.panels is not None
    frame = detector.lab_frame
    frame = CONVENTION_FRAMES.get(frame.convention, frame)
    return tuple(_geometry(panel, frame) for panel in detector.panels)


def _geometry(panel: Panel, frame: LabFrame) -> DetectorGeometry:
    """One panel in the lab."""
    fdet, sdet = unit(panel.fast), unit(panel.slow)
    odet = unit(cross(fdet, sdet))
    pix0 = scale(panel.origin, 1.0 / MM)
    if dot(pix0, odet) < 0.0:
        odet = scale(odet, -1.0)
    beam, polar = unit(frame.beam), unit(frame.polar)
    close = dot(pix0, odet)
    distance = close / (dot(beam, odet) or sys.float_info.min)
    spot = scale(beam, distance)
    to_beam = (spot[0] - pix0[0], spot[1] - pix0[1], spot[2] - pix0[2])
    f_beam, s_beam = dot(fdet, to_beam), dot(sdet, to_beam)
    f_close, s_close = -dot(pix0, fdet), -dot(pix0, sdet)
    pixel, pixel_slow = panel.pixel_size[0] / MM, panel.pixel_size[1] / MM
    pixels_fast, pixels_slow = panel.image_size
    return DetectorGeometry(
        convention=Convention.CUSTOM, pivot=Pivot.SAMPLE,
        pixels_fast=pixels_fast, pixels_slow=pixels_slow, pixel_size=pixel,
        size_fast=pixel * pixels_fast, size_slow=pixel_slow * pixels_slow,
        beam=beam, polar=polar, vertical=unit(cross(beam, polar)), spindle=unit(frame.spindle),
        twotheta_axis=frame.twotheta_axis, fdet=fdet, sdet=sdet, odet=odet, pix0=pix0,
        distance=distance, close_distance=close,
        x_beam=f_beam, y_beam=s_beam, f_beam=f_beam, s_beam=s_beam,
        x_close=f_close, y_close=s_close, f_close=f_close, s_close=s_close,
        org_x=f_close / pixel + 0.5, org_y=s_close / pixel_slow + 0.5,
        dials_origin=panel.origin, twotheta=0.0,
    )  # fmt: skip


def _called(panels: Sequence[Panel], number: int) -> str:
    return f"panel {number}" + (f" ({panels[number].name})" if panels[number].name else "")


def panel_warnings(detector: Detector) -> list[str]:
    """What looks wrong about the panels of a detector: some hide others, or stand where the beam comes from.

    Parameters
    ----------
    detector : Detector
        With panels.
    """
    panels = detector.panels or ()
    beam = np.asarray(unit(detector.lab_frame.beam))
    corners = np.array([lab_position(panel, _corners(panel)) for panel in panels])
    warnings = [
        f"{_called(panels, number)} stands upstream of the sample"
        for number in np.flatnonzero(corners.mean(axis=1) @ beam < 0.0).tolist()
    ]
    hidden = sorted({tuple(sorted(pair)) for pair in _overlaps(panels, corners)})
    if hidden:
        first, second = hidden[0]
        more = f", and {len(hidden) - 1} more pairs do" if len(hidden) > 1 else ""
        warnings.append(f"{_called(panels, first)} and {_called(panels, second)} overlap as seen from the sample{more}")
    return warnings


def _corners(panel: Panel) -> np.ndarray:
    """Centre and corners, a little inside: neighbours may touch."""
    fast, slow = panel.image_size
    inside = np.array([[0.5, 0.5], [0.01, 0.01], [0.99, 0.01], [0.01, 0.99], [0.99, 0.99]])
    return inside * (fast, slow)


def _overlaps(panels: Sequence[Panel], corners: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of panels of which one has its centre or a corner before or behind the other."""
    for number, panel in enumerate(panels):
        pixel = ray_pixel(panel, corners)
        size = np.asarray(panel.image_size)
        # NaN lies on no panel
        inside = np.all((pixel > 0.0) & (pixel < size), axis=-1).any(axis=-1)
        inside[number] = False
        for other in np.flatnonzero(inside).tolist():
            yield number, other


class View(NamedTuple):
    """How a panel is seen along the beam, in pixels of the first panel: pixel (fast, slow) at origin + pixel @ axes."""

    origin: np.ndarray
    axes: np.ndarray

    def place(self, pixel: np.ndarray) -> np.ndarray:
        """Where a position on the panel is seen: right, down."""
        return np.asarray(self.origin + pixel @ self.axes)


def assemble(model: Model, images: Sequence[np.ndarray], fill: float) -> np.ndarray:
    """Panels as seen along the beam: see `nbnumba.SimulationResult.assembled`.

    Parameters
    ----------
    model : Model
    images : sequence of ndarray, shape (slow, fast)
        Of each panel.
    fill : float
        Value between panels.

    Returns
    -------
    ndarray, shape (slow, fast), float32
    """
    return lay_out(model.panels, images, fill).image


class Page(NamedTuple):
    """Panels where they stand.

    Attributes
    ----------
    image : ndarray, shape (slow, fast), float
        What is seen.
    views : tuple
        How each panel lies on it.
    """

    image: np.ndarray
    views: tuple[View, ...]

    def place(self, panel: int, pixel: np.ndarray) -> np.ndarray:
        """Where points of a panel lie.

        Parameters
        ----------
        panel : int
            Number of the panel.
        pixel : ndarray, shape (..., 2)
            Fast, slow in pixels from the outer corner of the panel's first pixel.

        Returns
        -------
        ndarray, shape (..., 2), float64
            Column and row of `image`; whole numbers are centres of pixels.
        """
        return self.views[panel].place(pixel)


def lay_out(panels: Sequence[DetectorGeometry], images: Sequence[np.ndarray], fill: float) -> Page:
    """Put the images of panels where they stand, as seen along the beam.

    Parameters
    ----------
    panels : sequence of DetectorGeometry
        The detector.
    images : sequence of ndarray, shape (slow, fast)
        Of each panel.
    fill : float
        Value between panels.

    Returns
    -------
    Page
    """
    right, down = _page(panels[0])
    edge = panels[0].pixel_size
    seen = [_seen(panel, image.shape, right, down, edge) for panel, image in zip(panels, images, strict=True)]
    corners = [view.place(_corner_pixels(image.shape)) for view, image in zip(seen, images, strict=True)]
    first = np.min(corners, axis=(0, 1))
    columns, rows = (int(count) + 1 for count in np.rint(np.max(corners, axis=(0, 1)) - first))
    canvas = np.full((rows, columns), fill, dtype=np.float32)
    for view, ends, image in zip(seen, corners, images, strict=True):
        left, top = np.floor(ends.min(axis=0) - first).astype(int)
        behind, below = np.ceil(ends.max(axis=0) - first).astype(int) + 1
        _draw(canvas[top:below, left:behind], view, first + (left, top), image)
    return Page(canvas, tuple(View(view.origin - first, view.axes) for view in seen))


def _page(first: DetectorGeometry) -> tuple[np.ndarray, np.ndarray]:
    """Right and down on the page: the axes of the first panel, as far as they lie across the beam."""
    beam = np.asarray(first.beam)
    right = np.asarray(first.fdet) - beam * np.dot(beam, first.fdet)
    right = right / np.linalg.norm(right)
    down = np.cross(beam, right)
    return right, down if np.dot(down, first.sdet) >= 0.0 else -down


def _seen(
    panel: DetectorGeometry, shape: tuple[int, ...], right: np.ndarray, down: np.ndarray, edge: float
) -> View:
    """A panel on the page."""
    page = np.stack([right, down], axis=1) / edge
    edges = np.array([panel.size_fast / shape[1], panel.size_slow / shape[0]])
    return View(np.asarray(panel.pix0) @ page, edges[:, None] * (np.array([panel.fdet, panel.sdet]) @ page))


def _corner_pixels(shape: tuple[int, ...]) -> np.ndarray:
    """Centres of the pixels in the corners: fast, slow."""
    slow, fast = shape
    return np.array([(x, y) for x in (0.5, fast - 0.5) for y in (0.5, slow - 0.5)])


def _draw(canvas: np.ndarray, view: View, first: np.ndarray, image: np.ndarray) -> None:
    """Give each pixel of the canvas, of which the first lies at a place, that of the panel which it shows."""
    if abs(np.linalg.det(view.axes)) < _EDGE_ON:
        return
    rows, columns = np.indices(canvas.shape)
    places = np.stack([columns, rows], axis=-1) + (first - view.origin)
    # borders of pixels belong to the next one, whatever the last bits say
    fast, slow = np.moveaxis(np.floor(places @ np.linalg.inv(view.axes) + _BORDER).astype(np.int64), -1, 0)
    inside = (fast >= 0) & (fast < image.shape[1]) & (slow >= 0) & (slow < image.shape[0])
    canvas[inside] = image[slow[inside], fast[inside]]

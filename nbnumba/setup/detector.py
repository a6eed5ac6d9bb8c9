"""The detector's part of the kernels' argument: planes, regions of interest, mask, sensor."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.errors import UsageError
from nbnumba.kernels.params import CURVED, CURVED_AS_C, FLAT, PIXELS_PER_BLOCK, Panels, PanelWindow, Plane
from nbnumba.setup.detector_frame import DetectorInput, place_detector
from nbnumba.setup.model import Window
from nbnumba.setup.panels import panel_warnings, place_panels
from nbnumba.setup.sampling import sensor_layers
from nbnumba.setup.units import MM, given, radians
from nbnumba.setup.vectors import dot

if TYPE_CHECKING:
    from nbnumba.config import Detector, Panel, Sampling
    from nbnumba.setup.model import DetectorGeometry, StepCounts


SQUARE = 1e-12
"""One minus the cosine of the angle to which a detector counts as square to the beam."""

SMALL = 1e-4
"""Times the thickness of a layer: attenuation below which half of it is the mean depth to 9 digits."""

_NO_MASK = np.zeros(0, dtype=np.uint16)


def _pixel_count(size: float, pixel: float) -> int:
    return math.ceil(size / pixel - 0.5)


def _detector_input(detector: Detector) -> DetectorInput:
    pixel = detector.pixel_size / MM
    size_fast = pixel * detector.pixels_fast if detector.pixels_fast else detector.size_fast / MM
    size_slow = pixel * detector.pixels_slow if detector.pixels_slow else detector.size_slow / MM
    rx, ry, rz = detector.rotation
    return DetectorInput(
        frame=detector.frame,
        pixel_size=pixel,
        pixels_fast=_pixel_count(size_fast, pixel), pixels_slow=_pixel_count(size_slow, pixel),
        size_fast=size_fast, size_slow=size_slow,
        distance=detector.distance / MM, close_distance=given(detector.close_distance, MM),
        x_beam=given(detector.beam_center[0], MM), y_beam=given(detector.beam_center[1], MM),
        x_close=given(detector.close_point[0], MM), y_close=given(detector.close_point[1], MM),
        org_x=detector.origin_pixels[0], org_y=detector.origin_pixels[1],
        twotheta=radians(detector.twotheta),
        rotation=(radians(rx), radians(ry), radians(rz)),
        pix0=detector.pix0,
    )


def place(detector: Detector, fixes: frozenset[str]) -> tuple[tuple[DetectorGeometry, ...], list[str]]:
    """Where the detector stands.

    Parameters
    ----------
    detector : Detector
    fixes : frozenset of str
        Quirks that are switched off.

    Returns
    -------
    geometries : tuple of DetectorGeometry
        Of each panel, SI units, lab frame; nanoBragg's plane is the only one of its detector.
    warnings : list of str
        What was changed against the user's word, and what looks wrong.

    Raises
    ------
    UsageError
        If it is placed by a beam that never meets it, or curved around one that it does not stand square to.
    """
    known = _PLACED.get(fixes)
    if known is None or known[0]() is not detector:
        known = _PLACED[fixes] = weakref.ref(detector), *_placed(detector, fixes)
    return known[1], list(known[2])


_PLACED: dict[frozenset[str], tuple[weakref.ref[Detector], tuple[DetectorGeometry, ...], list[str]]] = {}
"""The last detector that was placed in each physics: the images of a sequence have it in common."""


def _placed(detector: Detector, fixes: frozenset[str]) -> tuple[tuple[DetectorGeometry, ...], list[str]]:
    if detector.panels is not None:
        return place_panels(detector), panel_warnings(detector)
    geometry, warnings = place_detector(_detector_input(detector), fixes)
    check_position(geometry, detector.curved)
    if detector.curved and "curved" in fixes and dot(geometry.beam, geometry.odet) < 1.0 - SQUARE:
        raise UsageError(
            "{Detector.curved=True}: a curved detector stands square to the beam; take {Detector.rotation} and "
            "{Detector.twotheta} away"
        )
    return (geometry,), list(warnings)


def sensor(detector: Detector, fixes: frozenset[str]) -> tuple[StepCounts, float, list[str]]:
    """The sensor of nanoBragg's plane; of a detector of panels the thickest one, for the number of layers.

    Parameters
    ----------
    detector : Detector
    fixes : frozenset of str
        Quirks that are switched off.

    Returns
    -------
    thickness : StepCounts
        m.
    mu : float
        Attenuation coefficient, 1/m; -1 where nanoBragg leaves it unset.
    warnings : list of str
    """
    exact = "thick-fencepost" in fixes
    if detector.panels is not None:
        layered = [panel.thickness / MM for panel in detector.panels if panel.mu > 0.0]
        return sensor_layers(max(layered, default=0.0), detector.sensor.layers, exact), -1.0, []
    thickness = sensor_layers(detector.sensor.thickness * 1e-6, detector.sensor.layers, exact)
    mu, warnings = attenuation(detector, thickness)
    return thickness, mu, warnings


def check_position(geometry: DetectorGeometry, curved: bool) -> None:
    """Refuse a detector that is placed by a beam that never meets it.

    Parameters
    ----------
    geometry : DetectorGeometry
    curved : bool
        Whether the distance along the beam decides where pixels are.

    Raises
    ------
    UsageError
    """
    numbers = (*geometry.pix0, geometry.distance) if curved else geometry.pix0
    # NaN is not smaller either
    if not all(abs(value) < LARGEST_NUMBER for value in numbers):
        raise UsageError(
            "{LabFrame.beam}: the beam runs along the detector and never meets it; turn the detector, or let it pivot "
            "about the sample ({LabFrame.pivot=sample})"
        )


def attenuation(detector: Detector, thickness: StepCounts) -> tuple[float, list[str]]:
    """Attenuation coefficient of the sensor.

    Parameters
    ----------
    detector : Detector
    thickness : StepCounts
        Of the sensor, m.

    Returns
    -------
    mu : float
        1/m; -1 where nanoBragg leaves it unset.
    warnings : list of str
    """
    depth = detector.sensor.attenuation_depth
    if depth is not None:
        return (0.0 if math.isinf(depth) else 1.0 / (depth * 1e-6)), []
    if thickness.range > 0.0:
        return 1.0 / thickness.range, [
            "no {Sensor.attenuation_depth} was given: the attenuation depth equals the sensor thickness"
        ]
    return -1.0, []


def regions_of_interest(sampling: Sampling, geometries: Sequence[DetectorGeometry]) -> list[Window]:
    """The pixels to render, clipped to each panel.

    Parameters
    ----------
    sampling : Sampling
    geometries : sequence of DetectorGeometry
        Panels.

    Raises
    ------
    UsageError
        If there are none on a panel, or not as many regions as panels.
    """
    roi = sampling.roi
    bounds: list[Any] | None
    if roi is None or isinstance(roi[0], int):
        bounds = [roi] * len(geometries) if roi is None or len(geometries) == 1 else None
    else:
        bounds = list(roi) if len(roi) == len(geometries) else None
    if bounds is None:
        raise UsageError(
            f"{{Sampling.roi}}: give one region for each of the {len(geometries)} panels, or None for all of it"
        )
    return [_region(bound, geometry) for bound, geometry in zip(bounds, geometries, strict=True)]


def _region(roi: tuple[int, int, int, int] | None, geometry: DetectorGeometry) -> Window:
    """A region of interest on one panel."""
    pixels_fast, pixels_slow = geometry.pixels_fast, geometry.pixels_slow
    given_roi = roi or (-1, -1, -1, -1)
    defaults = (0, pixels_fast - 1, 0, pixels_slow - 1)
    x_min, x_max, y_min, y_max = (
        default if value < 0 else value for value, default in zip(given_roi, defaults, strict=True)
    )
    window = Window(x_min, min(x_max + 1, pixels_fast), y_min, min(y_max + 1, pixels_slow))
    if window.fast_start >= window.fast_stop or window.slow_start >= window.slow_stop:
        raise UsageError(
            f"{{Sampling.roi}} {x_min} {x_max} {y_min} {y_max} holds no pixel of the "
            f"{pixels_fast} x {pixels_slow} detector: give xmin xmax ymin ymax inside it"
        )
    return window


def _mask(detector: Detector, geometry: DetectorGeometry) -> np.ndarray:
    """The mask as the kernels read it."""
    pixels = detector.mask_pixels
    if pixels is None:
        return _NO_MASK
    shape = (geometry.pixels_slow, geometry.pixels_fast)
    if detector.panels is None and pixels.shape != shape:
        raise UsageError(f"{{Detector.mask}} has {pixels.shape} pixels (slow, fast) but the detector has {shape}")
    return pixels.reshape(-1)


def number_pixels(windows: Sequence[Window], shapes: Sequence[tuple[int, int]]) -> np.ndarray:
    """Number the pixels of all panels and give each panel its place in the image.

    Parameters
    ----------
    windows : sequence of Window
        Regions of interest.
    shapes : sequence of (int, int)
        Slow, fast pixels of each panel.

    Returns
    -------
    ndarray, shape (panels, 7), int64
        `Panels.windows`.
    """
    rows, first, offset = [], 0, 0
    for window, (slow, fast) in zip(windows, shapes, strict=True):
        width, height = window.fast_stop - window.fast_start, window.slow_stop - window.slow_start
        rows.append(PanelWindow(first, window.fast_start, window.slow_start, width, height, offset, fast))
        first += -(-width * height // PIXELS_PER_BLOCK) * PIXELS_PER_BLOCK
        offset += slow * fast
    return np.array(rows, dtype=np.int64)


def plane_row(plane: Plane) -> list[float]:
    """A row of `Panels.planes`.

    Parameters
    ----------
    plane : Plane
    """
    return [*plane.fdet, *plane.sdet, *plane.odet, *plane.pix0, *plane[4:]]


def _plane(geometry: DetectorGeometry, edges: tuple[float, float], oversample: int, layer: _Layers) -> Plane:
    """One panel for the kernels; `edges` are those of a pixel, m."""
    fast, slow = edges
    return Plane(
        fdet=geometry.fdet, sdet=geometry.sdet, odet=geometry.odet, pix0=geometry.pix0,
        distance=geometry.distance, close_distance=geometry.close_distance,
        subpixel_fast=fast / oversample, subpixel_slow=slow / oversample, area=fast * slow,
        thickness=layer.thickness, layer_step=layer.step, first_depth=layer.first_depth, mu=layer.mu,
    )  # fmt: skip


class _Layers(NamedTuple):
    """The sensor of one panel, m and 1/m."""

    thickness: float
    step: float
    first_depth: float
    mu: float


def _layers(thickness: float, step: float, mu: float, fixes: frozenset[str]) -> _Layers:
    """The layers of a sensor; rays meet each at its front, or where it absorbs on average (quirk `layer-front`)."""
    depth = _mean_depth(step, mu) if thickness > 0.0 and "layer-front" in fixes else 0.0
    return _Layers(thickness, step, depth, mu)


def _mean_depth(step: float, mu: float) -> float:
    """Mean depth at which a layer absorbs photons that meet it square on, m."""
    if mu * step < SMALL:
        return step / 2.0
    return 1.0 / mu - step * math.exp(-mu * step) / -math.expm1(-mu * step)


def _planes_of_panels(
    panels: Sequence[Panel], geometries: Sequence[DetectorGeometry], oversample: int, layers: int,
    fixes: frozenset[str],
) -> list[Plane]:
    """The kernels' planes of a detector of panels."""
    planes = []
    for panel, geometry in zip(panels, geometries, strict=True):
        thickness = panel.thickness / MM if panel.mu > 0.0 else 0.0
        layer = _layers(thickness, thickness / layers, panel.mu * MM, fixes)
        edges = (panel.pixel_size[0] / MM, panel.pixel_size[1] / MM)
        planes.append(_plane(geometry, edges, oversample, layer))
    thick = {plane.thickness > 0.0 for plane in planes}
    if len(thick) > 1:
        raise UsageError(
            "{Detector.panels}: some panels have a sensor with a thickness and mu, others have none; give all or none"
        )
    return planes


def build_panels(
    detector: Detector,
    geometries: Sequence[DetectorGeometry],
    windows: Sequence[Window],
    oversample: int,
    thickness: StepCounts,
    mu: float,
    fixes: frozenset[str],
) -> Panels:
    """The detector's part of the kernels' argument.

    Parameters
    ----------
    detector : Detector
    geometries : sequence of DetectorGeometry
        Panels.
    windows : sequence of Window
        Regions of interest.
    oversample : int
        Subpixels along each edge.
    thickness : StepCounts
        Sensor and its layers, m.
    mu : float
        Attenuation coefficient of nanoBragg's plane, 1/m.
    fixes : frozenset of str
        Quirks that are switched off.

    Returns
    -------
    Panels

    Raises
    ------
    UsageError
        If only some panels have sensors with a thickness.
    """
    if detector.panels is not None:
        planes = _planes_of_panels(detector.panels, geometries, oversample, thickness.steps, fixes)
    else:
        pixel = geometries[0].pixel_size
        layers = _layers(thickness.range, thickness.step, mu, fixes)
        planes = [_plane(geometries[0], (pixel, pixel), oversample, layers)]
    if detector.point_pixel and "point-pixel" not in fixes:
        planes = [plane._replace(area=1.0) for plane in planes]
    curved = (CURVED if "curved" in fixes else CURVED_AS_C) if detector.curved else FLAT
    mask = _mask(detector, geometries[0])
    return Panels(
        planes=np.array([plane_row(plane) for plane in planes]),
        windows=number_pixels(windows, [(g.pixels_slow, g.pixels_fast) for g in geometries]),
        mask=mask, has_mask=mask.size > 0,
        curved=curved, point_pixel=detector.point_pixel, beam=np.array(geometries[0].beam),
    )  # fmt: skip

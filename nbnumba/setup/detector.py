"""The detector's part of the kernels' argument: planes, regions of interest, mask, sensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.errors import UsageError
from nbnumba.kernels.params import CURVED, CURVED_AS_C, FLAT, PIXELS_PER_BLOCK, Panels, PanelWindow, Plane
from nbnumba.setup.detector_frame import DetectorInput, place_detector
from nbnumba.setup.model import Window
from nbnumba.setup.units import MM, given, radians
from nbnumba.setup.vectors import dot

if TYPE_CHECKING:
    from nbnumba.config import Detector, Sampling
    from nbnumba.setup.model import DetectorGeometry, StepCounts


SQUARE = 1e-12
"""One minus the cosine of the angle to which a detector counts as square to the beam."""

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


def place(detector: Detector, fixes: frozenset[str]) -> tuple[DetectorGeometry, list[str]]:
    """Where the detector stands.

    Parameters
    ----------
    detector : Detector
    fixes : frozenset of str
        Quirks that are switched off.

    Returns
    -------
    geometry : DetectorGeometry
        SI units, lab frame.
    warnings : list of str
        What was changed against the user's word.

    Raises
    ------
    UsageError
        If it is placed by a beam that never meets it, or curved around one that it does not stand square to.
    """
    geometry, warnings = place_detector(_detector_input(detector), fixes)
    numbers = (*geometry.pix0, geometry.distance) if detector.curved else geometry.pix0
    # NaN is not smaller either
    if not all(abs(value) < LARGEST_NUMBER for value in numbers):
        raise UsageError(
            "{LabFrame.beam}: the beam runs along the detector and never meets it; turn the detector, or let it pivot "
            "about the sample ({LabFrame.pivot=sample})"
        )
    if detector.curved and "curved" in fixes and dot(geometry.beam, geometry.odet) < 1.0 - SQUARE:
        raise UsageError(
            "{Detector.curved=True}: a curved detector stands square to the beam; take {Detector.rotation} and "
            "{Detector.twotheta} away"
        )
    return geometry, list(warnings)


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


def region_of_interest(sampling: Sampling, pixels_fast: int, pixels_slow: int) -> Window:
    """The pixels to render, clipped to the detector.

    Parameters
    ----------
    sampling : Sampling
    pixels_fast, pixels_slow : int
        Of the detector.

    Raises
    ------
    UsageError
        If there are none.
    """
    given_roi = sampling.roi or (-1, -1, -1, -1)
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
    if pixels.shape != shape:
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


def build_panels(
    detector: Detector,
    geometry: DetectorGeometry,
    window: Window,
    oversample: int,
    thickness: StepCounts,
    mu: float,
    fixes: frozenset[str],
) -> Panels:
    """The one plane of nanoBragg's detector.

    Parameters
    ----------
    detector : Detector
    geometry : DetectorGeometry
    window : Window
        Region of interest.
    oversample : int
        Subpixels along each edge.
    thickness : StepCounts
        Sensor and its layers, m.
    mu : float
        Attenuation coefficient, 1/m.
    fixes : frozenset of str
        Quirks that are switched off.

    Returns
    -------
    Panels
    """
    pixel = geometry.pixel_size
    bare = detector.point_pixel and "point-pixel" not in fixes
    plane = Plane(
        fdet=geometry.fdet, sdet=geometry.sdet, odet=geometry.odet, pix0=geometry.pix0,
        distance=geometry.distance, close_distance=geometry.close_distance,
        subpixel_fast=pixel / oversample, subpixel_slow=pixel / oversample, area=1.0 if bare else pixel * pixel,
        thickness=thickness.range, layer_step=thickness.step, first_depth=0.0, mu=mu,
    )  # fmt: skip
    curved = (CURVED if "curved" in fixes else CURVED_AS_C) if detector.curved else FLAT
    return Panels(
        planes=np.array([plane_row(plane)]),
        windows=number_pixels([window], [(geometry.pixels_slow, geometry.pixels_fast)]),
        mask=_mask(detector, geometry), has_mask=detector.mask is not None,
        curved=curved, point_pixel=detector.point_pixel, beam=np.array(geometry.beam),
    )  # fmt: skip

"""Numbers that are right in another unit than the one they are read in: what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbnumba.config.detector import Detector
    from nbnumba.config.experiment import Experiment

_LARGEST_PIXEL, _SMALLEST_PIXEL = 10.0, 1e-3
"""mm; detectors have pixels of 10 µm to a few mm, which numbers beyond these limits state in µm or in metres."""

_SHORTEST_DISTANCE = 2.0
"""mm; shorter ones are metres."""

_SHORTEST_WAVELENGTH = 1e-6
"""Å; shorter ones are metres."""

_FAR_OUTSIDE = 2.0
"""Detectors; a beam centre so far from the corner is one in pixels, if these lie on the detector."""


def unit_hints(experiment: Experiment) -> list[str]:
    """What looks as if it were meant in another unit.

    Parameters
    ----------
    experiment : Experiment
        Any.

    Returns
    -------
    list of str
        A line for each field, with the field in braces.
    """
    detector, wavelength = experiment.detector, experiment.beam.wavelength
    hints = [pixel_size_hint(detector.pixel_size), *_distance_hints(detector), *_centre_hints(detector)]
    if wavelength < _SHORTEST_WAVELENGTH:
        hints.append(_hint("Beam.wavelength", wavelength, "Å", "m", wavelength * 1e10))
    return [hint for hint in hints if hint is not None]


def _hint(field: str, value: float, unit: str, other: str, likely: float) -> str:
    """What a number is taken for, and what it would have to be."""
    return f"{{{field}={value:g}}} is read in {unit}: {value:g} {other} would be {likely:g}"


def pixel_size_hint(pixel: float) -> str | None:
    """What a pixel size was probably meant to be.

    Parameters
    ----------
    pixel : float
        Edge, mm.

    Returns
    -------
    str or None
        A line with the field in braces; None if it may well be in mm.
    """
    if pixel >= _LARGEST_PIXEL:
        return _hint("Detector.pixel_size", pixel, "mm", "µm", pixel / 1000.0)
    if pixel < _SMALLEST_PIXEL:
        return _hint("Detector.pixel_size", pixel, "mm", "m", pixel * 1000.0)
    return None


def _distance_hints(detector: Detector) -> Iterator[str]:
    """Distances in metres, or on the wrong side."""
    for name in ("distance", "close_distance"):
        distance = getattr(detector, name)
        if distance is None:
            continue
        if 0.0 < abs(distance) < _SHORTEST_DISTANCE:
            yield _hint(f"Detector.{name}", distance, "mm", "m", abs(distance) * 1000.0)
        elif name == "distance" and distance < 0.0:
            yield (
                f"{{Detector.distance={distance:g}}} puts the detector between source and sample: if it stands behind "
                f"the sample, give {-distance:g} mm"
            )


def _centre_hints(detector: Detector) -> Iterator[str]:
    """Beam centres in pixels."""
    sizes = (
        detector.pixels_fast * detector.pixel_size if detector.pixels_fast else detector.size_fast,
        detector.pixels_slow * detector.pixel_size if detector.pixels_slow else detector.size_slow,
    )
    for name in ("beam_center", "close_point"):
        for axis, value in enumerate(getattr(detector, name)):
            if value is None or value <= _FAR_OUTSIDE * max(sizes) or value * detector.pixel_size > max(sizes):
                continue
            yield _hint(f"Detector.{name}[{axis}]", value, "mm", "pixels", value * detector.pixel_size)

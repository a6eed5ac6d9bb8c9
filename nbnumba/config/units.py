"""Numbers that are right in another unit than the one they are read in: what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.config.detector import Detector
    from nbnumba.config.experiment import Experiment

_LARGEST_PIXEL, _SMALLEST_PIXEL = 10.0, 1e-3
"""mm; detectors have pixels of 10 µm to a few mm, which numbers beyond these limits state in µm or in metres."""

_SHORTEST_DISTANCE = 2.0
"""mm; shorter ones are metres."""

_SHORTEST_WAVELENGTH = 1e-6
"""Å; shorter ones are metres."""

_LONGEST_WAVELENGTH = 1e6
"""Å; a source with a longer one was stated in Å where a file states metres."""

_LOWEST_ENERGY = 100.0
"""eV; smaller numbers are keV."""

LARGEST_DENSITY = 25.0
"""g/cm³; osmium has 22.6."""

_THIN = 0.1
"""Photons that a thin sample scatters at most, for each that comes."""

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
    detector, wavelength = experiment.detector, experiment.beam.nominal_wavelength
    hints = [
        pixel_size_hint(detector.pixel_size), *_distance_hints(detector), *_centre_hints(detector),
        _sources_hint(experiment.beam.sources), *_background_hints(experiment),
    ]  # fmt: skip
    if wavelength < _SHORTEST_WAVELENGTH:
        hints.append(_field_hint("Beam.wavelength", wavelength, "Å", "m", wavelength * 1e10))
    return [hint for hint in hints if hint is not None]


def _background_hints(experiment: Experiment) -> Iterator[str]:
    """Densities in kg/m³, and thicknesses that no thin sample has."""
    wavelength = experiment.beam.nominal_wavelength
    for material in experiment.background:
        share = material.scattered_share(wavelength) if wavelength > _SHORTEST_WAVELENGTH else 0.0
        if material.density > LARGEST_DENSITY:
            stated = f"{{Background.density}} {material.density:g}"
            yield unit_hint(stated, material.density, "g/cm³", "kg/m³", material.density / 1000.0)
        elif share > _THIN:
            yield (
                f"{{Background.thickness}} {material.thickness:g} mm scatters {100.0 * share:.3g} % of the photons: "
                "absorption and second scattering, which are left out, matter then"
            )


def unit_hint(stated: str, value: float, unit: str, other: str, likely: float) -> str:
    """What a number is taken for, and what it would have to be.

    Parameters
    ----------
    stated : str
        Its name and the number.
    value : float
        The number.
    unit, other : str
        The unit that it is read in, and the one that was probably meant.
    likely : float
        What was meant, in the unit that it is read in.

    Returns
    -------
    str
        A line.
    """
    return f"{stated} is read in {unit}: {value:g} {other} would be {likely:g}"


def energy_hint(flag: str, energy: float) -> list[str]:
    """What a photon energy that no X-ray has would have to be, if it were in keV.

    Parameters
    ----------
    flag : str
        As it was typed.
    energy : float
        eV.

    Returns
    -------
    list of str
        A line, or none.
    """
    if not 0.0 < energy < _LOWEST_ENERGY:
        return []
    return [unit_hint(f"{flag} {energy:g}", energy, "eV", "keV", 1000.0 * energy)]


def _field_hint(field: str, value: float, unit: str, other: str, likely: float) -> str:
    """The same for a field of a description."""
    return unit_hint(f"{{{field}={value:g}}}", value, unit, other, likely)


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
        return _field_hint("Detector.pixel_size", pixel, "mm", "µm", pixel / 1000.0)
    if pixel < _SMALLEST_PIXEL:
        return _field_hint("Detector.pixel_size", pixel, "mm", "m", pixel * 1000.0)
    return None


def _sources_hint(sources: np.ndarray | None) -> str | None:
    """Wavelengths of sources in metres, or in Å in a file of nanoBragg's."""
    for wavelength in () if sources is None else sources[:, 4].tolist():
        if wavelength < _SHORTEST_WAVELENGTH:
            return unit_hint(f"{{Beam.sources}}: {wavelength:g}", wavelength, "Å", "m", wavelength * 1e10)
        if wavelength > _LONGEST_WAVELENGTH:
            return (
                f"{{Beam.sources}}: a source has a wavelength of {wavelength:g} Å: nanoBragg's lists state metres, "
                f"{wavelength / 1e20:g} for {wavelength / 1e10:g} Å"
            )
    return None


def _distance_hints(detector: Detector) -> Iterator[str]:
    """Distances in metres, or with a sign."""
    for name in ("distance", "close_distance"):
        distance = getattr(detector, name)
        if distance is None:
            continue
        if 0.0 < abs(distance) < _SHORTEST_DISTANCE:
            yield _field_hint(f"Detector.{name}", distance, "mm", "m", abs(distance) * 1000.0)
        elif name == "distance" and distance < 0.0:
            stated = f"{{Detector.distance={distance:g}}}"
            yield f"{stated}: the sign has no effect, as in nanoBragg; it counts as {-distance:g}"


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
            yield _field_hint(f"Detector.{name}[{axis}]", value, "mm", "pixels", value * detector.pixel_size)

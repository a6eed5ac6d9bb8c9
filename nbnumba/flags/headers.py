"""The settings to start from when -mask and -img name SMV images: their headers come before every flag."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbnumba.config.detectors import detector_model, measuring_pixels
from nbnumba.config.rules import LARGEST_NUMBER, POSITIVE, UnfitError
from nbnumba.errors import InputFileError, UsageError
from nbnumba.flags.names import field_of, flag_of
from nbnumba.flags.settings import ExperimentEntries, Settings, X

if TYPE_CHECKING:
    from nbnumba.io.smv import SmvHeader

_POSITIVE = {"PIXEL_SIZE": "detector.pixel_size", "WAVELENGTH": "beam.wavelength"}
"""Header key -> setting of the same unit, which must be above zero."""

_ENTRIES = {
    "DISTANCE": "detector.distance",
    "CLOSE_DISTANCE": "detector.close_distance",
    "PHI": "sampling.phi",
    "OSC_RANGE": "sampling.oscillation",
}
"""Header key -> setting of the same unit."""


def settings_from_headers(mask_path: Path | None, header_path: Path | None) -> Settings:
    """What the flags start from: the mask's header, then the other image's.

    Parameters
    ----------
    mask_path, header_path : Path or None
        SMV images behind -mask and -img.

    Returns
    -------
    Settings
        nanoBragg's defaults where the headers say nothing; with the mask's pixels.

    Raises
    ------
    InputFileError
        If an image can't be read.
    """
    settings = Settings()
    if mask_path is not None:
        from nbnumba.io.smv import read_smv

        mask = read_smv(mask_path)
        pixels = mask.data != 0 if mask.data.dtype.kind == "f" else mask.data
        settings = settings.put("detector.mask", pixels)
        settings = enter_header(settings, StatedHeader(mask_path, mask.header), from_top=True)
    if header_path is not None:
        from nbnumba.io.smv import read_smv_header

        settings = enter_header(settings, StatedHeader(header_path, read_smv_header(header_path)), from_top=False)
    return settings


def on_detector(settings: Settings, name: str) -> Settings:
    """Settings with the grid of pixels of a detector that can be had.

    Parameters
    ----------
    settings : Settings
        Before any flag.
    name : str
        See `nbnumba.config.detectors.DETECTORS`.

    Returns
    -------
    Settings
        With its pixels and their size, and a mask of its gaps.

    Raises
    ------
    UsageError
        If the name is unknown, or -mask names another mask.
    """
    model = detector_model(name)
    if settings.detector.mask is not None:
        raise UsageError(f"--detector {name} brings the mask of its gaps: leave {{Detector.mask}} out, or the name")
    fast, slow = model.image_size
    for path, value in (("pixel_size", model.pixel_size), ("pixels_fast", fast), ("pixels_slow", slow)):
        settings = settings.put(f"detector.{path}", value)
    return settings.put("detector.mask", measuring_pixels(model))


def check_named(settings: Settings, name: str | None) -> None:
    """Refuse other pixels than those of the detector that was named.

    Parameters
    ----------
    settings : Settings
        After all flags.
    name : str or None
        As in `on_detector`; None if none was named.

    Raises
    ------
    UsageError
    """
    if name is None:
        return
    fast, slow = detector_model(name).image_size
    if (settings.detector.pixels_fast, settings.detector.pixels_slow) != (fast, slow):
        raise UsageError(
            f"--detector {name} has {fast} x {slow} pixels: leave {{Detector.pixels_fast}} out, or render a part with "
            "{Sampling.roi}"
        )


@dataclass(frozen=True)
class StatedHeader:
    """What the header of a file says.

    Attributes
    ----------
    path : Path
        The file.
    header : SmvHeader
        Its header.
    """

    path: Path
    header: SmvHeader

    def value(self, key: str) -> float | None:
        """The number behind a key; NaN counts as not stated, as in nanoBragg."""
        value = self.header.value(key)
        if value is None or math.isnan(value):
            return None
        if abs(value) > LARGEST_NUMBER:
            raise InputFileError(f"{self.path}: the header states {key}={value:g}, which is too large to compute with")
        return value


def enter_header(settings: X, stated: StatedHeader, from_top: bool) -> X:
    """Settings with what a header says.

    Parameters
    ----------
    settings : ExperimentEntries
        What to start from.
    stated : StatedHeader
        The header.
    from_top : bool
        Whether its beam centre is measured from the top.

    Returns
    -------
    ExperimentEntries
        The settings' own kind.
    """
    width, height = stated.header.width, stated.header.height
    for key, path in _POSITIVE.items():
        settings = _enter_positive(settings, stated, key, path)
    settings = settings.put("detector.pixels_fast", width).put("detector.pixels_slow", height)
    for key, path in _ENTRIES.items():
        value = stated.value(key)
        if value is not None:
            settings = settings.put(path, value)
    detector = settings.detector
    x, y = stated.value("BEAM_CENTER_X"), stated.value("BEAM_CENTER_Y")
    if y is not None and from_top:
        pixel = stated.value("PIXEL_SIZE")
        # metres, as nanoBragg subtracts
        y = _millimetres((detector.pixel_size if pixel is None else pixel) / 1000.0 * height - y / 1000.0)
    settings = settings.put("detector.beam_center", _pair(x, y, detector.beam_center))
    origin = _pair(stated.value("ORGX"), stated.value("ORGY"), detector.origin_pixels)
    return settings.put("detector.origin_pixels", origin)


def _enter_positive(settings: X, stated: StatedHeader, key: str, path: str) -> X:
    """Settings with a number of a header that must be above zero; if it is not, a flag may yet replace it."""
    value = stated.value(key)
    if value is None:
        return settings
    try:
        return settings.put(path, POSITIVE(value))
    except UnfitError:
        words = f"the header of {stated.path} states {key} {value:g}"
        return replace(settings, unusable=(*settings.unusable, (path, words)))


def check_stated(settings: ExperimentEntries) -> None:
    """Refuse what headers say and nothing can be computed with.

    Parameters
    ----------
    settings : ExperimentEntries
        After all flags.

    Raises
    ------
    UsageError
    """
    if settings.unusable:
        paths, words = zip(*settings.unusable, strict=True)
        flags = " and ".join(flag_of(field_of(path)) for path in paths)
        raise UsageError(f"{' and '.join(words)}, which must be above zero: correct it with {flags}")


def _pair(
    x: float | None, y: float | None, before: tuple[float | None, float | None]
) -> tuple[float | None, float | None]:
    """Two values, each as it was before if it is not stated."""
    return (before[0] if x is None else x, before[1] if y is None else y)


def _millimetres(metres: float) -> float:
    """A length in mm that becomes these metres to the last bit, if there is one, when it is divided by 1000."""
    length = metres * 1000.0
    neighbours = (length, math.nextafter(length, math.inf), math.nextafter(length, -math.inf))
    return next((mm for mm in neighbours if mm / 1000.0 == metres), length)

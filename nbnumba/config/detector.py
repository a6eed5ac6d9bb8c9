"""What sees: detector size, position, orientation and sensor; the laboratory conventions (user units)."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from nbnumba.config.arrays import content, for_kernels, freeze, is_frozen, real_array
from nbnumba.config.description import Description
from nbnumba.config.panel import Panel
from nbnumba.config.rules import (
    BOOLEAN,
    DEPTH,
    DIRECTION,
    INTEGER,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    POSITIVE_INTEGER,
    VECTOR,
    Rule,
    Rules,
    UnfitError,
    choice,
    instance,
    optional,
    several,
)
from nbnumba.config.units import pixel_size_hint
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

Vector = tuple[float, float, float]

LARGEST_DETECTOR = 2**40
"""Pixels: 4 TB of image."""


class Convention(Enum):
    """Beam-centre convention: fixes the lab axes and the meaning of the beam centre."""

    CUSTOM = "custom"
    ADXV = "adxv"
    MOSFLM = "mosflm"
    XDS = "xds"
    DIALS = "dials"
    DENZO = "denzo"


class Pivot(Enum):
    """The point that detector rotations leave in place."""

    SAMPLE = "sample"
    BEAM = "beam"


@dataclass(frozen=True, eq=False)
class LabFrame(Description):
    """Directions in the lab; the vectors count only under the CUSTOM convention.

    Attributes
    ----------
    convention : Convention or str
        Beam-centre convention.
    pivot : Pivot or str or None
        Detector pivot; None takes that of the convention, BEAM under CUSTOM. In nanoBragg's physics only CUSTOM keeps
        it (quirk `pivot`).
    beam, fdet, sdet, odet, polar, twotheta_axis, spindle : tuple of 3 float
        Beam direction, fast, slow and outward detector axes, E-vector, swing axis, spindle axis; any length.
    """

    convention: Convention = Convention.MOSFLM
    pivot: Pivot | None = None
    beam: Vector = (1.0, 0.0, 0.0)
    fdet: Vector = (0.0, 0.0, 1.0)
    sdet: Vector = (0.0, -1.0, 0.0)
    odet: Vector = (1.0, 0.0, 0.0)
    polar: Vector = (0.0, 0.0, 1.0)
    twotheta_axis: Vector = (0.0, 1.0, 0.0)
    spindle: Vector = (0.0, 0.0, 1.0)

    RULES: ClassVar[Rules] = {
        "convention": choice(Convention),
        "pivot": optional(choice(Pivot)),
        **dict.fromkeys(("beam", "fdet", "sdet", "polar", "twotheta_axis", "spindle"), DIRECTION),
        # replaced by fast × slow unless it is a unit vector
        "odet": VECTOR,
    }


@dataclass(frozen=True, eq=False)
class Sensor(Description):
    """Absorption in the sensor layer.

    Attributes
    ----------
    thickness : float
        µm; 0 means that every photon counts once.
    attenuation_depth : float or None
        1/µ, µm; infinity means µ = 0; None takes the thickness.
    layers : int or None
        Number of layers; None, or below 1, decides by the thickness.
    """

    thickness: float = 0.0
    attenuation_depth: float | None = None
    layers: int | None = None

    RULES: ClassVar[Rules] = {
        "thickness": NOT_NEGATIVE,
        "attenuation_depth": optional(DEPTH),
        "layers": optional(INTEGER),
    }


def _mask(value: Any) -> np.ndarray:
    mask = real_array(value, 2)
    if is_frozen(mask) and mask.dtype == "uint16":
        return mask
    if mask.dtype.kind == "f":
        raise UnfitError(f"must be an array of whole numbers or booleans, not of {mask.dtype}")
    # 65536 would become 0 in 16 bits
    return freeze(mask if mask.dtype.itemsize == 2 else mask != 0, "uint16")


def _panels(value: Any) -> tuple[Panel, ...]:
    try:
        panels = tuple(value)
    except TypeError:
        raise ValueError(value) from None
    if not panels or not all(isinstance(panel, Panel) for panel in panels):
        raise ValueError(value)
    return panels


def _joined_masks(panels: tuple[Panel, ...]) -> np.ndarray | None:
    """The masks of all panels, one after the other; None if none has one."""
    if all(panel.mask is None for panel in panels):
        return None
    import numpy as np

    pieces = [
        np.ones(panel.image_size[0] * panel.image_size[1], np.uint16) if panel.mask is None
        else np.asarray(panel.mask, dtype=np.uint16).ravel()
        for panel in panels
    ]  # fmt: skip
    return np.concatenate(pieces)


DIALS_LAB = LabFrame(
    Convention.CUSTOM, Pivot.SAMPLE, beam=(0.0, 0.0, -1.0), fdet=(1.0, 0.0, 0.0), sdet=(0.0, -1.0, 0.0),
    odet=(0.0, 0.0, -1.0), polar=(1.0, 0.0, 0.0), twotheta_axis=(1.0, 0.0, 0.0), spindle=(1.0, 0.0, 0.0),
)  # fmt: skip
"""The lab frame of DIALS and imgCIF: the beam travels along -z, spindle and E-vector lie along x."""

_OF_PANELS = {"frame", "sensor", "point_pixel", "panels"}
"""What a detector of panels may state."""


@dataclass(frozen=True, eq=False)
class Detector(Description):
    """The pixel array and where it stands.

    Attributes
    ----------
    frame : LabFrame
        Axes and convention.
    pixel_size : float
        Pixel edge, mm.
    size_fast, size_slow : float
        Edges, mm; a pixel count that is given replaces them.
    pixels_fast, pixels_slow : int or None
        Pixel counts.
    distance : float
        Sample to detector along the beam, mm.
    close_distance : float or None
        Distance of closest approach, mm.
    beam_center : tuple of 2 (float or None)
        Xbeam, Ybeam, mm, as the convention means them.
    close_point : tuple of 2 (float or None)
        Xclose, Yclose, mm.
    origin_pixels : tuple of 2 (float or None)
        XDS ORGX, ORGY, pixels.
    pix0 : tuple of 3 float or None
        Lab position of the outer corner of the first pixel, m; nanoBragg reads it and never uses it.
    twotheta : float
        Swing about the 2θ axis, degrees.
    rotation : tuple of 3 float
        Rotations about lab x, then y, then z, degrees.
    sensor : Sensor
        Absorbing layer.
    curved : bool
        All pixels at the same distance from the sample.
    point_pixel : bool
        Leave out the solid angle's obliquity.
    mask : array_like, shape (slow, fast), whole numbers or booleans, or None
        Pixels of value 0 are skipped. Kept as a read-only uint16 array; numbers of another width are kept as 0 and 1.
    panels : sequence of Panel, or None
        The pixels, in place of nanoBragg's one plane and of every field that places it. Panels stand in the lab frame
        that `frame` describes, by default that of DIALS (`DIALS_LAB`); of a frame only beam, E-vector and spindle
        count then, and of `sensor` only its layers.
    """

    frame: LabFrame = LabFrame()
    pixel_size: float = 0.1
    size_fast: float = 102.4
    size_slow: float = 102.4
    pixels_fast: int | None = None
    pixels_slow: int | None = None
    distance: float = 100.0
    close_distance: float | None = None
    beam_center: tuple[float | None, float | None] = (None, None)
    close_point: tuple[float | None, float | None] = (None, None)
    origin_pixels: tuple[float | None, float | None] = (None, None)
    pix0: Vector | None = None
    twotheta: float = 0.0
    rotation: Vector = (0.0, 0.0, 0.0)
    sensor: Sensor = Sensor()
    curved: bool = False
    point_pixel: bool = False
    mask: np.ndarray | None = None
    panels: tuple[Panel, ...] | None = None

    RULES: ClassVar[Rules] = {
        "frame": instance(LabFrame),
        **dict.fromkeys(("pixel_size", "size_fast", "size_slow"), POSITIVE),
        **dict.fromkeys(("pixels_fast", "pixels_slow"), optional(POSITIVE_INTEGER)),
        "distance": NUMBER,
        "close_distance": optional(NUMBER),
        **dict.fromkeys(("beam_center", "close_point", "origin_pixels"), several(2, optional(NUMBER))),
        "pix0": optional(VECTOR),
        "twotheta": NUMBER,
        "rotation": VECTOR,
        "sensor": instance(Sensor),
        "curved": BOOLEAN,
        "point_pixel": BOOLEAN,
        "mask": optional(Rule("an array of whole numbers", _mask)),
        "panels": optional(Rule("panels, one or more", _panels)),
    }

    @classmethod
    def named(cls, name: str, distance: float, beam_centre: tuple[float, float] | None = None) -> Detector:
        """A detector that can be had, square to the beam: its panels, pixels, gaps and sensor.

        Parameters
        ----------
        name : str
            Such as "pilatus-6m", "eiger2-16m", "jungfrau-4m", "rayonix-mx340-hs"; the keys of
            `nbnumba.config.detectors.DETECTORS`.
        distance : float
            Sample to detector, mm.
        beam_centre : tuple of 2 float or None
            Where the beam meets it: fast, slow, mm from the outer corner of the first pixel; None means its middle.

        Returns
        -------
        Detector
            Of panels, in the lab frame of DIALS. Sensors have a thickness but no `Panel.mu`, which depends on the
            photon energy; until it is given they stop every photon at the front.

        Raises
        ------
        UsageError
            If the name is unknown, the message holds the nearest ones; or a number is impossible.
        """
        from nbnumba.config.detectors import detector_panels

        return cls(panels=detector_panels(name, distance, beam_centre))

    @property
    def lab_frame(self) -> LabFrame:
        """The lab axes: `frame`, or those of DIALS where panels are given and no other frame."""
        return DIALS_LAB if self.panels is not None and self.frame == LabFrame() else self.frame

    @functools.cached_property
    def mask_pixels(self) -> np.ndarray | None:
        """The mask for the kernels: C-contiguous native uint16, the same object however often it is asked for.

        Of panels it is flat, one after the other.
        """
        if self.panels is not None:
            return _joined_masks(self.panels)
        return None if self.mask is None else for_kernels(self.mask)

    def _check(self) -> None:
        if self.panels is not None:
            self._check_panels()
            return
        fast = self.pixels_fast or self.size_fast / self.pixel_size
        slow = self.pixels_slow or self.size_slow / self.pixel_size
        hint = pixel_size_hint(self.pixel_size)
        meant = f"; {hint}" if hint else ""
        if min(fast, slow) < 0.5:
            raise UsageError(
                "{Detector.size_fast}: the detector holds no pixel; it is smaller than half a {Detector.pixel_size}"
                + meant
            )
        if fast * slow > LARGEST_DETECTOR:
            raise UsageError(
                "{Detector.pixels_fast}, {Detector.size_fast}, {Detector.pixel_size}: "
                f"{fast:g} x {slow:g} pixels are too many{meant}"
            )

    def _check_panels(self) -> None:
        """Refuse whatever places or describes the one plane that the panels stand for."""
        for field in fields(self):
            if field.name in _OF_PANELS:
                continue
            value = getattr(self, field.name)
            if value is not field.default and content(value) != content(field.default):
                raise UsageError(f"{{Detector.{field.name}}} belongs to nanoBragg's one plane: panels bring their own")
        if self.sensor != Sensor(layers=self.sensor.layers):
            raise UsageError("{Detector.sensor}: each panel has a thickness and mu of its own; give the layers only")

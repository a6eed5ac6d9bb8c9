"""What sees: detector size, position, orientation and sensor; the laboratory conventions (user units)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Vector = tuple[float, float, float]


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


@dataclass(frozen=True)
class LabFrame:
    """Directions in the lab; the vectors count only under the CUSTOM convention.

    Attributes
    ----------
    convention : Convention
        Beam-centre convention.
    pivot : Pivot
        Detector pivot; only CUSTOM keeps it, the other conventions bring their own.
    beam, fdet, sdet, odet, polar, twotheta_axis, spindle : tuple of 3 float
        Beam direction, fast, slow and outward detector axes, E-vector, swing axis, spindle axis; any length.
    """

    convention: Convention = Convention.MOSFLM
    pivot: Pivot = Pivot.BEAM
    beam: Vector = (1.0, 0.0, 0.0)
    fdet: Vector = (0.0, 0.0, 1.0)
    sdet: Vector = (0.0, -1.0, 0.0)
    odet: Vector = (1.0, 0.0, 0.0)
    polar: Vector = (0.0, 0.0, 1.0)
    twotheta_axis: Vector = (0.0, 1.0, 0.0)
    spindle: Vector = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Sensor:
    """Absorption in the sensor layer.

    Attributes
    ----------
    thickness : float
        µm; 0 means that every photon counts once.
    attenuation_depth : float or None
        1/µ, µm; infinity means µ = 0; None takes the thickness.
    layers : int or None
        Number of layers; None decides by the thickness.
    """

    thickness: float = 0.0
    attenuation_depth: float | None = None
    layers: int | None = None


@dataclass(frozen=True)
class Detector:
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
    mask : ndarray, shape (slow, fast), uint16, or None
        Pixels of value 0 are skipped.
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

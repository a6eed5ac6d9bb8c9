"""One flat piece of a detector, in the words of dxtbx: where it stands, its pixels and its sensor (mm)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nbnumba.config.arrays import freeze, real_array
from nbnumba.config.description import Description
from nbnumba.config.rules import (
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    POSITIVE_INTEGER,
    VECTOR,
    Rule,
    Rules,
    instance,
    optional,
    several,
)
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

Vector = tuple[float, float, float]

LARGEST_COUNT = 2.0**31 - 3.0
"""Largest 32-bit pixel that every reader takes for a count; the two above it mean "masked"."""

_AXIS_TOLERANCE = 1e-6
"""How far axes may be from unit length and from a right angle: 1 nm per mm."""


def _mask(value: Any) -> np.ndarray:
    return freeze(real_array(value, 2) != 0, "bool")


@dataclass(frozen=True, eq=False)
class Panel(Description):
    """A flat grid of pixels; lab frame of DIALS and imgCIF (beam along -z, spindle along x), unless said otherwise.

    Attributes
    ----------
    origin : tuple of 3 float
        Outer corner of pixel (0, 0), mm.
    fast, slow : tuple of 3 float
        Unit vectors along rows and columns, at a right angle.
    pixel_size : tuple of 2 float
        Pixel edges along fast and slow, mm.
    image_size : tuple of 2 int
        Pixels along fast and slow.
    name : str
        Tells panels apart.
    trusted_range : tuple of 2 float
        Smallest and largest pixel value that is a measurement, both included.
    thickness : float
        Sensor thickness, mm; 0 means that photons are stopped at the surface.
    mu : float
        Linear attenuation coefficient of the sensor, 1/mm; 0 means not known.
    material : str
        Sensor material, such as Si or CdTe; empty means not known.
    gain : float
        Pixel value per photon.
    pedestal : float
        Pixel value without photons.
    mask : array_like, shape (slow, fast), numbers or booleans, or None
        0 or False where a pixel is bad; None means nowhere. Kept as a read-only array of bool.

    Raises
    ------
    UsageError
        If the axes are no right-angled unit vectors, or a number is impossible.
    """

    origin: Vector
    fast: Vector
    slow: Vector
    pixel_size: tuple[float, float]
    image_size: tuple[int, int]
    name: str = ""
    trusted_range: tuple[float, float] = (0.0, LARGEST_COUNT)
    thickness: float = 0.0
    mu: float = 0.0
    material: str = ""
    gain: float = 1.0
    pedestal: float = 0.0
    mask: np.ndarray | None = None

    RULES: ClassVar[Rules] = {
        **dict.fromkeys(("origin", "fast", "slow"), VECTOR),
        "pixel_size": several(2, POSITIVE),
        "image_size": several(2, POSITIVE_INTEGER),
        **dict.fromkeys(("name", "material"), instance(str)),
        "trusted_range": several(2, NUMBER),
        **dict.fromkeys(("thickness", "mu"), NOT_NEGATIVE),
        "gain": POSITIVE,
        "pedestal": NUMBER,
        "mask": optional(Rule("an array of numbers or booleans", _mask)),
    }

    def _check(self) -> None:
        panel = f" of panel {self.name}" if self.name else ""
        for axis in ("fast", "slow"):
            length = math.hypot(*getattr(self, axis))
            if abs(length - 1.0) > _AXIS_TOLERANCE:
                raise UsageError(f"{{Panel.{axis}}}{panel} must be a unit vector, this one is {length:.9g} long")
        cosine = sum(f * s for f, s in zip(self.fast, self.slow, strict=True))
        if abs(cosine) > _AXIS_TOLERANCE:
            angle = math.degrees(math.acos(max(min(cosine, 1.0), -1.0)))
            raise UsageError(
                f"{{Panel.fast}}{panel} must be at a right angle to {{Panel.slow}}; they enclose {angle:.7g} degrees"
            )
        if self.trusted_range[0] >= self.trusted_range[1]:
            raise UsageError(f"{{Panel.trusted_range}}{panel}: the smallest trusted value must lie below the largest")
        if self.mask is not None and self.mask.shape != self.image_size[::-1]:
            raise UsageError(
                f"{{Panel.mask}}{panel} has the shape {self.mask.shape}, the panel {self.image_size[::-1]} pixels "
                "(slow, fast)"
            )

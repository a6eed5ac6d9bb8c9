"""How the sum is sampled: spindle steps, subpixels, region of interest, cut-offs (user units)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nbnumba.config.description import Description
from nbnumba.config.rules import BOOLEAN, INTEGER, NOT_NEGATIVE, NUMBER, Rules, optional, several


@dataclass(frozen=True, eq=False)
class Sampling(Description):
    """Where and how finely the image is evaluated.

    Attributes
    ----------
    phi : float
        Spindle angle of the first step, degrees.
    oscillation, phi_step : float or None
        Rotation range and step, degrees; negative counts as not given.
    phi_steps : int or None
        Number of spindle steps; negative counts as not given, 0 as 1.
    oversample : int or None
        Subpixels along each edge; None, or below 1, takes the recommended number.
    oversample_thick, oversample_polar, oversample_omega : bool
        Evaluate capture fraction, polarization, solid angle anew for each subpixel.
    roi : tuple of 4 int or None
        Fast min, fast max, slow min, slow max, pixels, inclusive; a negative bound takes the detector's.
    dmin : float
        Resolution limit, Å; 0 means none.
    water : float
        Edge of the water cube around the crystal, µm (background).
    """

    phi: float = 0.0
    oscillation: float | None = None
    phi_step: float | None = None
    phi_steps: int | None = None
    oversample: int | None = None
    oversample_thick: bool = False
    oversample_polar: bool = False
    oversample_omega: bool = False
    roi: tuple[int, int, int, int] | None = None
    dmin: float = 0.0
    water: float = 0.0

    RULES: ClassVar[Rules] = {
        "phi": NUMBER,
        "oscillation": optional(NUMBER),
        "phi_step": optional(NUMBER),
        "phi_steps": optional(INTEGER),
        "oversample": optional(INTEGER),
        "oversample_thick": BOOLEAN,
        "oversample_polar": BOOLEAN,
        "oversample_omega": BOOLEAN,
        "roi": optional(several(4, INTEGER)),
        "dmin": NOT_NEGATIVE,
        "water": NOT_NEGATIVE,
    }

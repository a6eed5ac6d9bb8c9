"""How the sum is sampled: spindle steps, subpixels, region of interest, cut-offs (user units)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from nbnumba.config.description import Description
from nbnumba.config.rules import BOOLEAN, INTEGER, NOT_NEGATIVE, NUMBER, Rule, Rules, optional, several

_BOUNDS = several(4, INTEGER)


def _roi(value: Any) -> tuple[Any, ...]:
    try:
        entries = tuple(value)
    except TypeError:
        raise ValueError(value) from None
    if not any(entry is None or hasattr(entry, "__len__") for entry in entries):
        return tuple(_BOUNDS.read(entries))
    return tuple(None if entry is None else _BOUNDS.read(entry) for entry in entries)


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
    roi : tuple of 4 int or None, or a sequence of them
        Fast min, fast max, slow min, slow max, pixels, inclusive; a negative bound takes the detector's. For a detector
        of panels one entry for each of them.
    dmin : float
        Resolution limit, Å; 0 means none.
    water : float
        Edge of the water cube around the crystal, µm (background).
    cutoff : float or None
        By how much any pixel may differ from the full sum, photons: spots are rendered where they matter. None adds
        every term.
    """

    phi: float = 0.0
    oscillation: float | None = None
    phi_step: float | None = None
    phi_steps: int | None = None
    oversample: int | None = None
    oversample_thick: bool = False
    oversample_polar: bool = False
    oversample_omega: bool = False
    roi: tuple[int, int, int, int] | tuple[tuple[int, int, int, int] | None, ...] | None = None
    dmin: float = 0.0
    water: float = 0.0
    cutoff: float | None = None

    RULES: ClassVar[Rules] = {
        "phi": NUMBER,
        "oscillation": optional(NUMBER),
        "phi_step": optional(NUMBER),
        "phi_steps": optional(INTEGER),
        "oversample": optional(INTEGER),
        "oversample_thick": BOOLEAN,
        "oversample_polar": BOOLEAN,
        "oversample_omega": BOOLEAN,
        "roi": optional(Rule("four values, each a whole number", _roi)),
        "dmin": NOT_NEGATIVE,
        "water": NOT_NEGATIVE,
        "cutoff": optional(NOT_NEGATIVE),
    }

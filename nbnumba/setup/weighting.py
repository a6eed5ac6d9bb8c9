"""Where capture fraction, polarization and solid angle enter the sum, and the background of the water."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbnumba.config.constants import AVOGADRO, R_E_SQUARED
from nbnumba.kernels.params import Weighting

if TYPE_CHECKING:
    from nbnumba.config import Sampling

WATER_AMPLITUDE = 2.57
"""Forward scattering amplitude of water, electrons."""

WATER_MOLAR_MASS = 18.0


def build_weighting(
    sampling: Sampling, polarization: bool, thick: bool, weighted: bool, water: float, fixes: frozenset[str]
) -> Weighting:
    """Give each factor its one place.

    Parameters
    ----------
    sampling : Sampling
        What the user wants evaluated for each subpixel.
    polarization : bool
        Whether there is a polarization factor.
    thick : bool
        Whether the sensor has a thickness.
    weighted : bool
        Whether the sources have weights.
    water : float
        Background of each crystal's sum, electrons²; the quirk `water` adds it to the pixel's sum instead, unless some
        factor enters before.
    fixes : frozenset of str
        Quirks that are switched off.

    Returns
    -------
    Weighting
    """
    by_layer, anew = "last-layer" in fixes, "first-subpixel" in fixes
    capture = _place(sampling.oversample_thick, thick, by_layer and anew, by_layer, fixes)
    polar = _place(sampling.oversample_polar, polarization, anew, False, fixes)
    omega = _place(sampling.oversample_omega, True, anew, False, fixes)
    places = (capture, polar, omega)
    running = any(place.running for place in places)
    weighs_groups = any(place.group for place in places)
    if "water" not in fixes and not weighs_groups:
        water = 0.0
    return Weighting(
        fresh_capture=capture.fresh, fresh_polarization=polar.fresh, fresh_omega=omega.fresh,
        running=running, running_capture=capture.running, running_polarization=polar.running,
        running_omega=omega.running,
        grouped=(weighs_groups or weighted or water != 0.0) and not running,
        group_capture=capture.group, group_polarization=polar.group, group_omega=omega.group, water=water,
        final_capture=capture.final, final_polarization=polar.final, final_omega=omega.final,
    )  # fmt: skip


class _Place(NamedTuple):
    """Where one factor enters the sum, and whether each subpixel has its own."""

    fresh: bool
    running: bool
    group: bool

    @property
    def final(self) -> bool:
        """Whether it multiplies the sum of the pixel."""
        return not (self.running or self.group)


def _place(wanted: bool, exists: bool, anew: bool, by_layer: bool, fixes: frozenset[str]) -> _Place:
    """The place of a factor: for each subpixel as the user `wanted` it, or `anew` all the same; at least `by_layer`."""
    # nanoBragg evaluates a factor that there is not, when it is asked to
    running = wanted and "oversample-compound" not in fixes
    fresh = running or (exists and (wanted or anew))
    return _Place(fresh, running, (fresh or (exists and by_layer)) and not running)


def nanobragg_background(sampling: Sampling, fluence: float) -> float:
    """I_bg of the water cube, which nanoBragg adds before scaling (quirk `water`).

    Parameters
    ----------
    sampling : Sampling
    fluence : float
        Photons/m².
    """
    edge = sampling.water / 1e6
    return (
        WATER_AMPLITUDE * WATER_AMPLITUDE * R_E_SQUARED * fluence * edge * edge * edge
        * 1e6 * AVOGADRO / WATER_MOLAR_MASS
    )  # fmt: skip


def water_of_group(sampling: Sampling, terms: int, steps: int, fluence: float, fixes: frozenset[str]) -> float:
    """What the water scatters, for each crystal's sum: N·F² for each of its terms, electrons².

    Parameters
    ----------
    sampling : Sampling
    terms : int
        Spindle steps times mosaic domains.
    steps : int
        Terms of the pixel, layers aside.
    fluence : float
        Photons/m².
    fixes : frozenset of str
        Quirks that are switched off; with the quirk `water` it is the share of `nanobragg_background`.
    """
    if "water" not in fixes:
        return nanobragg_background(sampling, fluence) * terms / steps
    edge = sampling.water / 1e6
    molecules = edge * edge * edge * 1e6 * AVOGADRO / WATER_MOLAR_MASS
    return WATER_AMPLITUDE * WATER_AMPLITUDE * molecules * terms

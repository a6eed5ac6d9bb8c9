"""Where a cutoff makes sense: what can't be left out of the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbnumba.config import CrystalShape
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    from nbnumba.config import Experiment
    from nbnumba.kernels.params import KernelParams

_ENDLESS = {
    CrystalShape.SQUARE: "a parallelepiped scatters everywhere between its spots",
    CrystalShape.ROUND: "the tails of an ellipsoid's spots have no end",
}
"""Shapes whose spots can't be cut off."""


def check_cutoff(experiment: Experiment, params: KernelParams) -> None:
    """Refuse a cutoff where leaving terms out would change more than it says.

    Parameters
    ----------
    experiment : Experiment
    params : KernelParams

    Raises
    ------
    UsageError
        If the crystal's spots have no end, amplitudes are interpolated, or factors multiply the running sum.
    """
    cutoff, shape = experiment.sampling.cutoff, experiment.crystal.shape
    if cutoff is None:
        return
    name = f"{{Sampling.cutoff={cutoff:g}}}"
    if shape in _ENDLESS:
        others = " or ".join(f"{{Crystal.shape={one.value}}}" for one in CrystalShape if one not in _ENDLESS)
        raise UsageError(f"{name}: {_ENDLESS[shape]}; it goes with {others}")
    if params.factors.interpolate:
        why = "" if experiment.crystal.interpolate else " (the default of crystals of one or two cells along an axis)"
        raise UsageError(
            f"{name}: interpolated amplitudes are no reflection's own{why}; it goes with {{Crystal.interpolate=False}}"
        )
    if params.weighting.running:
        raise UsageError(
            f"{name}: {{Sampling.oversample_thick}}, {{Sampling.oversample_polar}} and {{Sampling.oversample_omega}} "
            "multiply the running sum at every step in nanobragg physics (quirk oversample-compound), and no step can "
            "be left out; exact physics needs none of them"
        )

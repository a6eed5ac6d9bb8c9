"""What nanoBragg's quirks make of the user's words, for those who did not ask for a quirk by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from nbnumba.config.constants import R_E_SQUARED
from nbnumba.config.physics import NANOBRAGG, Physics
from nbnumba.errors import UsageError
from nbnumba.setup.detector import place

if TYPE_CHECKING:
    from nbnumba.config import Sampling
    from nbnumba.setup.model import DetectorGeometry, Model

SAME_PLACE = 1e-9
"""Metres: how far apart two detectors are that stand at one place."""

SAME_ANGLE = math.radians(1e-4)
"""How much the angles of one cell differ."""


def quirk_notes(model: Model) -> list[str]:
    """Where a quirk changes what the user asked for, and how to have it otherwise.

    Parameters
    ----------
    model : Model

    Returns
    -------
    list of str
        One line for each quirk; none in exact physics, whose quirks were asked for by name.
    """
    physics = model.experiment.physics
    found = {name: note(model) for name, note in _NOTES.items() if name not in physics.fixes}
    return [with_remedy(name, text, physics) for name, text in found.items() if text] if _is_wary(physics) else []


def with_remedy(name: str, text: str, physics: Physics) -> str:
    """What a quirk does, its name, and how to be rid of it.

    Parameters
    ----------
    name : str
        Of the quirk.
    text : str
        What it does.
    physics : Physics
        Of the image.

    Returns
    -------
    str
    """
    return f"{text} (quirk {name}){f'; {{Physics.fix={name}}} mends it' if _is_wary(physics) else ''}"


def _is_wary(physics: Physics) -> bool:
    """Whether the quirks come with nanoBragg's physics, not by name."""
    return physics.base == NANOBRAGG


def _would_move(model: Model, name: str) -> bool:
    """Whether the detector stood elsewhere without a quirk."""
    try:
        mended, _ = place(model.experiment.detector, model.experiment.physics.fixes | {name})
    except UsageError:
        return True
    return any(
        math.dist(there, here) > SAME_PLACE
        for panel, stands in zip(mended, model.panels, strict=True)
        for there, here in zip(_corners(panel), _corners(stands), strict=True)
    )


def _corners(geometry: DetectorGeometry) -> Iterator[tuple[float, float, float]]:
    """Three corners of a panel, m."""
    yield geometry.pix0
    for axis, size in ((geometry.fdet, geometry.size_fast), (geometry.sdet, geometry.size_slow)):
        x, y, z = (start + size * along for start, along in zip(geometry.pix0, axis, strict=True))
        yield x, y, z


def _pivot(model: Model) -> str:
    geometry = model.geometry
    if not _would_move(model, "pivot"):
        return ""
    return (
        f"the convention {geometry.convention.value} turns the detector about the {geometry.pivot.value}, whatever "
        "{LabFrame.pivot} and the rest of its position say"
    )


def _xclose_ignored(model: Model) -> str:
    if not _would_move(model, "xclose-ignored"):
        return ""
    return (
        f"under the convention {model.geometry.convention.value} "
        "{Detector.close_point} and {Detector.beam_center} do not move the detector"
    )


def _pix0(model: Model) -> str:
    if model.experiment.detector.pix0 is None or not _would_move(model, "pix0"):
        return ""
    return "{Detector.pix0} does not move the detector"


def _triclinic(model: Model) -> str:
    crystal = model.experiment.crystal
    if crystal.unit_cell is None or crystal.reciprocal_matrix is not None:
        return ""
    wanted = [math.radians(angle or 90.0) for angle in (getattr(crystal.unit_cell, name) for name in _ANGLES)]
    if all(abs(has - asked) < SAME_ANGLE for has, asked in zip(model.lattice.angles, wanted, strict=True)):
        return ""
    has = " ".join(f"{math.degrees(angle):.3f}" for angle in model.lattice.angles)
    return f"the cell has the angles {has} degrees, not those of {{Crystal.unit_cell}}"


_ANGLES = ("alpha", "beta", "gamma")


def _misset_random(model: Model) -> str:
    if not model.experiment.crystal.random_misset:
        return ""
    return "{Crystal.random_misset} is not uniform over orientations: small rotations are too frequent"


def _phi_carryover(model: Model) -> str:
    lattice = model.params.lattice
    unrotated = len(lattice.phi)
    if not any((lattice.phi_rows[:, tic] != unrotated).any() for tic in (lattice.phi == 0.0).nonzero()[0]):
        return ""
    return "at the spindle angle 0 the crystal is turned as in the step before"


def _weights(model: Model) -> str:
    weights = model.source_weights
    if (weights == weights[0]).all():
        return ""
    field = "sources" if model.experiment.beam.spectrum is None else "spectrum"
    return f"the weights of {{Beam.{field}}} have no effect"


def _curved(model: Model) -> str:
    if not model.experiment.detector.curved:
        return ""
    return "the arcs of {Detector.curved=True} run along lab axes, not along the detector's own"


def _point_pixel(model: Model) -> str:
    if not model.experiment.detector.point_pixel:
        return ""
    return "{Detector.point_pixel=True} leaves the pixel's area out: the image is in photons/m²"


def _oversample_compound(model: Model) -> str:
    sampling = model.experiment.sampling
    exists = {"thick": model.thickness.range > 0.0, "polar": model.experiment.beam.polarization, "omega": True}
    names = [f"oversample_{name}" for name, is_there in exists.items() if is_there]
    flags = " ".join(f"{{Sampling.{name}}}" for name in names if getattr(sampling, name))
    if not flags or model.params.scale.steps * model.thickness.steps == 1:
        return ""
    return f"{flags}: the sum so far is multiplied at every step, not each term once"


def _last_layer(model: Model) -> str:
    if not (model.thickness.range > 0.0 and model.thickness.steps > 1) or model.experiment.sampling.oversample_thick:
        return ""
    return "every layer of the sensor counts like the last one"


def _thick_fencepost(model: Model) -> str:
    thickness, step, layers = model.thickness.range, model.thickness.step, model.thickness.steps
    # the layers of panels fill them whatever the physics
    if model.experiment.detector.panels is not None or not layers * step > 1.000001 * thickness:
        return ""
    return f"with {{Sensor.layers={layers}}} the sensor is {1e6 * layers * step:g} µm deep, not {1e6 * thickness:g}"


def _water(model: Model) -> str:
    sampling: Sampling = model.experiment.sampling
    if not sampling.water > 0.0:
        return ""
    share = R_E_SQUARED * model.fluence / model.params.scale.steps
    if abs(share - 1.0) > 1e-6:
        return f"the background of {{Sampling.water}} is {share:.2g} times what it should be"
    return "there is no background beyond {Sampling.dmin}" if sampling.dmin > 0.0 else ""


_NOTES: dict[str, Callable[[Model], str]] = {
    "pivot": _pivot,
    "xclose-ignored": _xclose_ignored,
    "pix0": _pix0,
    "triclinic": _triclinic,
    "misset-random": _misset_random,
    "phi-carryover": _phi_carryover,
    "weights": _weights,
    "curved": _curved,
    "point-pixel": _point_pixel,
    "oversample-compound": _oversample_compound,
    "last-layer": _last_layer,
    "thick-fencepost": _thick_fencepost,
    "water": _water,
}
"""Quirk -> what it does to this model, empty if it does nothing."""

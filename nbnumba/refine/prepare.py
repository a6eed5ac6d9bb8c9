"""From any experiment to one whose parameters stand in fields of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config import CrystalShape, Detector, LabFrame, Orientation, Panel, Sensor, Spectrum, UnitCell
from nbnumba.config.detector import Convention, Pivot
from nbnumba.errors import UsageError
from nbnumba.refine.rotations import default_axes
from nbnumba.setup.lowering import lower
from nbnumba.setup.units import ANGSTROM, DEGREES_PER_RADIAN, MM

if TYPE_CHECKING:
    from nbnumba.config import Beam, Crystal, Experiment
    from nbnumba.setup.model import DetectorGeometry, Model

_HARMLESS = frozenset(
    {"pivot", "pix0", "misset-random", "thick-fencepost", "layer-front", "xclose-ignored",
     "twotheta-header", "long-header"}
)  # fmt: skip
"""Quirks that end in the set-up and leave the derivatives as they are."""


def prepared(experiment: Experiment, panels: bool, spectrum: bool) -> Experiment:
    """The same experiment with unit cell and orientation, numbers of cells and of subpixels stated.

    Parameters
    ----------
    experiment : Experiment
        Of exact physics.
    panels : bool
        Whether its detector must be one of panels.
    spectrum : bool
        Whether its wavelengths must stand in a spectrum or in a list of sources.

    Returns
    -------
    Experiment

    Raises
    ------
    UsageError
        If there are no derivatives of it.
    """
    check_physics(experiment)
    model = lower(experiment)
    return replace(
        experiment,
        crystal=_crystal(experiment.crystal, model),
        beam=_beam(experiment.beam, model) if spectrum else experiment.beam,
        detector=detector_of_panels(model) if panels else experiment.detector,
        sampling=replace(experiment.sampling, oversample=model.params.sampling.oversample),
    )


def check_physics(experiment: Experiment) -> None:
    """Refuse what has no derivatives.

    Parameters
    ----------
    experiment : Experiment

    Raises
    ------
    UsageError
    """
    from nbnumba.config.physics import SWITCHES

    kept = [name for name in SWITCHES if name not in experiment.physics.fixes | _HARMLESS]
    if kept:
        raise UsageError(
            f"{{Experiment.physics}}: derivatives are those of exact physics, not of the quirks {', '.join(kept)}; "
            "take {Experiment.physics=exact}"
        )
    if experiment.crystal.shape is CrystalShape.TOPHAT:
        raise UsageError(
            "{Crystal.shape=tophat}: the edge of a top-hat spot has no derivatives; take gauss, round or square"
        )


def _crystal(crystal: Crystal, model: Model) -> Crystal:
    """The crystal by its cell and orientation."""
    lattice = model.lattice
    cell = np.array([*lattice.lengths, *lattice.angles])
    axes = np.array([lattice.a, lattice.b, lattice.c])
    turn = (np.linalg.inv(default_axes(cell)) @ axes).T
    if np.linalg.det(turn) < 0.0:
        raise UsageError("{Crystal.reciprocal_matrix}: its axes are left-handed; give a right-handed cell")
    # what roundings make of a rotation is none to the last bit
    left, _, right = np.linalg.svd(turn)
    stated = replace(
        crystal, unit_cell=UnitCell(*lattice.lengths, *(DEGREES_PER_RADIAN * angle for angle in lattice.angles)),
        reciprocal_matrix=None, misset=None, random_misset=False, orientation=Orientation(left @ right),
        cells=model.cells, size=(0.0, 0.0, 0.0),
    )  # fmt: skip
    if crystal.structure_factors is None:
        return stated
    return replace(stated, interpolate=model.interpolation)


def _beam(beam: Beam, model: Model) -> Beam:
    """The beam with its wavelengths as a spectrum, unless there is a list of sources."""
    if beam.sources is not None or beam.spectrum is not None:
        return beam
    directions = max(model.divergence_steps, 1)
    wavelengths = model.params.sources.table[: len(model.params.sources.table) // directions, 3] * ANGSTROM
    # a spectrum goes with the default dispersion alone
    return replace(beam, dispersion=type(beam)().dispersion, spectrum=Spectrum(wavelengths=wavelengths))


def detector_of_panels(model: Model) -> Detector:
    """The detector of a model as one of panels, in the same lab frame.

    Parameters
    ----------
    model : Model

    Raises
    ------
    UsageError
        If it is curved.
    """
    detector, geometry = model.experiment.detector, model.geometry
    if detector.curved:
        raise UsageError("{Detector.curved=True}: the geometry of a curved detector can't be refined; take a flat one")
    frame = frame_of(geometry)
    if detector.panels is not None:
        return replace(detector, frame=frame)
    mask = detector.mask_pixels
    panel = Panel(
        origin=_mm(geometry.pix0), fast=geometry.fdet, slow=geometry.sdet, pixel_size=(geometry.pixel_size * MM,) * 2,
        image_size=(geometry.pixels_fast, geometry.pixels_slow), thickness=model.thickness.range * MM,
        mu=max(model.mu, 0.0) / MM if model.thickness.range > 0.0 else 0.0,
        mask=None if mask is None else mask.reshape(geometry.pixels_slow, geometry.pixels_fast),
    )  # fmt: skip
    layers = model.thickness.steps if model.thickness.range > 0.0 else None
    return Detector(
        panels=(panel,), frame=frame, sensor=Sensor(layers=layers), point_pixel=detector.point_pixel
    )


def frame_of(geometry: DetectorGeometry) -> LabFrame:
    """The lab axes that count for panels.

    Parameters
    ----------
    geometry : DetectorGeometry
    """
    return LabFrame(
        Convention.CUSTOM, Pivot.SAMPLE, beam=geometry.beam, polar=geometry.polar, spindle=geometry.spindle
    )


def _mm(vector: tuple[float, float, float]) -> tuple[float, float, float]:
    return (vector[0] * MM, vector[1] * MM, vector[2] * MM)

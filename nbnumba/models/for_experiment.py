"""Structure factors for an experiment: a model is calculated as far as the detector sees, at the beam's wavelength."""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from nbnumba.config import Crystal, Experiment, Sampling, StructureFactors, UnitCell
from nbnumba.errors import NbnumbaWarning
from nbnumba.models.calculated import calculated_reflections
from nbnumba.models.crystal import cell_text, checked_cell
from nbnumba.models.formats import is_model, read_file
from nbnumba.models.library import gemmi_library
from nbnumba.models.measured import measured_reflections
from nbnumba.models.names import is_model_or_data
from nbnumba.models.options import SourceOptions
from nbnumba.models.read import read_source
from nbnumba.setup.lowering import lower
from nbnumba.setup.reach import finest_spacing

if TYPE_CHECKING:
    import gemmi

    from nbnumba.models.reflections import Cell, Fact, Reflections
    from nbnumba.setup.model import Model

_MARGIN_CELLS = 2.0
"""Reciprocal cells beyond what the detector sees: tricubic interpolation reads that far."""

_SAME_LENGTH, _SAME_ANGLE = 0.02, 1.0
"""Relative, and degrees: what cells of one crystal form differ by."""


@dataclass(frozen=True)
class Filled:
    """An experiment with structure factors.

    Attributes
    ----------
    experiment : Experiment
        With amplitudes, and with the file's unit cell where it had none.
    facts : tuple of (str, str)
        Label and text of each line of the report.
    """

    experiment: Experiment
    facts: tuple[Fact, ...]


def fill_experiment(experiment: Experiment, path: str | os.PathLike[str], spacegroup: str | None = None) -> Filled:
    """Give an experiment the structure factors of a file.

    Parameters
    ----------
    experiment : Experiment
        Detector, beam and crystal; the crystal may lack its unit cell.
    path : path
        Model (calculated to the detector's corner), reflection data, or text list with a space group.
    spacegroup : str or None
        Space group of a text list, or where the file names none.

    Returns
    -------
    Filled

    Raises
    ------
    UsageError
        If the experiment or the space group is impossible, or the cell or resolution too large for this machine.
    InputFileError
        If the file can't be read or is not what it must be.
    MissingPackageError
        If gemmi is not installed.
    """
    if not is_model_or_data(path):
        listed = read_source(path, SourceOptions(spacegroup=spacegroup))
        return Filled(_with_factors(experiment, listed), listed.facts)
    content = read_file(path)
    cell = checked_cell(path, content.cell)
    experiment = _with_cell(experiment, cell)
    model = _bare_model(experiment)
    _compare_cells(path, cell, model)
    corner = finest_spacing(model)
    seen = max(corner, experiment.sampling.dmin)
    if is_model(content):
        d_min = 1.0 / (1.0 / seen + _MARGIN_CELLS / min(cell[:3]))
        options = SourceOptions(d_min=d_min, wavelength=experiment.beam.nominal_wavelength, spacegroup=spacegroup)
        reflections = calculated_reflections(path, content, options)
    else:
        data = cast("gemmi.Mtz", content)
        reflections = measured_reflections(path, data, SourceOptions(spacegroup=spacegroup))
        _compare_resolution(path, reflections, cell, seen)
    facts = (("detector's corner", f"{corner:.4g} Å"), *reflections.facts)
    return Filled(_with_factors(experiment, reflections), facts)


def _with_factors(experiment: Experiment, reflections: Reflections) -> Experiment:
    crystal = experiment.crystal
    factors = StructureFactors.from_reflections(reflections.hkl, reflections.amplitudes, crystal.default_F)
    return replace(experiment, crystal=replace(crystal, structure_factors=factors))


def _with_cell(experiment: Experiment, cell: Cell) -> Experiment:
    """The experiment with this unit cell if it has none."""
    crystal = experiment.crystal
    if crystal.unit_cell is not None or crystal.reciprocal_matrix is not None:
        return experiment
    return replace(experiment, crystal=replace(crystal, unit_cell=UnitCell(*cell)))


def _bare_model(experiment: Experiment) -> Model:
    """Geometry, sources and lattice, without what takes time to set up."""
    crystal = experiment.crystal
    bare = Crystal(unit_cell=crystal.unit_cell, reciprocal_matrix=crystal.reciprocal_matrix)
    return lower(replace(experiment, crystal=bare, sampling=Sampling(oversample=1)))


def _compare_cells(path: str | os.PathLike[str], cell: Cell, model: Model) -> None:
    """Warn if the file's crystal is not the experiment's."""
    lattice = model.lattice
    angles = np.degrees(lattice.angles)
    lengths_agree = np.allclose(lattice.lengths, cell[:3], rtol=_SAME_LENGTH)
    if not (lengths_agree and np.allclose(angles, cell[3:], rtol=0.0, atol=_SAME_ANGLE)):
        ours = cell_text((*lattice.lengths, *angles))
        field = "unit_cell" if model.experiment.crystal.reciprocal_matrix is None else "reciprocal_matrix"
        warnings.warn(
            NbnumbaWarning(f"{path}: its unit cell, {cell_text(cell)}, is not that of {{Crystal.{field}}}, {ours}"),
            stacklevel=3,
        )  # fmt: skip


def _compare_resolution(path: str | os.PathLike[str], reflections: Reflections, cell: Cell, seen: float) -> None:
    """Warn if the detector sees farther than the data go."""
    finest = float(gemmi_library().UnitCell(*cell).calculate_d_array(reflections.hkl).min())
    if math.isfinite(seen) and finest > seen * 1.001:
        warnings.warn(
            NbnumbaWarning(f"{path}: the data end at {finest:.4g} Å, the detector sees to {seen:.4g} Å: there every "
                           "reflection has the amplitude {Crystal.default_F}"), stacklevel=3,
        )  # fmt: skip

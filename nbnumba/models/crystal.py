"""Unit cell and space group of a file, checked."""

from __future__ import annotations

import math
import os
import warnings
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.models.library import gemmi_library
from nbnumba.models.symmetry import SpaceGroup, find_space_group, rotations

if TYPE_CHECKING:
    import gemmi

    from nbnumba.models.reflections import Cell

_WRONG_SHAPE, _INEXACT_SHAPE = 0.05, 0.002
"""Relative mismatch of squared lengths: tenths of a percent come from indexing, 5 % are 1.5° or 2.5 % of a length."""


def checked_cell(path: str | os.PathLike[str], cell: gemmi.UnitCell) -> Cell:
    """The six numbers of a unit cell.

    Parameters
    ----------
    path : path
        Where it was read, for messages.
    cell : gemmi.UnitCell
        As read.

    Returns
    -------
    tuple of 6 float
        Å and degrees.

    Raises
    ------
    InputFileError
        If it is missing or encloses no volume.
    """
    if not cell.is_crystal():
        raise InputFileError(f"{path}: has no unit cell (CRYST1 record, _cell.length_a): add it to the file")
    if not encloses_volume(cell):
        raise InputFileError(f"{path}: the unit cell {cell_text(cell.parameters)} encloses no volume")
    parameters: Cell = cell.parameters
    return parameters


def encloses_volume(cell: gemmi.UnitCell) -> bool:
    """Whether three axes of these lengths and angles exist.

    Parameters
    ----------
    cell : gemmi.UnitCell

    Returns
    -------
    bool
    """
    return math.isfinite(cell.volume) and cell.volume > 0.0 and min(cell.parameters[:3]) > 0.0


def settle_space_group(path: str | os.PathLike[str], named: str, cell: Cell, given: str | None) -> SpaceGroup:
    """The space group of a file with a unit cell.

    Parameters
    ----------
    path : path
        The file, for messages.
    named : str
        What it calls its space group; empty if it does not.
    cell : tuple of 6 float
        Its unit cell, Å and degrees.
    given : str or None
        Space group from elsewhere.

    Returns
    -------
    SpaceGroup

    Raises
    ------
    InputFileError
        If the file names none, or one that nobody knows, and none is given; if the cell does not fit it.
    UsageError
        If another one is given than the file names.
    """
    own = _known(named, cell)
    wanted = None if given is None else find_space_group(given, cell)
    if own is None and wanted is None:
        reason = f"the space group '{named}' is unknown" if named.strip() else "names no space group"
        raise InputFileError(f"{path}: {reason}: give {{spacegroup}}")
    if own is not None and wanted is not None and own.operations != wanted.operations:
        raise UsageError(f"{{spacegroup}} {given}: {path} has its own, {own.name}: change the file, or leave this out")
    chosen = own or wanted
    assert chosen is not None
    _compare_with_cell(path, chosen, cell)
    return chosen


def _known(name: str, cell: Cell) -> SpaceGroup | None:
    try:
        return find_space_group(name, cell)
    except UsageError:
        return None


def _compare_with_cell(path: str | os.PathLike[str], space_group: SpaceGroup, cell: Cell) -> None:
    """Refuse a unit cell that the space group can't have, and warn of one that is a little off."""
    mismatch = _metric_mismatch(space_group, cell)
    text = f"{path}: the unit cell {cell_text(cell)} does not have the shape that {space_group.name} demands"
    if mismatch > _WRONG_SHAPE:
        raise InputFileError(f"{text}: correct one of them")
    if mismatch > _INEXACT_SHAPE:
        warnings.warn(NbnumbaWarning(text), stacklevel=4)


def _metric_mismatch(space_group: SpaceGroup, cell: Cell) -> float:
    """How far the rotations change inner products of the axes, relative to the largest of these."""
    to_cartesian = np.array(gemmi_library().UnitCell(*cell).orth.mat.tolist())
    metric = to_cartesian.T @ to_cartesian
    turned = [rotation.T @ metric @ rotation for rotation in rotations(space_group)]
    return float(max(np.abs(matrix - metric).max() for matrix in turned) / np.abs(metric).max())


def cell_text(cell: Cell) -> str:
    """A unit cell for the report.

    Parameters
    ----------
    cell : tuple of 6 float
        Å and degrees.

    Returns
    -------
    str
    """
    return f"{' '.join(f'{value:g}' for value in cell[:3])} Å {' '.join(f'{value:g}' for value in cell[3:])}°"

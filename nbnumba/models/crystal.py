"""Unit cell and space group of a file, checked."""

from __future__ import annotations

import math
import os
import warnings
from typing import TYPE_CHECKING

from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.models.library import gemmi_library
from nbnumba.models.symmetry import SpaceGroup, find_space_group

if TYPE_CHECKING:
    import gemmi

    from nbnumba.models.reflections import Cell


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
    a, b, c, alpha, beta, gamma = cell.parameters
    if not cell.is_crystal():
        raise InputFileError(f"{path}: has no unit cell (CRYST1 record, _cell.length_a): add it to the file")
    if not (math.isfinite(cell.volume) and cell.volume > 0.0 and min(a, b, c) > 0.0):
        raise InputFileError(f"{path}: the unit cell {a:g} {b:g} {c:g} {alpha:g} {beta:g} {gamma:g} encloses no volume")
    return (a, b, c, alpha, beta, gamma)


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
        If the file names none, or one that nobody knows, and none is given.
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
    """Warn of a unit cell that the space group does not allow."""
    gemmi = gemmi_library()
    tabulated = gemmi.find_spacegroup_by_ops(space_group.operations)
    if tabulated is not None and not gemmi.UnitCell(*cell).is_compatible_with_spacegroup(tabulated, 1e-2):
        warnings.warn(
            NbnumbaWarning(f"{path}: the unit cell {' '.join(f'{value:g}' for value in cell)} does not have the shape "
                           f"that {space_group.name} demands"), stacklevel=4,
        )  # fmt: skip


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

"""The contents of a crystal from a model: cell, space group and atoms, checked."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbnumba.errors import InputFileError, NbnumbaWarning
from nbnumba.models.crystal import checked_cell, settle_space_group
from nbnumba.models.library import gemmi_library

if TYPE_CHECKING:
    import os

    import gemmi

    from nbnumba.models.reflections import Cell
    from nbnumba.models.symmetry import SpaceGroup

_UNKNOWN_ELEMENT = "X"
_SAME_PLACE = 0.4
"""Å within which an atom and its image are one."""


@dataclass(frozen=True)
class Contents:
    """What fills the unit cell.

    Attributes
    ----------
    structure : gemmi.Structure
        Cell, space group and models as read, strict NCS copies included.
    atoms : list of gemmi.Atom
        Atoms of the first model: the asymmetric unit.
    cell : tuple of 6 float
        Unit cell, Å and degrees.
    space_group : SpaceGroup
        Symmetry.
    site_orders : list of int
        How many symmetry operations leave each atom in place: 1 in a general position. As everywhere, occupancies in
        special positions are divided by it.
    """

    structure: gemmi.Structure
    atoms: list[gemmi.Atom]
    cell: Cell
    space_group: SpaceGroup
    site_orders: list[int]

    @property
    def copies(self) -> int:
        """Asymmetric units in the cell."""
        return len(self.space_group.operations)

    @property
    def atoms_in_cell(self) -> int:
        """Number of atoms, those in special positions counted once."""
        return sum(self.copies // order for order in self.site_orders)

    @property
    def elements(self) -> dict[str, gemmi.Element]:
        """Name -> element, of all atoms."""
        return {atom.element.name: atom.element for atom in self.atoms}


def crystal_contents(path: str | os.PathLike[str], structure: gemmi.Structure, spacegroup: str | None) -> Contents:
    """Check a model and complete it.

    Parameters
    ----------
    path : path
        Where it was read, for messages.
    structure : gemmi.Structure
        The model; its strict NCS is expanded.
    spacegroup : str or None
        Space group where the file names none.

    Returns
    -------
    Contents

    Raises
    ------
    InputFileError
        If there are no atoms, no unit cell or no space group, or atoms that can't scatter.
    """
    gemmi = gemmi_library()
    if len(structure) == 0 or structure[0].count_atom_sites() == 0:
        raise InputFileError(f"{path}: the model holds no atoms")
    if len(structure) > 1:
        warnings.warn(NbnumbaWarning(f"{path}: the first of {len(structure)} models is taken"), stacklevel=3)
    cell = checked_cell(path, structure.cell)
    space_group = settle_space_group(path, structure.spacegroup_hm, cell, spacegroup)
    structure.spacegroup_hm = _symbol(path, space_group)
    if any(not operation.given for operation in structure.ncs):
        structure.expand_ncs(gemmi.HowToNameCopiedChain.Dup)
    atoms = [site.atom for site in structure[0].all()]
    _check_atoms(path, atoms)
    structure.setup_cell_images()
    orders = [1 + structure.cell.is_special_position(atom.pos, _SAME_PLACE) for atom in atoms]
    return Contents(structure, atoms, cell, space_group, orders)


def _symbol(path: str | os.PathLike[str], space_group: SpaceGroup) -> str:
    """The name under which gemmi's grids know the space group."""
    tabulated = gemmi_library().find_spacegroup_by_ops(space_group.operations)
    if tabulated is None:
        raise InputFileError(f"{path}: {space_group.name} is an unusual setting; bring the model into a standard one")
    return str(tabulated.xhm())


def _check_atoms(path: str | os.PathLike[str], atoms: list[gemmi.Atom]) -> None:
    """Refuse atoms without place or form factor."""
    for atom in atoms:
        if not all(map(math.isfinite, (*atom.pos.tolist(), atom.occ, atom.b_iso))):
            raise InputFileError(
                f"{path}: atom {atom.name} (serial {atom.serial}): position, occupancy or B factor is no number"
            )
        if atom.element.it92 is None:
            raise InputFileError(f"{path}: no form factor is known for {atom.element.name} (atom {atom.name})")
    if not any(atom.occ for atom in atoms):
        raise InputFileError(f"{path}: every atom has an occupancy of 0")
    unknown = sum(atom.element.name == _UNKNOWN_ELEMENT for atom in atoms)
    if unknown:
        warnings.warn(
            NbnumbaWarning(f"{path}: {unknown} atoms of unknown element scatter as oxygen; "
                           "name elements in columns 77-78 (_atom_site.type_symbol)"), stacklevel=4,
        )  # fmt: skip

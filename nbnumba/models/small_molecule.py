"""Small-molecule CIF (``_atom_site_fract_x``) as a model like all others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.models.library import gemmi_library

if TYPE_CHECKING:
    import gemmi

_B_PER_U = 8.0 * math.pi**2


def model_of_small_molecule(block: gemmi.cif.Block) -> gemmi.Structure | None:
    """The model in a block of a small-molecule CIF.

    Parameters
    ----------
    block : gemmi.cif.Block
        CIF core dictionary: fractional positions, U, occupancies that do not count the multiplicity of special
        positions.

    Returns
    -------
    gemmi.Structure or None
        One residue with all atoms, occupancies divided by the symmetry of their sites; None if there are no positions.
    """
    library = gemmi_library()
    if not block.find_loop("_atom_site_fract_x"):
        return None
    small = library.make_small_structure_from_block(block)
    small.change_occupancies_to_crystallographic()
    structure: gemmi.Structure = library.Structure()
    structure.cell = small.cell
    structure.spacegroup_hm = small.spacegroup.xhm() if small.spacegroup is not None else small.spacegroup_hm
    residue = library.Residue()
    for site in small.sites:
        residue.add_atom(_atom(site, small.cell))
    chain = library.Chain("A")
    chain.add_residue(residue)
    model = library.Model(1)
    model.add_chain(chain)
    structure.add_model(model)
    return structure


def _atom(site: gemmi.SmallStructure.Site, cell: gemmi.UnitCell) -> gemmi.Atom:
    """An atom at its place in ångströms."""
    atom: gemmi.Atom = gemmi_library().Atom()
    atom.name, atom.element, atom.occ = site.label, site.element, site.occ
    atom.pos = site.orth(cell)
    atom.b_iso = _B_PER_U * site.u_iso
    if site.aniso.nonzero():
        atom.aniso = _cartesian(site.aniso, cell)
    return atom


def _cartesian(u: gemmi.SMat33d, cell: gemmi.UnitCell) -> gemmi.SMat33f:
    """Displacements along Cartesian axes, from those along the reciprocal axes (Grosse-Kunstleve & Adams, 2002)."""
    lengths = np.diag(cell.reciprocal().parameters[:3])
    turn = np.array(cell.orth.mat.tolist()) @ lengths
    tensor = turn @ np.array(u.as_mat33().tolist()) @ turn.T
    diagonal = tensor[0, 0], tensor[1, 1], tensor[2, 2]
    rotated: gemmi.SMat33f = gemmi_library().SMat33f(*diagonal, tensor[0, 1], tensor[0, 2], tensor[1, 2])
    return rotated

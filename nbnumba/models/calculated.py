"""Amplitudes of a model."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.errors import UsageError
from nbnumba.models.assemble import fill_sphere
from nbnumba.models.contents import Contents, crystal_contents
from nbnumba.models.crystal import cell_text
from nbnumba.models.density import calculate_F, check_resolution, dispersion
from nbnumba.models.options import Solvent, SourceOptions
from nbnumba.models.scale import scale_ratio, scale_text

if TYPE_CHECKING:
    import gemmi

    from nbnumba.models.reflections import Reflections

_NAMED_FROM = 0.1
"""Electrons of f' or f'' from which on an element is named in the report."""


def calculated_reflections(
    path: str | os.PathLike[str], structure: gemmi.Structure, options: SourceOptions
) -> Reflections:
    """Amplitudes in P1 of a model.

    Parameters
    ----------
    path : path
        Where it was read, for messages.
    structure : gemmi.Structure
        The model.
    options : SourceOptions
        Resolution, solvent, wavelength; a column is refused.

    Returns
    -------
    Reflections

    Raises
    ------
    UsageError
        If the resolution is missing or impossible, or a column was given.
    InputFileError
        If the model can't scatter.
    """
    if options.column is not None:
        raise UsageError(f"{{column}} {options.column}: {path} is a model and has no columns; leave it out")
    solvent = Solvent() if options.solvent is None else options.solvent
    contents = crystal_contents(path, structure, options.spacegroup)
    if options.d_min is None:
        raise UsageError(f"{path} is a model: give {{d_min}}, the finest spacing that the detector sees, in Å")
    check_resolution(options.d_min, contents.cell)
    anomalous = dispersion(contents, options.wavelength)
    calculated = calculate_F(contents, options.d_min, solvent, anomalous)
    hkl = np.concatenate([-calculated.hkl, calculated.hkl])
    amplitudes = np.concatenate([calculated.minus, calculated.plus])
    filled = fill_sphere(hkl, amplitudes, contents.cell, contents.space_group, options.d_min, options.F000)
    facts = (
        ("model", _model_text(contents)),
        ("bulk solvent", _solvent_text(solvent, calculated.solvent_fraction)),
        ("f', f''", _dispersion_text(anomalous, options.wavelength)),
    )
    ratio = scale_ratio(contents, filled.hkl, filled.amplitudes)
    return replace(filled, facts=(*facts, *filled.facts, ("absolute scale", scale_text(contents, ratio))))


def _model_text(contents: Contents) -> str:
    electrons = sum(atom.occ * atom.element.atomic_number for atom in contents.atoms) * contents.copies
    atoms = f"{len(contents.atoms)} atoms, {contents.atoms_in_cell} in the cell"
    return f"{atoms} with {electrons:.6g} electrons; cell {cell_text(contents.cell)}"


def _solvent_text(solvent: Solvent, fraction: float) -> str:
    if solvent.k_sol == 0.0:
        return "none"
    return f"{100.0 * fraction:.3g} % of the cell, k_sol {solvent.k_sol:g} electrons/Å³, b_sol {solvent.b_sol:g} Å²"


def _dispersion_text(anomalous: dict[str, tuple[float, float]], wavelength: float | None) -> str:
    if wavelength is None:
        return "none: no wavelength was given"
    strong = {name: pair for name, pair in anomalous.items() if max(map(abs, pair)) >= _NAMED_FROM}
    named = "; ".join(f"{name} {f1:.3g}, {f2:.3g}" for name, (f1, f2) in strong.items())
    return f"at {wavelength:g} Å in electrons: {named or f'below {_NAMED_FROM:g} for every element'}"

"""From listed reflections to the whole of reciprocal space, with what there is to say about it."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.models.crystal import encloses_volume
from nbnumba.models.density import check_resolution
from nbnumba.models.library import gemmi_library
from nbnumba.models.options import check_not_negative
from nbnumba.models.reflections import Cell, Reflections
from nbnumba.models.scale import scale_ratio, scale_text
from nbnumba.models.survey import absence_fact, count_facts, coverage_facts
from nbnumba.models.symmetry import (
    LARGEST_INDEX,
    SpaceGroup,
    are_absent,
    box,
    expand,
    find_space_group,
    sphere,
    with_absences,
)

if TYPE_CHECKING:
    from nbnumba.models.contents import Contents

_FAR_OFF = 2.0
"""Factor in F² from which on F is hardly in electrons: crystals of few atoms differ by tens of percent."""

def fill_sphere(
    hkl: np.ndarray, amplitudes: np.ndarray, cell: Cell, space_group: SpaceGroup, d_min: float, F000: float | None  # noqa: N803
) -> Reflections:
    """Expand a list to P1, with zeros for systematic absences up to a resolution.

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices.
    amplitudes : ndarray, shape (n,), float64
        F, electrons.
    cell : tuple of 6 float
        Unit cell, Å and degrees.
    space_group : SpaceGroup
        Symmetry.
    d_min : float
        Resolution, Å.
    F000 : float or None
        F(0,0,0), electrons; None takes that of the list, if there is one.

    Returns
    -------
    Reflections
    """
    expanded = expand(*_with_forward(hkl, amplitudes, F000), space_group)
    filled = _with_absences(*expanded, space_group, sphere(cell, d_min))
    coverage = coverage_facts(filled.hkl, cell, space_group, d_min)
    return replace(filled, cell=cell, facts=(*filled.facts, *coverage))


def expand_list(
    hkl: np.ndarray,
    amplitudes: np.ndarray,
    spacegroup: str,
    cell: Cell | None = None,
    F000: float | None = None,  # noqa: N803
    name: str = "{hkl}",
) -> Reflections:
    """Amplitudes in P1 from a list of reflections and their space group.

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int
        Miller indices, a unique set or more; of repeated ones the last counts.
    amplitudes : ndarray, shape (n,), float64
        F, electrons.
    spacegroup : str
        Hermann-Mauguin or Hall symbol, or number.
    cell : tuple of 6 float or None
        Unit cell, Å and degrees. With it, systematic absences are zeros and completeness is stated up to the finest
        spacing of the list; without it, absences are zeros between the smallest and largest indices.
    F000 : float or None
        F(0,0,0), electrons; None takes that of the list, if there is one.
    name : str
        Where the list comes from, for messages.

    Returns
    -------
    Reflections

    Raises
    ------
    UsageError
        If there is no such space group, or the cell encloses no volume.
    InputFileError
        If the indices are too large.
    """
    check_not_negative("F000", F000)
    if cell is not None and not (len(cell) == 6 and encloses_volume(gemmi_library().UnitCell(*cell))):
        raise UsageError(f"{{cell}} {tuple(cell)}: must be a, b, c in Å and angles in degrees that enclose a volume")
    space_group = find_space_group(spacegroup, cell)
    if np.abs(hkl).max() > LARGEST_INDEX:
        raise InputFileError(f"{name}: a Miller index is larger than {LARGEST_INDEX}: check for stray indices")
    hkl = np.ascontiguousarray(hkl, dtype=np.int32)
    if cell is not None:
        return fill_sphere(hkl, amplitudes, cell, space_group, _resolution(hkl, cell, name), F000)
    expanded = expand(*_with_forward(hkl, amplitudes, F000), space_group)
    return _with_absences(*expanded, space_group, box(expanded[0], name))


def _resolution(hkl: np.ndarray, cell: Cell, name: str) -> float:
    """The finest spacing of a list, Å, if a sphere of it fits into memory."""
    spacings = gemmi_library().UnitCell(*cell).calculate_d_array(hkl)
    d_min = float(spacings.min())
    if math.isfinite(d_min):
        check_resolution(d_min, cell, f"{name}: the resolution")
    return d_min


def _with_absences(
    hkl: np.ndarray, amplitudes: np.ndarray, space_group: SpaceGroup, within: np.ndarray
) -> Reflections:
    """The reflections with zeros for systematic absences among these indices, and the first facts."""
    all_hkl, all_amplitudes = with_absences(hkl, amplitudes, space_group, within)
    absent = int(are_absent(all_hkl, space_group).sum())
    facts = (absence_fact(hkl, amplitudes, space_group, absent), *count_facts(all_hkl, all_amplitudes))
    return Reflections(all_hkl, all_amplitudes, facts=facts)


def _with_forward(
    hkl: np.ndarray, amplitudes: np.ndarray, F000: float | None  # noqa: N803
) -> tuple[np.ndarray, np.ndarray]:
    """The list with F(0,0,0) at its end, where it counts."""
    if F000 is None:
        return hkl, amplitudes
    return np.concatenate([hkl, np.zeros((1, 3), dtype=np.int32)]), np.append(amplitudes, F000)


def with_scale(reflections: Reflections, contents: Contents) -> Reflections:
    """Data with one more fact: whether they are in electrons. If they are far from it, that is a warning.

    Parameters
    ----------
    reflections : Reflections
        Amplitudes from data.
    contents : Contents
        What the crystal consists of.

    Returns
    -------
    Reflections
    """
    ratio = scale_ratio(contents, reflections.hkl, reflections.amplitudes)
    text = scale_text(contents, ratio)
    if ratio is not None and not 1.0 / _FAR_OFF <= ratio <= _FAR_OFF:
        factor = 1.0 / math.sqrt(ratio) if ratio > 0.0 else math.inf
        warnings.warn(NbnumbaWarning(f"F is hardly in electrons: {text}; F times {factor:.3g} would be"), stacklevel=2)
    return replace(reflections, facts=(*reflections.facts, ("absolute scale", text)))

"""What a list of reflections covers: completeness, the region around the beam, F(0,0,0), absences, Friedel pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbnumba.models.library import gemmi_library
from nbnumba.models.symmetry import are_absent, contains, sphere

if TYPE_CHECKING:
    from nbnumba.models.reflections import Cell, Fact
    from nbnumba.models.symmetry import SpaceGroup

_SAME = 1e-3
"""Electrons up to which mates have one value: a transform's rounding."""

HOLES = "default_F stands there (0 unless it is set)"


def absence_fact(hkl: np.ndarray, amplitudes: np.ndarray, space_group: SpaceGroup, listed: int) -> Fact:
    """The space group and what it extinguishes.

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices before absences are set to zero.
    amplitudes : ndarray, shape (n,), float64
        Their F, electrons.
    space_group : SpaceGroup
        Symmetry.
    listed : int
        Number of absent reflections that are listed in the end.

    Returns
    -------
    (str, str)
    """
    denied = int((are_absent(hkl, space_group) & (amplitudes > 0.0)).sum())
    replaced = f", {denied} in place of another value" if denied else ""
    return "space group", f"{space_group.name}: {listed} systematic absences are listed with F = 0{replaced}"


def count_facts(hkl: np.ndarray, amplitudes: np.ndarray) -> list[Fact]:
    """Numbers of reflections and Friedel pairs, and F(0,0,0).

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices in P1, sorted.
    amplitudes : ndarray, shape (n,), float64
        F, electrons.

    Returns
    -------
    list of (str, str)
    """
    at_origin = ~hkl.any(axis=1)
    # the mate of the i-th reflection from the start is the i-th from the end: the list is sorted and symmetric
    differ = int((np.abs(amplitudes - amplitudes[::-1]) > _SAME).sum()) // 2
    pairs = (len(hkl) - int(at_origin.sum())) // 2
    forward = f"{float(amplitudes[at_origin][0]):g} electrons" if at_origin.any() else f"not listed: {HOLES}"
    return [
        ("reflections", f"{len(hkl)} in P1, {pairs} Friedel pairs, {differ} of them with two values"),
        ("F(0,0,0)", forward),
    ]


def coverage_facts(hkl: np.ndarray, cell: Cell, space_group: SpaceGroup, d_min: float) -> list[Fact]:
    """Completeness, and what is missing around the beam.

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices in P1.
    cell : tuple of 6 float
        Unit cell, Å and degrees.
    space_group : SpaceGroup
        Symmetry; systematic absences are not missed.
    d_min : float
        Resolution, Å.

    Returns
    -------
    list of (str, str)
    """
    possible = sphere(cell, d_min)
    possible = possible[~are_absent(possible, space_group)]
    missing = possible[~contains(possible, hkl)]
    share = 100.0 * (1.0 - len(missing) / len(possible)) if len(possible) else 100.0
    holes = f"; {len(missing)} are missing: {HOLES}" if len(missing) else ""
    return [
        ("completeness", f"{share:.4g} % of {len(possible)} to {d_min:.4g} Å{holes}"),
        ("low resolution", _low_resolution(possible, missing, cell)),
    ]


def _low_resolution(possible: np.ndarray, missing: np.ndarray, cell: Cell) -> str:
    """Whether the innermost reflections are there."""
    unit_cell = gemmi_library().UnitCell(*cell)
    spacings = unit_cell.calculate_d_array(possible)
    largest = float(spacings.max()) if len(spacings) else 0.0
    lost = unit_cell.calculate_d_array(missing)
    seen = spacings[~contains(possible, missing)]
    first = float(seen.max()) if len(seen) else 0.0
    gap = int((lost > first).sum())
    if not gap:
        return f"no gap: the first reflection, at {largest:.4g} Å, is there"
    return f"gap: {gap} reflections between {largest:.4g} Å and the first one listed, at {first:.4g} Å"

"""Space groups: names, equivalent reflections, systematic absences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.errors import InputFileError, UsageError
from nbnumba.memory import machine_memory
from nbnumba.models.library import gemmi_library

if TYPE_CHECKING:
    import gemmi

    from nbnumba.models.reflections import Cell

EDGE = 1.0 - 1e-6
"""Share of a resolution limit that still counts, so that reflections of exactly that spacing belong to it."""

_BYTES_PER_INDEX = 40
"""Memory for each triple of indices while a box of them is looked through."""


@dataclass(frozen=True)
class SpaceGroup:
    """A space group in one setting.

    Attributes
    ----------
    name : str
        Hermann-Mauguin symbol with its setting (``R 3:H``), or the Hall symbol of a setting without one.
    operations : gemmi.GroupOps
        Symmetry operations and centring vectors.
    """

    name: str
    operations: gemmi.GroupOps


def find_space_group(name: str, cell: Cell | None = None) -> SpaceGroup:
    """The space group that a text means.

    Parameters
    ----------
    name : str
        Hermann-Mauguin symbol, short or long (``P212121``, ``C 1 2 1``, ``R 3:H``), number from 1 to 230, or Hall
        symbol (``P 2ac 2ab``).
    cell : tuple of 6 float or None
        Unit cell, Å and degrees; chooses between hexagonal and rhombohedral axes. None takes hexagonal ones.

    Returns
    -------
    SpaceGroup

    Raises
    ------
    UsageError
        If there is no such space group.
    """
    gemmi = gemmi_library()
    text = name.strip()
    alpha, gamma = (0.0, 0.0) if cell is None else (cell[3], cell[5])
    # gemmi takes 0 for P 1
    is_no_number = not text or (text.isdecimal() and not 1 <= int(text[:4]) <= 230)
    found = None if is_no_number else gemmi.find_spacegroup_by_name(text, alpha, gamma)
    chosen = _by_hall_symbol(text) if found is None else SpaceGroup(found.xhm(), found.operations())
    if chosen is None:
        raise UsageError(
            f"{{spacegroup}} '{_shortened(name)}': is no space group; give its symbol (P212121, 'C 1 2 1', R3:H), "
            "Hall symbol or number from 1 to 230"
        )
    return chosen


def _by_hall_symbol(text: str) -> SpaceGroup | None:
    """The space group of a Hall symbol; one that no table has must state the change of axes that makes it so."""
    gemmi = gemmi_library()
    try:
        operations = gemmi.symops_from_hall(text)
    except (RuntimeError, ValueError):
        return None
    tabulated = gemmi.find_spacegroup_by_ops(operations)
    if tabulated is not None:
        return SpaceGroup(tabulated.xhm(), operations)
    return SpaceGroup(text, operations) if "(" in text else None


def _shortened(text: str) -> str:
    return re.sub(r"\s+", " ", text if len(text) <= 40 else f"{text[:40]}...")


def rotations(space_group: SpaceGroup) -> list[np.ndarray]:
    """The rotations of a space group.

    Parameters
    ----------
    space_group : SpaceGroup
        Symmetry.

    Returns
    -------
    list of ndarray, shape (3, 3), int32
        Each acts on columns of fractional coordinates.
    """
    operations = space_group.operations.sym_ops
    return [np.array(operation.rot, dtype=np.int32) // operation.DEN for operation in operations]


def expand(hkl: np.ndarray, amplitudes: np.ndarray, space_group: SpaceGroup) -> tuple[np.ndarray, np.ndarray]:
    """All reflections that symmetry and Friedel's law make of a list.

    A listed reflection keeps its value; what is not listed takes that of a reflection that the space group makes
    equivalent, and only without one that of the Friedel mate. So anomalous pairs, listed as h and -h, stay apart.

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices; of repeated ones the last counts.
    amplitudes : ndarray, shape (n,), float64
        F, electrons.
    space_group : SpaceGroup
        Symmetry.

    Returns
    -------
    hkl : ndarray, shape (m, 3), int32
        Each index once, sorted by h, then k, then l.
    amplitudes : ndarray, shape (m,), float64
    """
    # reflections transform as rows: h' = h R
    rotated = [hkl[::-1] @ rotation for rotation in rotations(space_group)]
    indices = np.concatenate([hkl[::-1], *rotated, *(-turned for turned in rotated)])
    values = np.tile(amplitudes[::-1], 1 + 2 * len(rotated))
    return _first_of_each(indices, values)


def _first_of_each(hkl: np.ndarray, amplitudes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each reflection once, sorted, with the value that comes first."""
    _, first = np.unique(_keys(hkl), return_index=True)
    return np.ascontiguousarray(hkl[first]), amplitudes[first]


def _keys(hkl: np.ndarray) -> np.ndarray:
    """One int64 for each reflection, in the order of h, then k, then l."""
    bits = 21
    shifted = hkl.astype(np.int64) + (1 << (bits - 1))
    keys: np.ndarray = (shifted[:, 0] << (2 * bits)) + (shifted[:, 1] << bits) + shifted[:, 2]
    return keys


LARGEST_INDEX = (1 << 19) - 1
"""Largest absolute value of a listed Miller index, so that equivalent ones (h + k on hexagonal axes) can be sorted."""


def contains(hkl: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which reflections occur in another list.

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices to look for.
    others : ndarray, shape (m, 3), int32
        The list.

    Returns
    -------
    ndarray, shape (n,), bool
    """
    if not len(others):
        return np.zeros(len(hkl), dtype=bool)
    keys, listed = _keys(hkl), np.sort(_keys(others))
    found: np.ndarray = listed[np.minimum(np.searchsorted(listed, keys), len(listed) - 1)] == keys
    return found


def are_absent(hkl: np.ndarray, space_group: SpaceGroup) -> np.ndarray:
    """Which reflections are extinct by centring, screw axes and glide planes.

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices.
    space_group : SpaceGroup
        Symmetry.

    Returns
    -------
    ndarray, shape (n,), bool
    """
    absent: np.ndarray = space_group.operations.systematic_absences(np.ascontiguousarray(hkl, dtype=np.int32))
    return absent


def with_absences(
    hkl: np.ndarray, amplitudes: np.ndarray, space_group: SpaceGroup, within: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The list with every systematically absent reflection as F = 0, so that none takes the default amplitude.

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices.
    amplitudes : ndarray, shape (n,), float64
        F, electrons; those of absent reflections become 0.
    space_group : SpaceGroup
        Symmetry.
    within : ndarray, shape (m, 3), int32
        Indices among which absent ones are looked for.

    Returns
    -------
    hkl, amplitudes
        Sorted as by `expand`.
    """
    amplitudes = np.where(are_absent(hkl, space_group), 0.0, amplitudes)
    absent = within[are_absent(within, space_group)]
    return _first_of_each(np.concatenate([hkl, absent]), np.concatenate([amplitudes, np.zeros(len(absent))]))


def sphere(cell: Cell, d_min: float) -> np.ndarray:
    """All Miller indices of spacing `d_min` or more, but for 0 0 0.

    Parameters
    ----------
    cell : tuple of 6 float
        Unit cell, Å and degrees.
    d_min : float
        Smallest spacing, Å.

    Returns
    -------
    ndarray, shape (n, 3), int32
    """
    gemmi = gemmi_library()
    everything = gemmi.UnitCell(*cell), gemmi.SpaceGroup("P 1"), d_min * EDGE
    indices: np.ndarray = gemmi.make_miller_array(*everything, unique=False)
    return indices


def box(hkl: np.ndarray, name: str) -> np.ndarray:
    """All Miller indices between the smallest and largest of a list.

    Parameters
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices.
    name : str
        Where they come from, for messages.

    Returns
    -------
    ndarray, shape (m, 3), int32

    Raises
    ------
    InputFileError
        If they would not fit into this machine's memory.
    """
    first, last = hkl.min(axis=0), hkl.max(axis=0)
    shape = [int(size) for size in last.astype(np.int64) - first + 1]
    needed = float(np.prod(np.array(shape, dtype=np.float64))) * _BYTES_PER_INDEX
    if needed > machine_memory():
        raise InputFileError(
            f"{name}: the index ranges ({' x '.join(map(str, shape))}) need {needed / 1e9:.3g} GB, "
            "more than this machine has; check for stray indices"
        )
    return np.asarray(np.indices(shape, dtype=np.int32).reshape(3, -1).T + first)

"""Amplitudes from reflection data: missing values, intensities, anomalous pairs."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.errors import InputFileError, UsageError
from nbnumba.models.assemble import fill_sphere
from nbnumba.models.columns import Choice, choose, find_choices
from nbnumba.models.crystal import cell_text, checked_cell, settle_space_group
from nbnumba.models.density import check_resolution
from nbnumba.models.library import gemmi_library

if TYPE_CHECKING:
    import gemmi

    from nbnumba.models.options import SourceOptions
    from nbnumba.models.reflections import Fact, Reflections

_MISSING_VALUE = -999.0
"""What some programs write for a value that was not measured."""


@dataclass(frozen=True)
class Measured:
    """What a file lists, before symmetry.

    Attributes
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices; the second of an anomalous pair stands at -h.
    amplitudes : ndarray, shape (n,), float64
        F as in the file; square roots of intensities.
    facts : tuple of (str, str)
        What was taken and what was left out.
    """

    hkl: np.ndarray
    amplitudes: np.ndarray
    facts: tuple[Fact, ...]


def measured_reflections(path: str | os.PathLike[str], mtz: gemmi.Mtz, options: SourceOptions) -> Reflections:
    """Amplitudes in P1 of a reflection file.

    Parameters
    ----------
    path : path
        The file, for messages.
    mtz : gemmi.Mtz
        Its content.
    options : SourceOptions
        Column and resolution; what belongs to models is refused.

    Returns
    -------
    Reflections

    Raises
    ------
    UsageError
        If an option is impossible or without effect.
    InputFileError
        If there are no amplitudes, no unit cell or no space group.
    """
    for names, value in (("{k_sol}, {b_sol}", options.solvent), ("{wavelength}", options.wavelength)):
        if value is not None:
            raise UsageError(f"{names}: {path} holds reflection data, and nothing is calculated; leave it out")
    cell = checked_cell(path, mtz.cell)
    named = mtz.spacegroup.xhm() if mtz.spacegroup is not None else mtz.spacegroup_name
    space_group = settle_space_group(path, named, cell, options.spacegroup)
    measured = measured_amplitudes(path, mtz, options.column)
    spacings = gemmi_library().UnitCell(*cell).calculate_d_array(measured.hkl)
    d_min = float(spacings.min())
    check_resolution(d_min, cell, f"{path}: the resolution")
    if options.d_min is not None:
        check_resolution(options.d_min, cell)
        d_min = max(options.d_min, d_min)
    kept = spacings >= d_min
    if not kept.any():
        raise UsageError(f"{{d_min}} {d_min:g}: no reflection of {path} has such a spacing")
    filled = fill_sphere(measured.hkl[kept], measured.amplitudes[kept], cell, space_group, d_min, options.F000)
    return replace(filled, facts=(("cell", cell_text(cell)), *measured.facts, *filled.facts))


def measured_amplitudes(path: str | os.PathLike[str], mtz: gemmi.Mtz, column: str | None) -> Measured:
    """Take amplitudes out of a reflection file.

    Parameters
    ----------
    path : path
        The file, for messages.
    mtz : gemmi.Mtz
        Its content.
    column : str or None
        Label of the column; None chooses by type.

    Returns
    -------
    Measured

    Raises
    ------
    UsageError
        If that column can't be taken.
    InputFileError
        If there is none to take, or no value in it.
    """
    choice = choose(path, mtz.columns, column)
    hkl = mtz.make_miller_array()
    plus = _values(choice, choice.plus, mtz.valm)
    parts = [(hkl, plus)]
    if choice.minus is not None:
        parts.append((-hkl, _values(choice, choice.minus, mtz.valm)))
    indices, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    present = ~np.isnan(values)
    if not present.any():
        raise InputFileError(f"{path}: column {choice.labels} holds no value")
    values = values[present]
    facts = [("column", _column_text(choice, mtz)), ("listed", _listed_text(present, choice))]
    if choice.is_intensity:
        facts.append(("intensities", f"F is the square root; {(values < 0.0).sum()} negative ones count as F = 0"))
        values = np.sqrt(np.maximum(values, 0.0))
    return Measured(np.ascontiguousarray(indices[present]), values, tuple(facts))


def _values(choice: Choice, column: gemmi.Mtz.Column, flag: float) -> np.ndarray:
    """A column with NaN for what was not measured: not finite, flagged, or a negative amplitude."""
    values = np.array(column.array, dtype=np.float64)
    missing = ~np.isfinite(values) | (values == _MISSING_VALUE) | (values == flag)
    if not choice.is_intensity:
        missing |= values < 0.0
    return np.where(missing, np.nan, values)


def _column_text(choice: Choice, mtz: gemmi.Mtz) -> str:
    """What was taken, and what could have been."""
    kind = "intensities" if choice.is_intensity else "amplitudes"
    others = [other.labels for other in find_choices(mtz.columns) if other.plus.label != choice.plus.label]
    also = f"; not taken: {'; '.join(others)}" if others else ""
    return f"{choice.labels} (type {choice.plus.type}, {kind}){also}"


def _listed_text(present: np.ndarray, choice: Choice) -> str:
    """How many values there are; of pairs, how many are halves."""
    flags = "no number, -999" if choice.is_intensity else "no number, -999 or negative"
    text = f"{present.sum()} values; {(~present).sum()} left out ({flags})"
    if choice.minus is None:
        return text
    plus, minus = present[: len(present) // 2], present[len(present) // 2 :]
    halves = (plus ^ minus).sum()
    return f"{text}; {halves} pairs are halves: their mates take the same value" if halves else text

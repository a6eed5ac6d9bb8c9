"""Amplitudes in space group P1, and what there is to say about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Fact = tuple[str, str]
"""Label and text of one line of the report."""

Cell = tuple[float, float, float, float, float, float]
"""a, b, c in Å, alpha, beta, gamma in degrees."""


@dataclass(frozen=True)
class Reflections:
    """Structure-factor amplitudes of a whole sphere (space group P1, both Friedel mates).

    Attributes
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices, each once, sorted by h, then k, then l.
    amplitudes : ndarray, shape (n,), float64
        F, electrons; 0 for systematic absences.
    cell : tuple of 6 float or None
        Unit cell, Å and degrees; None if the source states none.
    facts : tuple of (str, str)
        Label and text of each line of the report.
    """

    hkl: np.ndarray
    amplitudes: np.ndarray
    cell: Cell | None = None
    facts: tuple[Fact, ...] = ()

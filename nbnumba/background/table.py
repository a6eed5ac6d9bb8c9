"""nonBragg's table of F against sin(θ)/λ: what it makes of the points of a file before it reads between them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

PER_METRE = {"stol": 1e10, "4stol": 1e10 / 4, "Q": 1e10 / math.pi / 4}
"""What turns an abscissa in 1/Å into sin(θ)/λ in 1/m: sin(θ)/λ itself, 4 sin(θ)/λ, or Q = 4π sin(θ)/λ."""

_FAR = ((-1e99, -1e98), (1e98, 1e99))
"""sin(θ)/λ of the points that are put before and behind the others, 1/m."""


class PaddedTable(NamedTuple):
    """Points with two far ones at either end, so that four surround any sin(θ)/λ (quirk `stol-extrapolation`).

    Attributes
    ----------
    abscissae, amplitudes : ndarray, shape (n + 4,), float64
        sin(θ)/λ, 1/m, and F, electrons.
    denominators : ndarray, shape (n + 4, 4), float64
        Of Lagrange's cubic through the points ``place - 1`` to ``place + 2``, for each place that has them.
    is_ascending : bool
        Whether the abscissae ascend strictly: only then does a point not depend on those looked up before it.
    """

    abscissae: np.ndarray
    amplitudes: np.ndarray
    denominators: np.ndarray
    is_ascending: bool


def pad_table(points: np.ndarray, per_metre: float) -> PaddedTable:
    """Make nonBragg's table from the points of a file.

    Parameters
    ----------
    points : ndarray, shape (n, 2), float64
        Abscissa in 1/Å and F in electrons, in any order; a missing F is NaN and counts as 0.
    per_metre : float
        Of `PER_METRE`.

    Returns
    -------
    PaddedTable
    """
    given = points[:, 1]
    known = given[~np.isnan(given)]
    first, last = (known[0], known[-1]) if known.size else (0.0, 0.0)
    abscissae = np.concatenate([_FAR[0], points[:, 0] * per_metre, _FAR[1]])
    amplitudes = np.concatenate([[first, first], np.where(np.isnan(given), 0.0, given), [last, last]])
    return PaddedTable(abscissae, amplitudes, _denominators(abscissae), bool(np.all(np.diff(abscissae) > 0.0)))


def _denominators(x: np.ndarray) -> np.ndarray:
    """Lagrange's denominators, multiplied from left to right as in C; zero where four points are not there."""
    products = np.zeros((x.size, 4))
    x0, x1, x2, x3 = x[:-3], x[1:-2], x[2:-1], x[3:]
    products[1:-2] = np.column_stack([
        (x0 - x1) * (x0 - x2) * (x0 - x3), (x1 - x0) * (x1 - x2) * (x1 - x3),
        (x2 - x0) * (x2 - x1) * (x2 - x3), (x3 - x0) * (x3 - x1) * (x3 - x2),
    ])  # fmt: skip
    return products

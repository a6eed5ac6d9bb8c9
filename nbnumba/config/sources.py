"""A list of X-ray sources: its rule, and its wavelengths in Å and in metres without the loss of a bit.

The set-up computes in metres, and nanoBragg's files state metres. Not every float64 in metres is the rounded quotient
of a float64 in Å and 10¹⁰: between 1 and 1.16 Å three of ten are none. What is missing, less than a unit in the last
place, then stands in a column of its own.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from nbnumba.config.arrays import freeze, is_frozen, real_array
from nbnumba.config.rules import LARGEST_NUMBER, Rule, UnfitError

if TYPE_CHECKING:
    import numpy as np

_PER_METRE = 10**10
"""Å."""

_WAVELENGTH, _REST = 4, 5


def sources_from_metres(table: np.ndarray) -> np.ndarray:
    """Sources as `Beam.sources` holds them, from wavelengths in metres.

    Parameters
    ----------
    table : ndarray, shape (n, 5), float64
        X, Y, Z, weight, wavelength in metres; NaN where the default serves.

    Returns
    -------
    ndarray, shape (n, 5) or (n, 6), float64
        The same with wavelengths in Å, and a column of what they leave if one of them leaves anything.
    """
    import numpy as np

    split = np.array([_split(metres) for metres in table[:, _WAVELENGTH].tolist()]).reshape(-1, 2)
    columns = [table[:, :_WAVELENGTH], split if split[:, 1].any() else split[:, :1]]
    return np.concatenate(columns, axis=1)


def sources_in_metres(sources: np.ndarray) -> np.ndarray:
    """The sources of a `Beam` for the set-up.

    Parameters
    ----------
    sources : ndarray, shape (n, 5) or (n, 6), float64
        `Beam.sources`.

    Returns
    -------
    ndarray, shape (n, 5), float64
        X, Y, Z, weight, wavelength in metres; NaN where the default serves.
    """
    table: np.ndarray = sources[:, :_REST].copy()
    table[:, _WAVELENGTH] = [_metres(*row) for row in sources[:, _WAVELENGTH:].tolist()]
    return table


def _split(metres: float) -> tuple[float, float]:
    """A wavelength in Å, and what is to be added to it so that `_metres` gives back every bit."""
    if metres != metres:
        return metres, 0.0
    angstroms = metres * _PER_METRE
    if angstroms / _PER_METRE == metres:
        return angstroms, 0.0
    return angstroms, float(Fraction(metres) * _PER_METRE - Fraction(angstroms))


def _metres(angstroms: float, rest: float = 0.0) -> float:
    """The float64 nearest to a sum in Å, in metres."""
    if rest == 0.0 or angstroms != angstroms:
        return angstroms / _PER_METRE
    return float((Fraction(angstroms) + Fraction(rest)) / _PER_METRE)


def _read(value: Any) -> np.ndarray:
    import numpy as np

    sources = real_array(value, 2)
    if is_frozen(sources) and sources.dtype == np.float64 and sources.shape[1] in (5, 6):
        return sources
    if sources.shape[1] not in (5, 6):
        raise UnfitError(f"must have 5 columns, X Y Z weight wavelength, not {sources.shape[1]}")
    sources = sources.astype(np.float64)
    _refuse(np.abs(sources).max(axis=1, initial=0.0, where=~np.isnan(sources)) > LARGEST_NUMBER, "is too large")
    _refuse(~np.any(sources[:, :3], axis=1), "lies at the sample, 0 0 0: it has no direction")
    # NaN, not given, is not smaller either
    _refuse(sources[:, _WAVELENGTH] < 1.0 / LARGEST_NUMBER, "needs a wavelength above zero")
    if sources.shape[1] > _REST and np.isnan(sources[:, _REST]).any():
        raise UnfitError("must not have NaN in its sixth column")
    return freeze(sources, np.float64)


def _refuse(bad: np.ndarray, reason: str) -> None:
    """Refuse the first of the sources that are bad."""
    if bad.any():
        raise UnfitError(f"row {int(bad.argmax())} {reason}")


SOURCES = Rule("an array of sources", _read)

"""The wavelengths of the beam and how much each carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nbnumba.config.arrays import check_finite, freeze, real_array
from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.config.description import Description
from nbnumba.config.rules import Rule, Rules, UnfitError, optional
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

LONGEST, SHORTEST = 1000.0, 1e-3
"""Å: what lies beyond is a number in another unit."""


def _row(value: Any) -> np.ndarray:
    row = real_array(value, 1)
    check_finite(row)
    return freeze(row, "float64")


def _abscissae(value: Any) -> np.ndarray:
    import numpy as np

    row = _row(value)
    if not (row > 0.0).all():
        raise UnfitError(f"must be above zero, not {row.min():g}")
    steps = np.diff(row)
    if not ((steps > 0.0).all() or (steps < 0.0).all()):
        place = int(np.flatnonzero(steps * steps[0] <= 0.0)[0]) if steps[0] else 0
        raise UnfitError(f"must rise or fall from one to the next: {row[place]:g}, {row[place + 1]:g}")
    return row


def _weights(value: Any) -> np.ndarray:
    row = _row(value)
    if not (row >= 0.0).all():
        raise UnfitError(f"must be zero or more, not {row.min():g}")
    if not row.any():
        raise UnfitError("must not all be 0: nothing shines then")
    return row


@dataclass(frozen=True, eq=False)
class Spectrum(Description):
    """The spectrum of the beam: wavelengths or photon energies, and their weights.

    Attributes
    ----------
    wavelengths : array_like, shape (n,), or None
        Å, in rising or falling order.
    energies : array_like, shape (n,), or None
        eV, in place of the wavelengths.
    weights : array_like, shape (n,), or None
        Of any sum; None means equal ones. They count in exact physics (quirk `weights`).
    """

    wavelengths: np.ndarray | None = None
    energies: np.ndarray | None = None
    weights: np.ndarray | None = None

    RULES: ClassVar[Rules] = {
        "wavelengths": optional(Rule("numbers above zero", _abscissae)),
        "energies": optional(Rule("numbers above zero", _abscissae)),
        "weights": optional(Rule("numbers of zero or more", _weights)),
    }

    def _check(self) -> None:
        if (self.wavelengths is None) == (self.energies is None):
            raise UsageError("{Spectrum}: give either {Spectrum.wavelengths} or {Spectrum.energies}")
        angstroms, field = self.angstroms, "wavelengths" if self.energies is None else "energies"
        if angstroms.max() > LONGEST or angstroms.min() < SHORTEST:
            unit = "Å" if self.energies is None else "eV"
            raise UsageError(
                f"{{Spectrum.{field}}} are read in {unit}: wavelengths from {angstroms.min():g} to "
                f"{angstroms.max():g} Å are no X-rays"
            )
        if self.weights is not None and len(self.weights) != len(angstroms):
            raise UsageError(
                f"{{Spectrum.weights}}: {len(self.weights)} of them for {len(angstroms)} {field}"
            )

    @property
    def angstroms(self) -> np.ndarray:
        """Wavelengths, Å."""
        if self.wavelengths is not None:
            return self.wavelengths
        assert self.energies is not None
        return HC_EV_ANGSTROM / self.energies

    @property
    def shares(self) -> np.ndarray:
        """Weights whose sum is 1."""
        import numpy as np

        weights = np.ones(len(self.angstroms)) if self.weights is None else self.weights
        return np.asarray(weights / weights.sum())

    @property
    def mean(self) -> float:
        """Weighted mean wavelength, Å."""
        return float(self.angstroms @ self.shares)

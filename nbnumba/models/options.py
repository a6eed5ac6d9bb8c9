"""How a file becomes amplitudes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nbnumba.errors import UsageError


@dataclass(frozen=True)
class Solvent:
    """Flat bulk solvent (Jiang & Brünger, J. Mol. Biol. 243, 100, 1994): F += k_sol exp(-b_sol s²/4) F_mask, s = 1/d.

    Attributes
    ----------
    k_sol : float
        Its density, electrons/Å³; 0 leaves it out.
    b_sol : float
        B factor that softens its edge, Å².
    """

    k_sol: float = 0.35
    b_sol: float = 46.0

    def __post_init__(self) -> None:
        check_not_negative("k_sol", self.k_sol)
        check_not_negative("b_sol", self.b_sol)


@dataclass(frozen=True)
class SourceOptions:
    """How a file becomes amplitudes.

    Attributes
    ----------
    d_min : float or None
        Smallest spacing, Å: a model is calculated to it, data are cut there. None takes all data; a model needs it.
    solvent : Solvent or None
        Bulk solvent of a model; None takes the usual one.
    wavelength : float or None
        Å, for f' and f'' of a model; None leaves them out.
    column : str or None
        Column of reflection data; None chooses by type.
    spacegroup : str or None
        Space group, where the file names none.
    F000 : float or None
        F(0,0,0), electrons; None takes what the source says.
    """

    d_min: float | None = None
    solvent: Solvent | None = None
    wavelength: float | None = None
    column: str | None = None
    spacegroup: str | None = None
    F000: float | None = None

    def __post_init__(self) -> None:
        check_positive("d_min", self.d_min)
        check_positive("wavelength", self.wavelength)
        check_not_negative("F000", self.F000)


def check_positive(name: str, value: float | None, unit: str = "Å") -> None:
    """Refuse an amount that is not above zero.

    Parameters
    ----------
    name : str
        Its name, for the message.
    value : float or None
        None is not checked.
    unit : str
        Its unit, for the message.

    Raises
    ------
    UsageError
        If it is zero, negative, infinite or no number.
    """
    if value is not None and not (math.isfinite(value) and value > 0.0):
        raise UsageError(f"{{{name}}} {value:g}: must be a number above zero, in {unit}")


def check_not_negative(name: str, value: float | None) -> None:
    """Refuse an amount below zero.

    Parameters
    ----------
    name : str
        Its name, for the message.
    value : float or None
        None is not checked.

    Raises
    ------
    UsageError
        If it is negative, infinite or no number.
    """
    if value is not None and not (math.isfinite(value) and value >= 0.0):
        raise UsageError(f"{{{name}}} {value:g}: must be a number of zero or more")

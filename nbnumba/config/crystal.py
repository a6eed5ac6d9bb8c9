"""What scatters: unit cell, orientation, size, shape and mosaicity (user units)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from nbnumba.config.arrays import check_finite, freeze, real_array
from nbnumba.config.description import Description
from nbnumba.config.rules import (
    BOOLEAN,
    INTEGER,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    VECTOR,
    Rule,
    Rules,
    UnfitError,
    choice,
    instance,
    optional,
    several,
)
from nbnumba.config.structure_factors import StructureFactors
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import numpy as np


class CrystalShape(Enum):
    """Shape transform of the crystal; the values are the names that nanoBragg prints."""

    SQUARE = "parallelpiped"
    ROUND = "ellipsoidal"
    GAUSS = "gaussian"
    TOPHAT = "tophat-spot"


@dataclass(frozen=True, eq=False)
class UnitCell(Description):
    """Direct unit cell; a length or angle that is None or 0 takes nanoBragg's default.

    Attributes
    ----------
    a, b, c : float
        Cell lengths, Å. Missing b and c equal a.
    alpha, beta, gamma : float or None
        Cell angles, degrees. Missing angles are 90°.
    """

    a: float
    b: float | None = None
    c: float | None = None
    alpha: float | None = None
    beta: float | None = None
    gamma: float | None = None

    RULES: ClassVar[Rules] = {
        "a": POSITIVE,
        **dict.fromkeys(("b", "c", "alpha", "beta", "gamma"), optional(NOT_NEGATIVE)),
    }

    def _check(self) -> None:
        alpha, beta, gamma = (angle or 90.0 for angle in (self.alpha, self.beta, self.gamma))
        total, largest = alpha + beta + gamma, max(alpha, beta, gamma)
        if total >= 360.0 or 2.0 * largest >= total:
            raise UsageError(f"{{UnitCell}}: the angles {alpha:g} {beta:g} {gamma:g} enclose no volume")


def lie_in_a_plane(matrix: np.ndarray) -> bool:
    """Whether the three axes of a matrix span no volume.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3), float64
        Axes in rows or columns.
    """
    import numpy as np

    return bool(np.linalg.det(matrix) == 0.0)


def _matrix(value: Any) -> np.ndarray:
    matrix = real_array(value, 2)
    if matrix.shape != (3, 3):
        raise UnfitError(f"must have 3 rows and 3 columns, not shape {matrix.shape}")
    check_finite(matrix)
    if lie_in_a_plane(matrix):
        raise UnfitError("must have axes that do not lie in a plane")
    return freeze(matrix, "float64")


@dataclass(frozen=True, eq=False)
class Crystal(Description):
    """The crystal and how it is oriented at spindle angle zero.

    Attributes
    ----------
    unit_cell : UnitCell or None
        Direct cell, Å and degrees.
    reciprocal_matrix : array_like, shape (3, 3), or None
        MOSFLM A matrix (rows x, y, z; columns a*, b*, c*), dimensionless: multiplied by the wavelength.
        Takes the place of the orientation that `unit_cell` gives. Kept as a read-only float64 array.
    misset : tuple of 3 float or None
        Rotations of the reciprocal axes about lab x, then y, then z, degrees.
    random_misset : bool
        Draw the missetting angles from `misset_seed` instead.
    misset_seed : int or None
        Seed of the random orientation; None takes the clock.
    cells : tuple of 3 int
        Unit cells along a, b, c; below 1 counts as 1.
    size : tuple of 3 float
        Crystal size along a, b, c, mm; a positive size sets the number of cells along that axis.
    shape : CrystalShape or str
        Shape transform.
    fudge : float
        Scale of the squared spot radius (ROUND, GAUSS, TOPHAT).
    mosaic_spread : float or None
        Mosaic spread, degrees; negative counts as not given.
    mosaic_domains : int or None
        Number of mosaic domains; below 1 counts as not given.
    mosaic_seed : int
        Seed of the domain orientations.
    structure_factors : StructureFactors or None
        Amplitudes on a grid; None uses `default_F` everywhere.
    default_F : float
        Amplitude of reflections outside the grid, electrons.
    interpolate : bool or None
        Tricubic interpolation between Miller indices; None decides by the number of cells.
    """

    unit_cell: UnitCell | None = None
    reciprocal_matrix: np.ndarray | None = None
    misset: tuple[float, float, float] | None = None
    random_misset: bool = False
    misset_seed: int | None = None
    cells: tuple[int, int, int] = (1, 1, 1)
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shape: CrystalShape = CrystalShape.SQUARE
    fudge: float = 1.0
    mosaic_spread: float | None = None
    mosaic_domains: int | None = None
    mosaic_seed: int = 12345678
    structure_factors: StructureFactors | None = None
    default_F: float = 0.0  # noqa: N815  (F is the field's symbol)
    interpolate: bool | None = None

    RULES: ClassVar[Rules] = {
        "unit_cell": optional(instance(UnitCell)),
        "reciprocal_matrix": optional(Rule("a matrix", _matrix)),
        "misset": optional(VECTOR),
        "random_misset": BOOLEAN,
        "misset_seed": optional(INTEGER),
        "cells": several(3, INTEGER),
        "size": several(3, NOT_NEGATIVE),
        "shape": choice(CrystalShape),
        "fudge": NOT_NEGATIVE,
        "mosaic_spread": optional(NUMBER),
        "mosaic_domains": optional(INTEGER),
        "mosaic_seed": INTEGER,
        "structure_factors": optional(instance(StructureFactors)),
        "default_F": NUMBER,
        "interpolate": optional(BOOLEAN),
    }

"""What scatters: unit cell, orientation, size, shape and mosaicity (user units)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from nbnumba.config.arrays import check_finite, freeze, real_array
from nbnumba.config.description import Description
from nbnumba.config.orientation import Orientation, check_rotations
from nbnumba.config.rules import (
    BOOLEAN,
    INTEGER,
    LARGEST_NUMBER,
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


_FLATTEST = 1e-6
"""Volume of a cell over the product of its edges: that of real cells is above 0.1, files state some seven digits."""


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
    """Whether the three axes of a matrix span no volume, but for what rounded digits make of one.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3), float64
        Axes in columns.
    """
    import numpy as np

    # numbers of one size, so that no product leaves the range of a double
    scaled = matrix / max(float(np.abs(matrix).max()), 1.0 / LARGEST_NUMBER)
    volume, edges = abs(np.linalg.det(scaled)), np.linalg.norm(scaled, axis=0)
    return bool(volume <= _FLATTEST * edges.prod())


def _matrix(value: Any) -> np.ndarray:
    matrix = real_array(value, 2)
    if matrix.shape != (3, 3):
        raise UnfitError(f"must have 3 rows and 3 columns, not shape {matrix.shape}")
    check_finite(matrix)
    if lie_in_a_plane(matrix):
        raise UnfitError("must have axes that do not lie in a plane")
    return freeze(matrix, "float64")


class MosaicDistribution(Enum):
    """How the rotations of mosaic domains are distributed; none prefers an axis unless there are three spreads.

    NANOBRAGG: by up to the spread, most of them by nearly as much. BALL: rotation vectors uniform in a ball whose
    radius is the spread. GAUSSIAN: the components of rotation vectors are normal, the spread their standard deviation.
    """

    NANOBRAGG = "nanobragg"
    BALL = "ball"
    GAUSSIAN = "gaussian"


def _count(value: Any) -> float:
    number: float = NUMBER.read(value)
    return INTEGER.read(value) if number == int(number) else number


def _spread(value: Any) -> Any:
    if isinstance(value, str) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0:
        return NUMBER.read(value)
    return several(3, NOT_NEGATIVE).read(value)


def _rotations(value: Any) -> np.ndarray:
    matrices = real_array(value, 3)
    if matrices.shape[1:] != (3, 3):
        raise UnfitError(f"must have the shape (n, 3, 3), not {matrices.shape}")
    check_finite(matrices)
    check_rotations(matrices.astype(float))
    return freeze(matrices, "float64")


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
    cells : tuple of 3 numbers
        Unit cells along a, b, c; below 1 counts as 1. Round, Gaussian and top-hat crystals of exact physics may have
        fractions of a cell.
    size : tuple of 3 float
        Crystal size along a, b, c, mm; a positive size sets the number of cells along that axis.
    shape : CrystalShape or str
        Shape transform.
    fudge : float
        Scale of the squared spot radius (ROUND, GAUSS, TOPHAT).
    orientation : Orientation or None
        How the crystal lies, in place of missets: a rotation of the default setting of `unit_cell`, or of what
        `reciprocal_matrix` gives.
    mosaic_spread : float or None, or 3 of them
        Mosaic spread, degrees; negative counts as not given. Three are those about a, b and c.
    mosaic_domains : int or None
        Number of mosaic domains; below 1 counts as not given.
    mosaic_seed : int
        Seed of the domain orientations.
    mosaic_distribution : MosaicDistribution or str
        How the rotations of the domains are distributed.
    mosaic_rotations : array_like, shape (n, 3, 3), or None
        Rotations of the domains, active, in the lab at spindle angle zero; in place of all that describes them.
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
    orientation: Orientation | None = None
    cells: tuple[float, float, float] = (1, 1, 1)
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shape: CrystalShape = CrystalShape.SQUARE
    fudge: float = 1.0
    mosaic_spread: float | tuple[float, float, float] | None = None
    mosaic_domains: int | None = None
    mosaic_seed: int = 12345678
    mosaic_distribution: MosaicDistribution = MosaicDistribution.NANOBRAGG
    mosaic_rotations: np.ndarray | None = None
    structure_factors: StructureFactors | None = None
    default_F: float = 0.0  # noqa: N815  (F is the field's symbol)
    interpolate: bool | None = None

    RULES: ClassVar[Rules] = {
        "unit_cell": optional(instance(UnitCell)),
        "reciprocal_matrix": optional(Rule("a matrix", _matrix)),
        "misset": optional(VECTOR),
        "random_misset": BOOLEAN,
        "misset_seed": optional(INTEGER),
        "orientation": optional(instance(Orientation)),
        "cells": several(3, Rule("a number", _count)),
        "size": several(3, NOT_NEGATIVE),
        "shape": choice(CrystalShape),
        "fudge": NOT_NEGATIVE,
        "mosaic_spread": optional(Rule("a number, or three", _spread)),
        "mosaic_domains": optional(INTEGER),
        "mosaic_seed": INTEGER,
        "mosaic_distribution": choice(MosaicDistribution),
        "mosaic_rotations": optional(Rule("rotation matrices", _rotations)),
        "structure_factors": optional(instance(StructureFactors)),
        "default_F": NUMBER,
        "interpolate": optional(BOOLEAN),
    }

    def _check(self) -> None:
        if self.orientation is not None and (self.misset is not None or self.random_misset):
            raise UsageError("{Crystal.orientation} and {Crystal.misset} both say how the crystal lies; give one")
        if self.mosaic_rotations is not None and (self.mosaic_spread is not None or self.mosaic_domains is not None):
            raise UsageError("{Crystal.mosaic_rotations} are the domains: leave their spread and their number out")
        if isinstance(self.mosaic_spread, tuple) and self.mosaic_distribution is MosaicDistribution.NANOBRAGG:
            raise UsageError(
                "{Crystal.mosaic_spread}: three spreads need a {Crystal.mosaic_distribution}, ball or gaussian"
            )

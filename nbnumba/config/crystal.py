"""What scatters: unit cell, orientation, size, shape, mosaicity and structure factors (user units)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class CrystalShape(Enum):
    """Shape transform of the crystal; the values are the names that nanoBragg prints."""

    SQUARE = "parallelpiped"
    ROUND = "ellipsoidal"
    GAUSS = "gaussian"
    TOPHAT = "tophat-spot"


@dataclass(frozen=True)
class UnitCell:
    """Direct unit cell; a length or angle that is None or not positive takes nanoBragg's default.

    Attributes
    ----------
    a, b, c : float or None
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


@dataclass(frozen=True)
class StructureFactors:
    """Structure-factor amplitudes on a dense grid of Miller indices.

    Attributes
    ----------
    amplitudes : ndarray, shape (h_range + 1, k_range + 1, l_range + 1), float64
        Amplitude F, electrons; the last plane along each axis is padding.
    h_min, k_min, l_min : int
        Miller indices of ``amplitudes[0, 0, 0]``.
    reflections : int or None
        Number of reflections that the grid was made from; None when unknown, as for a binary cache.
    """

    amplitudes: np.ndarray
    h_min: int
    k_min: int
    l_min: int
    reflections: int | None = None

    @property
    def h_range(self) -> int:
        """Number of h planes held (without the padding)."""
        return self.amplitudes.shape[0] - 1

    @property
    def k_range(self) -> int:
        """Number of k planes held (without the padding)."""
        return self.amplitudes.shape[1] - 1

    @property
    def l_range(self) -> int:
        """Number of l planes held (without the padding)."""
        return self.amplitudes.shape[2] - 1

    @property
    def count(self) -> int:
        """Number of reflections, or of grid points inside the index range when that is unknown."""
        if self.reflections is not None:
            return self.reflections
        return self.h_range * self.k_range * self.l_range


@dataclass(frozen=True)
class Crystal:
    """The crystal and how it is oriented at spindle angle zero.

    Attributes
    ----------
    unit_cell : UnitCell or None
        Direct cell, Å and degrees.
    reciprocal_matrix : ndarray, shape (3, 3), float64, or None
        MOSFLM A matrix (rows x, y, z; columns a*, b*, c*), dimensionless: multiplied by the wavelength.
        Takes the place of the orientation that `unit_cell` gives.
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
    shape : CrystalShape
        Shape transform.
    fudge : float
        Scale of the squared spot radius (ROUND, GAUSS, TOPHAT).
    mosaic_spread : float or None
        Mosaic spread, degrees.
    mosaic_domains : int or None
        Number of mosaic domains.
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

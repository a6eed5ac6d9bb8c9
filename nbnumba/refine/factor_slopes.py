"""Derivatives by the structure factors of single reflections, as a sparse matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbnumba.engine.factor_slopes import factor_slopes
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    from nbnumba.engine.derivatives import PixelList
    from nbnumba.kernels.params import Factors, KernelParams


class StructureFactorSlopes(NamedTuple):
    """Derivatives of pixels by the amplitudes of reflections.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array, shape (n, m), float64
        Photons per electron: a row for each pixel, a column for each reflection.
    miller_index : ndarray, shape (m, 3), int64
        Of each column, ascending.
    """

    matrix: Any
    miller_index: np.ndarray


def structure_factor_slopes(params: KernelParams, pixels: PixelList, threads: int) -> StructureFactorSlopes:
    """Derivatives of pixels by each reflection that reaches them.

    Parameters
    ----------
    params : KernelParams
        Of exact physics.
    pixels : PixelList
    threads : int

    Raises
    ------
    UsageError
        If there is no table of structure factors, or it is interpolated.
    """
    from scipy.sparse import csr_array

    factors = params.factors
    check_table(factors)
    found = factor_slopes(params, pixels, threads)
    positions, columns = np.unique(found.positions, return_inverse=True)
    first = np.concatenate([[0], np.cumsum(found.counts)])
    ordered = csr_array((found.values, columns.reshape(-1), first), shape=(len(found.counts), len(positions)))
    matrix = ordered[np.argsort(pixels.place)]
    matrix.sort_indices()
    return StructureFactorSlopes(matrix, _miller_index(factors, positions))


def check_table(factors: Factors) -> None:
    """Refuse amplitudes that are no reflection's own.

    Parameters
    ----------
    factors : Factors

    Raises
    ------
    UsageError
        If there is no table of structure factors, or it is interpolated.
    """
    if not factors.has_amplitudes:
        raise UsageError(
            "{Crystal.structure_factors}: derivatives by reflections are those of a table of amplitudes; give one"
        )
    if factors.interpolate:
        raise UsageError(
            "{Crystal.interpolate}: interpolated amplitudes are no reflection's own; derivatives by reflections go "
            "with {Crystal.interpolate=False}"
        )


def _miller_index(factors: Factors, positions: np.ndarray) -> np.ndarray:
    place = np.unravel_index(positions, (factors.h_size, factors.k_size, factors.l_size))
    return np.column_stack(place).astype(np.int64) + [factors.h_min, factors.k_min, factors.l_min]

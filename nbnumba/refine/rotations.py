"""Rotation vectors, and how rotations and cells change with their parameters."""

from __future__ import annotations

import numpy as np

from nbnumba.setup.mosaic import rotation_matrices


def rotation(vector: np.ndarray) -> np.ndarray:
    """The rotation of a rotation vector.

    Parameters
    ----------
    vector : ndarray, shape (3,), float64
        Axis times angle, radians.

    Returns
    -------
    ndarray, shape (3, 3), float64
    """
    return rotation_matrices(np.asarray(vector, dtype=np.float64)[None])[0]


def crossing(vectors: np.ndarray) -> np.ndarray:
    """The matrices that take vector products from the left.

    Parameters
    ----------
    vectors : ndarray, shape (..., 3), float64

    Returns
    -------
    ndarray, shape (..., 3, 3), float64
    """
    x, y, z = np.moveaxis(np.asarray(vectors, dtype=np.float64), -1, 0)
    zero = np.zeros_like(x)
    rows = [np.stack(row, axis=-1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    return np.stack(rows, axis=-2)


def turning_rates(vectors: np.ndarray) -> np.ndarray:
    """How rotations turn when their rotation vectors change: the left Jacobian of SO(3).

    With r the vector of R and dr its change, R turns by J·dr: dR = [J·dr]× R (G. Chirikjian, Stochastic Models,
    Information Theory, and Lie Groups 2, section 10.6.1).

    Parameters
    ----------
    vectors : ndarray, shape (n, 3), float64
        Axis times angle, radians.

    Returns
    -------
    ndarray, shape (n, 3, 3), float64
    """
    angle = np.linalg.norm(vectors, axis=-1)[:, None, None]
    across = crossing(vectors)
    small = angle < 1e-2
    safe = np.where(small, 1.0, angle)
    squared = angle * angle
    # series for small angles, to a rounding
    first = np.where(small, 0.5 - squared / 24.0 + squared**2 / 720.0, (1.0 - np.cos(safe)) / safe**2)
    second = np.where(small, 1 / 6 - squared / 120.0 + squared**2 / 5040.0, (safe - np.sin(safe)) / safe**3)
    return np.asarray(np.eye(3) + first * across + second * (across @ across))


def default_axes(cell: np.ndarray) -> np.ndarray:
    """Rows a, b, c of a cell in nanoBragg's default setting, a* along x and b* in the plane of x and y.

    Parameters
    ----------
    cell : ndarray, shape (6,), float64
        Lengths, Å, and angles, radians.

    Returns
    -------
    ndarray, shape (3, 3), float64
        Å.
    """
    metric = _metric(cell)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(np.linalg.inv(metric)).T))


def default_axes_slopes(cell: np.ndarray) -> np.ndarray:
    """Derivatives of `default_axes` by the six constants of the cell.

    Parameters
    ----------
    cell : ndarray, shape (6,), float64
        As in `default_axes`.

    Returns
    -------
    ndarray, shape (6, 3, 3), float64
        Å per Å and per radian.
    """
    axes = default_axes(cell)
    reciprocal = np.linalg.inv(axes)
    slopes = []
    for change in _metric_slopes(cell):
        # with G⁻¹ = BᵀB, B upper triangular, dB·B⁻¹ is the upper half of B⁻ᵀ·dG⁻¹·B⁻¹ = -B·dG·Bᵀ
        inner = -reciprocal @ change @ reciprocal.T
        upper = np.triu(inner, 1) + 0.5 * np.diag(np.diag(inner))
        slopes.append(-axes @ upper)
    return np.array(slopes)


def _metric(cell: np.ndarray) -> np.ndarray:
    lengths, cosines = cell[:3], np.cos(cell[3:])
    return np.outer(lengths, lengths) * _angles_matrix(cosines, 1.0)


def _angles_matrix(values: np.ndarray, diagonal: float) -> np.ndarray:
    alpha, beta, gamma = values
    return np.array([[diagonal, gamma, beta], [gamma, diagonal, alpha], [beta, alpha, diagonal]])


def _metric_slopes(cell: np.ndarray) -> np.ndarray:
    """Derivatives of the metric matrix by the cell."""
    lengths, angles = cell[:3], cell[3:]
    shape = _angles_matrix(np.cos(angles), 1.0)
    edges = np.outer(lengths, lengths)
    by_lengths = [(np.outer(unit, lengths) + np.outer(lengths, unit)) * shape for unit in np.eye(3)]
    by_angles = [edges * _angles_matrix(-np.sin(angles) * unit, 0.0) for unit in np.eye(3)]
    return np.array(by_lengths + by_angles)

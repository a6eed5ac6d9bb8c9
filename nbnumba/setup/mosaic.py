"""Random rotations: mosaic domains on a spherical cap, and the random crystal orientation."""

from __future__ import annotations

import math

import numpy as np

from nbnumba.c_random import powf32, ran1, ran1_state
from nbnumba.setup.vectors import Matrix, Vector, magnitude

IDENTITY: Matrix = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

_THIRD = np.float32(1.0 / 3.0)


def _random_rotation(cap: float, state: np.ndarray) -> Matrix:
    """A rotation about a random axis by an angle up to `cap` radians, rounded to float32 where nanoBragg does."""
    r1 = 2.0 * float(ran1.py_func(state)) - 1.0
    r2 = 2.0 * float(ran1.py_func(state)) - 1.0
    r3 = 2.0 * float(ran1.py_func(state)) - 1.0
    radius = math.sqrt(1.0 - r2 * r2)
    angle = float(np.float32(cap) * powf32(np.float32(1.0 - r3 * r3), _THIRD))
    return _axis_angle_matrix((radius * math.sin(math.pi * r1), radius * math.cos(math.pi * r1), r2), angle)


def _axis_angle_matrix(axis: Vector, angle: float) -> Matrix:
    """Rotation matrix, row major, of a right-handed rotation about a unit axis."""
    x, y, z = axis
    cosine, sine = math.cos(angle), math.sin(angle)
    versine = 1.0 - cosine
    xy, xz, yz = versine * x * y, versine * x * z, versine * y * z
    return (
        cosine + versine * (x * x), xy - sine * z, xz + sine * y,
        xy + sine * z, cosine + versine * (y * y), yz - sine * x,
        xz - sine * y, yz + sine * x, cosine + versine * (z * z),
    )  # fmt: skip


def mosaic_rotations(spread: float, domains: int, seed: int) -> np.ndarray:
    """Rotations of the mosaic domains; the first domain is not rotated.

    Parameters
    ----------
    spread : float
        Mosaic spread, radians: the largest rotation angle.
    domains : int
        Number of domains.
    seed : int
        Seed of the generator, as the user writes it.

    Returns
    -------
    ndarray, shape (domains, 9), float64
        Row-major rotation matrices, lab frame.
    """
    state = ran1_state(-seed)
    matrices = [_random_rotation(spread, state) for _ in range(domains)]
    return np.array([IDENTITY, *matrices[1:]], dtype=np.float64)


def random_misset(seed: int) -> Vector:
    """Missetting angles of a random orientation (quirk `misset-random`: the cap is 90 radians).

    Parameters
    ----------
    seed : int
        Seed of the generator, as the user writes it.

    Returns
    -------
    vector
        Rotations about lab x, y, z, radians.
    """
    return _misset_angles(_random_rotation(90.0, ran1_state(-seed)))


def _normalized(row: Vector) -> Vector:
    length = magnitude(row)
    return (row[0] / length, row[1] / length, row[2] / length) if length > 0 else row


def _misset_angles(matrix: Matrix) -> Vector:
    """Rotations about x, then y, then z that make up a rotation matrix."""
    x, y, z = (_normalized(_normalized((matrix[i], matrix[i + 1], matrix[i + 2]))) for i in (0, 3, 6))
    if z[0] * z[0] < 1.0:
        return (
            math.atan2(z[1], z[2]),
            math.atan2(-z[0], math.sqrt(z[1] * z[1] + z[2] * z[2])),
            math.atan2(y[0], x[0]),
        )
    return (math.pi, math.pi / 2, math.atan2(x[1], -y[1]))

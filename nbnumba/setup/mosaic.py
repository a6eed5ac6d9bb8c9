"""Random rotations: mosaic domains on a spherical cap, and the random crystal orientation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nbnumba.config import MosaicDistribution
from nbnumba.config.arrays import for_kernels
from nbnumba.numerics.c_random import powf32, ran1, ran1_state, seed_again
from nbnumba.numerics.jit import device_jit, jit
from nbnumba.setup.sampling import mosaic_domain_count
from nbnumba.setup.units import DEGREES_PER_RADIAN, given
from nbnumba.setup.vectors import Vector, magnitude, unit

if TYPE_CHECKING:
    from nbnumba.config import Crystal
    from nbnumba.setup.model import Lattice, Model

_THIRD = np.float32(1.0 / 3.0)


@jit
def _fill_rotations(cap: float, state: np.ndarray, matrices: np.ndarray) -> None:
    """Rotations about random axes by angles up to `cap` radians, rounded to float32 where nanoBragg does."""
    for i in range(matrices.shape[0]):
        r1 = 2.0 * np.float64(ran1(state)) - 1.0
        r2 = 2.0 * np.float64(ran1(state)) - 1.0
        r3 = 2.0 * np.float64(ran1(state)) - 1.0
        radius = math.sqrt(1.0 - r2 * r2)
        angle = np.float64(np.float32(cap) * powf32(np.float32(1.0 - r3 * r3), _THIRD))
        _axis_angle_matrix(radius * math.sin(math.pi * r1), radius * math.cos(math.pi * r1), r2, angle, matrices[i])


@device_jit
def _axis_angle_matrix(x: float, y: float, z: float, angle: float, matrix: np.ndarray) -> None:
    """Rotation matrix, row major, of a right-handed rotation about a unit axis."""
    cosine, sine = math.cos(angle), math.sin(angle)
    versine = 1.0 - cosine
    xy, xz, yz = versine * x * y, versine * x * z, versine * y * z
    matrix[0], matrix[1], matrix[2] = cosine + versine * (x * x), xy - sine * z, xz + sine * y
    matrix[3], matrix[4], matrix[5] = xy + sine * z, cosine + versine * (y * y), yz - sine * x
    matrix[6], matrix[7], matrix[8] = xz - sine * y, yz + sine * x, cosine + versine * (z * z)


def mosaic_rotations(spread: float, domains: int, seed: int, state: np.ndarray) -> np.ndarray:
    """Rotations of the mosaic domains; the first domain is not rotated.

    Parameters
    ----------
    spread : float
        Mosaic spread, radians: the largest rotation angle.
    domains : int
        Number of domains.
    seed : int
        Seed of the generator, as the user writes it.
    state : ndarray, shape (34,), int64
        The generator, from `ran1_state`; changed.

    Returns
    -------
    ndarray, shape (domains, 9), float64
        Row-major rotation matrices, lab frame.
    """
    seed_again(state, -seed)
    matrices = np.empty((domains, 9), dtype=np.float64)
    _fill_rotations(spread, state, matrices)
    matrices[0] = np.eye(3).ravel()
    return matrices


class Mosaic(NamedTuple):
    """What the mosaicity comes to."""

    spread: float  # radians; the largest of three
    domains: int
    turned: bool  # whether domains differ from the crystal at all


def plan_mosaic(crystal: Crystal) -> tuple[Mosaic, str | None]:
    """Mosaic spread and number of domains.

    Parameters
    ----------
    crystal : Crystal

    Returns
    -------
    mosaic : Mosaic
    warning : str or None
        What was changed against the user's word.
    """
    if crystal.mosaic_rotations is not None:
        return Mosaic(0.0, len(crystal.mosaic_rotations), True), None
    given_spread = crystal.mosaic_spread
    largest = max(given_spread) if isinstance(given_spread, tuple) else given_spread
    spread, domains, warning = mosaic_domain_count(given(largest, DEGREES_PER_RADIAN), crystal.mosaic_domains)
    return Mosaic(spread, domains, spread > 0.0), warning


def turn_domains(crystal: Crystal, mosaic: Mosaic, lattice: Lattice, state: np.ndarray) -> np.ndarray:
    """Rotations of the mosaic domains, by the crystal's own word.

    Parameters
    ----------
    crystal : Crystal
    mosaic : Mosaic
        From `plan_mosaic`.
    lattice : Lattice
        At spindle angle zero: three spreads are about its a, b and c.
    state : ndarray, shape (34,), int64
        nanoBragg's generator; changed if that is what draws.

    Returns
    -------
    ndarray, shape (domains, 9), float64
        Row-major rotation matrices, lab frame.
    """
    if crystal.mosaic_rotations is not None:
        return for_kernels(crystal.mosaic_rotations).reshape(-1, 9)
    if mosaic.domains == 1:
        # the first is never turned: nothing has to be drawn, nor compiled
        return np.eye(3).reshape(1, 9)
    if crystal.mosaic_distribution is MosaicDistribution.NANOBRAGG:
        return mosaic_rotations(mosaic.spread, mosaic.domains, crystal.mosaic_seed, state)
    vectors = domain_vectors(crystal, mosaic.domains)
    return rotation_matrices(vectors @ _spread_axes(crystal, mosaic, lattice)).reshape(-1, 9)


def domain_vectors(crystal: Crystal, domains: int) -> np.ndarray:
    """What the seed draws for mosaic domains of a ball or a normal distribution, before spreads multiply it.

    Parameters
    ----------
    crystal : Crystal
    domains : int

    Returns
    -------
    ndarray, shape (domains, 3), float64
        Rotation vectors of a unit spread, or about the three axes of it.
    """
    random = np.random.default_rng(crystal.mosaic_seed % 2**64)
    vectors = random.standard_normal((domains, 3))
    if crystal.mosaic_distribution is MosaicDistribution.BALL:
        radii = random.random(domains) ** (1.0 / 3.0)
        vectors *= (radii / np.linalg.norm(vectors, axis=1))[:, None]
    return vectors


def _spread_axes(crystal: Crystal, mosaic: Mosaic, lattice: Lattice) -> np.ndarray:
    """Rows: the rotation vector of one spread about each axis, radians."""
    if not isinstance(crystal.mosaic_spread, tuple):
        return mosaic.spread * np.eye(3)
    axes = np.array([unit(lattice.a), unit(lattice.b), unit(lattice.c)])
    return np.asarray(np.radians(crystal.mosaic_spread)[:, None] * axes)


def rotation_matrices(vectors: np.ndarray) -> np.ndarray:
    """Rotations from rotation vectors (Rodrigues' formula).

    Parameters
    ----------
    vectors : ndarray, shape (n, 3), float64
        Axis times angle, radians.

    Returns
    -------
    ndarray, shape (n, 3, 3), float64
        Active, right-handed.
    """
    angles = np.linalg.norm(vectors, axis=1)
    x, y, z = (vectors / np.where(angles > 0.0, angles, 1.0)[:, None]).T
    zero = np.zeros_like(x)
    across = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]).transpose(2, 0, 1)
    sine, versine = np.sin(angles)[:, None, None], (2.0 * np.sin(angles / 2.0) ** 2)[:, None, None]
    return np.asarray(np.eye(3) + sine * across + versine * (across @ across))


def random_misset(seed: int, state: np.ndarray) -> Vector:
    """Missetting angles of a random orientation (quirk `misset-random`: the cap is 90 radians).

    Parameters
    ----------
    seed : int
        Seed of the generator, as the user writes it.
    state : ndarray, shape (34,), int64
        The generator, from `ran1_state`; changed.

    Returns
    -------
    vector
        Rotations about lab x, y, z, radians.
    """
    seed_again(state, -seed)
    matrices = np.empty((1, 9), dtype=np.float64)
    _fill_rotations(90.0, state, matrices)
    return _misset_angles(matrices[0].tolist())


def uniform_orientation(seed: int, state: np.ndarray) -> Vector:
    """Missetting angles of a random orientation, uniform on SO(3) (K. Shoemake, Graphics Gems III, 124 (1992)).

    Parameters
    ----------
    seed, state
        As in `random_misset`: three numbers are drawn, as there.

    Returns
    -------
    vector
        Rotations about lab x, y, z, radians.
    """
    seed_again(state, -seed)
    return next_orientation(state)


def next_orientation(state: np.ndarray) -> Vector:
    """The orientation that a generator draws next; see `uniform_orientation`.

    Parameters
    ----------
    state : ndarray, shape (34,), int64
        The generator, from `ran1_state`; changed.
    """
    drawn = np.empty(3)
    _draw(state, drawn)
    return _misset_angles(quaternion_matrix(_shoemake(*drawn.tolist())))


@jit
def _draw(state: np.ndarray, numbers: np.ndarray) -> None:
    for i in range(numbers.size):
        numbers[i] = ran1(state)


def _shoemake(u1: float, u2: float, u3: float) -> tuple[float, float, float, float]:
    """Quaternion x, y, z, w from three uniform numbers."""
    long, short = math.sqrt(1.0 - u1), math.sqrt(u1)
    return (
        long * math.sin(2.0 * math.pi * u2), long * math.cos(2.0 * math.pi * u2),
        short * math.sin(2.0 * math.pi * u3), short * math.cos(2.0 * math.pi * u3),
    )  # fmt: skip


def quaternion_matrix(quaternion: tuple[float, float, float, float]) -> list[float]:
    """Rotation matrix of a unit quaternion.

    Parameters
    ----------
    quaternion : tuple of 4 float
        x, y, z, w.

    Returns
    -------
    list of 9 float
        Row major.
    """
    x, y, z, w = quaternion
    return [
        1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w),
        2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w),
        2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y),
    ]  # fmt: skip


def generator_after_setup(model: Model) -> np.ndarray:
    """nanoBragg's generator behind the draws of the set-up; noise with a negative seed goes on with it.

    Parameters
    ----------
    model : Model

    Returns
    -------
    ndarray, shape (34,), int64
        State of `ran1`.
    """
    state = ran1_state(0)
    if model.misset_seed is not None:
        random_orientation(model.misset_seed, state, model.experiment.physics.fixes)
    mosaic_rotations(model.mosaic_spread, len(model.mosaic_umats), model.experiment.crystal.mosaic_seed, state)
    return state


def random_orientation(seed: int, state: np.ndarray, fixes: frozenset[str]) -> Vector:
    """Missetting angles of a random orientation, nanoBragg's or uniform (quirk `misset-random`).

    Parameters
    ----------
    seed, state
        As in `random_misset`.
    fixes : frozenset of str
        Quirks that are switched off.
    """
    return (uniform_orientation if "misset-random" in fixes else random_misset)(seed, state)


def _normalized(row: Vector) -> Vector:
    length = magnitude(row)
    return (row[0] / length, row[1] / length, row[2] / length) if length > 0 else row


def _misset_angles(matrix: list[float]) -> Vector:
    """Rotations about x, then y, then z that make up a rotation matrix."""
    x, y, z = (_normalized(_normalized((matrix[i], matrix[i + 1], matrix[i + 2]))) for i in (0, 3, 6))
    if z[0] * z[0] < 1.0:
        return (
            math.atan2(z[1], z[2]),
            math.atan2(-z[0], math.sqrt(z[1] * z[1] + z[2] * z[2])),
            math.atan2(y[0], x[0]),
        )
    return (math.pi, math.pi / 2, math.atan2(x[1], -y[1]))

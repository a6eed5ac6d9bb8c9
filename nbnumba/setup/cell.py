"""Unit cell, reciprocal lattice and crystal orientation."""

from __future__ import annotations

import math
import sys

from nbnumba.setup.model import Lattice
from nbnumba.setup.vectors import Vector, cross, dot, magnitude, rescale, rotate_xyz, scale

TINY = sys.float_info.min
"""What nanoBragg puts in place of a volume or length that comes out as zero."""


def complete_cell(cell: tuple[float | None, ...]) -> tuple[float, float, float, float, float, float]:
    """Fill in a cell whose later numbers are missing: lengths equal a, angles are right.

    Parameters
    ----------
    cell : tuple of 6 (float or None)
        a, b, c in Å, angles in radians; None or not positive means missing.

    Returns
    -------
    tuple of 6 float
        The complete cell, Å and radians.
    """
    a = cell[0] or 0.0
    lengths = [value if value is not None and value > 0.0 else a for value in cell[1:3]]
    angles = [value if value is not None and value > 0.0 else math.pi / 2 for value in cell[3:6]]
    return (a, lengths[0], lengths[1], angles[0], angles[1], angles[2])


def cell_volume(cell: tuple[float, float, float, float, float, float]) -> float:
    """Volume of the direct cell, Å³ (zero when the angles can't enclose one).

    Parameters
    ----------
    cell : tuple of 6 float
        Lengths in Å, angles in radians.
    """
    a, b, c, alpha, beta, gamma = cell
    half = (alpha + beta + gamma) / 2
    skew = math.sin(half) * math.sin(half - alpha) * math.sin(half - beta) * math.sin(half - gamma)
    return 2.0 * a * b * c * math.sqrt(abs(skew))


def _clamp_sine(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _clamp_cosine(value: float) -> float:
    """nanoBragg turns every cosine outside [-1, 1] into +1, negative ones too."""
    return 1.0 if value * value > 1.0 else value


def reciprocal_metric(a_star: Vector, b_star: Vector, c_star: Vector) -> tuple[float, ...]:
    """Coefficients of the squared length of h·a* + k·b* + l·c* as a sum of three squares.

    Parameters
    ----------
    a_star, b_star, c_star : vector
        Reciprocal cell, 1/Å.

    Returns
    -------
    tuple of 6 float
        s, t, u, x, y, z of x·(h + s·k + t·l)² + y·(k + u·l)² + z·l²; the last three in 1/Å².
    """
    face = cross(a_star, b_star)
    # squares of tiny vectors may vanish
    edge_squared, area_squared = dot(a_star, a_star) or TINY, dot(face, face) or TINY
    return (
        dot(a_star, b_star) / edge_squared, dot(a_star, c_star) / edge_squared,
        dot(face, cross(a_star, c_star)) / area_squared,
        edge_squared, area_squared / edge_squared, dot(face, c_star) ** 2 / area_squared,
    )  # fmt: skip


def reciprocal_from_cell(
    cell: tuple[float, float, float, float, float, float], exact: bool
) -> tuple[Vector, Vector, Vector]:
    """Reciprocal vectors in nanoBragg's default orientation: a* along x, b* in the x-y plane.

    Parameters
    ----------
    cell : tuple of 6 float
        Direct cell, Å and radians.
    exact : bool
        Whether the z component of c* is that of Busing and Levy, Acta Cryst. 22, 457 (1967), not nanoBragg's (quirk
        `triclinic`).

    Returns
    -------
    tuple of 3 vectors
        a*, b*, c*, 1/Å, lab frame.
    """
    a, b, c, alpha, beta, gamma = cell
    volume = cell_volume(cell) or TINY
    volume_star = 1.0 / volume
    a_star = abs(b * c * math.sin(alpha) * volume_star) or TINY
    b_star = abs(c * a * math.sin(beta) * volume_star) or TINY
    c_star = abs(a * b * math.sin(gamma) * volume_star) or TINY
    sin_gamma_star = _clamp_sine(c * volume_star / a_star / b_star)
    cos_alpha_star = _clamp_cosine(
        (math.cos(beta) * math.cos(gamma) - math.cos(alpha)) / (math.sin(beta) * math.sin(gamma))
    )
    cos_beta_star = _clamp_cosine(
        (math.cos(gamma) * math.cos(alpha) - math.cos(beta)) / (math.sin(gamma) * math.sin(alpha))
    )
    cos_gamma_star = _clamp_cosine(
        (math.cos(alpha) * math.cos(beta) - math.cos(gamma)) / (math.sin(alpha) * math.sin(beta))
    )
    return (
        (a_star, 0.0, 0.0),
        (b_star * cos_gamma_star, b_star * sin_gamma_star, 0.0),
        (
            c_star * cos_beta_star,
            c_star * (cos_alpha_star - cos_beta_star * cos_gamma_star) / sin_gamma_star,
            1.0 / c if exact else c_star * volume / (a * b * c * sin_gamma_star),
        ),
    )


def _angles(lengths: Vector, other_lengths: Vector, volume: float, vectors: tuple[Vector, Vector, Vector]) -> Vector:
    """Angles between three lattice vectors, from sines (lengths and volume) and cosines (inner products)."""
    (la, lb, lc), (oa, ob, oc), (va, vb, vc) = lengths, other_lengths, vectors
    sines = (oa * volume / lb / lc, ob * volume / la / lc, oc * volume / la / lb)
    cosines = (dot(vb, vc) / lb / lc, dot(va, vc) / la / lc, dot(va, vb) / la / lb)
    alpha, beta, gamma = (
        math.atan2(_clamp_sine(s), _clamp_cosine(c)) for s, c in zip(sines, cosines, strict=True)
    )
    return (alpha, beta, gamma)


def build_lattice(
    reciprocal: tuple[Vector, Vector, Vector],
    cell: tuple[float, float, float, float, float, float] | None,
    misset: Vector | None,
    random_misset: Vector | None,
) -> Lattice:
    """Orient the crystal and derive the direct vectors.

    Parameters
    ----------
    reciprocal : tuple of 3 vectors
        a*, b*, c*, 1/Å, before missetting.
    cell : tuple of 6 float or None
        The user's direct cell, Å and radians, whose lengths and volume are enforced; None takes them from `reciprocal`.
    misset : vector or None
        Rotations about lab x, y, z, radians.
    random_misset : vector or None
        The same angles if they were drawn at random, for the record.

    Returns
    -------
    Lattice
        Direct and reciprocal vectors and cell constants.
    """
    if misset is not None:
        reciprocal = tuple(rotate_xyz(v, misset) for v in reciprocal)  # type: ignore[assignment]
    a_star, b_star, c_star = reciprocal
    b_cross_c, c_cross_a, a_cross_b = cross(b_star, c_star), cross(c_star, a_star), cross(a_star, b_star)
    volume_star = dot(a_star, b_cross_c)
    if cell is not None:
        volume = cell_volume(cell) or TINY
        b_cross_c = rescale(b_cross_c, cell[0] / volume)
        c_cross_a = rescale(c_cross_a, cell[1] / volume)
        a_cross_b = rescale(a_cross_b, cell[2] / volume)
        volume_star = 1.0 / volume
    volume = 1.0 / volume_star
    a, b, c = scale(b_cross_c, volume), scale(c_cross_a, volume), scale(a_cross_b, volume)
    a_star, b_star, c_star = (
        scale(cross(b, c), volume_star), scale(cross(c, a), volume_star), scale(cross(a, b), volume_star),
    )
    lengths = (magnitude(a), magnitude(b), magnitude(c))
    reciprocal_lengths = (magnitude(a_star), magnitude(b_star), magnitude(c_star))
    return Lattice(
        lengths=lengths,
        angles=_angles(lengths, reciprocal_lengths, volume, (a, b, c)),
        reciprocal_lengths=reciprocal_lengths,
        reciprocal_angles=_angles(reciprocal_lengths, lengths, volume_star, (a_star, b_star, c_star)),
        volume=volume,
        a=a, b=b, c=c,
        a_star=a_star, b_star=b_star, c_star=c_star,
        random_misset=random_misset,
    )

"""How the crystal lies: a rotation of nanoBragg's default setting, a* along lab x and b* in the plane of x and y."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nbnumba.config.arrays import check_finite, freeze, real_array
from nbnumba.config.description import Description
from nbnumba.config.rules import Rule, Rules, UnfitError

if TYPE_CHECKING:
    import numpy as np

ORTHONORMAL = 1e-6
"""How far the axes of a rotation may be from unit length and right angles."""


def check_rotations(matrices: np.ndarray) -> None:
    """Refuse matrices that are no rotations.

    Parameters
    ----------
    matrices : ndarray, shape (n, 3, 3), float64

    Raises
    ------
    UnfitError
        If one of them stretches, shears or mirrors; the message says which.
    """
    import numpy as np

    error = np.abs(matrices @ matrices.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2))
    worst = int(error.argmax())
    which = f" (number {worst})" if len(matrices) > 1 else ""
    if not error[worst] <= ORTHONORMAL:
        raise UnfitError(
            f"must hold rotations: rows{which} are {error[worst]:.2g} off from unit length and right angles"
        )
    mirrors = np.flatnonzero(np.linalg.det(matrices) < 0.0)
    if mirrors.size:
        raise UnfitError(f"must hold rotations: number {int(mirrors[0])} mirrors")


def _rotation(value: Any) -> np.ndarray:
    matrix = real_array(value, 2)
    if matrix.shape != (3, 3):
        raise UnfitError(f"must have 3 rows and 3 columns, not shape {matrix.shape}")
    check_finite(matrix)
    check_rotations(matrix[None].astype(float))
    return freeze(matrix, "float64")


@dataclass(frozen=True, eq=False)
class Orientation(Description):
    """A rotation of the crystal, active and right-handed in the lab.

    Attributes
    ----------
    matrix : array_like, shape (3, 3)
        Rotation: ``matrix @ v`` turns a vector of the crystal in nanoBragg's default setting into the lab.
    """

    matrix: np.ndarray

    RULES: ClassVar[Rules] = {"matrix": Rule("a rotation matrix", _rotation)}

    @classmethod
    def from_matrix(cls, matrix: Any) -> Orientation:
        """From a rotation matrix.

        Parameters
        ----------
        matrix : array_like, shape (3, 3)
            Active, in the lab: it turns the crystal.

        Returns
        -------
        Orientation
        """
        return cls(matrix)

    @classmethod
    def from_quaternion(cls, x: float, y: float, z: float, w: float) -> Orientation:
        """From a quaternion of any length.

        Parameters
        ----------
        x, y, z, w : float
            w is the real part.

        Raises
        ------
        UsageError
            If all are zero.
        """
        length = math.hypot(x, y, z, w) or math.nan
        x, y, z, w = x / length, y / length, z / length, w / length
        return cls.from_matrix([
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
            [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
            [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
        ])  # fmt: skip

    @classmethod
    def from_missets(cls, x: float, y: float, z: float) -> Orientation:
        """From rotations about lab x, then y, then z, as nanoBragg's -misset.

        Parameters
        ----------
        x, y, z : float
            Degrees.
        """
        import numpy as np

        matrix = np.eye(3)
        for axis, angle in enumerate((x, y, z)):
            cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            i, j = ((1, 2), (2, 0), (0, 1))[axis]
            turn = np.eye(3)
            turn[i, i] = turn[j, j] = cosine
            turn[i, j], turn[j, i] = -sine, sine
            matrix = turn @ matrix
        return cls(matrix)

    @classmethod
    def random(cls, seed: int | np.random.Generator) -> Orientation:
        """One of all orientations, uniform on SO(3) (K. Shoemake, Graphics Gems III, 124 (1992)).

        Parameters
        ----------
        seed : int or Generator
            Of NumPy's PCG64, or a generator to draw from.
        """
        import numpy as np

        u1, u2, u3 = np.random.default_rng(seed).random(3).tolist()
        long, short = math.sqrt(1.0 - u1), math.sqrt(u1)
        return cls.from_quaternion(
            long * math.sin(2.0 * math.pi * u2), long * math.cos(2.0 * math.pi * u2),
            short * math.sin(2.0 * math.pi * u3), short * math.cos(2.0 * math.pi * u3),
        )  # fmt: skip

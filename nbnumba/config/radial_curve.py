"""Radial curves: the amplitude of an amorphous material against sin θ/λ, from a table, reflections or an image."""

from __future__ import annotations

import functools
import importlib.resources
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nbnumba.config.arrays import freeze, real_array
from nbnumba.config.description import Description
from nbnumba.config.rules import Rule, Rules
from nbnumba.errors import InputFileError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from nbnumba.config.crystal import UnitCell
    from nbnumba.config.structure_factors import StructureFactors

BEYOND = ("constant", "refuse")
"""What holds for sin θ/λ that the curve does not reach: its first or last value, or an error."""

ABSCISSAE = ("stol", "4stol", "Q")
"""What the first column of a table may be: sin θ/λ, 4 sin θ/λ, or Q = 4π sin θ/λ."""

NAMES = ("air", "water")
"""Curves that the package ships."""

SHELL_WIDTH = 0.005
"""Width of the shells over which reflections or pixels are averaged, in sin θ/λ, 1/Å."""

FEWEST_IN_SHELL = 10
"""Shells with fewer pixels or reflections become no point of a curve."""


def _numbers(value: Any) -> np.ndarray:
    return freeze(real_array(value, 1), "float64")


def _beyond(value: Any) -> str:
    if value not in BEYOND:
        raise ValueError(value)
    return str(value)


@dataclass(frozen=True, eq=False)
class RadialCurve(Description):
    """F of one molecule against sin θ/λ; between its points the shape-preserving cubic (PCHIP) is read.

    That interpolation never leaves the range of two neighbouring points (F. N. Fritsch and R. E. Carlson, SIAM J.
    Numer. Anal. 17, 238 (1980)), where nonBragg's cubic through four points may run far beyond them (quirk
    `lagrange-overshoot`).

    Attributes
    ----------
    stol : ndarray, shape (n,), float64
        sin θ/λ, 1/Å, ascending.
    amplitude : ndarray, shape (n,), float64
        F, electrons.
    beyond : str
        "constant" holds the first and last value, "refuse" makes an image that reaches beyond an error.
    """

    stol: np.ndarray
    amplitude: np.ndarray
    beyond: str = "constant"

    RULES: ClassVar[Rules] = {
        **dict.fromkeys(("stol", "amplitude"), Rule("an array of numbers", _numbers)),
        "beyond": Rule(f"one of {', '.join(BEYOND)}", _beyond),
    }

    def _check(self) -> None:
        fault = _fault(self.stol, self.amplitude)
        if fault is not None:
            raise UsageError(f"{{RadialCurve.stol}}, {{RadialCurve.amplitude}}: {fault}")

    def __call__(self, stol: ArrayLike) -> np.ndarray:
        """F at any sin θ/λ.

        Parameters
        ----------
        stol : array_like
            sin θ/λ, 1/Å.

        Returns
        -------
        ndarray, of the same shape, float64
            Electrons.

        Raises
        ------
        UsageError
            If one lies beyond the curve and that is to be refused.
        """
        import numpy as np
        from scipy.interpolate import PPoly

        where = np.asarray(stol, dtype=np.float64)
        outside = where[(where < self.stol[0]) | (where > self.stol[-1])]
        if outside.size and self.beyond == "refuse":
            raise UsageError(f"{self.reach}, not to {outside.flat[0]:g}")
        values: np.ndarray = PPoly(self.cubics.T, self.stol)(np.clip(where, self.stol[0], self.stol[-1]))
        return values

    @property
    def reach(self) -> str:
        """Its range in words, for messages."""
        return f"{{RadialCurve.stol}} reaches from {self.stol[0]:g} to {self.stol[-1]:g} /Å"

    @functools.cached_property
    def cubics(self) -> np.ndarray:
        """The cubics between the points, in powers of the distance from the point below in 1/Å, highest power first.

        An array of shape (n - 1, 4), float64, electrons.
        """
        import numpy as np
        from scipy.interpolate import PchipInterpolator

        return np.ascontiguousarray(PchipInterpolator(self.stol, self.amplitude).c.T)

    @classmethod
    def named(cls, name: str, beyond: str = "constant") -> RadialCurve:
        """A curve that the package ships.

        Parameters
        ----------
        name : str
            "water" (18 g/mol, 1 g/cm³) or "air" (28.8 g/mol, 0.0012 g/cm³).
        beyond : str
            As in the class.

        Returns
        -------
        RadialCurve
            From 0 to 0.5 /Å.

        Raises
        ------
        UsageError
            If there is no such curve.
        """
        if name not in NAMES:
            raise UsageError(f"{{name}} must be one of {', '.join(NAMES)}, not {name!r}")
        folder = importlib.resources.files("nbnumba") / "data" / "curves"
        with importlib.resources.as_file(folder / f"{name}.stol") as path:
            return cls.from_table(path, beyond=beyond)

    @classmethod
    def from_table(
        cls, path: str | os.PathLike[str], abscissa: str | None = None, beyond: str = "constant"
    ) -> RadialCurve:
        """A curve from a text file of two columns.

        Parameters
        ----------
        path : path
            Abscissa in 1/Å and F in electrons; lines that begin with ``#`` are comments, and a word ``stol``, ``4stol``
            or ``Q`` in them says what the abscissa is.
        abscissa : str or None
            "stol" for sin θ/λ, "4stol" for 4 sin θ/λ, "Q" for 4π sin θ/λ; None lets the file say it.
        beyond : str
            As in the class.

        Returns
        -------
        RadialCurve

        Raises
        ------
        InputFileError
            If the file can't be read, holds something else, or its abscissae do not ascend.
        UsageError
            If the abscissa is none of these.
        """
        from nbnumba.io.radial_table import read_radial_table

        if abscissa is not None and abscissa not in ABSCISSAE:
            raise UsageError(f"{{abscissa}} must be one of {', '.join(ABSCISSAE)}, not {abscissa!r}")
        stol, amplitude = read_radial_table(path, abscissa)
        fault = _fault(stol, amplitude)
        if fault is not None:
            raise InputFileError(f"{path}: {fault}")
        return cls(stol, amplitude, beyond)

    @classmethod
    def from_reflections(
        cls, factors: StructureFactors, cell: UnitCell, width: float = SHELL_WIDTH, beyond: str = "constant"
    ) -> RadialCurve:
        """Root mean square amplitude of a crystal's reflections in shells of sin θ/λ: its powder without rings.

        Parameters
        ----------
        factors : StructureFactors
            All reflections, in P1; those of amplitude 0 count as not listed, and F(0,0,0) is left out.
        cell : UnitCell
            Direct cell, Å and degrees.
        width : float
            Width of the shells, 1/Å.
        beyond : str
            As in the class.

        Returns
        -------
        RadialCurve
            F per unit cell, at the mean sin θ/λ of each shell with at least 10 reflections.

        Raises
        ------
        UsageError
            If fewer than two shells hold reflections enough.
        """
        import numpy as np

        amplitudes = factors.amplitudes[: factors.h_range, : factors.k_range, : factors.l_range]
        indices = np.argwhere(amplitudes != 0.0) + (factors.h_min, factors.k_min, factors.l_min)
        squares = amplitudes[amplitudes != 0.0] ** 2
        listed = indices.any(axis=1)
        stol = 0.5 * np.sqrt(np.einsum("ni,ij,nj->n", indices, _reciprocal_metric(cell), indices))
        return mean_in_shells(stol[listed], squares[listed], width, "mean", beyond)


def _fault(stol: np.ndarray, amplitude: np.ndarray) -> str | None:
    """What is wrong with the points of a curve."""
    import numpy as np

    if stol.ndim != 1 or stol.shape != amplitude.shape or stol.size < 2:
        return f"at least two points of an abscissa and F are needed, not {stol.shape} and {amplitude.shape}"
    if not (np.isfinite(stol).all() and np.isfinite(amplitude).all()):
        return "abscissae and F must be finite numbers"
    if stol[0] < 0.0 or amplitude.min() < 0.0:
        return "abscissae and F must not be negative"
    behind = np.flatnonzero(np.diff(stol) <= 0.0)
    if behind.size:
        first = int(behind[0])
        return (
            f"abscissae must ascend: sin θ/λ {stol[first + 1]:g} stands behind {stol[first]:g} /Å (points {first + 1} "
            f"and {first + 2}); sort them, and keep one of two that are equal"
        )
    return None


def _reciprocal_metric(cell: UnitCell) -> np.ndarray:
    """Scalar products of the reciprocal axes, 1/Å²."""
    import numpy as np

    a = cell.a
    lengths = np.array([a, cell.b or a, cell.c or a])
    cosines = np.eye(3)
    for angle, i, j in ((cell.alpha, 1, 2), (cell.beta, 0, 2), (cell.gamma, 0, 1)):
        cosines[i, j] = cosines[j, i] = np.cos(np.radians(angle or 90.0))
    metric: np.ndarray = np.linalg.inv(cosines * np.outer(lengths, lengths))
    return metric


def mean_in_shells(stol: np.ndarray, squares: np.ndarray, width: float, statistic: str, beyond: str) -> RadialCurve:
    """A curve from F² here and there.

    Parameters
    ----------
    stol, squares : ndarray, shape (n,), float64
        sin θ/λ, 1/Å, and F², electrons².
    width : float
        Width of the shells, 1/Å.
    statistic : str
        "mean" or "median".
    beyond : str
        As in `RadialCurve`.

    Returns
    -------
    RadialCurve
        A point for each shell with at least FEWEST_IN_SHELL values.

    Raises
    ------
    UsageError
        If fewer than two shells have so many.
    """
    import numpy as np
    from scipy.stats import binned_statistic

    if not width > 0.0:
        raise UsageError(f"{{width}} must be a number above zero, not {width:g}")
    shells = int(stol.max() / width) + 1 if stol.size else 1
    limits = (0.0, shells * width)
    counts = binned_statistic(stol, squares, "count", shells, limits).statistic
    # of empty shells there is no mean
    full = counts >= FEWEST_IN_SHELL
    if full.sum() < 2:
        raise UsageError(
            f"{{width}} {width:g}: fewer than two shells hold {FEWEST_IN_SHELL} values each; give a larger one"
        )
    middle = binned_statistic(stol, stol, "mean", shells, limits).statistic
    mean = binned_statistic(stol, squares, statistic, shells, limits).statistic
    return RadialCurve(middle[full], np.sqrt(np.maximum(mean[full], 0.0)), beyond)

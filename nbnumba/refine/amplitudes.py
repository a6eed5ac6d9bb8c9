"""Amplitudes of single reflections as parameters; their derivatives are columns of a sparse matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.errors import UsageError
from nbnumba.refine.factor_slopes import StructureFactorSlopes, check_table
from nbnumba.refine.families import Family, replace_amplitudes
from nbnumba.refine.registry import reflection_of

if TYPE_CHECKING:
    from nbnumba.config import Experiment, StructureFactors
    from nbnumba.setup.model import Model

_FAINTEST = 1e-4
"""Photons of the strongest reflection below which one is not refined with all others."""


@dataclass(frozen=True)
class Amplitudes(Family):
    """Amplitudes of entries of the table, electrons. Each entry stands alone: nothing ties Friedel or symmetry mates.

    Attributes
    ----------
    miller_index : ndarray, shape (n, 3), int64
    """

    miller_index: np.ndarray

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        factors = experiment.crystal.structure_factors
        assert factors is not None
        amplitudes = np.array(factors.amplitudes)
        # times what a B factor has made of the given ones
        amplitudes[_place(factors, self.miller_index)] *= values / self.start
        changed = replace_amplitudes(factors, amplitudes)
        return replace(experiment, crystal=replace(experiment.crystal, structure_factors=changed))

    def columns(self, slopes: StructureFactorSlopes, experiment: Experiment, values: np.ndarray) -> Any:
        """Derivatives of the pixels by these amplitudes.

        Parameters
        ----------
        slopes : StructureFactorSlopes
            At these values, by what stands in the table.
        experiment : Experiment
            With these values.
        values : ndarray, shape (n,), float64

        Returns
        -------
        scipy.sparse.csr_array, shape (pixels, n), float64
        """
        from scipy.sparse import csr_array

        factors = experiment.crystal.structure_factors
        assert factors is not None
        place = _place(factors, self.miller_index)
        shape = factors.amplitudes.shape
        own = np.ravel_multi_index(place, shape)
        theirs = np.ravel_multi_index(_place(factors, slopes.miller_index), shape)
        columns = np.searchsorted(theirs, own)
        reached = np.isin(own, theirs)
        rates = (factors.amplitudes[place] / values)[reached]
        chosen = (rates, (columns[reached], np.flatnonzero(reached)))
        return slopes.matrix @ csr_array(chosen, shape=(len(theirs), len(own)))


def _place(factors: StructureFactors, miller_index: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple((miller_index - [factors.h_min, factors.k_min, factors.l_min]).T)


def make_amplitudes(
    names: Sequence[str], experiment: Experiment, model: Model, slopes: Callable[[], StructureFactorSlopes]
) -> Amplitudes | None:
    """The family of the amplitudes that are asked for, if any are.

    Parameters
    ----------
    names : sequence of str
        From `check_names`: "F" for all that reach the pixels, "F:h,k,l" for one.
    experiment : Experiment
        Prepared for these parameters.
    model : Model
        Of it.
    slopes : callable
        What `structure_factor_slopes` finds there.

    Raises
    ------
    UsageError
        If there is no table, it is interpolated, or it has not the reflections.
    """
    single = [index for index in map(reflection_of, names) if index is not None]
    if not single and "F" not in names:
        return None
    if single and "F" in names:
        raise UsageError("{parameters}: F varies every reflection that reaches the pixels; leave the single ones out")
    check_table(model.params.factors)
    factors = experiment.crystal.structure_factors
    assert factors is not None
    indices = np.array(single, dtype=np.int64) if single else _reaching(slopes(), factors)
    start = _checked(factors, indices)
    unbounded = np.full(len(indices), np.inf)
    own = tuple(f"F:{h},{k},{l}" for h, k, l in indices.tolist())  # noqa: E741
    return Amplitudes(own, start, 0.05 * start, 1e-6 * start, unbounded, indices)


def _reaching(slopes: StructureFactorSlopes, factors: StructureFactors) -> np.ndarray:
    """Reflections without those of next to no photons."""
    amplitudes = factors.amplitudes[_place(factors, slopes.miller_index)]
    photons = 0.5 * amplitudes * np.asarray(slopes.matrix.sum(axis=0)).ravel()
    chosen = slopes.miller_index[photons >= _FAINTEST * photons.max(initial=0.0)]
    if len(chosen) == 0:
        raise UsageError("{parameters}: no reflection of {Crystal.structure_factors} reaches the pixels")
    return chosen


def _checked(factors: StructureFactors, indices: np.ndarray) -> np.ndarray:
    """Amplitudes of reflections that the table holds."""
    place = np.column_stack(_place(factors, indices))
    outside = np.any((place < 0) | (place >= factors.amplitudes.shape), axis=1)
    if outside.any():
        raise UsageError(
            f"{{parameters}}: {_name(indices[int(outside.argmax())])} lies outside of the table of "
            "{Crystal.structure_factors}, where all have the amplitude {Crystal.default_F}"
        )
    start = factors.amplitudes[tuple(place.T)]
    if not start.min() > 0.0:
        raise UsageError(
            f"{{parameters}}: {_name(indices[int(start.argmin())])} has the amplitude {start.min():g}, from where no "
            "fit gets away; start with one above zero in {Crystal.structure_factors}"
        )
    return start


def _name(index: np.ndarray) -> str:
    return "F:" + ",".join(map(str, index.tolist()))

"""Structure-factor amplitudes, on the grid of Miller indices that the kernels look them up in."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nbnumba.config.arrays import check_finite, for_kernels, is_frozen, read_only, real_array
from nbnumba.config.description import Description
from nbnumba.config.rules import (
    INTEGER,
    LARGEST_NUMBER,
    NOT_NEGATIVE_INTEGER,
    NUMBER,
    Rule,
    Rules,
    TooLargeError,
    UnfitError,
    argument,
    optional,
    shown,
)
from nbnumba.errors import NbnumbaWarning, UsageError
from nbnumba.memory import machine_memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

LARGEST_INDEX = 1_000_000_000
"""nanoBragg starts its search for the smallest index here."""


_INSTEAD_OF_PHASES = "nanoBragg's sum needs amplitudes, give abs(F)"


def _index(value: Any) -> int:
    index: int = INTEGER.read(value)
    if abs(index) >= LARGEST_INDEX:
        raise TooLargeError(f"is too large for a Miller index: {index}")
    return index


def _grid(value: Any) -> np.ndarray:
    """A read-only view of the amplitudes inside a padded table."""
    if is_frozen(value) and value.ndim == 3 and for_kernels(value).shape == (_padded_size(value.shape),):
        grid: np.ndarray = value
        return grid
    amplitudes = real_array(value, 3, _INSTEAD_OF_PHASES)
    check_finite(amplitudes)
    grid = empty_grid(amplitudes.shape)
    grid[:] = amplitudes
    return read_only(grid)


def _padded_size(shape: tuple[int, ...]) -> int:
    """Amplitudes of a table with one plane more on each axis."""
    h, k, l = shape  # noqa: E741
    return (h + 1) * (k + 1) * (l + 1)


def empty_grid(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros for these numbers of h, k and l planes, inside a table with one plane more on each axis.

    Parameters
    ----------
    shape : tuple of 3 int
        Number of planes along h, k, l.

    Returns
    -------
    ndarray, shape (h_range, k_range, l_range), float64
        A view of the table, to be filled and then handed to `StructureFactors` as `read_only`.

    Raises
    ------
    UsageError
        If the table is larger than the machine's memory.
    """
    import numpy as np

    h, k, l = shape  # noqa: E741
    size = _padded_size(shape)
    if 8 * size <= machine_memory():
        try:
            return np.zeros(size).reshape(h + 1, k + 1, l + 1)[:-1, :-1, :-1]
        except MemoryError:
            pass
    raise UsageError(
        f"the index ranges ({h} x {k} x {l}) need {8 * size / 1e9:.3g} GB, more than this machine has; check for stray "
        "indices"
    )


@dataclass(frozen=True, eq=False)
class StructureFactors(Description):
    """Structure-factor amplitudes on a dense grid of Miller indices.

    Attributes
    ----------
    amplitudes : array_like, shape (h_range, k_range, l_range)
        Amplitude F, electrons. Kept as a read-only float64 array, a view of `table`.
    h_min, k_min, l_min : int
        Miller indices of ``amplitudes[0, 0, 0]``.
    reflections : int or None
        Number of reflections that the grid was made from; None when unknown, as for a binary cache.
    friedel_pairs : int or None
        How many pairs h k l and -h -k -l are among them; None when unknown.
    """

    amplitudes: np.ndarray
    h_min: int
    k_min: int
    l_min: int
    reflections: int | None = None
    friedel_pairs: int | None = None

    RULES: ClassVar[Rules] = {
        "amplitudes": Rule("an array of amplitudes", _grid),
        **dict.fromkeys(("h_min", "k_min", "l_min"), Rule("a whole number", _index)),
        **dict.fromkeys(("reflections", "friedel_pairs"), optional(NOT_NEGATIVE_INTEGER)),
    }

    @classmethod
    def from_reflections(
        cls,
        hkl: ArrayLike,
        F: ArrayLike,  # noqa: N803  (F is the field's symbol)
        default_F: float = 0.0,  # noqa: N803
        *,
        spacegroup: str | None = None,
        cell: tuple[float, float, float, float, float, float] | None = None,
    ) -> StructureFactors:
        """Structure factors from a list of reflections; of those that occur more than once the last counts.

        Without a space group no symmetry is imposed, as in nanoBragg, not even Friedel's: name every reflection that
        shall scatter.

        Parameters
        ----------
        hkl : array_like, shape (n, 3), whole numbers
            Miller indices.
        F : array_like, shape (n,), real numbers
            Amplitudes, electrons.
        default_F : float
            Amplitude of reflections inside the index range that are not named, electrons.
        spacegroup : str or None
            Space group that completes the list: Hermann-Mauguin or Hall symbol, or number. Friedel mates take part;
            systematic absences become zeros. Needs the package gemmi.
        cell : tuple of 6 float or None
            Unit cell, Å and degrees; with it, absences become zeros to the list's resolution only, and the setting of a
            rhombohedral group follows from it.

        Returns
        -------
        StructureFactors
            From the smallest to the largest index along each axis.

        Raises
        ------
        UsageError
            If an index is not a whole number, an amplitude is complex or not finite, the two lists differ in length,
            there is no such space group, or the grid would not fit into memory.

        Warns
        -----
        NbnumbaWarning
            If a reflection is named with two different amplitudes.
        """
        indices = argument("hkl", _indices, hkl)
        amplitudes = argument("F", lambda value: real_array(value, 1, _INSTEAD_OF_PHASES), F)
        default = argument("default_F", NUMBER, default_F)
        _check_list(indices, amplitudes)
        if spacegroup is not None:
            from nbnumba.models.assemble import expand_list

            expanded = expand_list(indices, amplitudes, spacegroup, cell)
            return cls.from_reflections(expanded.hkl, expanded.amplitudes, default)
        if cell is not None:
            raise UsageError("{cell} has no effect without {spacegroup}: a list in P1 needs neither")
        first = indices.min(axis=0)
        grid = empty_grid(tuple((indices.max(axis=0) - first + 1).tolist()))
        if default != 0.0:
            grid[:] = default
        listed = _place(indices, first, amplitudes, grid)
        h_min, k_min, l_min = first.tolist()
        return cls(read_only(grid), h_min, k_min, l_min, len(amplitudes), _count_friedel_pairs(listed, first.tolist()))

    @classmethod
    def from_model(
        cls,
        path: str | os.PathLike[str],
        d_min: float,
        k_sol: float = 0.35,
        b_sol: float = 46.0,
        *,
        wavelength: float | None = None,
        spacegroup: str | None = None,
        F000: float | None = None,  # noqa: N803
        default_F: float = 0.0,  # noqa: N803
    ) -> StructureFactors:
        """Structure factors of a model with flat bulk solvent, to a resolution (needs the package gemmi).

        Parameters
        ----------
        path : path
            PDB or mmCIF file, also compressed by gzip.
        d_min : float
            Smallest spacing, Å.
        k_sol : float
            Density of the solvent, electrons/Å³; 0 leaves it out.
        b_sol : float
            B factor of its edge, Å².
        wavelength : float or None
            Å, for f' and f'' of the elements (F(h) and F(-h) then differ); None leaves anomalous scattering out.
        spacegroup : str or None
            Space group, where the file names none.
        F000 : float or None
            F(0,0,0), electrons; None takes the model's.
        default_F : float
            Amplitude of reflections beyond `d_min` inside the index range, electrons.

        Returns
        -------
        StructureFactors

        Raises
        ------
        UsageError
            If a number is impossible, or the resolution too fine for this machine.
        InputFileError
            If the file can't be read or is no model of a crystal.
        MissingPackageError
            If gemmi is not installed.
        """
        from nbnumba.models.options import Solvent, SourceOptions
        from nbnumba.models.read import read_model

        options = SourceOptions(
            d_min=d_min, solvent=Solvent(k_sol, b_sol), wavelength=wavelength, spacegroup=spacegroup, F000=F000
        )
        found = read_model(path, options)
        return cls.from_reflections(found.hkl, found.amplitudes, default_F)

    @classmethod
    def from_mtz(
        cls,
        path: str | os.PathLike[str],
        column: str | None = None,
        *,
        d_min: float | None = None,
        spacegroup: str | None = None,
        F000: float | None = None,  # noqa: N803
        default_F: float = 0.0,  # noqa: N803
    ) -> StructureFactors:
        """Structure factors from a column of an MTZ file, expanded to P1 (needs the package gemmi).

        Parameters
        ----------
        path : path
            MTZ file, also compressed by gzip.
        column : str or None
            Label of amplitudes, intensities or one of an anomalous pair; None chooses by type: F, F(+) and F(-), I,
            I(+) and I(-), calculated F.
        d_min : float or None
            Leave out finer spacings, Å; None takes all.
        spacegroup : str or None
            Space group, where the file names none.
        F000 : float or None
            F(0,0,0), electrons; None takes the file's, if there is one.
        default_F : float
            Amplitude of reflections that are missing inside the index range, electrons.

        Returns
        -------
        StructureFactors

        Raises
        ------
        UsageError
            If there is no such column or spacing.
        InputFileError
            If the file can't be read or holds no merged amplitudes or intensities.
        MissingPackageError
            If gemmi is not installed.
        """
        from nbnumba.models.options import SourceOptions
        from nbnumba.models.read import read_data

        found = read_data(path, SourceOptions(d_min=d_min, column=column, spacegroup=spacegroup, F000=F000))
        return cls.from_reflections(found.hkl, found.amplitudes, default_F)

    @classmethod
    def from_sf_cif(cls, path: str | os.PathLike[str], column: str | None = None, **options: Any) -> StructureFactors:
        """Structure factors from a structure-factor mmCIF, expanded to P1 (needs the package gemmi).

        Parameters
        ----------
        path : path
            mmCIF file with ``_refln`` items, also compressed by gzip.
        column : str or None
            Label that gemmi's cif2mtz gives it: FP for F_meas_au, F(+) for pdbx_F_plus, IMEAN for intensity_meas, FC
            for F_calc; None chooses by type.
        **options
            d_min, spacegroup, F000, default_F as for `from_mtz`.

        Returns
        -------
        StructureFactors
        """
        return cls.from_mtz(path, column, **options)

    @property
    def table(self) -> np.ndarray:
        """The amplitudes for the kernels, which look up one plane further along each axis: flat, l fastest, float64.

        The same object however often it is asked for, C-contiguous, with ``(h_range + 1)·(k_range + 1)·(l_range + 1)``
        entries; those of the last plane along each axis are 0, as in nanoBragg. Not to be written to.
        """
        return for_kernels(self.amplitudes)

    @property
    def h_range(self) -> int:
        """Number of h planes."""
        return int(self.amplitudes.shape[0])

    @property
    def k_range(self) -> int:
        """Number of k planes."""
        return int(self.amplitudes.shape[1])

    @property
    def l_range(self) -> int:
        """Number of l planes."""
        return int(self.amplitudes.shape[2])

    @property
    def count(self) -> int:
        """Number of reflections, or of grid points inside the index range when that is unknown."""
        if self.reflections is not None:
            return self.reflections
        return self.h_range * self.k_range * self.l_range


def _indices(value: Any) -> np.ndarray:
    """Miller indices, int64[n, 3]."""
    import numpy as np

    indices = real_array(value, 2)
    if indices.shape[1] != 3:
        raise UnfitError(f"must have 3 columns, not {indices.shape[1]}")
    # one axis after the other, which NumPy does faster
    axes = np.ascontiguousarray(indices.T)
    # NaN fails both comparisons
    good = ((axes == np.rint(axes)) & (np.abs(axes) < LARGEST_INDEX)).all(axis=0)
    if not good.all():
        row = int(np.argmin(good))
        raise UnfitError(f"must be whole numbers, not {shown(indices[row].tolist())} in row {row}")
    return np.asarray(axes.astype(np.int64).T)


def _check_list(indices: np.ndarray, amplitudes: np.ndarray) -> None:
    """Refuse lists that differ in length, and amplitudes that are not finite."""
    import numpy as np

    if len(indices) != len(amplitudes):
        raise UsageError(f"{{hkl}} has {len(indices)} reflections, {{F}} has {len(amplitudes)} amplitudes")
    good = np.abs(amplitudes) <= LARGEST_NUMBER
    if not good.all():
        row = int(np.argmin(good))
        h, k, l = indices[row].tolist()  # noqa: E741
        raise UsageError(f"{{F}}[{row}], of reflection {h} {k} {l}, must be a finite number, not {amplitudes[row]:g}")


def _place(indices: np.ndarray, first: np.ndarray, amplitudes: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Put amplitudes on a grid, later ones over earlier ones; which points of the grid there are now."""
    import numpy as np

    positions = indices - first
    flat = np.ravel_multi_index(tuple(positions.T), grid.shape)
    taken = np.zeros(grid.size, dtype=bool)
    taken[flat] = True
    if np.count_nonzero(taken) < len(flat):
        # NumPy does not say which of several values for one place stays
        _, newest = np.unique(flat[::-1], return_index=True)
        last = len(flat) - 1 - newest
        grid[tuple(positions[last].T)] = amplitudes[last]
        _warn_of_contradictions(indices, amplitudes, grid[tuple(positions.T)])
    else:
        grid[tuple(positions.T)] = amplitudes
    return taken.reshape(grid.shape)


def _warn_of_contradictions(indices: np.ndarray, amplitudes: np.ndarray, kept: np.ndarray) -> None:
    """Say that a list names reflections twice with amplitudes of which only one can count."""
    import numpy as np

    lost = np.flatnonzero(kept != amplitudes)
    if len(lost) == 0:
        return
    h, k, l = indices[lost[0]].tolist()  # noqa: E741
    warnings.warn(
        f"{len(lost)} of {len(amplitudes)} reflections are named again with another F, and the last one counts: first "
        f"{h} {k} {l}, F = {amplitudes[lost[0]]:g}, later {kept[lost[0]]:g}",
        NbnumbaWarning, stacklevel=4,
    )  # fmt: skip


def _count_friedel_pairs(listed: np.ndarray, first: list[int]) -> int:
    """Pairs of different indices h k l and -h -k -l that are both listed, on a grid that begins with `first`."""
    reach = [min(-low, low + size - 1) for low, size in zip(first, listed.shape, strict=True)]
    if min(reach) < 0:
        return 0
    # the part of the grid that lies about 0 0 0
    around = listed[tuple(slice(-far - low, far - low + 1) for far, low in zip(reach, first, strict=True))]
    # each pair counts twice, 0 0 0 once
    return int((around & around[::-1, ::-1, ::-1]).sum()) // 2

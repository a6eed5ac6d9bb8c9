"""The crystal's part of the kernels' argument: orientation, size, shape and structure factors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config import CrystalShape
from nbnumba.errors import UsageError
from nbnumba.kernels.params import Factors
from nbnumba.kernels.params import Lattice as KernelLattice
from nbnumba.numerics.c_random import clock_seed
from nbnumba.setup.cell import build_lattice, cell_volume, complete_cell, reciprocal_from_cell, reciprocal_metric
from nbnumba.setup.mosaic import random_orientation
from nbnumba.setup.units import MM, radians
from nbnumba.setup.vectors import dot

if TYPE_CHECKING:
    from nbnumba.config import Beam, Crystal
    from nbnumba.setup.model import Lattice
    from nbnumba.setup.spindle import SpindleLattice
    from nbnumba.setup.vectors import Vector


SHAPE_CODES = {shape: code for code, shape in enumerate(CrystalShape)}
"""Positions in `nbnumba.shapes.registry.SHAPES`, which has the order of the enumeration."""


def clipped_sample(crystal: Crystal, beam: Beam) -> tuple[Vector, list[str]]:
    """Crystal size in m, height and width no larger than the beam.

    Parameters
    ----------
    crystal : Crystal
    beam : Beam

    Returns
    -------
    size : vector
    warnings : list of str
    """
    x, y, z = (value / MM for value in crystal.size)
    size = beam.size / MM
    warnings = []
    if 0.0 <= size < y:
        warnings.append(f"clipping the sample ({y:g} m high) with the beam ({size:g} m)")
        y = size
    if 0.0 <= size < z:
        warnings.append(f"clipping the sample ({z:g} m wide) with the beam ({size:g} m)")
        z = size
    return (x, y, z), warnings


def seed_of_orientation(crystal: Crystal) -> int | None:
    """Seed of a random orientation, by the clock if none is given; None if the orientation is not random.

    Parameters
    ----------
    crystal : Crystal
    """
    if not crystal.random_misset:
        return None
    return clock_seed() if crystal.misset_seed is None else crystal.misset_seed


def orient(
    crystal: Crystal, wavelength: float, misset_seed: int | None, random_state: np.ndarray, fixes: frozenset[str]
) -> Lattice:
    """The unit cell in its orientation at spindle angle zero.

    Parameters
    ----------
    crystal : Crystal
    wavelength : float
        m.
    misset_seed : int or None
        From `seed_of_orientation`.
    random_state : ndarray, shape (34,), int64
        nanoBragg's generator; a random orientation is drawn from it.
    fixes : frozenset of str
        Quirks that are switched off.

    Raises
    ------
    UsageError
        If there is no cell, or it encloses no volume.
    """
    cell = None
    if crystal.unit_cell is not None:
        given = crystal.unit_cell
        cell = complete_cell((
            given.a, given.b, given.c,
            *(None if angle is None else radians(angle) for angle in (given.alpha, given.beta, given.gamma)),
        ))  # fmt: skip
        if not cell_volume(cell) > 0.0:
            raise UsageError("{Crystal.unit_cell}: these lengths and angles enclose no volume")
    random = None if misset_seed is None else random_orientation(misset_seed, random_state, fixes)
    misset = None
    if crystal.misset is not None:
        x, y, z = crystal.misset
        misset = (radians(x), radians(y), radians(z))
    reciprocal = _reciprocal(crystal, cell, wavelength, "triclinic" in fixes)
    if crystal.orientation is not None:
        reciprocal = _turned(reciprocal, crystal.orientation.matrix)
    return build_lattice(reciprocal, cell, random or misset, random)


def _turned(vectors: tuple[Vector, Vector, Vector], matrix: np.ndarray) -> tuple[Vector, Vector, Vector]:
    """Vectors turned by a rotation."""
    rows: list[Vector] = [tuple(row) for row in matrix.tolist()]
    a, b, c = ((dot(rows[0], v), dot(rows[1], v), dot(rows[2], v)) for v in vectors)
    return a, b, c


def _reciprocal(
    crystal: Crystal, cell: tuple[float, float, float, float, float, float] | None, wavelength: float, exact: bool
) -> tuple[Vector, Vector, Vector]:
    """a*, b*, c* before missetting, 1/Å."""
    if crystal.reciprocal_matrix is not None:
        per_angstrom = 1e-10 / wavelength
        columns = [tuple(per_angstrom * float(v) for v in column) for column in crystal.reciprocal_matrix.T]
        return columns[0], columns[1], columns[2]  # type: ignore[return-value]
    if cell is None:
        raise UsageError("no unit cell: give {Crystal.unit_cell} or {Crystal.reciprocal_matrix}")
    return reciprocal_from_cell(cell, exact)


def cells_and_size(
    crystal: Crystal, sample: Vector, edges: Vector, fixes: frozenset[str]
) -> tuple[Vector, Vector]:
    """Unit cells along each axis, and the crystal's size in m.

    Parameters
    ----------
    crystal : Crystal
    sample : vector
        From `clipped_sample`.
    edges : vector
        Cell lengths, m.
    fixes : frozenset of str
        Quirks that are switched off.

    Raises
    ------
    UsageError
        If there are fractions of a cell where only whole ones make sense.
    """
    broken = [count for count in crystal.cells if count != int(count)]
    if broken and crystal.shape is CrystalShape.SQUARE:
        raise UsageError(f"{{Crystal.cells}} {broken[0]:g}: a parallelepiped is a grating of whole cells")
    if broken and "gauss-radius" not in fixes:
        raise UsageError(f"{{Crystal.cells}} {broken[0]:g}: nanoBragg counts whole cells (quirk gauss-radius)")
    cells = [
        max(float(math.ceil(size / edge)) if size > 0 else float(count), 1.0)
        for size, edge, count in zip(sample, edges, crystal.cells, strict=True)
    ]
    return (cells[0], cells[1], cells[2]), (edges[0] * cells[0], edges[1] * cells[1], edges[2] * cells[2])


def _spot_metric(lattice: Lattice, cells: Vector, fudge: float, index_radius: bool) -> np.ndarray:
    """The metric with whose squares ρ²·fudge of Gaussian and top-hat spots adds up."""
    if index_radius:
        return np.array([0.0, 0.0, 0.0, *(count * count * fudge for count in cells)])
    s, t, u, *squares = reciprocal_metric(lattice.a_star, lattice.b_star, lattice.c_star)
    return np.array([s, t, u, *(square * math.prod(cells) ** 2 * fudge for square in squares)])


def build_crystal(
    crystal: Crystal, lattice: Lattice, cells: Vector, spindle: SpindleLattice, fixes: frozenset[str]
) -> KernelLattice:
    """Rotated cells and shape.

    Parameters
    ----------
    crystal : Crystal
    lattice : Lattice
        At spindle angle zero.
    cells : vector
        Unit cells along each axis.
    spindle : SpindleLattice
        Rotated vectors.
    fixes : frozenset of str
        Quirks that are switched off.
    """
    index_radius = "gauss-radius" in fixes
    return KernelLattice(
        phi=spindle.angles, phi_rows=spindle.phi_rows, phi_vectors=spindle.phi_vectors, vectors=spindle.lattice,
        reciprocal=np.array([*lattice.a_star, *lattice.b_star, *lattice.c_star]),
        metric=_spot_metric(lattice, cells, crystal.fudge, index_radius), cells=np.array(cells),
        shape=SHAPE_CODES[crystal.shape], fudge=float(crystal.fudge), index_radius=index_radius,
    )  # fmt: skip


def build_factors(crystal: Crystal, cells: Vector, fixes: frozenset[str]) -> Factors:
    """The table of structure factors.

    Parameters
    ----------
    crystal : Crystal
    cells : vector
        Unit cells along each axis; a crystal of two or fewer is interpolated, if nobody says.
    fixes : frozenset of str
        Quirks that are switched off.
    """
    factors = crystal.structure_factors
    deciding = cells if "interp-size" in fixes else crystal.cells
    interpolate = min(deciding) <= 2 if crystal.interpolate is None else crystal.interpolate
    sticky = "interp-sticky" not in fixes
    if factors is None or factors.count == 0:
        return Factors(np.zeros(1), False, 1, 1, 1, 0, 0, 0, float(crystal.default_F), False, sticky)
    h_size, k_size, l_size = factors.h_range + 1, factors.k_range + 1, factors.l_range + 1
    return Factors(
        factors.table, True, h_size, k_size, l_size, factors.h_min, factors.k_min, factors.l_min,
        float(crystal.default_F), interpolate, sticky,
    )  # fmt: skip

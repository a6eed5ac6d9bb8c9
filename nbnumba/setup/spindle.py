"""The lattice at every spindle step and in every mosaic domain, worked out once for all pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nbnumba.setup.vectors import Vector, rotate_about


class SpindleLattice(NamedTuple):
    """Rotated cell vectors, see the fields of the same name in `kernels.params.Lattice`."""

    angles: np.ndarray  # float64[phi_steps], radians
    phi_rows: np.ndarray  # int64[2, phi_steps]
    phi_vectors: np.ndarray  # float64[phi_steps + 1, 9], m
    lattice: np.ndarray  # float64[phi_steps + 1, domains, 9], m


def carried_rows(angles: Sequence[float], carries: bool = True) -> np.ndarray:
    """Which row of rotated vectors each spindle step uses (quirk `phi-carryover`).

    nanoBragg rotates only when the angle is not exactly zero; at zero it goes on with the vectors of the step
    executed before: the unrotated ones at the very start of the image, the last step's at any later start of the loop.

    Parameters
    ----------
    angles : sequence of float
        Spindle angles, radians.
    carries : bool
        Whether it does so; else each step has vectors of its own.

    Returns
    -------
    ndarray, shape (2, steps), int64
        Rows for the first pass through the loop and for every later one; row `steps` holds the unrotated vectors.
    """
    if not carries:
        return np.tile(np.arange(len(angles), dtype=np.int64), (2, 1))
    carried = len(angles)
    passes = []
    for _ in range(2):
        rows = []
        for tic, angle in enumerate(angles):
            carried = tic if angle != 0.0 else carried
            rows.append(carried)
        passes.append(rows)
    return np.array(passes, dtype=np.int64)


def rotate_lattice(
    vectors: tuple[Vector, Vector, Vector], spindle: Vector, angles: Sequence[float], umats: np.ndarray, mosaic: bool,
    carries: bool,
) -> SpindleLattice:
    """Rotate the cell by every spindle angle, then by every mosaic domain.

    Parameters
    ----------
    vectors : tuple of 3 vectors
        a, b, c at spindle angle zero, m, lab frame.
    spindle : vector
        Unit axis, lab frame.
    angles : sequence of float
        Spindle angles, radians.
    umats : ndarray, shape (domains, 9), float64
        Mosaic rotations, row major.
    mosaic : bool
        Whether the mosaic rotations apply at all.
    carries : bool
        Quirk `phi-carryover`.

    Returns
    -------
    SpindleLattice
        Sums in nanoBragg's order, element by element.
    """
    rows = [[x for v in vectors for x in rotate_about(v, spindle, angle)] for angle in angles]
    rows.append([x for v in vectors for x in v])
    phi_vectors = np.array(rows, dtype=np.float64)
    if not mosaic:
        lattice = np.repeat(phi_vectors[:, None, :], len(umats), axis=1)
    else:
        v = phi_vectors.reshape(-1, 1, 3, 1, 3)
        u = umats.reshape(1, -1, 1, 3, 3)
        turned = u[..., 0] * v[..., 0] + u[..., 1] * v[..., 1] + u[..., 2] * v[..., 2]
        lattice = turned.reshape(len(phi_vectors), len(umats), 9)
    return SpindleLattice(
        np.array(angles, dtype=np.float64), carried_rows(angles, carries), phi_vectors, np.ascontiguousarray(lattice)
    )

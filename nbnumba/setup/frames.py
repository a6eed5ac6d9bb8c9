"""Lab frames: the rotation from any of nanoBragg's into that of DIALS, and from there into that of NeXus.

DIALS and imgCIF: the beam travels along -z, the spindle lies along x. NeXus (McStas) and CrystFEL: the beam travels
along +z, y points up. Every writer and reader of geometry comes through here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

DIALS_TO_NEXUS = np.diag([-1.0, 1.0, -1.0])
"""Half a turn about y; its own inverse."""

_PARALLEL = 1e-6
"""Sine of the angle below which two directions count as one."""


def dials_rotation(beam: ArrayLike, *across: ArrayLike) -> np.ndarray:
    """The rotation from a lab frame into that of DIALS.

    z is exactly against the beam, since NXmx, CBF and SMV know no other; x is the spindle made perpendicular to it.

    Parameters
    ----------
    beam : array_like, shape (3,)
        Direction in which the beam travels, lab frame, any length.
    *across : array_like, shape (3,)
        Candidates for x, lab frame, any length: the first that is not parallel to the beam serves. The spindle comes
        first; any other direction, such as the E-vector, may follow for images without rotation.

    Returns
    -------
    ndarray, shape (3, 3), float64
        Rows are the axes of DIALS in the lab frame: ``rotation @ v`` turns a vector.

    Raises
    ------
    ValueError
        If every candidate is parallel to the beam.
    """
    z = -unit_vector(beam)
    for candidate in across:
        axis = np.asarray(candidate, dtype=np.float64)
        x = axis - z * (axis @ z)
        if np.linalg.norm(x) > _PARALLEL * np.linalg.norm(axis):
            x = unit_vector(x)
            return np.array([x, np.cross(z, x), z])
    raise ValueError("no direction across the beam is given")


def unit_vector(vector: ArrayLike) -> np.ndarray:
    """A direction as a unit vector.

    Parameters
    ----------
    vector : array_like, shape (3,)
        Any length but 0, which gives NaN.

    Returns
    -------
    ndarray, shape (3,), float64
    """
    array = np.asarray(vector, dtype=np.float64)
    return np.asarray(array / np.linalg.norm(array))

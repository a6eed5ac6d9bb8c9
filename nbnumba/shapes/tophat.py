"""Spots of constant height with a sharp edge, at the half-maximum of a Gaussian one."""

from __future__ import annotations

import numpy as np

from nbnumba.numerics.jit import contracting_jit, device_jit, pass_jit
from nbnumba.numerics.scratch import LATTICE, PHASE_A, H, K, L, touches
from nbnumba.shapes.radius import (
    scaled_metric,
    spot_adder,
    spot_radius_lanes,
    spot_radius_squared,
    squared_length,
)
from nbnumba.shapes.shape import Shape, factor_alone

TOPHAT_RADIUS_SQUARED = 0.3969
"""Squared radius inside which a top-hat spot has full height."""

_ZERO = np.float32(0.0)
_TOPHAT_RADIUS_SQUARED = np.float32(TOPHAT_RADIUS_SQUARED)


@device_jit
def tophat_factor(lattice, h, k, l, h0, k0, l0):  # noqa: E741
    """See `Shape.factor`; the number is the squared radius.

    Parameters
    ----------
    lattice : Lattice
    h, k, l, h0, k0, l0 : float64
        Fractional and nearest Miller indices.
    """
    cells = lattice.cells
    radius_squared = spot_radius_squared(lattice, h - h0, k - k0, l - l0)
    if radius_squared * lattice.fudge < TOPHAT_RADIUS_SQUARED:
        return cells[0] * cells[1] * cells[2], (radius_squared, 0.0, 0.0)
    return 0.0, (radius_squared, 0.0, 0.0)


@contracting_jit
def tophat_factor_single(lattice, h, k, l, distance, angles, quotient):  # noqa: E741
    """See `Shape.single`.

    Parameters
    ----------
    lattice : Lattice
        Float32.
    h, k, l, distance, angles, quotient
        Angles and quotient are not used.
    """
    cells = lattice.cells
    radius_squared = spot_radius_squared(lattice, distance(h), distance(k), distance(l))
    return cells[0] * cells[1] * cells[2] if radius_squared * lattice.fudge < _TOPHAT_RADIUS_SQUARED else _ZERO


@touches(reads=(H, K, L), writes=(PHASE_A, LATTICE))
@pass_jit
def tophat_lanes(lattice, every_evaluation, lanes, s):
    """See `Shape.lanes`.

    Parameters
    ----------
    lattice : Lattice
    every_evaluation : bool
        Whether an evaluation counts even where it adds nothing.
    lanes : int
        Lanes in use.
    s : ndarray, shape (SCRATCH,), float64
        Scratch.
    """
    height = lattice.cells[0] * lattice.cells[1] * lattice.cells[2]
    inside = spot_radius_lanes(lattice.metric, 1.0, TOPHAT_RADIUS_SQUARED, lanes, s)
    if inside == 0 and not every_evaluation:
        return False
    for i in range(lanes):
        s[LATTICE + i] = height if s[PHASE_A + i] < TOPHAT_RADIUS_SQUARED else 0.0
    return True


@device_jit
def tophat_slope(size, dh, dk, dl):
    """See `Shape.slope`: zero on either side of the edge.

    Parameters
    ----------
    size : tuple of 4 float64
    dh, dk, dl : float64
        Fractional minus nearest Miller index.
    """
    na, nb, nc, fudge = size
    radius_squared = dh * dh * na * na + dk * dk * nb * nb + dl * dl * nc * nc
    height = na * nb * nc if radius_squared * fudge < TOPHAT_RADIUS_SQUARED else 0.0
    return height * height, (0.0, 0.0, 0.0)


@pass_jit
def _spot_constants(lattice, s):
    return scaled_metric(lattice.metric, 1.0), lattice.cells[0] * lattice.cells[1] * lattice.cells[2]


@pass_jit
def _spot_factor(constants, dh, dk, dl):
    metric, height = constants
    return height if squared_length(metric, dh, dk, dl) < TOPHAT_RADIUS_SQUARED else 0.0


TOPHAT = Shape(
    "TOPHAT", ("rad_star_sqr",), tophat_factor, factor_alone(tophat_factor), tophat_factor_single, tophat_lanes,
    tophat_slope,
    spot_adder(_spot_constants, _spot_factor),
)  # fmt: skip

"""Gaussian spots: exp(-ρ²·fudge/0.63)."""

from __future__ import annotations

import math

import numpy as np

from nbnumba.numerics.elementary import POWER_OF_TWO, ROUNDER, power_of_two
from nbnumba.numerics.jit import contracting_jit, device_jit, pass_jit
from nbnumba.numerics.scratch import GAUSSIAN_CONSTANTS, LATTICE, PHASE_A, H, K, L, touches
from nbnumba.shapes.radius import (
    scaled_metric,
    spot_adder,
    spot_radius_lanes,
    spot_radius_squared,
    squared_length,
)
from nbnumba.shapes.shape import Shape, factor_alone

GAUSSIAN_WIDTH = 0.63
"""Squared-radius scale that gives a Gaussian spot the width of a square crystal's."""

_INVERSE_GAUSSIAN_WIDTH = np.float32(1.0 / GAUSSIAN_WIDTH)

GAUSSIAN_EXPONENT = -1.0 / (GAUSSIAN_WIDTH * math.log(2.0))
"""Times ρ²: the power of two that is exp(-ρ²/0.63)."""

LOWEST_POWER = -1021.0
"""Below it powers of two leave the normal float64 numbers."""

UNDERFLOW = -1075.0
"""What is below it as a power of two rounds to zero in float64."""

NEGLIGIBLE = -332.0
"""As a power of two, squared, less than 1e-199: no factor of the model lifts that to the smallest float32, 1.4e-45."""


@device_jit
def gauss_factor(lattice, h, k, l, h0, k0, l0):  # noqa: E741
    """See `Shape.factor`; the number is the squared radius.

    Parameters
    ----------
    lattice : Lattice
    h, k, l, h0, k0, l0 : float64
        Fractional and nearest Miller indices.
    """
    cells = lattice.cells
    radius_squared = spot_radius_squared(lattice, h - h0, k - k0, l - l0)
    factor = cells[0] * cells[1] * cells[2] * math.exp(-(radius_squared / GAUSSIAN_WIDTH * lattice.fudge))
    return factor, (radius_squared, 0.0, 0.0)


@contracting_jit
def gauss_factor_single(lattice, h, k, l, distance, angles, quotient):  # noqa: E741
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
    exponential = np.float32(math.exp(-(radius_squared * _INVERSE_GAUSSIAN_WIDTH * lattice.fudge)))
    return cells[0] * cells[1] * cells[2] * exponential


def gaussian_constants(cells):
    """What `gauss_lanes` reads from the scratch, where compilers don't see its values.

    Parameters
    ----------
    cells : ndarray, shape (3,), float64
        Unit cells along each axis.

    Returns
    -------
    tuple of 13 float
        The lowest power of two, what rounds it, and the coefficients of `power_of_two` times the height of a spot.
    """
    height = cells[0] * cells[1] * cells[2]
    return (LOWEST_POWER, ROUNDER, *(height * coefficient for coefficient in POWER_OF_TWO))


@pass_jit
def _constants(s):
    """The lowest power of two, what rounds it, and the coefficients."""
    c = GAUSSIAN_CONSTANTS + 2
    coefficients = (
        s[c], s[c + 1], s[c + 2], s[c + 3], s[c + 4], s[c + 5], s[c + 6], s[c + 7], s[c + 8], s[c + 9], s[c + 10],
    )  # fmt: skip
    return s[GAUSSIAN_CONSTANTS], s[GAUSSIAN_CONSTANTS + 1], coefficients


@pass_jit
def _power_lanes(lanes, s):
    """Height of the spot times 2 to the power of PHASE_A."""
    lowest, rounder, coefficients = _constants(s)
    for i in range(lanes):
        s[LATTICE + i] = power_of_two(max(s[PHASE_A + i], lowest), rounder, coefficients)


@pass_jit
def _spot_constants(lattice, s):
    return scaled_metric(lattice.metric, GAUSSIAN_EXPONENT), _constants(s)


@pass_jit
def _spot_factor(constants, dh, dk, dl):
    metric, (lowest, rounder, coefficients) = constants
    return power_of_two(max(squared_length(metric, dh, dk, dl), lowest), rounder, coefficients)


@touches(reads=(H, K, L, GAUSSIAN_CONSTANTS), writes=(PHASE_A, LATTICE))
@pass_jit
def gauss_lanes(lattice, every_evaluation, lanes, s):
    """See `Shape.lanes`: the exponential as a power of two.

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
    negligible = spot_radius_lanes(lattice.metric, GAUSSIAN_EXPONENT, NEGLIGIBLE, lanes, s)
    if negligible == lanes and not every_evaluation:
        return False
    _power_lanes(lanes, s)
    if every_evaluation:
        for i in range(lanes):
            s[LATTICE + i] = 0.0 if s[PHASE_A + i] < UNDERFLOW else s[LATTICE + i]
    return True


@device_jit
def gauss_slope(size, dh, dk, dl):
    """See `Shape.slope`.

    Parameters
    ----------
    size : tuple of 4 float64
    dh, dk, dl : float64
        Fractional minus nearest Miller index.
    """
    na, nb, nc, fudge = size
    by_h, by_k, by_l = na * na * dh, nb * nb * dk, nc * nc * dl
    radius_squared = by_h * dh + by_k * dk + by_l * dl
    height = na * nb * nc
    power = max(radius_squared * (2.0 * GAUSSIAN_EXPONENT * fudge), LOWEST_POWER)
    squared = height * height * power_of_two(power, ROUNDER, POWER_OF_TWO)
    steepness = squared * (-4.0 / GAUSSIAN_WIDTH * fudge)
    return squared, (steepness * by_h, steepness * by_k, steepness * by_l)


GAUSS = Shape(
    "GAUSS", ("rad_star_sqr",), gauss_factor, factor_alone(gauss_factor), gauss_factor_single, gauss_lanes, gauss_slope,
    spot_adder(_spot_constants, _spot_factor),
)  # fmt: skip

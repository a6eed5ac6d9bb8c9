"""Passes over the lanes: Miller indices and the lattice factor of the four crystal shapes.

Only F_latt² counts, so that F_latt may come out with either sign.
"""

from __future__ import annotations

import math

import numpy as np

from nbnumba.kernels.lanes.layout import (
    ANGLE_A,
    ANGLE_B,
    ANGLE_C,
    GAUSSIAN_CONSTANTS,
    LANES,
    LATTICE,
    PHASE_A,
    PHASE_B,
    PHASE_C,
    QX,
    QY,
    QZ,
    H,
    K,
    L,
)
from nbnumba.kernels.params import SHAPE_GAUSS, SHAPE_ROUND, SHAPE_SQUARE
from nbnumba.numerics.elementary import POWER_OF_TWO, ROUNDER, cosine, modulo_pi, power_of_two, sine
from nbnumba.numerics.jit import contracting_jit, nest_jit, pass_jit
from nbnumba.numerics.vectors import load, quotient
from nbnumba.physics.lattice_factor import (
    GAUSSIAN_WIDTH,
    SPHERE_VOLUME_SCALE,
    TOPHAT_RADIUS_SQUARED,
    index_radius_squared,
)
from nbnumba.physics.scattering import miller_index

NUDGE = 1e-60
"""Added to π·index, it changes no other value but zero, and makes the limit N of sin(N·x)/sin(x) a plain quotient."""

GAUSSIAN_EXPONENT = -1.0 / (GAUSSIAN_WIDTH * math.log(2.0))
"""Times ρ²: the power of two that is exp(-ρ²/0.63)."""

LOWEST_POWER = -1021.0
"""Below it powers of two leave the normal float64 numbers."""

HIGHEST_POWER = 900.0
"""The square of 2^900 is no float64 number any more; up to it a spot may be as high as 2^120."""

UNDERFLOW = -1075.0
"""What is below it as a power of two rounds to zero in float64."""

NEGLIGIBLE = -332.0
"""As a power of two, squared, less than 1e-199: no factor of the model lifts that to the smallest float32, 1.4e-45."""


@pass_jit
def nearest(index):
    """`nbnumba.physics.scattering.nearest_index` by an instruction that has a vector form.

    Parameters
    ----------
    index : float64
        Fractional Miller index.
    """
    return np.ceil(index - 0.5)


@pass_jit
def index_lanes(axes, lanes, s):
    """Fractional Miller indices.

    Parameters
    ----------
    axes : tuple of 9 float64
        a, b, c of one spindle angle and mosaic domain, m, lab frame.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        q = (s[QX + i], s[QY + i], s[QZ + i])
        s[H + i] = miller_index(axes[0], axes[1], axes[2], q)
        s[K + i] = miller_index(axes[3], axes[4], axes[5], q)
        s[L + i] = miller_index(axes[6], axes[7], axes[8], q)


@contracting_jit
def _phase(index):
    """π·index, rounded as C does; never zero."""
    return index * math.pi + NUDGE


@pass_jit
def _reduced(index, cells):
    """cells·π·index and π·index, as C rounds them, modulo π."""
    phase = _phase(index)
    return modulo_pi(phase * cells, np.rint(index * cells)), modulo_pi(phase, np.rint(index))


@pass_jit
def square_lanes(cells, lanes, s):
    """Parallelepiped: the product over the axes of sin(π·N·h)/sin(π·h).

    Parameters
    ----------
    cells : tuple of 3 float64
        Unit cells along each axis; an axis with one cell has two equal sines.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    na, nb, nc = cells
    for i in range(lanes):
        s[ANGLE_A + i], s[PHASE_A + i] = _reduced(s[H + i], na)
        s[ANGLE_B + i], s[PHASE_B + i] = _reduced(s[K + i], nb)
        s[ANGLE_C + i], s[PHASE_C + i] = _reduced(s[L + i], nc)
    # a loop of its own for the six polynomials: short enough for a processor to work on many lanes at once
    for section in range(6):
        for i in range(lanes):
            s[ANGLE_A + section * LANES + i] = sine(s[ANGLE_A + section * LANES + i])
    for i in range(lanes):
        numerator = s[ANGLE_A + i] * s[ANGLE_B + i] * s[ANGLE_C + i]
        s[LATTICE + i] = numerator / (s[PHASE_A + i] * s[PHASE_B + i] * s[PHASE_C + i])


@pass_jit
def round_lanes(cells, fudge, lanes, s):
    """Ellipsoid: 3(sin x / x - cos x)/x² with x = π·√(r²·fudge).

    Parameters
    ----------
    cells : ndarray, shape (3,), float64
        Unit cells along each axis.
    fudge : float64
        Scale of the squared radius.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    volume = cells[0] * cells[1] * cells[2] * SPHERE_VOLUME_SCALE
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        radius_squared = index_radius_squared(h - nearest(h), k - nearest(k), l - nearest(l), cells)
        s[PHASE_A + i] = math.sqrt(radius_squared * fudge)
    for i in range(lanes):
        x = math.pi * s[PHASE_A + i]
        r = modulo_pi(x, np.rint(s[PHASE_A + i]))
        inverse = 1.0 / x
        factor = 3.0 * (quotient(sine(r), x, inverse) - cosine(r)) * (inverse * inverse)
        s[LATTICE + i] = volume * (1.0 if x == 0.0 else factor)


@contracting_jit
def _squared_length(metric, h, k, l):  # noqa: E741
    """The three squares of `nbnumba.setup.cell.reciprocal_metric`, those first that need the fewest steps."""
    s, t, u, x, y, z = metric
    along_a, along_b = h + s * k + t * l, k + u * l
    along_c_squared = z * l * l
    return (along_c_squared + along_b * (y * along_b)) + along_a * (x * along_a)


@pass_jit
def _distance_lanes(metric, scale, limit, lanes, s):
    """Scaled ρ² of the nearest reflection; in how many lanes it is below a limit."""
    m = (metric[0], metric[1], metric[2], metric[3] * scale, metric[4] * scale, metric[5] * scale)
    below = 0
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        squared = _squared_length(m, h - nearest(h), k - nearest(k), l - nearest(l))
        s[PHASE_A + i] = squared
        below += 1 if squared < limit else 0
    return below


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
def _power_lanes(lanes, s):
    """Height of the spot times 2 to the power of PHASE_A."""
    lowest, rounder = s[GAUSSIAN_CONSTANTS], s[GAUSSIAN_CONSTANTS + 1]
    c = GAUSSIAN_CONSTANTS + 2
    coefficients = (
        s[c], s[c + 1], s[c + 2], s[c + 3], s[c + 4], s[c + 5], s[c + 6], s[c + 7], s[c + 8], s[c + 9], s[c + 10],
    )  # fmt: skip
    for i in range(lanes):
        s[LATTICE + i] = power_of_two(max(s[PHASE_A + i], lowest), rounder, coefficients)


@pass_jit
def gauss_lanes(params, every_evaluation, lanes, s):
    """Gaussian spot: exp(-ρ²·fudge/0.63) as a power of two.

    Parameters
    ----------
    params : KernelParams
    every_evaluation : bool
        Whether an evaluation counts even where it adds nothing.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    bool
        False if no lane adds anything.
    """
    negligible = _distance_lanes(params.metric, GAUSSIAN_EXPONENT, NEGLIGIBLE, lanes, s)
    if negligible == lanes and not every_evaluation:
        return False
    if params.fudge < 0.0:
        for i in range(lanes):
            s[PHASE_A + i] = min(s[PHASE_A + i], HIGHEST_POWER)
    _power_lanes(lanes, s)
    if every_evaluation:
        for i in range(lanes):
            s[LATTICE + i] = 0.0 if s[PHASE_A + i] < UNDERFLOW else s[LATTICE + i]
    return True


@pass_jit
def tophat_lanes(params, every_evaluation, lanes, s):
    """Spot of constant height and sharp edge.

    Parameters
    ----------
    params : KernelParams
    every_evaluation : bool
        Whether an evaluation counts even where it adds nothing.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    bool
        False if no lane adds anything.
    """
    cells = params.cells
    height = cells[0] * cells[1] * cells[2]
    inside = _distance_lanes(params.metric, 1.0, TOPHAT_RADIUS_SQUARED, lanes, s)
    if inside == 0 and not every_evaluation:
        return False
    for i in range(lanes):
        s[LATTICE + i] = height if s[PHASE_A + i] < TOPHAT_RADIUS_SQUARED else 0.0
    return True


@nest_jit
def shape_lanes(params, every_evaluation, lanes, s):
    """Lattice factor of the crystal's shape.

    Parameters
    ----------
    params : KernelParams
    every_evaluation : bool
        Whether an evaluation counts even where it adds nothing.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    bool
        False if no lane adds anything; the factors are not set then.
    """
    if params.shape == SHAPE_SQUARE:
        square_lanes(load(params.cells), lanes, s)
    elif params.shape == SHAPE_ROUND:
        round_lanes(load(params.cells), params.fudge, lanes, s)
    elif params.shape == SHAPE_GAUSS:
        return gauss_lanes(params, every_evaluation, lanes, s)
    else:
        return tophat_lanes(params, every_evaluation, lanes, s)
    return True

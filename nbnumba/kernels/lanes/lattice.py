"""Passes over the lanes: Miller indices and the lattice factor of the four crystal shapes.

Only F_latt² counts, so that F_latt may come out with either sign.
"""

from __future__ import annotations

import math

import numpy as np

from nbnumba._jit import contracting_jit, nest_jit, pass_jit
from nbnumba.kernel_params import SHAPE_GAUSS, SHAPE_ROUND, SHAPE_SQUARE
from nbnumba.kernels.lanes.layout import (
    ANGLE_A,
    ANGLE_B,
    ANGLE_C,
    EXPONENTIAL_CONSTANTS,
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
from nbnumba.physics.elementary import LARGEST_EXPONENT, cosine, exponential, modulo_pi, sine
from nbnumba.physics.lattice_factor import (
    GAUSSIAN_WIDTH,
    SPHERE_VOLUME_SCALE,
    TOPHAT_RADIUS_SQUARED,
    index_radius_squared,
)
from nbnumba.physics.scattering import miller_index
from nbnumba.physics.vectors import load, quotient

NUDGE = 1e-60
"""Added to π·index, it changes no other value but zero, and makes the limit N of sin(N·x)/sin(x) a plain quotient."""

UNDERFLOW = 745.2
"""exp(-x) is zero beyond it."""

NEGLIGIBLE = 230.0
"""exp(-x)² is less than 1e-199 beyond it: no factor of the model lifts that to the smallest float32, 1.4e-45."""


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
def _quadratic(metric, x, y, z):
    """x²m₀ + xy·m₁ + xz·m₂ + y²m₃ + yz·m₄ + z²m₅."""
    return (
        x * (metric[0] * x + metric[1] * y + metric[2] * z) + y * (metric[3] * y + metric[4] * z) + z * (metric[5] * z)
    )


@pass_jit
def _scaled_metric(params, scale):
    """The quadratic form of `KernelParams.metric`, times (Na·Nb·Nc)² and a scale."""
    m, cells = params.metric, params.cells
    volume = cells[0] * cells[1] * cells[2]
    w = volume * volume * scale
    return (m[0] * w, m[1] * w, m[2] * w, m[3] * w, m[4] * w, m[5] * w)


@pass_jit
def _radius_lanes(metric, limit, lanes, s):
    """A quadratic form of the distance from the nearest reflection; in how many lanes it is below a limit."""
    below = 0
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        radius_squared = _quadratic(metric, h - nearest(h), k - nearest(k), l - nearest(l))
        s[PHASE_A + i] = radius_squared
        below += 1 if radius_squared < limit else 0
    return below


@pass_jit
def _exponential_constants(s):
    """`EXPONENTIAL` from the scratch, where compilers don't see its values."""
    e = EXPONENTIAL_CONSTANTS
    return (
        s[e], s[e + 1], s[e + 2], s[e + 3], s[e + 4], s[e + 5], s[e + 6], s[e + 7], s[e + 8], s[e + 9], s[e + 10],
        s[e + 11], s[e + 12],
    )  # fmt: skip


@pass_jit
def gauss_lanes(params, every_evaluation, lanes, s):
    """Gaussian spot: exp(-ρ²·fudge/0.63).

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
    volume = cells[0] * cells[1] * cells[2]
    metric = _scaled_metric(params, params.fudge / GAUSSIAN_WIDTH)
    counted = _radius_lanes(metric, NEGLIGIBLE, lanes, s)
    if counted == 0 and not every_evaluation:
        return False
    if params.fudge < 0.0:
        for i in range(lanes):
            s[PHASE_A + i] = max(s[PHASE_A + i], -LARGEST_EXPONENT)
    constants = _exponential_constants(s)
    for i in range(lanes):
        s[LATTICE + i] = volume * exponential(-min(s[PHASE_A + i], LARGEST_EXPONENT), constants)
    if every_evaluation:
        for i in range(lanes):
            s[LATTICE + i] = 0.0 if s[PHASE_A + i] > UNDERFLOW else s[LATTICE + i]
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
    volume = cells[0] * cells[1] * cells[2]
    inside = _radius_lanes(_scaled_metric(params, params.fudge), TOPHAT_RADIUS_SQUARED, lanes, s)
    if inside == 0 and not every_evaluation:
        return False
    for i in range(lanes):
        s[LATTICE + i] = volume if s[PHASE_A + i] < TOPHAT_RADIUS_SQUARED else 0.0
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

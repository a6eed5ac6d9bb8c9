"""Passes over the lanes: Miller indices, structure factors and the sums."""

from __future__ import annotations

import numpy as np

from nbnumba.numerics.four import load_four, unpacked, weighted_fours
from nbnumba.numerics.jit import nest_jit, pass_jit
from nbnumba.numerics.scratch import (
    ACTIVE,
    CAPTURE,
    CELL,
    INTENSITY,
    INTERPOLATING,
    KEPT,
    LANES,
    LATTICE,
    NEIGHBOUR,
    OMEGA,
    POLARIZATION,
    QX,
    QY,
    QZ,
    WEIGHT,
    WEIGHTS_H,
    WEIGHTS_K,
    WEIGHTS_L,
    H,
    K,
    L,
    touches,
)
from nbnumba.physics.scattering import miller_index, nearest
from nbnumba.physics.structure_factor import (
    OUTSIDE,
    along_h_and_k,
    along_l,
    cubic_weights,
    first_neighbour,
    interpolation_in_range,
    table_position,
    tabled_amplitude,
)


@touches(reads=(QX, QY, QZ), writes=(H, K, L))
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


@touches(reads=(H, K, L), writes=(CELL,))
@pass_jit
def look_up(factors, lanes, s):
    """Amplitudes of the nearest reflections.

    Parameters
    ----------
    factors : Factors
        With a table.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        s[CELL + i] = table_position(factors, nearest(s[H + i]), nearest(s[K + i]), nearest(s[L + i]))
    for i in range(lanes):
        s[CELL + i] = tabled_amplitude(factors, s[CELL + i])


@pass_jit
def _choose_lanes(factors, water, lanes, s):
    """Find the lanes that interpolate, and how many; turn off those that met the edge of the table for good."""
    count = 0
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        on = s[INTERPOLATING + i] != 0.0
        inside = interpolation_in_range(factors, h, k, l)
        first = first_neighbour(factors, np.floor(h), np.floor(k), np.floor(l))
        s[NEIGHBOUR + i] = first if on & inside else OUTSIDE
        count += 1 if on & inside else 0
        # only an evaluation turns interpolation off: a skipped source or a lattice factor of zero is none
        evaluated = (s[ACTIVE + i] != 0.0) & ((s[LATTICE + i] != 0.0) | water) & factors.sticky
        s[INTERPOLATING + i] = 1.0 if on & (inside | (not evaluated)) else 0.0
    return count


@nest_jit
def _weigh(index, weights, lanes, s):
    """Weights of the four neighbours along one axis."""
    for i in range(lanes):
        w = cubic_weights(s[index + i] - np.floor(s[index + i]))
        s[weights + i], s[weights + LANES + i], s[weights + 2 * LANES + i], s[weights + 3 * LANES + i] = w


@nest_jit
def _weights(weights, i, s):
    """The four weights of a lane."""
    return s[weights + i], s[weights + LANES + i], s[weights + 2 * LANES + i], s[weights + 3 * LANES + i]


_FOUR_WEIGHTS = tuple(
    weights + neighbour * LANES for weights in (WEIGHTS_H, WEIGHTS_K, WEIGHTS_L) for neighbour in range(4)
)


@touches(reads=(H, K, L, ACTIVE, LATTICE, INTERPOLATING), writes=(CELL, NEIGHBOUR, INTERPOLATING, *_FOUR_WEIGHTS))
@pass_jit
def interpolate(factors, water, lanes, s):
    """Interpolated amplitudes in lanes that are still interpolating, those of the nearest reflections in the others.

    Parameters
    ----------
    factors : Factors
        With a table.
    water : bool
        Whether a lattice factor of zero still counts as an evaluation.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    if _choose_lanes(factors, water, lanes, s) < lanes:
        look_up(factors, lanes, s)
    _weigh(H, WEIGHTS_H, lanes, s)
    _weigh(K, WEIGHTS_K, lanes, s)
    _weigh(L, WEIGHTS_L, lanes, s)
    for i in range(lanes):
        if s[NEIGHBOUR + i] >= 0.0:
            wh, wk = _weights(WEIGHTS_H, i, s), _weights(WEIGHTS_K, i, s)
            row = along_h_and_k(factors, s[NEIGHBOUR + i], wh, wk, load_four, weighted_fours)
            s[CELL + i] = along_l(_weights(WEIGHTS_L, i, s), unpacked(row))


@touches(reads=(CELL, LATTICE, INTENSITY), writes=(INTENSITY,))
@pass_jit
def add_terms(factors, lanes, s):
    """Add F_cell²·F_latt² to the running sum.

    Parameters
    ----------
    factors : Factors
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    if factors.has_amplitudes:
        for i in range(lanes):
            s[INTENSITY + i] += s[CELL + i] * s[CELL + i] * s[LATTICE + i] * s[LATTICE + i]
    else:
        squared = factors.default_F * factors.default_F
        for i in range(lanes):
            s[INTENSITY + i] += squared * s[LATTICE + i] * s[LATTICE + i]


@touches(reads=(CAPTURE, OMEGA), writes=(WEIGHT,))
@pass_jit
def weigh_subpixel(weighting, lanes, s):
    """What of a group's weight all sources share: see `nbnumba.kernels.pixel.group_weight`.

    Parameters
    ----------
    weighting : Weighting
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    if weighting.group_omega:
        for i in range(lanes):
            s[WEIGHT + i] = s[OMEGA + i]
    else:
        for i in range(lanes):
            s[WEIGHT + i] = 1.0
    if weighting.group_capture:
        for i in range(lanes):
            s[WEIGHT + i] *= s[CAPTURE + i]


@touches(reads=(WEIGHT, POLARIZATION), writes=(WEIGHT,))
@pass_jit
def weigh_source(weighting, source_weight, lanes, s):
    """What of a group's weight is the source's own, where terms are weighted one by one.

    Parameters
    ----------
    weighting : Weighting
    source_weight : float64
        Of the source, 1 on average.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        s[WEIGHT + i] *= source_weight
    if weighting.group_polarization:
        for i in range(lanes):
            s[WEIGHT + i] *= s[POLARIZATION + i]


@touches(reads=(ACTIVE, INTENSITY), writes=(INTENSITY,))
@pass_jit
def leave_out_inactive(water, lanes, s):
    """Take the crystal's sum away from lanes beyond the resolution limit.

    Parameters
    ----------
    water : float64
        What a sum begins with, electrons².
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        s[INTENSITY + i] = s[INTENSITY + i] if s[ACTIVE + i] != 0.0 else water


@touches(reads=(WEIGHT, POLARIZATION, INTENSITY, KEPT), writes=(INTENSITY, KEPT))
@pass_jit
def close_group(weighting, source_weight, lanes, s):
    """Add the crystal's weighted sums to those of the pixels, and begin new ones.

    Parameters
    ----------
    weighting : Weighting
    source_weight : float64
        Of the source, 1 on average.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    water = weighting.water
    if weighting.group_polarization:
        for i in range(lanes):
            weight = s[WEIGHT + i] * source_weight * s[POLARIZATION + i]
            s[KEPT + i] += s[INTENSITY + i] * weight
            s[INTENSITY + i] = water
    else:
        for i in range(lanes):
            s[KEPT + i] += s[INTENSITY + i] * (s[WEIGHT + i] * source_weight)
            s[INTENSITY + i] = water


@touches(reads=(CELL, LATTICE, WEIGHT, CAPTURE, POLARIZATION, OMEGA, INTENSITY), writes=(INTENSITY,))
@pass_jit
def add_to_running_sums(params, lanes, s):
    """Add terms where factors multiply the *running* sum of every lane that was evaluated (`oversample-compound`).

    Parameters
    ----------
    params : KernelParams
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        amplitude = s[CELL + i] if params.factors.has_amplitudes else params.factors.default_F
        s[INTENSITY + i] += amplitude * amplitude * s[LATTICE + i] * s[LATTICE + i] * s[WEIGHT + i]
    water, weighting = params.scale.water, params.weighting
    for section, chosen in (
        (CAPTURE, weighting.running_capture),
        (POLARIZATION, weighting.running_polarization),
        (OMEGA, weighting.running_omega),
    ):
        if chosen:
            for i in range(lanes):
                evaluated = (s[LATTICE + i] != 0.0) | water
                s[INTENSITY + i] *= s[section + i] if evaluated else 1.0


@touches(reads=(WEIGHT, INTENSITY), writes=(INTENSITY,))
@pass_jit
def add_background(water, lanes, s):
    """Add the background of a group to the running sums.

    Parameters
    ----------
    water : float64
        Background, electrons².
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        s[INTENSITY + i] += water * s[WEIGHT + i]

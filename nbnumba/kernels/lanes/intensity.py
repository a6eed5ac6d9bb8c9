"""Passes over the lanes: structure factors and the running sum."""

from __future__ import annotations

import numpy as np

from nbnumba.kernels.lanes.lattice import nearest
from nbnumba.kernels.lanes.layout import (
    ACTIVE,
    CAPTURE,
    CELL,
    INTENSITY,
    INTERPOLATING,
    LANES,
    LATTICE,
    NEIGHBOUR,
    OMEGA,
    POLARIZATION,
    WEIGHTS_H,
    WEIGHTS_K,
    WEIGHTS_L,
    H,
    K,
    L,
)
from nbnumba.numerics.four import load_four, unpacked, weighted_fours
from nbnumba.numerics.jit import nest_jit, pass_jit
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


@pass_jit
def look_up(params, lanes, s):
    """Amplitudes of the nearest reflections.

    Parameters
    ----------
    params : KernelParams
        With a table of structure factors.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        s[CELL + i] = table_position(params, nearest(s[H + i]), nearest(s[K + i]), nearest(s[L + i]))
    for i in range(lanes):
        s[CELL + i] = tabled_amplitude(params, s[CELL + i])


@pass_jit
def _choose_lanes(params, lanes, s):
    """Find the lanes that interpolate, and how many; turn off those that met the edge of the table."""
    count = 0
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        on = s[INTERPOLATING + i] != 0.0
        inside = interpolation_in_range(params, h, k, l)
        first = first_neighbour(params, np.floor(h), np.floor(k), np.floor(l))
        s[NEIGHBOUR + i] = first if on & inside else OUTSIDE
        count += 1 if on & inside else 0
        # only an evaluation turns interpolation off: a skipped source or a lattice factor of zero is none
        evaluated = (s[ACTIVE + i] != 0.0) & ((s[LATTICE + i] != 0.0) | params.water)
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


@pass_jit
def interpolate(params, lanes, s):
    """Interpolated amplitudes in lanes that are still interpolating, those of the nearest reflections in the others.

    Parameters
    ----------
    params : KernelParams
        With a table of structure factors.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    if _choose_lanes(params, lanes, s) < lanes:
        look_up(params, lanes, s)
    _weigh(H, WEIGHTS_H, lanes, s)
    _weigh(K, WEIGHTS_K, lanes, s)
    _weigh(L, WEIGHTS_L, lanes, s)
    for i in range(lanes):
        if s[NEIGHBOUR + i] >= 0.0:
            wh, wk = _weights(WEIGHTS_H, i, s), _weights(WEIGHTS_K, i, s)
            row = along_h_and_k(params, s[NEIGHBOUR + i], wh, wk, load_four, weighted_fours)
            s[CELL + i] = along_l(_weights(WEIGHTS_L, i, s), unpacked(row))


@pass_jit
def add_terms(params, lanes, s):
    """Add F_cell²·F_latt² of a table to the running sum.

    Parameters
    ----------
    params : KernelParams
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    if params.has_amplitudes:
        for i in range(lanes):
            s[INTENSITY + i] += s[CELL + i] * s[CELL + i] * s[LATTICE + i] * s[LATTICE + i]
    else:
        squared = params.default_F * params.default_F
        for i in range(lanes):
            s[INTENSITY + i] += squared * s[LATTICE + i] * s[LATTICE + i]


@pass_jit
def weight_sums(params, lanes, s):
    """Multiply the *running* sum of every lane that was evaluated (quirk `oversample-compound`).

    Parameters
    ----------
    params : KernelParams
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    water = params.water
    for section, chosen in (
        (CAPTURE, params.oversample_thick), (POLARIZATION, params.oversample_polar), (OMEGA, params.oversample_omega),
    ):  # fmt: skip
        if chosen:
            for i in range(lanes):
                evaluated = (s[LATTICE + i] != 0.0) | water
                s[INTENSITY + i] *= s[section + i] if evaluated else 1.0

"""Passes over the lanes: structure factors and the running sum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nbnumba._jit import called_jit, pass_jit
from nbnumba.kernels.lanes.lattice import nearest
from nbnumba.kernels.lanes.layout import (
    ACTIVE,
    CAPTURE,
    CELL,
    INTENSITY,
    INTERPOLATING,
    LATTICE,
    OMEGA,
    POLARIZATION,
    H,
    K,
    L,
)
from nbnumba.physics.structure_factor import (
    interpolation_in_range,
    table_position,
    tabled_amplitude,
    tricubic_amplitude,
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


class _Table(NamedTuple):
    """The fields of `KernelParams` that interpolation needs: a call copies its arguments."""

    amplitudes: np.ndarray
    h_size: int
    k_size: int
    l_size: int
    h_min: int
    k_min: int
    l_min: int


@called_jit
def _interpolate(table, water, lanes, s):
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        if s[INTERPOLATING + i] != 0.0:
            if interpolation_in_range(table, h, k, l):
                s[CELL + i] = tricubic_amplitude(table, h, k, l)
            elif s[ACTIVE + i] != 0.0 and (s[LATTICE + i] != 0.0 or water):
                # only an evaluation turns interpolation off: a skipped source or a lattice factor of zero is none
                s[INTERPOLATING + i] = 0.0


@pass_jit
def interpolate(params, lanes, s):
    """Interpolated amplitudes in lanes that are still interpolating; the others keep that of the nearest reflection.

    Parameters
    ----------
    params : KernelParams
        With a table of structure factors.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    p = params
    table = _Table(p.amplitudes, p.h_size, p.k_size, p.l_size, p.h_min, p.k_min, p.l_min)
    _interpolate(table, params.water, lanes, s)


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

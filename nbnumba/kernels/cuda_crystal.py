"""The sum over spindle steps and mosaic domains as a GPU does it, in float64 or mostly in float32.

It takes the place of `nbnumba.kernels.pixel.add_crystal`; layers, subpixels and sources around it are the same. A GPU
evaluates libm's sine with large angles in mind, and a desktop one does 64 float32 operations in the time of a float64
one, hence lattice factors from `nbnumba.physics.reduced`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import cuda

from nbnumba.errors import UsageError
from nbnumba.kernels.params import SHAPE_GAUSS, SHAPE_ROUND, SHAPE_SQUARE
from nbnumba.kernels.pixel import add_domain, lattice_factor, structure_factor
from nbnumba.numerics.jit import device_jit
from nbnumba.physics.lattice_factor import index_radius_squared, reciprocal_radius_squared
from nbnumba.physics.reduced import (
    LARGEST_SPLIT_INDEX,
    add_compensated,
    gauss_factor_single,
    nearest_amplitude_single,
    nearest_reflection,
    round_factor_single,
    split_index,
    square_factor,
    square_factor_single,
    tophat_factor_single,
)

if TYPE_CHECKING:
    from nbnumba.kernels.params import KernelParams

LARGEST_INTENSITY = 1e37
"""Of float32: a tenth of its largest number."""

LARGEST_CELLS = 2.0**14
"""Unit cells along an axis; times nine digits of an index they are exact in float32."""


@cuda.jit(device=True)
def _fma(x, y, z):
    """x·y + z, rounded once."""
    return cuda.fma(x, y, z)


@device_jit
def _lattice_factor(params, h, k, l, h0, k0, l0, events):  # noqa: E741
    """F_latt with its sign left open; arguments as in `nbnumba.kernels.pixel.lattice_factor`."""
    if params.shape == SHAPE_SQUARE:
        return square_factor(h, k, l, params.cells, _fma)
    return lattice_factor(params, h, k, l, h0, k0, l0, events)


@device_jit
def add_crystal(params, row_set, q, intensity, weight, interpolating, events):
    """Add every spindle step and mosaic domain for one scattering vector.

    Parameters
    ----------
    params, row_set, q, intensity, weight, interpolating, events
        As in `nbnumba.kernels.pixel.add_crystal`.

    Returns
    -------
    intensity : float64
    interpolating : bool
    """
    for tic in range(params.phi_steps):
        row = params.phi_rows[row_set, tic]
        for domain in range(params.domains):
            intensity, interpolating = add_domain(
                params, row, domain, q, intensity, weight, interpolating, _lattice_factor, events
            )
    return intensity, interpolating


@device_jit
def _lattice_factor_single(params, h, k, l):  # noqa: E741
    """F_latt with its sign left open, float32.

    Parameters
    ----------
    params : KernelParams
        Shape; cells, fudge and reciprocal axes as float32.
    h, k, l : tuple of 3 float32
        Miller indices from `split_index`.
    """
    if params.shape == SHAPE_SQUARE:
        return square_factor_single(h, k, l, params.cells, _fma)
    dh, dk, dl = _nearest(h)[1], _nearest(k)[1], _nearest(l)[1]
    if params.shape == SHAPE_ROUND:
        return round_factor_single(index_radius_squared(dh, dk, dl, params.cells), params.fudge, params.cells)
    radius_squared = reciprocal_radius_squared(dh, dk, dl, params.reciprocal, params.cells)
    if params.shape == SHAPE_GAUSS:
        return gauss_factor_single(radius_squared, params.fudge, params.cells)
    return tophat_factor_single(radius_squared, params.fudge, params.cells)


@device_jit
def _nearest(index):
    """`nearest_reflection` of an index from `split_index`."""
    return nearest_reflection(index[0], index[1], index[2])


@device_jit
def _joined(index):
    """An index from `split_index` as float64."""
    return np.float64(index[0]) + index[1] + index[2]


@device_jit
def _amplitude_single(params, h, k, l, interpolating):  # noqa: E741
    """F_cell, float32, and whether interpolation is still on."""
    if not params.has_amplitudes:
        return params.default_F, False
    h0, k0, l0 = _nearest(h)[0], _nearest(k)[0], _nearest(l)[0]
    if interpolating:
        amplitude, interpolating = structure_factor(
            params, _joined(h), _joined(k), _joined(l), np.float64(h0), np.float64(k0), np.float64(l0), True
        )
        return np.float32(amplitude), interpolating
    return nearest_amplitude_single(params, h0, k0, l0), False


@device_jit
def _split(v):
    """Three float64 numbers as the sum of two float32 vectors."""
    x, y, z = np.float32(v[0]), np.float32(v[1]), np.float32(v[2])
    return (x, y, z), (np.float32(v[0] - x), np.float32(v[1] - y), np.float32(v[2] - z))


@device_jit
def add_crystal_single(params, row_set, q, intensity, weight, interpolating, events):
    """Add every spindle step and mosaic domain for one scattering vector, nearly all of it in float32.

    Parameters
    ----------
    params : KernelParams
        As `single_params` makes them; without the oversample flags, which multiply the running sum.
    row_set, q, intensity, weight, interpolating, events
        As in `nbnumba.kernels.pixel.add_crystal`; `weight` and `events` are not used.

    Returns
    -------
    intensity : float64
    interpolating : bool
    """
    q_heads, q_tails = _split(q)
    total, lost = np.float32(0.0), np.float32(0.0)
    for tic in range(params.phi_steps):
        row = params.phi_rows[row_set, tic]
        for domain in range(params.domains):
            v = params.lattice[row, domain]
            h = split_index((v[0], v[1], v[2]), (v[9], v[10], v[11]), q_heads, q_tails, _fma)
            k = split_index((v[3], v[4], v[5]), (v[12], v[13], v[14]), q_heads, q_tails, _fma)
            l = split_index((v[6], v[7], v[8]), (v[15], v[16], v[17]), q_heads, q_tails, _fma)  # noqa: E741
            factor = _lattice_factor_single(params, h, k, l)
            amplitude, interpolating = _amplitude_single(params, h, k, l, interpolating)
            total, lost = add_compensated(total, lost, amplitude * factor * (amplitude * factor))
    return intensity + total - lost, interpolating


def _why_not_single(params: KernelParams) -> str | None:
    """What float32 can't do, or None."""
    if params.oversample_thick or params.oversample_polar or params.oversample_omega:
        return (
            "{Sampling.oversample_thick}, {Sampling.oversample_polar} and {Sampling.oversample_omega} multiply the sum "
            "at each step that adds something, however little"
        )
    if params.fudge < 0.0:
        return "a negative {Crystal.fudge} makes spots without bounds"
    amplitude = max(abs(params.default_F), float(params.amplitudes.max()), -float(params.amplitudes.min()))
    if (float(np.prod(params.cells)) * amplitude) ** 2 * params.steps > LARGEST_INTENSITY:
        return "the intensity of this crystal goes beyond its numbers"
    longest_q = 2.0 / params.sources[:, 3].min()
    if np.abs(params.lattice).max() * longest_q > LARGEST_SPLIT_INDEX or params.cells.max() > LARGEST_CELLS:
        return "this crystal has too many unit cells, or too large ones, for its digits"
    return None


def single_params(params: KernelParams) -> KernelParams:
    """The parameters of `add_crystal_single`: float32 where its loop reads, rotated cell vectors as sums of two.

    Parameters
    ----------
    params : KernelParams

    Returns
    -------
    KernelParams
        `lattice` is float32[rows, domains, 18]: the vectors rounded to float32, then what that left.

    Raises
    ------
    UsageError
        If float32 can't hold what is asked.
    """
    reason = _why_not_single(params)
    if reason is not None:
        raise UsageError(f"{{precision=single}}: {reason}; use {{precision=double}}")
    heads = params.lattice.astype(np.float32)
    tails = (params.lattice - heads).astype(np.float32)
    return params._replace(
        lattice=np.concatenate((heads, tails), axis=2),
        reciprocal=params.reciprocal.astype(np.float32),
        cells=params.cells.astype(np.float32),
        amplitudes=params.amplitudes.astype(np.float32),
        fudge=np.float32(params.fudge),
        default_F=np.float32(params.default_F),
    )

"""The sum over spindle steps and mosaic domains as a GPU does it, in float64 or mostly in float32.

It takes the place of `nbnumba.kernels.pixel.add_crystal`; layers, subpixels and sources around it are the same. A GPU
evaluates libm's sine with large angles in mind, and a desktop one does 64 float32 operations in the time of a float64
one, hence the shapes' reduced and single forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import cuda

from nbnumba.errors import UsageError
from nbnumba.kernels.pixel import crystal_sum, structure_factor
from nbnumba.numerics.jit import device_jit
from nbnumba.physics.reduced import (
    LARGEST_SPLIT_INDEX,
    add_compensated,
    nearest_amplitude_single,
    nearest_reflection,
    split_index,
)
from nbnumba.shapes.registry import reduced_lattice_factor, single_lattice_factor

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
def _factor_without_sign(lattice, h, k, l, h0, k0, l0):  # noqa: E741
    """F_latt with its sign left open, for `crystal_sum`; nobody asks for the numbers that it is made of."""
    return reduced_lattice_factor(lattice, h, k, l, h0, k0, l0, _fma), (0.0, 0.0, 0.0)


add_crystal = crystal_sum(_factor_without_sign)


@device_jit
def _joined(index):
    """An index from `split_index` as float64."""
    return np.float64(index[0]) + index[1] + index[2]


@device_jit
def _whole(index):
    """The nearest whole number of an index from `split_index`."""
    return nearest_reflection(index[0], index[1], index[2])[0]


@device_jit
def _amplitude_single(factors, h, k, l, interpolating):  # noqa: E741
    """F_cell, float32, and whether interpolation is still on."""
    if not factors.has_amplitudes:
        return factors.default_F, False
    h0, k0, l0 = _whole(h), _whole(k), _whole(l)
    if interpolating:
        amplitude, interpolating = structure_factor(
            factors, _joined(h), _joined(k), _joined(l), np.float64(h0), np.float64(k0), np.float64(l0), True
        )
        return np.float32(amplitude), interpolating
    return nearest_amplitude_single(factors, h0, k0, l0), False


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
        In the SINGLE_FORMS; without factors that multiply the running sum.
    row_set, q, intensity, weight, interpolating, events
        As in `nbnumba.kernels.pixel.crystal_sum`; `weight` and `events` are not used.

    Returns
    -------
    intensity : float64
    interpolating : bool
    """
    lattice = params.lattice
    q_heads, q_tails = _split(q)
    total, lost = np.float32(0.0), np.float32(0.0)
    for tic in range(lattice.phi_rows.shape[1]):
        row = lattice.phi_rows[row_set, tic]
        for domain in range(lattice.vectors.shape[1]):
            v = lattice.vectors[row, domain]
            h = split_index((v[0], v[1], v[2]), (v[9], v[10], v[11]), q_heads, q_tails, _fma)
            k = split_index((v[3], v[4], v[5]), (v[12], v[13], v[14]), q_heads, q_tails, _fma)
            l = split_index((v[6], v[7], v[8]), (v[15], v[16], v[17]), q_heads, q_tails, _fma)  # noqa: E741
            factor = single_lattice_factor(lattice, h, k, l, _fma)
            amplitude, interpolating = _amplitude_single(params.factors, h, k, l, interpolating)
            total, lost = add_compensated(total, lost, amplitude * factor * (amplitude * factor))
    return intensity + total - lost, interpolating


def why_not_single(params: KernelParams) -> str | None:
    """What float32 can't do of an image, or None.

    Parameters
    ----------
    params : KernelParams
    """
    lattice, factors = params.lattice, params.factors
    if params.weighting.running:
        return (
            "{Sampling.oversample_thick}, {Sampling.oversample_polar} and {Sampling.oversample_omega} multiply the sum "
            "at each step that adds something, however little"
        )
    amplitude = max(abs(factors.default_F), float(factors.amplitudes.max()), -float(factors.amplitudes.min()))
    if (float(np.prod(lattice.cells)) * amplitude) ** 2 * params.scale.steps > LARGEST_INTENSITY:
        return "the intensity of this crystal goes beyond its numbers"
    longest_q = 2.0 / params.sources.table[:, 3].min()
    if np.abs(lattice.vectors).max() * longest_q > LARGEST_SPLIT_INDEX or lattice.cells.max() > LARGEST_CELLS:
        return "this crystal has too many unit cells, or too large ones, for its digits"
    return None


def split_vectors(vectors: np.ndarray) -> np.ndarray:
    """Rotated cell vectors as sums of two float32 vectors.

    Parameters
    ----------
    vectors : ndarray, shape (rows, domains, 9), float64
        `Lattice.vectors`, m.

    Returns
    -------
    ndarray, shape (rows, domains, 18), float32
        The vectors rounded to float32, then what that left.
    """
    heads = vectors.astype(np.float32)
    return np.concatenate((heads, (vectors - heads).astype(np.float32)), axis=2)


SINGLE_FORMS: dict[str, Callable[[Any], Any]] = {
    "lattice.vectors": split_vectors,
    "lattice.reciprocal": np.float32,
    "lattice.cells": np.float32,
    "lattice.fudge": np.float32,
    "factors.amplitudes": np.float32,
    "factors.default_F": np.float32,
}
"""What `add_crystal_single` reads in another form than float64: the field, and what makes it."""


def check_single(params: KernelParams) -> None:
    """Refuse what `why_not_single` names.

    Parameters
    ----------
    params : KernelParams

    Raises
    ------
    UsageError
        If float32 can't hold what is asked.
    """
    reason = why_not_single(params)
    if reason is not None:
        raise UsageError(f"{{precision=single}}: {reason}; use {{precision=double}}")

"""The sum over spindle steps and mosaic domains as a GPU does it: in float64, in float32, or mixed.

It takes the place of `nbnumba.kernels.pixel.add_crystal`; layers, subpixels and sources around it are the same. A GPU
evaluates libm's sine with large angles in mind, and a desktop one does 64 float32 operations in the time of a float64
one, hence the shapes' reduced and single forms. *single* has all of the sum in float32, with indices in two numbers.
*mixed* has the indices, and what is left of them after whole numbers, in float64; sines, products and sum in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import cuda

if not cuda.config.ENABLE_CUDASIM:
    from numba.cuda import libdevice

from nbnumba.errors import UsageError
from nbnumba.kernels.pixel import crystal_sum, structure_factor
from nbnumba.numerics.jit import device_jit
from nbnumba.physics.reduced import (
    LARGEST_SPLIT_INDEX,
    add_compensated,
    angles_single,
    distance_single,
    mixed_index,
    nearest_amplitude_single,
    nearest_reflection,
    split_index,
    whole_part,
)
from nbnumba.shapes.registry import reduced_lattice_factor, single_lattice_factor

if TYPE_CHECKING:
    from nbnumba.kernels.params import KernelParams

LARGEST_INTENSITY = 1e37
"""Of float32: a tenth of its largest number."""

LARGEST_WHOLE = 2.0**30
"""Components of Miller indices that the lowest bits of a rounded float64 number hold are smaller."""

LARGEST_CELLS = 2.0**14
"""Unit cells along an axis; times nine digits of an index they are exact in float32."""


@cuda.jit(device=True)
def _fma(x, y, z):
    """x·y + z, rounded once."""
    return cuda.fma(x, y, z)


@device_jit
def factor_without_sign(lattice, h, k, l, h0, k0, l0):  # noqa: E741
    """F_latt with its sign left open, for `crystal_sum`; nobody asks for the numbers that it is made of."""
    return reduced_lattice_factor(lattice, h, k, l, h0, k0, l0, _fma), (0.0, 0.0, 0.0)


add_crystal = crystal_sum(factor_without_sign)


@device_jit
def _split(v):
    """Three float64 numbers as the sum of two float32 vectors."""
    x, y, z = np.float32(v[0]), np.float32(v[1]), np.float32(v[2])
    return (x, y, z), (np.float32(v[0] - x), np.float32(v[1] - y), np.float32(v[2] - z))


@device_jit
def _split_index(v, axis, q, cells):
    """An index in float32, of vectors and scattering vector that are sums of two."""
    heads, tails = (v[axis], v[axis + 1], v[axis + 2]), (v[axis + 9], v[axis + 10], v[axis + 11])
    return split_index(heads, tails, q[0], q[1], _fma)


@device_jit
def _split_value(index):
    return np.float64(index[0]) + index[1] + index[2]


@device_jit
def _split_whole(index):
    return nearest_reflection(index[0], index[1], index[2])[0]


@device_jit
def _split_angles(index, cells):
    return angles_single(index, cells, _fma)


@device_jit
def _exact_quotient(x, y):
    return x / y


@device_jit
def _unchanged(v):
    return v


@device_jit
def _mixed_index(v, axis, q, cells):
    """An index in float64."""
    return mixed_index((v[axis], v[axis + 1], v[axis + 2]), q, np.float64(cells), _fma)


@device_jit
def _mixed_value(index):
    return index[0]


@device_jit
def _mixed_whole(index):
    return whole_part(index[1])


@device_jit
def _mixed_distance(index):
    return index[2]


@device_jit
def _mixed_angles(index, cells):
    return index[3], index[2]


@cuda.jit(device=True)
def _fast_quotient(x, y):
    """x / y of float32 numbers to 2 units in the last place; 0 if |y| > 2¹²⁶."""
    return libdevice.fast_fdividef(x, y)


def _amplitude(value, whole):
    """F_cell, float32, of indices in some form: what their value is, and their nearest whole number."""

    @device_jit
    def amplitude_single(factors, h, k, l, interpolating):  # noqa: E741
        if not factors.has_amplitudes:
            return factors.default_F, False
        h0, k0, l0 = whole(h), whole(k), whole(l)
        if interpolating:
            amplitude, interpolating = structure_factor(
                factors, value(h), value(k), value(l), np.float64(h0), np.float64(k0), np.float64(l0), True
            )
            return np.float32(amplitude), interpolating
        return nearest_amplitude_single(factors, h0, k0, l0), False

    return amplitude_single


def _single_sum(prepare, index, amplitude_of, distance, angles, quotient):
    """The sum over spindle steps and mosaic domains in float32, of indices in some form.

    Parameters
    ----------
    prepare : compiled function
        Scattering vector -> that of `index`.
    index : compiled function
        ``index(vectors, 3 · axis, q, cells)`` -> a Miller index.
    amplitude_of : compiled function
        From `_amplitude`.
    distance, angles, quotient : compiled functions
        See `Shape.single`.

    Returns
    -------
    compiled function
        As `nbnumba.kernels.pixel.crystal_sum` makes, for parameters in the forms of a precision and without factors
        that multiply the running sum; the weight and the events are not used.
    """

    @device_jit
    def add_crystal_single(params, which, q, intensity, weight, interpolating, events):
        lattice = params.lattice
        cells, prepared = lattice.cells, prepare(q)
        total, lost = np.float32(0.0), np.float32(0.0)
        for tic in range(lattice.phi_rows.shape[1]):
            row = lattice.phi_rows[which[2], tic]
            for domain in range(lattice.vectors.shape[1]):
                v = lattice.vectors[row, domain]
                h = index(v, 0, prepared, cells[0])
                k = index(v, 3, prepared, cells[1])
                l = index(v, 6, prepared, cells[2])  # noqa: E741
                factor = single_lattice_factor(lattice, h, k, l, distance, angles, quotient)
                amplitude, interpolating = amplitude_of(params.factors, h, k, l, interpolating)
                total, lost = add_compensated(total, lost, amplitude * factor * (amplitude * factor))
        return intensity + total - lost, interpolating

    return add_crystal_single


add_crystal_single = _single_sum(
    _split, _split_index, _amplitude(_split_value, _split_whole), distance_single, _split_angles, _exact_quotient
)
add_crystal_mixed = _single_sum(
    _unchanged, _mixed_index, _amplitude(_mixed_value, _mixed_whole), _mixed_distance, _mixed_angles,
    _exact_quotient if cuda.config.ENABLE_CUDASIM else _fast_quotient,
)  # fmt: skip


def why_not(params: KernelParams, precision: str) -> str | None:
    """What a precision can't do of an image, or None.

    Parameters
    ----------
    params : KernelParams
    precision : str
        One of `FORMS`.
    """
    lattice, factors = params.lattice, params.factors
    if precision == "double":
        return None
    if params.weighting.running:
        return (
            "{Sampling.oversample_thick}, {Sampling.oversample_polar} and {Sampling.oversample_omega} multiply the sum "
            "at each step that adds something, however little"
        )
    amplitude = max(abs(factors.default_F), float(factors.amplitudes.max()), -float(factors.amplitudes.min()))
    if (float(np.prod(lattice.cells)) * amplitude) ** 2 * params.scale.steps > LARGEST_INTENSITY:
        return "the intensity of this crystal goes beyond its numbers"
    longest_q = 2.0 / params.sources.table[:, 3].min()
    largest = LARGEST_SPLIT_INDEX if precision == "single" else LARGEST_WHOLE
    if np.abs(lattice.vectors).max() * longest_q > largest or lattice.cells.max() > LARGEST_CELLS:
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


_FLOAT32: dict[str, Callable[[Any], Any]] = {
    "lattice.reciprocal": np.float32,
    "lattice.cells": np.float32,
    "lattice.fudge": np.float32,
    "factors.amplitudes": np.float32,
    "factors.default_F": np.float32,
}

FORMS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "double": {},
    "single": {"lattice.vectors": split_vectors, **_FLOAT32},
    "mixed": _FLOAT32,
}
"""What a precision reads in another form than float64: the field, and what makes it."""


def check_precision(params: KernelParams, precision: str) -> None:
    """Refuse what `why_not` names.

    Parameters
    ----------
    params : KernelParams
    precision : str
        One of `FORMS`.

    Raises
    ------
    UsageError
        If float32 can't hold what is asked.
    """
    reason = why_not(params, precision)
    if reason is not None:
        raise UsageError(f"{{precision={precision}}}: {reason}; use {{precision=double}}")

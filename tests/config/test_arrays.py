"""Arrays are copied once into the kernels' layout, can't be changed afterwards, and stay the same object."""

from __future__ import annotations

import math
from dataclasses import replace

import numba
import numpy as np
import pytest

from nbnumba.config import Beam, Crystal, Detector, Experiment, StructureFactors, UnitCell
from nbnumba.errors import UsageError
from nbnumba.setup.lowering import lower

AMPLITUDES = np.arange(60.0).reshape(3, 4, 5)
SOURCES = np.array([[-10.0, 0.0, 0.0, 1.0, 1.5], [-10.0, 1.0, 0.0, 2.0, 1.6]])
MATRIX = np.array([[0.01, 0.0, 0.0], [0.001, 0.02, 0.0], [0.0, 0.002, 0.03]])
MASK = np.array([[1, 0, 3, 1], [0, 1, 1, 1], [65535, 1, 0, 1]])

KINDS = {
    "float64": lambda array: array.astype(np.float64),
    "big-endian": lambda array: array.astype(">f8"),
    "float32": lambda array: array.astype(np.float32),
    "Fortran order": np.asfortranarray,
    "every other": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "backwards": lambda array: array[::-1].copy()[::-1],
    "read-only": lambda array: np.frombuffer(array.tobytes()).reshape(array.shape),
    "lists": lambda array: array.tolist(),
}
MASK_KINDS = {
    "uint16": lambda array: array.astype(np.uint16),
    "big-endian": lambda array: array.astype(">u2"),
    "int64": lambda array: array,
    "boolean": lambda array: array != 0,
    "Fortran order": lambda array: np.asfortranarray(array.astype(np.uint16)),
    "read-only": lambda array: np.frombuffer(array.astype(np.uint16).tobytes(), np.uint16).reshape(array.shape),
    "lists": lambda array: array.tolist(),
}
"""Ways in which the same numbers may come."""


def held(experiment: Experiment) -> dict[str, np.ndarray]:
    """The arrays of an experiment."""
    return {
        "amplitudes": experiment.crystal.structure_factors.amplitudes, "sources": experiment.beam.sources,
        "matrix": experiment.crystal.reciprocal_matrix, "mask": experiment.detector.mask,
    }  # fmt: skip


def experiment(change=KINDS["float64"], change_mask=MASK_KINDS["uint16"]) -> Experiment:
    """One with every array that there is, each in some layout."""
    return Experiment(
        Crystal(UnitCell(100), reciprocal_matrix=change(MATRIX),
                structure_factors=StructureFactors(change(AMPLITUDES), -1, -2, -2), interpolate=False),
        Beam(sources=change(SOURCES)),
        Detector(pixels_fast=4, pixels_slow=3, mask=change_mask(MASK)),
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_of_any_layout_hold_the_same_numbers(kind):
    arrays = held(experiment(KINDS[kind]))
    for name, array in {"amplitudes": AMPLITUDES, "sources": SOURCES, "matrix": MATRIX}.items():
        wanted = array.astype(np.float32) if kind == "float32" else array
        assert arrays[name].dtype == np.float64
        assert arrays[name].dtype.isnative
        assert np.array_equal(arrays[name], wanted)


@pytest.mark.parametrize("kind", MASK_KINDS)
def test_masks_of_any_layout_skip_the_same_pixels(kind):
    mask = experiment(change_mask=MASK_KINDS[kind]).detector.mask
    assert mask.dtype == np.uint16
    assert np.array_equal(mask == 0, MASK == 0)


def test_a_mask_of_16_bits_keeps_its_numbers_and_a_wider_one_never_wraps_to_zero():
    assert np.array_equal(experiment().detector.mask, MASK)
    wide = Detector(mask=[[65536, 0], [-65536, 1]], pixels_fast=2, pixels_slow=2).mask
    assert wide.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask_kind", ["big-endian", "boolean", "Fortran order", "read-only"])
def test_no_layout_makes_numba_compile_a_kernel_anew(kind, mask_kind):
    usual = lower(experiment()).params
    other = lower(experiment(KINDS[kind], MASK_KINDS[mask_kind])).params
    assert numba.typeof(other) == numba.typeof(usual)


@pytest.mark.parametrize("name", ["amplitudes", "sources", "matrix", "mask"])
def test_an_array_can_be_changed_neither_here_nor_by_who_gave_it(name):
    mine = {"amplitudes": AMPLITUDES.copy(), "sources": SOURCES.copy(), "matrix": MATRIX.copy(),
            "mask": MASK.astype(np.uint16)}  # fmt: skip
    made = Experiment(
        Crystal(reciprocal_matrix=mine["matrix"], structure_factors=StructureFactors(mine["amplitudes"], 0, 0, 0)),
        Beam(sources=mine["sources"]), Detector(mask=mine["mask"]),
    )  # fmt: skip
    before = held(made)[name].copy()
    mine[name][:] = 7
    assert np.array_equal(held(made)[name], before)
    with pytest.raises(ValueError, match="read-only"):
        held(made)[name][0] = 7


def test_a_read_only_view_of_ones_own_array_is_copied_as_well():
    mine = AMPLITUDES.copy()
    view = mine.view()
    view.flags.writeable = False
    factors = StructureFactors(view, 0, 0, 0)
    mine[:] = 7
    assert np.array_equal(factors.amplitudes, AMPLITUDES)


def test_kernels_get_the_same_object_however_experiments_are_varied():
    one = experiment()
    turned = replace(one, crystal=replace(one.crystal, misset=(1, 2, 3)),
                     detector=replace(one.detector, distance=90))  # fmt: skip
    shifted = replace(one.crystal.structure_factors, h_min=5)
    first, second = lower(one).params, lower(turned).params
    assert second.factors.amplitudes is first.factors.amplitudes is one.crystal.structure_factors.table is shifted.table
    # flat views of one memory: what decides whether a GPU has it already
    assert second.panels.mask.ctypes.data == first.panels.mask.ctypes.data == one.detector.mask_pixels.ctypes.data
    assert replace(one.beam, wavelength=2).sources is one.beam.sources
    # another experiment with the same numbers has arrays of its own
    assert lower(experiment()).params.factors.amplitudes is not first.factors.amplitudes


def test_the_table_is_flat_with_a_plane_of_zeros_behind_each_axis():
    factors = StructureFactors(AMPLITUDES, -1, -2, -2)
    table = factors.table
    assert (table.dtype, table.ndim, table.flags.c_contiguous) == (np.dtype(np.float64), 1, True)
    padded = np.zeros((4, 5, 6))
    padded[:3, :4, :5] = AMPLITUDES
    assert np.array_equal(table, padded.ravel())
    assert (factors.h_range, factors.k_range, factors.l_range, factors.count) == (3, 4, 5, 60)
    params = lower(replace(experiment(), crystal=Crystal(UnitCell(100), structure_factors=factors))).params
    assert (params.factors.h_size, params.factors.k_size, params.factors.l_size) == (4, 5, 6)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: StructureFactors(np.ones((2, 2)), 0, 0, 0),
     r"^StructureFactors\.amplitudes must be an array with 3 axes and something in it, not of shape \(2, 2\)$"),
    (lambda: StructureFactors(np.ones((0, 2, 2)), 0, 0, 0), r"something in it, not of shape \(0, 2, 2\)$"),
    (lambda: StructureFactors([[[1.0], [2.0, 3.0]]], 0, 0, 0), "must be an array: its rows differ in length"),
    (lambda: StructureFactors([[["a"]]], 0, 0, 0), "must be an array of numbers, not"),
    (lambda: StructureFactors(np.ones((1, 1, 1), dtype=complex), 0, 0, 0),
     r"must be real: nanoBragg's sum needs amplitudes, give abs\(F\)$"),
    (lambda: StructureFactors([[[1.0, 2.0, math.nan]]], 0, 0, 0),
     r"must hold finite numbers up to 1e\+38, not nan at \[0, 0, 2\]$"),
    (lambda: StructureFactors([[[1.0], [-math.inf]]], 0, 0, 0), r"not -inf at \[0, 1, 0\]$"),
    (lambda: StructureFactors([[[1.0]]], 10**9, 0, 0),
     r"^StructureFactors\.h_min is too large for a Miller index: 1000000000$"),
    (lambda: Crystal(reciprocal_matrix=np.ones((2, 3))), r"must have 3 rows and 3 columns, not shape \(2, 3\)$"),
    (lambda: Crystal(reciprocal_matrix=np.ones((3, 3))), "must have axes that do not lie in a plane$"),
    (lambda: Crystal(reciprocal_matrix=np.diag([1, 1, math.nan])), r"not nan at \[2, 2\]$"),
    (lambda: Detector(mask=np.ones(3, dtype=int)), r"^Detector\.mask must be an array with 2 axes"),
    (lambda: Detector(mask=np.ones((3, 3))), "must be an array of whole numbers or booleans, not of float64$"),
    (lambda: Beam(sources=np.ones((2, 4))), "must have 5 columns, X Y Z weight wavelength, not 4$"),
    (lambda: Beam(sources=[[1, 0, 0, 1, 1], [0, 0, 0, 1, 1]]),
     "row 1 lies at the sample, 0 0 0: it has no direction$"),
    (lambda: Beam(sources=[[1, 0, 0, 1, 0]]), "row 0 needs a wavelength above zero$"),
    (lambda: Beam(sources=[[math.inf, 0, 0, 1, 1]]), "row 0 is too large$"),
    (lambda: Beam(sources=np.ones((0, 5))), "something in it"),
    (lambda: Beam(sources=[[1, 0, 0, 1, 1, math.nan]]), "must not have NaN in its sixth column$"),
])  # fmt: skip
def test_an_array_that_can_not_be_used_is_refused_in_one_line(make, message):
    with pytest.raises(UsageError, match=message) as refusal:
        make()
    assert "\n" not in str(refusal.value)

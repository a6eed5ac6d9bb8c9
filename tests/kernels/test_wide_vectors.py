"""The kernels ask LLVM for the longest vectors, which it would not take by itself on every processor."""

from __future__ import annotations

import numba
import numpy as np

from nbnumba.engine import cpu
from nbnumba.numerics.wide_vectors import PREFERENCE, WideVectors


def double(values):
    for i in range(values.size):
        values[i] *= 2.0


def compiled(**options):
    """The function above after a first call."""
    function = numba.njit(double, **options)
    values = np.arange(5.0)
    function(values)
    assert values.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]
    return next(iter(function.inspect_llvm().values()))


def test_a_function_carries_the_preference_only_if_it_is_compiled_so():
    assert PREFERENCE in compiled(pipeline_class=WideVectors)
    assert PREFERENCE not in compiled()


def test_the_fast_kernel_is_compiled_so():
    assert cpu._render._compiler.pipeline_class is WideVectors

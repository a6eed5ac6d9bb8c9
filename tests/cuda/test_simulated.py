"""The CUDA engine in numba-cuda's simulator, thread by thread in Python: indices stay in bounds, pixels are right.

NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 pytest tests/cuda/test_simulated.py
"""

from __future__ import annotations

import dataclasses
import math
from unittest import mock

import numpy as np
import pytest
from availability import SIMULATING
from golden import golden_cases, interpret_case

if not SIMULATING:
    pytest.skip("needs NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1: make test-cuda", allow_module_level=True)

from numba import cuda
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
from numba.cuda.simulator.kernel import BlockThread

from nbnumba.engine import cuda as engine
from nbnumba.setup.lowering import lower
from nbnumba.simulation import simulate_model

EDGE = 16
"""Pixels along each edge of the images."""

MOST_STEPS = 100 * EDGE * EDGE
"""Steps of the slowest case, which has fewer pixels: the simulator does some thousand steps a second."""

FROM_THE_START = {"interpolate_out_of_range", "er1_monoclinic_saxs", "phi_zero_carryover", "phi_through_zero", "roi"}
"""Cases that need the image's first pixels, since later ones depend on them; or whose own region is the flag."""


@pytest.fixture(autouse=True)
def bounds():
    """Arrays on the simulated GPU refuse indices that NumPy would count from the end; it refuses too large ones."""
    getitem, setitem = FakeCUDAArray.__getitem__, FakeCUDAArray.__setitem__

    def check(index):
        for number in index if isinstance(index, tuple) else (index,):
            if isinstance(number, (int, np.integer)) and number < 0:
                raise IndexError(f"index {number} is negative")
            if isinstance(number, float):
                raise IndexError(f"index {number} is not whole")

    def checked_getitem(array, index):
        check(index)
        return getitem(array, index)

    def checked_setitem(array, index, value):
        check(index)
        setitem(array, index, value)

    with (
        mock.patch.object(FakeCUDAArray, "__getitem__", checked_getitem),
        mock.patch.object(FakeCUDAArray, "__setitem__", checked_setitem),
    ):
        yield


@pytest.fixture(autouse=True)
def turns():
    """One simulated thread at a time, as no kernel has a barrier: many contend for the GIL until nothing moves."""
    start = BlockThread.start

    def start_and_finish(thread):
        start(thread)
        thread.join()

    with mock.patch.object(BlockThread, "start", start_and_finish):
        yield


def _model(case, folder):
    """The case, or a square around the middle of its image, as a model."""
    experiment = interpret_case(case, folder).experiment
    params = lower(experiment).params
    edge = min(EDGE, math.isqrt(MOST_STEPS // (params.scale.steps * params.sampling.layers)))
    slow, fast = (0, 0) if case.name in FROM_THE_START else ((n - edge) // 2 for n in case.shape)
    sampling = experiment.sampling
    if case.name != "roi":
        sampling = dataclasses.replace(sampling, roi=(fast, fast + edge - 1, slow, slow + edge - 1))
    return lower(dataclasses.replace(experiment, sampling=sampling))


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in golden_cases() if c.block is None])
def test_pixels_equal_nanobraggs(case, tmp_path):
    model = _model(case, tmp_path)
    window = model.window
    result = simulate_model(model, "cuda")
    region = np.s_[window.slow_start : window.slow_stop, window.fast_start : window.fast_stop]
    reference = case.reference_image()[region]
    floor = 1e-9 * case.maximum  # as in golden.py
    np.testing.assert_allclose(result.image[region], reference, rtol=1e-6, atol=1e-6 * floor)
    assert np.count_nonzero(reference)


@pytest.mark.parametrize("name", ["misset", "hkl_nearest", "interpolate_in_range", "shape_round", "shape_gauss",
                                  "shape_tophat", "mosaic", "sourcefile"])  # fmt: skip
def test_float32_sums_are_near(name, tmp_path):
    case = next(case for case in golden_cases() if case.name == name)
    model = _model(case, tmp_path)
    single, mixed, double = (
        simulate_model(model, "cuda", precision=precision).image for precision in ("single", "mixed", "double")
    )
    # the simulator rounds fused products twice, which costs the digits before the point: 1e-5 of an index near 100
    np.testing.assert_allclose(single, double, rtol=1e-2, atol=1e-3 * double.max())
    assert np.any(single != double) or name == "shape_tophat"
    # with indices in float64 only the sum's rounding is left, and quotients of sines near their zeros
    np.testing.assert_allclose(mixed, double, rtol=2e-5, atol=1e-7 * double.max())


def test_a_wrong_index_would_be_caught():
    def read(values, offset, result):
        n = cuda.grid(1)
        if n < result.shape[0]:
            result[n] = values[n + offset]

    for offset in (-1, 1):
        values, result = cuda.to_device(np.zeros(4)), cuda.to_device(np.zeros(4))
        with pytest.raises(IndexError, match="is negative|out of bounds"):
            cuda.jit(read)[1, 4](values, offset, result)


def test_launches_cover_the_pixels_with_whole_blocks(tmp_path):
    case = next(case for case in golden_cases() if case.name == "mask")
    with mock.patch.object(engine, "TILE_PIXELS", engine.PIXELS_PER_BLOCK):
        tiled = simulate_model(_model(case, tmp_path), "cuda")
    whole = simulate_model(_model(case, tmp_path), "cuda")
    np.testing.assert_array_equal(tiled.image, whole.image)

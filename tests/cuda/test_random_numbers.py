"""The random numbers of a GPU are those of the processor: the same functions, compiled to PTX and run on the host."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from availability import needs_ptx_compiler

needs_ptx_compiler()

import ptx_host  # noqa: E402
from numba import cuda  # noqa: E402
from pretended_gpu import pretended_gpu  # noqa: E402

from nbnumba.numerics.counter_arrays import draw_normal, draw_poisson, draw_uniform  # noqa: E402
from nbnumba.numerics.counter_random import SMALL_MEAN, normal, philox, poisson, stream_key, uniforms  # noqa: E402

KEY = stream_key(20, 1)
FIRST = 2**32 - 700
"""Number of the first pixel: some need more than 32 bits."""


_exact_reciprocal = ptx_host._Translator.do_rcp


def _reciprocal(translator, modifiers, arguments):
    """A reciprocal; the exact one where a GPU approximates: libdevice's logarithms refine either."""
    _exact_reciprocal(translator, ["rn", "f64"] if modifiers == ["approx", "ftz", "f64"] else modifiers, arguments)


def launch(kernel, threads, *arguments):
    """Run a kernel of so many threads; arrays come back changed."""
    passed = [cuda.to_device(argument) if isinstance(argument, np.ndarray) else argument for argument in arguments]
    with mock.patch.object(cuda.config, "CUDA_LOW_OCCUPANCY_WARNINGS", 0):
        cuda.jit(kernel)[-(-threads // 256), min(threads, 256)](*passed)
    return [value.copy_to_host() for value in passed if hasattr(value, "copy_to_host")]


def _draw(means, first, key0, key1, uniform, deviates, counts):
    i = cuda.grid(1)
    if i < means.size:
        pixel = np.uint64(first + i)
        u, _ = uniforms(pixel, np.uint64(0), key0, key1)
        uniform[i] = u
        deviates[i] = normal(pixel, key0, key1)
        counts[i] = poisson(means[i], pixel, key0, key1)


@pytest.fixture(scope="module")
def means():
    """From 1e-4 to 1e8, and those that are none."""
    scattered = 10.0 ** np.random.default_rng(3).uniform(-4.0, 8.0, 2040)
    edges = [0.0, -1.0, np.nan, SMALL_MEAN, np.nextafter(SMALL_MEAN, 0.0), 10.0, 1e12, 2.0**53]
    return np.concatenate([scattered, edges])


@pytest.fixture(scope="module")
def drawn(means):
    """Uniform and normal deviates and counts, from PTX."""
    with pretended_gpu(), mock.patch.object(ptx_host._Translator, "do_rcp", _reciprocal):
        return launch(_draw, means.size, means, FIRST, *KEY, *(np.full(means.size, -7.0) for _ in range(3)))[1:]


def test_uniform_deviates_of_a_gpu_are_those_of_the_processor(drawn, means):
    np.testing.assert_array_equal(drawn[0], draw_uniform(means.size, FIRST, KEY))


def test_normal_deviates_of_a_gpu_are_those_of_the_processor(drawn, means):
    # the GPU fuses products and sums, and has a logarithm of its own
    np.testing.assert_allclose(drawn[1], draw_normal(means.size, FIRST, KEY), rtol=4e-15, atol=1e-16)


def test_counts_of_a_gpu_are_those_of_the_processor(drawn, means):
    # the last bits of a probability decide about a count once in some 1e12 pixels
    np.testing.assert_array_equal(drawn[2], draw_poisson(means, FIRST, KEY))


def _words(counters, key0, key1, words):
    i = cuda.grid(1)
    if i < words.shape[0]:
        c = counters[i]
        words[i, 0], words[i, 1], words[i, 2], words[i, 3] = philox(c[0], c[1], c[2], c[3], key0, key1)


def test_philox_on_a_gpu_gives_the_published_vector():
    # the third line of the Random123 distribution's kat_vectors
    counters = np.array([[0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]], dtype=np.uint64)
    key = np.uint64(0xA4093822), np.uint64(0x299F31D0)
    with pretended_gpu():
        _, words = launch(_words, 1, counters, *key, np.zeros((1, 4), dtype=np.uint64))
    assert words.tolist() == [[0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]]

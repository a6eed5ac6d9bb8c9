"""The random numbers equal nanoBragg's. Expected sequences were printed by the C functions themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nbnumba.numerics.c_random import (
    _next_in_sequence,
    gammln,
    gaussdev,
    poidev,
    poisson_state,
    powf32,
    ran1,
    ran1_state,
)

COMPILED_AND_INTERPRETED = pytest.mark.parametrize("call", [lambda f: f, lambda f: f.py_func], ids=["jit", "py"])


def as_float32(*values: float) -> list[np.float32]:
    return [np.float32(value) for value in values]


def test_sequence_is_park_and_millers_minimal_standard():
    number = 1
    for _ in range(10000):
        number = _next_in_sequence(number)
    assert number == 1043618065  # published check value of the generator


@COMPILED_AND_INTERPRETED
@pytest.mark.parametrize(("seed", "expected"), [
    (-12345678, (0.765989304, 0.023453664, 0.589726627, 0.535101593, 0.982231438, 0.693016112)),
    (-1, (0.415999353, 0.091964893, 0.75641048, 0.52970022, 0.930436492, 0.383502066)),
    (0, (0.415999353, 0.091964893)),
    (-2147483647, (0.0, 0.415999353)),
])  # fmt: skip
def test_ran1_gives_nanobraggs_sequence(call, seed, expected):
    state = ran1_state(seed)
    assert [call(ran1)(state) for _ in expected] == as_float32(*expected)


def test_ran1_gives_nanobraggs_number_after_many_draws():
    state = ran1_state(-1)
    for _ in range(100000):
        ran1(state)
    assert ran1(state) == np.float32(0.501156271)


@COMPILED_AND_INTERPRETED
def test_ran1_returns_float32_and_never_one(call):
    state = ran1_state(-1)
    call(ran1)(state)
    state[1:] = 2147483646  # the largest number that the sequence holds
    state[1] = 2147483646
    value = call(ran1)(state)
    assert np.float32(value) == np.float32(1.0 - 1.2e-7)
    assert value < 1.0


@COMPILED_AND_INTERPRETED
def test_gaussdev_gives_nanobraggs_sequence_with_spares(call):
    state, memory = ran1_state(-7), poisson_state()
    expected = as_float32(-0.19157204, -1.01012123, -0.481914014, 2.15787578, -0.329030216)
    assert [call(gaussdev)(state, memory) for _ in expected] == expected


@COMPILED_AND_INTERPRETED
def test_poidev_gives_nanobraggs_sequence_through_all_three_methods(call):
    means = (0.5, 0.5, 3, 11.99, 12, 12, 100, 5000, 999999, 1e6, 2e6, 0, -1, 2e6, 1e10)
    expected = as_float32(0, 0, 4, 9, 21, 14, 104, 4934, 1000939, 1000476, 2001536.75, 0, 0, 1999719.12, 9.9999488e9)
    state, memory = ran1_state(-42), poisson_state()
    assert [call(poidev)(np.float32(mean), state, memory) for mean in means] == expected


@COMPILED_AND_INTERPRETED
def test_poidev_of_a_mean_that_is_no_number_is_no_number(call):
    assert math.isnan(call(poidev)(np.float32("nan"), ran1_state(-1), poisson_state()))


@pytest.mark.parametrize("mean", [0.3, 7.0, 40.0])
def test_poisson_deviates_have_the_mean_and_variance_of_the_distribution(mean):
    state, memory = ran1_state(-99), poisson_state()
    drawn = np.array([poidev(np.float32(mean), state, memory) for _ in range(20000)], dtype=np.float64)
    # five standard errors; the variance of the sample variance is (mean + 2 mean**2) / n
    assert abs(drawn.mean() - mean) < 5 * math.sqrt(mean / drawn.size)
    assert abs(drawn.var() - mean) < 5 * math.sqrt((mean + 2 * mean**2) / drawn.size)


@COMPILED_AND_INTERPRETED
@pytest.mark.parametrize("argument", [1.0, 2.0, 3.5, 13.0, 101.0, 5001.0, 1e6])
def test_gammln_is_the_logarithm_of_the_gamma_function(call, argument):
    # Lanczos' six terms are good to 2e-10 of gamma; the result is rounded to float32 (6e-8)
    assert call(gammln)(np.float32(argument)) == pytest.approx(math.lgamma(argument), rel=6e-8, abs=2e-10)


@pytest.mark.parametrize(("base", "expected"), [(0.1, 0.464158863), (0.75, 0.908560276), (0.123456, 0.497932792)])
def test_powf32_rounds_like_the_c_library(base, expected):
    assert powf32(np.float32(base), np.float32(1 / 3)) == np.float32(expected)

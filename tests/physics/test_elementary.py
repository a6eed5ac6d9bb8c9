"""Elementary functions without calls against mpmath, 50 digits, interpreted and compiled."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from nbnumba.numerics.elementary import POWER_OF_TWO, ROUNDER, cosine, modulo_pi, power_of_two, sine
from nbnumba.numerics.vectors import magnitude, quotient, unit, unit_again

ULP = 2.0**-52
SAMPLES = 20_000


@pytest.fixture(autouse=True)
def fifty_digits():
    with mpmath.workdps(50):
        yield


def worst_relative(function, exact, arguments) -> float:
    """Largest relative error over the arguments."""
    return max(abs(float((mpmath.mpf(function(float(x))) - exact(x)) / exact(x))) for x in arguments)


def uniform(low, high, count=SAMPLES):
    return np.random.default_rng(5).uniform(low, high, count)


def test_sine_is_exact_to_its_last_bits():
    # minimax error 1.5e-16, and the rounding of two products and a sum
    assert worst_relative(sine, mpmath.sin, uniform(1e-8, math.pi / 2)) < 2.0 * ULP


def test_sine_is_odd_and_keeps_tiny_arguments():
    assert sine(-0.7) == -sine(0.7)
    assert [sine(x) for x in (0.0, 1e-60, 1.2246467991473532e-16)] == [0.0, 1e-60, 1.2246467991473532e-16]


def test_cosine_is_exact_to_half_a_unit_of_one():
    errors = [abs(float(mpmath.mpf(cosine(float(r))) - mpmath.cos(r))) for r in uniform(-math.pi / 2, math.pi / 2)]
    assert max(errors) < 0.75 * ULP


def test_power_of_two_is_exact_to_two_bits():
    # minimax error 2.1e-16, and the rounding of the coefficients and of the last sums
    def power(x):
        return power_of_two(float(x), ROUNDER, POWER_OF_TWO)

    assert worst_relative(power, lambda x: 2 ** mpmath.mpf(x), uniform(-1021.0, 1021.0)) < 2.5 * ULP
    assert [power(n) for n in (-1021, 0, 7)] == [2.0**-1021, 1.0, 128.0]


def test_power_of_two_has_the_factor_of_its_coefficients():
    coefficients = tuple(8000.0 * coefficient for coefficient in POWER_OF_TWO)
    for x in (-1021.0, -0.3, 12.75):
        assert power_of_two(x, ROUNDER, coefficients) == pytest.approx(8000.0 * 2.0**x, rel=3 * ULP)


@pytest.mark.parametrize("turns", [0, 1, 7, 1000, 123_456_789])
def test_reduction_modulo_pi_keeps_all_digits_next_to_a_multiple_of_pi(turns):
    for offset in (0.0, 1e-12, 0.3, -1.5):
        angle = float(turns * mpmath.pi) + offset
        exact = mpmath.mpf(angle) - turns * mpmath.pi
        # π less head and tail is 3e-33: for 10⁸ half turns still 3e-25 of an angle that is no closer to zero than 1e-9
        assert modulo_pi(angle, float(turns)) == pytest.approx(float(exact), rel=ULP)


def test_sine_over_sine_at_a_whole_index_is_what_the_rounded_angle_gives():
    # at h = 7 nanoBragg divides sin(float(7π)·5) by sin(float(7π)): both are rounding errors of π
    x = 7.0 * math.pi
    ours = sine(modulo_pi(x * 5.0, 35.0)) / sine(modulo_pi(x, 7.0))
    exact = mpmath.sin(mpmath.mpf(x * 5.0)) / mpmath.sin(mpmath.mpf(x))
    assert abs(ours) == pytest.approx(abs(float(exact)), rel=4 * ULP)


def test_quotient_rounds_as_a_division_does():
    x, y = uniform(-1.0, 1.0), uniform(1e-10, 3.0)[::-1]
    assert all(quotient(a, b, 1.0 / b) == a / b for a, b in zip(x.tolist(), y.tolist(), strict=True))


def test_a_unit_vector_normalised_again_equals_what_root_and_division_give():
    for x, y, z in np.random.default_rng(6).normal(size=(2000, 3)).tolist():
        once = unit((x, y, z))
        length = magnitude(once)
        again = np.array(unit_again(once))
        # where the root lies between two float64 the two ways may take different ones
        assert np.abs(again - np.array(once) / length).max() <= ULP

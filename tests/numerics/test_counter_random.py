"""Counter-based random numbers: published vectors, and the distributions of SciPy down to their tails."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from nbnumba.numerics.counter_arrays import BLOCK, draw_normal, draw_poisson, draw_uniform
from nbnumba.numerics.counter_random import (
    SMALL_MEAN,
    _in_squeeze,
    _poisson_probability,
    _proposal,
    normal,
    normal_quantile,
    philox,
    poisson,
    stream_key,
    uniforms,
)

COMPILED_AND_INTERPRETED = pytest.mark.parametrize("call", [lambda f: f, lambda f: f.py_func], ids=["jit", "py"])
KEY = stream_key(20, 1)

SMALLEST_P = 1e-4
"""Of some 60 tests of hypotheses with fixed seeds, 1 in 170 sets would fall below."""


def words(text: str) -> list[np.uint64]:
    return [np.uint64(int(word, 16)) for word in text.split()]


# The lines of philox4x32, 10 rounds, of the Random123 distribution's kat_vectors.
KNOWN_ANSWERS = (
    ("00000000 00000000 00000000 00000000 00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
)


@COMPILED_AND_INTERPRETED
@pytest.mark.parametrize(("counter_and_key", "expected"), KNOWN_ANSWERS)
def test_philox_gives_the_published_vectors(call, counter_and_key, expected):
    assert list(call(philox)(*words(counter_and_key))) == words(expected)


@numba.njit
def one_by_one(means, first, key0, key1):
    """Poisson and normal deviates, each pixel alone."""
    counts, deviates = np.empty(means.size), np.empty(means.size)
    for i in range(means.size):
        counts[i] = poisson(means[i], np.uint64(first + i), key0, key1)
        deviates[i] = normal(np.uint64(first + i), key0, key1)
    return counts, deviates


@pytest.fixture(scope="module")
def mixed_means():
    """Means of all sizes, blocks of equal ones and of single bright ones among them; dark pixels and NaN."""
    rng = np.random.default_rng(5)
    scattered = 10.0 ** rng.uniform(-8.0, 12.0, 6 * BLOCK)
    lonely = np.full(2 * BLOCK, 0.1)
    lonely[::100] = 40.0
    steps = np.repeat([0.0, 3.0, SMALL_MEAN, np.nextafter(SMALL_MEAN, 0.0), np.nan, -1.0, 1e7], BLOCK // 2)
    return np.concatenate([scattered, lonely, steps])


def test_arrays_hold_the_numbers_of_each_pixel_alone(mixed_means):
    counts, deviates = one_by_one(mixed_means, 7, *KEY)
    np.testing.assert_array_equal(draw_poisson(mixed_means, 7, KEY), counts)
    np.testing.assert_array_equal(draw_normal(mixed_means.size, 7, KEY), deviates)


def test_a_pixel_has_its_number_wherever_the_array_begins(mixed_means):
    whole = draw_poisson(mixed_means, 0, KEY)
    for first in (1, BLOCK - 1, 3 * BLOCK + 5):
        np.testing.assert_array_equal(draw_poisson(mixed_means[first:], first, KEY), whole[first:])
        np.testing.assert_array_equal(draw_normal(50, first, KEY), draw_normal(first + 50, 0, KEY)[first:])


def test_pixels_beyond_32_bits_have_numbers_of_their_own():
    near, far = draw_uniform(1000, 0, KEY), draw_uniform(1000, 2**32, KEY)
    assert not np.any(near == far)
    np.testing.assert_array_equal(draw_uniform(10, 2**32 - 5, KEY)[5:], far[:5])


@COMPILED_AND_INTERPRETED
def test_uniform_deviates_of_all_words_lie_between_0_and_1(call, monkeypatch):
    u, v = call(uniforms)(np.uint64(3), np.uint64(0), *KEY)
    w0, w1, w2, w3 = (int(word) for word in philox(np.uint64(3), *[np.uint64(0)] * 3, *KEY))
    # the middle of the step that 52 bits name
    assert u == (((w0 << 32 | w1) >> 12) + 0.5) / 2**52
    assert v == (((w2 << 32 | w3) >> 12) + 0.5) / 2**52
    assert 0.5 / 2**52 > 0.0
    assert (2**52 - 1 + 0.5) / 2**52 < 1.0


def test_uniform_deviates_are_uniform():
    assert stats.kstest(draw_uniform(200_000, 0, KEY), "uniform").pvalue > SMALLEST_P


@COMPILED_AND_INTERPRETED
def test_normal_quantiles_are_scipys(call):
    tails = 2.0 ** -np.arange(1.0, 54.0)
    probabilities = np.concatenate([tails, 1.0 - tails, np.linspace(0.001, 0.999, 1999), [0.075, 0.925]])
    quantiles = [call(normal_quantile)(probability) for probability in probabilities]
    # both claim 1e-15 or so of the size; next to the middle the absolute error counts
    np.testing.assert_allclose(quantiles, ndtri(probabilities), rtol=2e-15, atol=2e-16)


def test_normal_deviates_are_normal_to_their_tails():
    n = 2_000_000
    deviates = draw_normal(n, 0, KEY)
    assert stats.kstest(deviates[:200_000], "norm").pvalue > SMALLEST_P
    for bound in (3.0, 4.0):
        for beyond in (deviates > bound, deviates < -bound):
            assert stats.binomtest(int(beyond.sum()), n, stats.norm.sf(bound)).pvalue > SMALLEST_P
    # five standard errors of the moments 1 to 4, whose variances are 1, 2, 15, 96
    for power, moment, variance in ((1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)):
        assert abs((deviates**power).mean() - moment) < 5.0 * math.sqrt(variance / n)


DECADES = [10.0**power for power in range(-4, 9)]
BOUNDARIES = [0.5, 3.0, np.nextafter(SMALL_MEAN, 0.0), SMALL_MEAN, 2.0 * SMALL_MEAN, 100.0]
DRAWS = 200_000


def drawn(mean: float, n: int = DRAWS) -> np.ndarray:
    """Counts of a flat image; each mean draws other pixels."""
    return draw_poisson(np.full(n, mean), int(1e6 * (1.0 + math.log10(mean) + 20.0)), KEY)


def expected_bins(mean: float, n: int) -> np.ndarray:
    """Bounds of bins that hold at least about ten counts each, at most some 60."""
    levels = np.concatenate([[10.0 / n, 100.0 / n], np.linspace(0.0, 1.0, 60)[1:-1], [1.0 - 100.0 / n, 1.0 - 10.0 / n]])
    return np.unique(stats.poisson.ppf(levels, mean))


@pytest.mark.parametrize("mean", DECADES + BOUNDARIES)
def test_poisson_counts_have_the_distribution_of_scipy(mean):
    counts = drawn(mean)
    assert np.array_equal(counts, np.floor(counts))
    bounds = expected_bins(mean, DRAWS)
    cumulated = np.concatenate([[0.0], stats.poisson.cdf(bounds, mean), [1.0]])
    observed = np.bincount(np.searchsorted(bounds, counts), minlength=bounds.size + 1)
    expected = np.diff(cumulated) * DRAWS
    kept = expected > 3.0
    # what is left out joins the last bin
    observed = np.append(observed[kept], observed[~kept].sum())
    expected = np.append(expected[kept], expected[~kept].sum() + 1e-9)
    chi_squared = float(((observed - expected) ** 2 / np.maximum(expected, 3.0)).sum())
    assert stats.chi2.sf(chi_squared, max(kept.sum() - 1, 1)) > SMALLEST_P


@pytest.mark.parametrize("mean", [m for m in DECADES + BOUNDARIES if m >= 0.1])
def test_poisson_counts_have_the_moments_and_tails_of_the_distribution(mean):
    counts = drawn(mean)
    n = counts.size
    deviations = counts - mean
    # five standard errors, from the central moments m, m + 3m², ... of the Poisson distribution
    fourth = mean + 3.0 * mean**2
    sixth = mean + 25.0 * mean**2 + 15.0 * mean**3
    assert abs(deviations.mean()) < 5.0 * math.sqrt(mean / n)
    assert abs((deviations**2).mean() - mean) < 5.0 * math.sqrt((fourth - mean**2) / n)
    assert abs((deviations**3).mean() - mean) < 5.0 * math.sqrt((sixth - mean**2) / n)
    for low in (1e-3, 1e-4):
        lowest, highest = stats.poisson.ppf(low, mean), stats.poisson.isf(low, mean)
        for beyond, probability in (
            (counts < lowest, stats.poisson.cdf(lowest - 1.0, mean)),
            (counts > highest, stats.poisson.sf(highest, mean)),
        ):
            assert stats.binomtest(int(beyond.sum()), n, float(probability)).pvalue > SMALLEST_P


@pytest.mark.parametrize("mean", [1e10, 1e12, 2.0**53])
def test_poisson_counts_of_enormous_means_are_whole_and_normal(mean):
    counts = drawn(mean)
    assert np.array_equal(counts, np.rint(counts))
    # the third standardized moment is 1e-5 and less: not to be told from a normal distribution
    assert stats.kstest((counts - mean) / math.sqrt(mean), "norm").pvalue > SMALLEST_P


@pytest.mark.parametrize("mean", [SMALL_MEAN, 100.0, 1e4, 1e6, 1e9])
def test_the_probability_that_decides_rejection_is_that_of_the_distribution(mean):
    # 8 standard deviations to either side; SciPy's own values lose digits with the size of the logarithms in it
    width = 8.0 * math.sqrt(mean)
    counts = np.unique(np.floor(np.linspace(max(mean - width, 0.0), mean + width, 200)))
    ours = [_poisson_probability(count, mean) for count in counts]
    np.testing.assert_allclose(ours, stats.poisson.pmf(counts, mean), rtol=3e-16 * mean * math.log(mean) + 1e-11)


@pytest.mark.parametrize("mean", [SMALL_MEAN, 30.0, 100.0, 1e4, 1e6])
def test_what_is_accepted_at_once_would_be_accepted_in_the_end(mean):
    # otherwise the counts in the middle of the distribution would come too often; v is tried up to the squeeze's bound
    for u in np.linspace(0.0701, 0.9299, 1001):
        count, edge, a, b = _proposal(mean, u)
        bound = 0.9277 - 3.6224 / (b - 2.0)
        assert _in_squeeze(edge, bound, b)
        assert not _in_squeeze(edge, np.nextafter(bound, 1.0), b)
        scale = (1.1239 + 1.1328 / (b - 3.4)) / (a / (edge * edge) + b)
        assert bound * scale <= _poisson_probability(count, mean)


@COMPILED_AND_INTERPRETED
@pytest.mark.parametrize("mean", [0.0, -1.0, float("nan"), 1e-300])
def test_no_photons_are_counted_where_none_are_expected(call, mean):
    assert call(poisson)(mean, np.uint64(0), *KEY) == 0.0


@COMPILED_AND_INTERPRETED
def test_the_interpreted_functions_draw_what_the_compiled_ones_do(call):
    means = [1e-3, 0.5, 5.0, SMALL_MEAN, 300.0, 1e6]
    expected = draw_poisson(np.array(means), 40, KEY).tolist()
    assert [call(poisson)(mean, np.uint64(40 + i), *KEY) for i, mean in enumerate(means)] == expected


def test_seeds_purposes_and_images_have_streams_of_their_own():
    keys = {stream_key(seed, purpose, number) for seed in (0, 1, 2**80) for purpose in (1, 2) for number in (0, 1, 7)}
    assert len(keys) == 18
    streams = np.array([draw_normal(50_000, 0, key) for key in sorted(keys)])
    correlations = np.corrcoef(streams)[np.triu_indices(len(streams), 1)]
    # 153 coefficients of standard error 1/sqrt(n)
    assert np.abs(correlations).max() < 5.0 / math.sqrt(50_000)


@pytest.mark.parametrize("lag", [1, 2, BLOCK, 1000])
def test_neighbouring_pixels_are_independent(lag):
    deviates = draw_normal(500_000, 0, KEY)
    assert abs(np.mean(deviates[lag:] * deviates[:-lag])) < 5.0 / math.sqrt(deviates.size - lag)


def test_a_key_is_numpys_seed_sequence():
    # so that other programs can follow: seed 5, image 2, purpose 3
    expected = np.random.SeedSequence(5, spawn_key=(2, 3)).generate_state(2, np.uint32)
    assert stream_key(5, 3, 2) == tuple(expected.astype(np.uint64))

"""Arrays of random numbers for neighbouring pixels, the same that `nbnumba.numerics.counter_random` gives each of them.

Poisson deviates are drawn for blocks of pixels in passes that compile to vector instructions: the uniform deviates of
all; Hörmann's squeeze for all large means, and what it leaves open from a list that shrinks; inversion of the small
means side by side, and the few that count long one by one.
"""

from __future__ import annotations

import numpy as np

from nbnumba.numerics.counter_random import (
    MOST_OF_SMALL,
    SMALL_MEAN,
    in_tail,
    inverted_poisson,
    middle_quantile,
    none_probability,
    normal_quantile,
    quick_poisson,
    tried_poisson,
    uniforms,
)
from nbnumba.numerics.elementary import POWER_OF_TWO, ROUNDER
from nbnumba.numerics.jit import lean_jit, pass_jit

BLOCK = 512
"""Pixels side by side: their scratch arrays stay in the processor's first cache."""

_FEW = 16
"""Part of a block that is no longer counted side by side."""

_FIRST_DRAW = np.uint64(0)

Key = tuple[np.uint64, np.uint64]


def draw_poisson(means: np.ndarray, first_pixel: int, key: Key) -> np.ndarray:
    """Poisson deviates of consecutive pixels.

    Parameters
    ----------
    means : ndarray, shape (n,), float64
        Expected numbers, up to 2⁵³; 0 comes of what is not above 0, or NaN.
    first_pixel : int
        Number of the first of these pixels in its image.
    key : tuple of 2 uint64
        From `nbnumba.numerics.counter_random.stream_key`.

    Returns
    -------
    ndarray, shape (n,), float64
        Whole numbers.
    """
    counts = np.empty(means.size)
    scratch, undecided = np.empty((4, BLOCK)), np.empty(BLOCK, dtype=np.int64)
    _fill_poisson(means, np.uint64(first_pixel), *key, ROUNDER, POWER_OF_TWO, scratch, undecided, counts)
    return counts


def draw_normal(size: int, first_pixel: int, key: Key) -> np.ndarray:
    """Normal deviates of consecutive pixels, of mean 0 and variance 1.

    Parameters
    ----------
    size : int
        How many.
    first_pixel, key
        As in `draw_poisson`.

    Returns
    -------
    ndarray, shape (size,), float64
    """
    deviates = np.empty(size)
    _uniform_to_normal(draw_uniform(size, first_pixel, key), deviates)
    return deviates


def draw_uniform(size: int, first_pixel: int, key: Key) -> np.ndarray:
    """Uniform deviates of consecutive pixels, between 0 and 1.

    Parameters
    ----------
    size : int
        How many.
    first_pixel, key
        As in `draw_poisson`.

    Returns
    -------
    ndarray, shape (size,), float64
    """
    deviates = np.empty(size)
    _fill_uniform(np.uint64(first_pixel), *key, deviates)
    return deviates


@lean_jit
def _fill_uniform(first, key0, key1, deviates):
    for i in range(deviates.size):
        deviates[i], _ = uniforms(first + np.uint64(i), _FIRST_DRAW, key0, key1)


@lean_jit
def _uniform_to_normal(probabilities, deviates):
    """Normal deviates from uniform ones: the middle of the distribution for all, then the tails."""
    for i in range(probabilities.size):
        deviates[i] = middle_quantile(probabilities[i])
    for i in range(probabilities.size):
        if in_tail(probabilities[i]):
            deviates[i] = normal_quantile(probabilities[i])


@pass_jit
def _survey(means):
    """How many means are above 0, and how many from `SMALL_MEAN` on."""
    lit = bright = 0
    for i in range(means.size):
        lit += 1 if means[i] > 0.0 else 0
        bright += 1 if means[i] >= SMALL_MEAN else 0
    return lit, bright


@pass_jit
def _draw_uniforms(first, key0, key1, u, v):
    """The first two uniform deviates of every pixel."""
    for i in range(u.size):
        u[i], v[i] = uniforms(first + np.uint64(i), _FIRST_DRAW, key0, key1)


@pass_jit
def _settle_quickly(means, u, v, undecided, counts):
    """Counts where the squeeze accepts them; how many means from `SMALL_MEAN` on are left, and which."""
    for i in range(means.size):
        counts[i] = quick_poisson(means[i], u[i], v[i])
    left = 0
    for i in range(means.size):
        undecided[left] = i
        left += 1 if (means[i] >= SMALL_MEAN) & (counts[i] < 0.0) else 0
    return left


@pass_jit
def _settle_rest(left, means, first, key0, key1, u, v, undecided, counts):
    """Try what is left over, with new uniform deviates each time, until every count is accepted."""
    draw = _FIRST_DRAW
    while left > 0:
        tried, left = left, 0
        for j in range(tried):
            i = undecided[j]
            counts[i] = tried_poisson(means[i], u[i], v[i])
            undecided[left] = i
            left += 1 if counts[i] < 0.0 else 0
        draw += np.uint64(1)
        for j in range(left):
            i = undecided[j]
            u[i], v[i] = uniforms(first + np.uint64(i), draw, key0, key1)


@pass_jit
def _begin_inversion(means, u, small, probability, rounder, coefficients, counts):
    """Probability of no event for all means below `SMALL_MEAN`, and what it leaves of the uniform deviates."""
    for i in range(means.size):
        # also where the mean is NaN
        small[i] = means[i] if (means[i] > 0.0) & (means[i] < SMALL_MEAN) else 0.0
        counts[i] = counts[i] if means[i] >= SMALL_MEAN else 0.0
    for i in range(means.size):
        probability[i] = none_probability(small[i], rounder, coefficients)
        # below the probability: done
        u[i] = u[i] - probability[i] if small[i] > 0.0 else -1.0


@pass_jit
def _count_together(u, small, probability, counts):
    """Count one event more in all pixels side by side, until few still count; the events counted then."""
    count, missing = 0, u.size
    while missing > u.size // _FEW and count < MOST_OF_SMALL:
        count += 1
        missing = 0
        for i in range(u.size):
            counts[i] += 1.0 if u[i] > 0.0 else 0.0
            probability[i] *= small[i] / count
            u[i] -= probability[i]
            missing += 1 if u[i] > 0.0 else 0
    return count


@pass_jit
def _count_rest(count, u, small, probability, undecided, counts):
    """Count on in the few pixels that are left."""
    left = 0
    for i in range(u.size):
        undecided[left] = i
        left += 1 if u[i] > 0.0 else 0
    for j in range(left):
        i = undecided[j]
        counts[i] = inverted_poisson(small[i], u[i], probability[i], float(count))


@lean_jit
def _fill_poisson(means, first, key0, key1, rounder, coefficients, scratch, undecided, counts):
    """Counts of all pixels, block by block."""
    for start in range(0, means.size, BLOCK):
        block, found = means[start : start + BLOCK], counts[start : start + BLOCK]
        pixel = first + np.uint64(start)
        lit, bright = _survey(block)
        if lit == 0:
            found[:] = 0.0
            continue
        u, v = scratch[0][: block.size], scratch[1][: block.size]
        _draw_uniforms(pixel, key0, key1, u, v)
        if bright > 0:
            left = _settle_quickly(block, u, v, undecided, found)
            _settle_rest(left, block, pixel, key0, key1, u, v, undecided, found)
        if bright < block.size:
            small, probability = scratch[2][: block.size], scratch[3][: block.size]
            _begin_inversion(block, u, small, probability, rounder, coefficients, found)
            count = _count_together(u, small, probability, found)
            _count_rest(count, u, small, probability, undecided, found)


"""The random numbers of nanoBragg.c: ran1, Gauss and Poisson deviates from Numerical Recipes, float32 where C is.

What C keeps in static variables lies in two arrays here, so that a sequence is a value and not a hidden state.
"""

from __future__ import annotations

import math
import time

import numpy as np

from nbnumba.numerics.jit import device_jit

_MULTIPLIER = 16807
_MODULUS = 2147483647
_TABLE_SIZE = 32
_WARM_UP = 8
_SLOT_SHIFT = 26  # 2**31 / _TABLE_SIZE values share a slot
_SCALE = 1.0 / _MODULUS
_LARGEST = np.float32(1.0 - 1.2e-7)

_SEED, _LAST, _TABLE = 0, 1, 2
_MEAN, _ROOT, _LOG_MEAN, _THRESHOLD, _HAS_SPARE, _SPARE, _FACTORIALS = range(7)

_FACTORIAL_COUNTS = 65536
"""Counts below this find the logarithm of their factorial in a table: computing it is half of the work."""

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_TWELVE = np.float32(12.0)
_MILLION = np.float32(1e6)

_GAMMA_SERIES = (
    76.18009172947146, -86.50532032941677, 24.01409824083091,
    -1.231739572450155, 0.1208650973866179e-2, -0.5395239384953e-5,
)  # fmt: skip


def clock_seed() -> int:
    """The seed that the C programs take where none is given: seconds since 1970."""
    return int(time.time())


def ran1_state(seed: int) -> np.ndarray:
    """State of a generator that has not drawn yet.

    Parameters
    ----------
    seed : int
        As C passes it: the negative of what the user types. Zero and positive numbers act like -1.

    Returns
    -------
    ndarray, shape (34,), int64
        [0] the seed, later the last number of the congruential sequence; [1] the last number that left the shuffle
        table, 0 before the first draw; [2:] the shuffle table.
    """
    state = np.zeros(_TABLE + _TABLE_SIZE, dtype=np.int64)
    state[_SEED] = seed
    return state


def seed_again(state: np.ndarray, seed: int) -> None:
    """Give a generator a new seed, as nanoBragg does before each of its uses.

    Parameters
    ----------
    state : ndarray, shape (34,), int64
        From `ran1_state`; changed.
    seed : int
        As C passes it: zero and negative numbers make the shuffle table anew, positive ones go on with it once it is
        filled.
    """
    state[_SEED] = seed


@device_jit
def go_on_with(state: np.ndarray, numbers: np.ndarray, which: int) -> None:
    """Let a generator go on with one of several sequences that share its shuffle table, as in noisify.

    Parameters
    ----------
    state : ndarray, shape (34,), int64
        From `ran1_state`; changed.
    numbers : ndarray, shape (any,), int64
        Where each sequence is: the seed as C passes it, later the last number.
    which : int
        The sequence.
    """
    state[_SEED] = numbers[which]


@device_jit
def keep_place(state: np.ndarray, numbers: np.ndarray, which: int) -> None:
    """Note where a sequence is, for `go_on_with`.

    Parameters
    ----------
    state : ndarray, shape (34,), int64
        From `ran1_state`.
    numbers : ndarray, shape (any,), int64
        Where each sequence is; changed.
    which : int
        The sequence that was drawn from.
    """
    numbers[which] = state[_SEED]


def poisson_state() -> np.ndarray:
    """What `poidev` and `gaussdev` remember between calls.

    Returns
    -------
    ndarray, shape (65542,), float32
        The last mean, sqrt(2 mean), log(mean), the rejection threshold, whether a spare Gauss deviate waits, the spare;
        then log(n!) of n = 0...65535, NaN until it was needed.
    """
    memory = np.zeros(_FACTORIALS + _FACTORIAL_COUNTS, dtype=np.float32)
    memory[_MEAN] = -1.0
    memory[_FACTORIALS:] = np.nan
    return memory


@device_jit
def _next_in_sequence(number: int) -> int:
    """16807 number mod 2**31 - 1."""
    product = number * _MULTIPLIER
    folded = (product & _MODULUS) + (product >> 31)
    return folded - _MODULUS if folded >= _MODULUS else folded


@device_jit
def _fill_table(state: np.ndarray) -> None:
    """Start the sequence from the seed and fill the shuffle table."""
    number = max(-state[_SEED], 1)
    for place in range(_TABLE_SIZE + _WARM_UP - 1, -1, -1):
        number = _next_in_sequence(number)
        if place < _TABLE_SIZE:
            state[_TABLE + place] = number
    state[_SEED] = number
    state[_LAST] = state[_TABLE]


@device_jit
def _draw(number: int, last: int, state: np.ndarray) -> tuple[int, int]:
    """Next number of the congruential sequence, and what leaves the shuffle table for it.

    Both are local variables of the callers: in the array, each draw would wait for the stores of the one before.
    """
    if number <= 0 or last == 0:
        state[_SEED] = number
        _fill_table(state)
        number, last = state[_SEED], state[_LAST]
    number = _next_in_sequence(number)
    slot = _TABLE + (last >> _SLOT_SHIFT)
    last = state[slot]
    state[slot] = number
    return number, last


@device_jit
def _keep(number: int, last: int, state: np.ndarray) -> None:
    """Where the sequence is, for the next draw."""
    state[_SEED], state[_LAST] = number, last


@device_jit
def _uniform(last: int) -> np.float32:
    """The deviate that a number of the sequence stands for."""
    return min(np.float32(last * _SCALE), _LARGEST)


@device_jit
def ran1(state: np.ndarray) -> np.float32:
    """Uniform deviate between 0 and 1, both excluded.

    Parameters
    ----------
    state : ndarray, shape (34,), int64
        From `ran1_state`; changed.

    Returns
    -------
    float32
    """
    number, last = _draw(state[_SEED], state[_LAST], state)
    _keep(number, last, state)
    return _uniform(last)


@device_jit
def gammln(argument: np.float32) -> np.float32:
    """Logarithm of the gamma function, float32 from float32, for positive arguments."""
    x = np.float64(argument)
    shifted = x + 5.5
    shifted -= (x + 0.5) * math.log(shifted)
    series = 1.000000000190015
    divisor = x
    for coefficient in _GAMMA_SERIES:
        divisor += 1.0
        series += coefficient / divisor
    return np.float32(-shifted + math.log(2.5066282746310005 * series / x))


@device_jit
def gaussdev(state: np.ndarray, memory: np.ndarray) -> np.float32:
    """Gauss deviate of unit variance, float32; every second one is the spare of the one before.

    Parameters
    ----------
    state : ndarray, shape (34,), int64
        From `ran1_state`; changed.
    memory : ndarray, shape (65542,), float32
        From `poisson_state`; changed.

    Returns
    -------
    float32
    """
    if memory[_HAS_SPARE] != _ZERO:
        memory[_HAS_SPARE] = _ZERO
        return memory[_SPARE]
    v1, v2, square = _ZERO, _ZERO, _ZERO
    number, last = state[_SEED], state[_LAST]
    while square >= _ONE or square == _ZERO:
        number, last = _draw(number, last, state)
        v1 = np.float32(2.0 * np.float64(_uniform(last)) - 1.0)
        number, last = _draw(number, last, state)
        v2 = np.float32(2.0 * np.float64(_uniform(last)) - 1.0)
        square = v1 * v1 + v2 * v2
    _keep(number, last, state)
    wide = np.float64(square)
    factor = np.float32(math.sqrt(-2.0 * math.log(wide) / wide))
    memory[_SPARE] = v1 * factor
    memory[_HAS_SPARE] = _ONE
    return v2 * factor


@device_jit
def _poisson_by_waiting_times(mean: np.float32, state: np.ndarray, memory: np.ndarray) -> np.float32:
    """Multiply uniform deviates until the product falls to exp(-mean)."""
    if mean != memory[_MEAN]:
        memory[_MEAN] = mean
        memory[_THRESHOLD] = np.float32(math.exp(-np.float64(mean)))
    threshold, count = memory[_THRESHOLD], _ZERO
    number, last = _draw(state[_SEED], state[_LAST], state)
    product = _uniform(last)
    while product > threshold:
        count += _ONE
        number, last = _draw(number, last, state)
        product *= _uniform(last)
    _keep(number, last, state)
    return count


@device_jit
def _log_factorial(count: np.float32, memory: np.ndarray) -> np.float32:
    """gammln(count + 1) of a whole number, or of NaN."""
    if not count < _FACTORIAL_COUNTS:
        return gammln(count + _ONE)
    place = _FACTORIALS + np.int64(count)
    if np.isnan(memory[place]):
        memory[place] = gammln(count + _ONE)
    return memory[place]


@device_jit
def _poisson_by_rejection(mean: np.float32, state: np.ndarray, memory: np.ndarray) -> np.float32:
    """Accept or reject rounded Lorentzian deviates."""
    if mean != memory[_MEAN]:
        memory[_MEAN] = mean
        memory[_ROOT] = np.float32(math.sqrt(2.0 * np.float64(mean)))
        memory[_LOG_MEAN] = np.float32(math.log(np.float64(mean)))
        memory[_THRESHOLD] = mean * memory[_LOG_MEAN] - gammln(mean + _ONE)
    while True:
        y = np.float32(math.tan(math.pi * np.float64(ran1(state))))
        count = memory[_ROOT] * y + mean
        while count < _ZERO:
            y = np.float32(math.tan(math.pi * np.float64(ran1(state))))
            count = memory[_ROOT] * y + mean
        count = np.floor(count)
        exponent = count * memory[_LOG_MEAN] - _log_factorial(count, memory) - memory[_THRESHOLD]
        ratio = np.float32(0.9 * (1.0 + np.float64(y * y)) * math.exp(np.float64(exponent)))
        # a NaN ends the loop, as in C
        if not ran1(state) > ratio:
            return count


@device_jit
def poidev(mean: np.float32, state: np.ndarray, memory: np.ndarray) -> np.float32:
    """Poisson deviate; Gaussian above a mean of 1e6, where it need not be an integer.

    Parameters
    ----------
    mean : float32
        Expected number.
    state : ndarray, shape (34,), int64
        From `ran1_state`; changed.
    memory : ndarray, shape (65542,), float32
        From `poisson_state`; changed. Values derived from the mean are kept while the mean repeats.

    Returns
    -------
    float32
    """
    if mean > _MILLION:
        wide = np.float64(mean)
        return np.float32(wide + math.sqrt(wide) * np.float64(gaussdev(state, memory)))
    if mean < _TWELVE:
        return _poisson_by_waiting_times(mean, state, memory)
    return _poisson_by_rejection(mean, state, memory)


@device_jit
def powf32(base: np.float32, exponent: np.float32) -> np.float32:
    """Power in float32; compiled, it is the C library's powf, from which NumPy's differs in the last place.

    Parameters
    ----------
    base, exponent : float32

    Returns
    -------
    float32
    """
    return base**exponent

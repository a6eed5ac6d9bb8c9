"""Random numbers that are functions of a key and a counter: any pixel's can be computed alone, in any order.

Philox 4x32-10 (J. K. Salmon, M. A. Moraes, R. O. Dror & D. E. Shaw, Proc. SC11, 16 (2011)) turns a counter of four
32-bit words under a key of two into four random words. The counter is the pixel and the number of the draw; the key
stands for a seed and a purpose. So an image's numbers depend on neither threads nor strips nor engine. Philox 4x64-10
takes 8.0 ns for two uniform deviates where 4x32-10 takes 1.6: products of 32 bits are one instruction, on a GPU and for
vectors, while 128 bits of a product of 64 take four of them and their sums.

Every function here is scalar and uses `math` alone, so that CUDA compiles it too; `nbnumba.numerics.counter_arrays`
fills arrays. Words travel as uint64 below 2³².
"""

from __future__ import annotations

import math

import numpy as np

from nbnumba.numerics.elementary import POWER_OF_TWO, ROUNDER, power_of_two
from nbnumba.numerics.jit import device_jit

_WORD = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_20 = np.uint64(20)
_12 = np.uint64(12)
_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_ROUNDS = 10
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)

_STEP = 2.0**-52
_LOG2_E = 1.4426950408889634

SMALL_MEAN = 20.0
"""Where Hörmann's rejection takes over from inversion: side by side, inversion takes some 15 ns there, rejection 40."""

MOST_OF_SMALL = 75
"""Count at which inversion stops: of a mean below `SMALL_MEAN`, more come with a probability of 1e-21, and a uniform
deviate can't tell less than 1e-16."""


def stream_key(seed: int, purpose: int, image_number: int = 0) -> tuple[np.uint64, np.uint64]:
    """Key of the random numbers for one purpose in one image.

    Parameters
    ----------
    seed : int
        Not negative, of any size.
    purpose : int
        What the numbers are for: streams of different purposes have nothing to do with each other.
    image_number : int
        Images of one seed have different numbers.

    Returns
    -------
    tuple of 2 uint64
        Below 2³² each, from NumPy's SeedSequence(seed, spawn_key=(image_number, purpose)).
    """
    words = np.random.SeedSequence(seed, spawn_key=(image_number, purpose)).generate_state(2, np.uint32)
    return np.uint64(words[0]), np.uint64(words[1])


@device_jit
def philox(c0, c1, c2, c3, key0, key1):
    """Philox 4x32-10: four random words from a counter and a key.

    Parameters
    ----------
    c0, c1, c2, c3 : uint64
        Counter, below 2³² each.
    key0, key1 : uint64
        Key, below 2³² each.

    Returns
    -------
    tuple of 4 uint64
        Below 2³² each.
    """
    for _ in range(_ROUNDS):
        product0, product1 = _MULTIPLIER_0 * c0, _MULTIPLIER_1 * c2
        c0, c1 = (product1 >> _32) ^ c1 ^ key0, product1 & _WORD
        c2, c3 = (product0 >> _32) ^ c3 ^ key1, product0 & _WORD
        key0, key1 = (key0 + _WEYL_0) & _WORD, (key1 + _WEYL_1) & _WORD
    return c0, c1, c2, c3


@device_jit
def _uniform(high, low):
    """Uniform deviate from two words: the middle of one of 2⁵² equal steps, hence neither 0 nor 1."""
    return np.float64(np.int64((high << _20) | (low >> _12))) * _STEP + 0.5 * _STEP


@device_jit
def uniforms(pixel, draw, key0, key1):
    """Two independent uniform deviates of a pixel.

    Parameters
    ----------
    pixel : uint64
        Number of the pixel in its image.
    draw : uint64
        Number of the draw, below 2³².
    key0, key1 : uint64
        From `stream_key`.

    Returns
    -------
    tuple of 2 float64
        Between 0 and 1, both excluded; multiples of 2⁻⁵³.
    """
    w0, w1, w2, w3 = philox(pixel & _WORD, pixel >> _32, draw, _ZERO, key0, key1)
    return _uniform(w0, w1), _uniform(w2, w3)


@device_jit
def _rational(x, over, under):
    """Quotient of two polynomials of degree 7; coefficients of the lowest power first."""
    n0, n1, n2, n3, n4, n5, n6, n7 = over
    d1, d2, d3, d4, d5, d6, d7 = under
    numerator = ((((((n7 * x + n6) * x + n5) * x + n4) * x + n3) * x + n2) * x + n1) * x + n0
    return numerator / (((((((d7 * x + d6) * x + d5) * x + d4) * x + d3) * x + d2) * x + d1) * x + 1.0)


_MIDDLE = (
    (3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
     45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727),
    (42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867,
     39307.89580009271061, 28729.085735721942674, 5226.495278852854561),
)  # fmt: skip
_FLANK = (
    (1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
     1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4),
    (2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
     0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_TAIL = (
    (6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123,
     0.026532189526576123093, 0.0012426609473880784386, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 7.868691311456132591e-4,
     1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15),
)  # fmt: skip


@device_jit
def middle_quantile(probability):
    """Normal deviate, if it is not `in_tail`: additions, products and one division.

    Parameters
    ----------
    probability : float64
        From 0.075 to 0.925.

    Returns
    -------
    float64
    """
    q = probability - 0.5
    return q * _rational(0.180625 - q * q, _MIDDLE[0], _MIDDLE[1])


@device_jit
def in_tail(probability):
    """Whether a normal deviate belongs to the outer 15 %."""
    return abs(probability - 0.5) > 0.425


@device_jit
def normal_quantile(probability):
    """Normal deviate below which another one lies with this probability: M. J. Wichura's algorithm AS 241 (1988).

    Inversion needs one uniform deviate and, in 85 % of cases, neither a logarithm nor a root; Box and Muller's method
    takes a logarithm, a root and a cosine each time and twice as long.

    Parameters
    ----------
    probability : float64
        Between 0 and 1, both excluded.

    Returns
    -------
    float64
        Right to 1e-15 of its size.
    """
    if not in_tail(probability):
        return middle_quantile(probability)
    r = math.sqrt(-math.log(min(probability, 1.0 - probability)))
    z = _rational(r - 1.6, _FLANK[0], _FLANK[1]) if r <= 5.0 else _rational(r - 5.0, _TAIL[0], _TAIL[1])
    return math.copysign(z, probability - 0.5)


@device_jit
def none_probability(mean, rounder, coefficients):
    """Probability of no event: exp(-mean).

    Parameters
    ----------
    mean : float64
        0 to 700.
    rounder, coefficients
        ROUNDER and POWER_OF_TWO, see `nbnumba.numerics.elementary.power_of_two`.
    """
    return power_of_two(mean * -_LOG2_E, rounder, coefficients)


@device_jit
def inverted_poisson(mean, rest, probability, count):
    """Poisson deviate of a mean below `SMALL_MEAN`, by inversion.

    Parameters
    ----------
    mean : float64
        Expected number, above 0.
    rest : float64
        Uniform deviate less the probabilities of 0 to `count` events.
    probability : float64
        Of `count` events.
    count : float64
        Events counted so far, 0 to begin with.

    Returns
    -------
    float64
    """
    while rest > 0.0 and count < MOST_OF_SMALL:
        count += 1.0
        probability *= mean / count
        rest -= probability
    return count


@device_jit
def _proposal(mean, u):
    """Hörmann's proposal: a count, the distance of `u` from the nearer end, a and b."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    u -= 0.5
    edge = 0.5 - abs(u)
    return np.float64(math.floor((2.0 * a / edge + b) * u + mean + 0.43)), edge, a, b


@device_jit
def _in_squeeze(edge, v, b):
    """Whether a proposal is accepted without knowing its probability."""
    return (edge >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2.0))


@device_jit
def quick_poisson(mean, u, v):
    """Poisson deviate of a mean from `SMALL_MEAN` where Hörmann's squeeze accepts it, else -1.

    Parameters
    ----------
    mean : float64
        Expected number, `SMALL_MEAN` to 2⁵³.
    u, v : float64
        Uniform deviates.

    Returns
    -------
    float64
    """
    count, edge, _, b = _proposal(mean, u)
    return count if _in_squeeze(edge, v, b) else -1.0


@device_jit
def _poisson_probability(count, mean):
    """Probability of a count; a mean of at least `SMALL_MEAN`.

    From 10 events on by Stirling's series, in the deviation from the mean (C. Loader, 2000): terms of the size of the
    logarithm of a factorial would leave few digits of their difference.
    """
    if count < 10.0:
        probability, factor = math.exp(-mean), 1.0
        while factor <= count:
            probability *= mean / factor
            factor += 1.0
        return probability
    inverse = 1.0 / count
    square = inverse * inverse
    series = (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - square * (1.0 / 1680.0)) * square) * square) * inverse
    deviation = count * math.log1p((mean - count) * inverse) + (count - mean)
    return math.exp(deviation - series) / math.sqrt(2.0 * math.pi * count)


@device_jit
def tried_poisson(mean, u, v):
    """Poisson deviate by Hörmann's transformed rejection, or -1 where it is rejected.

    Algorithm PTRS of W. Hörmann, Insurance: Mathematics and Economics 12, 39 (1993).

    Parameters
    ----------
    mean : float64
        Expected number, `SMALL_MEAN` to 2⁵³.
    u, v : float64
        Uniform deviates.

    Returns
    -------
    float64
    """
    count, edge, a, b = _proposal(mean, u)
    if _in_squeeze(edge, v, b):
        return count
    if count < 0.0 or (edge < 0.013 and v > edge):
        return -1.0
    scale = (1.1239 + 1.1328 / (b - 3.4)) / (a / (edge * edge) + b)
    return count if v * scale <= _poisson_probability(count, mean) else -1.0


@device_jit
def poisson(mean, pixel, key0, key1):
    """Poisson deviate of a pixel.

    Parameters
    ----------
    mean : float64
        Expected number, up to 2⁵³; 0 comes of what is not above 0, or NaN.
    pixel : uint64
        Number of the pixel in its image.
    key0, key1 : uint64
        From `stream_key`.

    Returns
    -------
    float64
        A whole number.
    """
    u, v = uniforms(pixel, _ZERO, key0, key1)
    # also where the mean is NaN
    if not mean > 0.0:
        return 0.0
    if mean < SMALL_MEAN:
        none = none_probability(mean, ROUNDER, POWER_OF_TWO)
        return inverted_poisson(mean, u - none, none, 0.0)
    draw, count = _ZERO, tried_poisson(mean, u, v)
    while count < 0.0:
        draw += _ONE
        u, v = uniforms(pixel, draw, key0, key1)
        count = tried_poisson(mean, u, v)
    return count


@device_jit
def normal(pixel, key0, key1):
    """Normal deviate of a pixel.

    Parameters
    ----------
    pixel : uint64
        Number of the pixel in its image.
    key0, key1 : uint64
        From `stream_key`.

    Returns
    -------
    float64
        Of mean 0 and variance 1; its size is at most 8.2.
    """
    u, _ = uniforms(pixel, _ZERO, key0, key1)
    return normal_quantile(u)

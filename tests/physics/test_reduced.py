"""The shape transforms in the form that GPUs evaluate equal their definition, in float64 and float32."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import mpmath
import numpy as np
import pytest
from numba import njit
from numba.extending import intrinsic

from nbnumba.flags import interpret
from nbnumba.numerics import half_turns
from nbnumba.numerics.elementary import ROUNDER
from nbnumba.physics import reduced
from nbnumba.physics.structure_factor import nearest_amplitude
from nbnumba.setup.lowering import lower
from nbnumba.shapes.gauss import GAUSS
from nbnumba.shapes.round import ROUND
from nbnumba.shapes.square import square_factor_reduced, square_factor_single
from nbnumba.shapes.tophat import TOPHAT


class Spots(NamedTuple):
    """What the shape transforms read of `kernels.params.Lattice`."""

    cells: np.ndarray
    fudge: float
    index_radius: bool
    reciprocal: np.ndarray


def spots(cells, fudge=1.0, kind=np.float64):
    """Spots that are measured in 1/N of an index."""
    return Spots(np.asarray(cells, dtype=kind), kind(fudge), True, np.zeros(9, dtype=kind))


@pytest.fixture(autouse=True)
def forty_digits():
    with mpmath.workdps(40):
        yield


HALF_TURNS = np.concatenate((np.linspace(-0.5, 0.5, 501), 10.0 ** np.arange(-12.0, 0.0), [0.25, 1 / 3]))


def relative_errors(values, exact):
    """Each value's error relative to a high-precision one; an exact zero asks for a zero."""
    return np.array([
        float(abs((mpmath.mpf(float(v)) - e) / e)) if e else float(abs(v)) for v, e in zip(values, exact, strict=True)
    ])  # fmt: skip


@njit
def fma_single(x, y, z):
    """x·y + z of float32: exact in float64 but for a rounding 29 binary digits further on."""
    return np.float32(np.float64(x) * np.float64(y) + np.float64(z))


@njit
def angles_of_split(index, cells):
    return reduced.angles_single(index, cells, fma_single)


@njit
def quotient(x, y):
    return x / y


OF_SPLIT = reduced.distance_single, angles_of_split, quotient
"""What float32 shapes ask of indices from `split_index`."""


@intrinsic
def fma(context, x, y, z):
    """x·y + z of float64."""
    del context, y, z

    def build(_context, builder, _signature, arguments):
        return builder.fma(*arguments)

    return x(x, x, x), build


@njit
def fma_double(x, y, z):
    """x·y + z of float64, rounded once."""
    return fma(x, y, z)


def test_sine_of_half_turns_has_the_digits_of_float64():
    values = [half_turns.half_turn_sine(x, 0.0) for x in HALF_TURNS]
    exact = [mpmath.sinpi(mpmath.mpf(float(x))) for x in HALF_TURNS]
    assert relative_errors(values, exact).max() < 3 * 2.0**-53  # the polynomial's error and two roundings


def test_sine_of_half_turns_has_the_digits_of_float32():
    x = HALF_TURNS.astype(np.float32)
    values = [half_turns.half_turn_sine_single(v, np.float32(0.0)) for v in x]
    exact = [mpmath.sinpi(mpmath.mpf(float(v))) for v in x]
    # float32(π) alone is off by 0.5 units; two roundings come to it
    assert relative_errors(values, exact).max() < 3 * 2.0**-24


def test_cosine_of_half_turns_in_float32():
    x = HALF_TURNS.astype(np.float32)
    values = np.array([half_turns.half_turn_cosine_single(v) for v in x])
    exact = np.array([float(mpmath.cospi(mpmath.mpf(float(v)))) for v in x])
    assert np.abs(values - exact).max() < 2 * 2.0**-24


def test_sphere_transform_near_zero_in_float32():
    s = np.linspace(0.0, 1.0, 301, dtype=np.float32)
    values = [half_turns.sphere_near_zero_single(v) for v in s]
    y = [mpmath.pi * mpmath.sqrt(mpmath.mpf(float(v))) for v in s]
    exact = [3 * (mpmath.sin(t) / t - mpmath.cos(t)) / t**2 if t else mpmath.mpf(1) for t in y]
    # the sum falls to 0.3 where its terms are near 1
    assert relative_errors(values, exact).max() < 8 * 2.0**-24


def grating(index, cells):
    """sin(π·N·h)/sin(π·h) in high precision."""
    h = mpmath.mpf(float(index))
    sine = mpmath.sinpi(h)
    return mpmath.sinpi(cells * h) / sine if sine else mpmath.mpf(int(cells))


@pytest.mark.parametrize("cells", [(1, 1, 1), (5, 5, 5), (3, 20, 1000), (1, 7, 1)])
def test_square_factor_equals_the_quotient_of_sines(cells):
    numbers = np.random.default_rng(3)
    indices = np.concatenate((
        numbers.uniform(-60.0, 60.0, (300, 3)), numbers.integers(-9, 9, (20, 3)),
        numbers.integers(-9, 9, (20, 3)) + 10.0 ** -numbers.integers(3, 15, (20, 3)).astype(float),
    ))  # fmt: skip
    lattice, nowhere = spots(cells), (0.0, 0.0, 0.0)
    values = [abs(square_factor_reduced(lattice, *index, *nowhere, fma_double)) for index in indices]
    exact = [abs(mpmath.fprod(grating(v, c) for v, c in zip(index, cells, strict=True))) for index in indices]
    # nine operations of three axes with one rounding each, and six polynomials
    assert relative_errors(values, exact).max() < 40 * 2.0**-53


def test_whole_indices_give_the_number_of_unit_cells():
    n = (4.0, 5.0, 6.0)
    for index in ((0.0, 0.0, 0.0), (3.0, -2.0, 0.0)):
        assert abs(square_factor_reduced(spots(n), *index, *index, fma_double)) == pytest.approx(120.0, rel=1e-15)
    zero = (np.float32(0.0),) * 3
    single = square_factor_single(spots(n, kind=np.float32), zero, zero, zero, *OF_SPLIT)
    assert abs(single) == pytest.approx(120.0, rel=2.0**-22)


def split(vectors):
    """float64 vectors as tuples of float32 heads and tails."""
    heads = vectors.astype(np.float32)
    return [(tuple(h), tuple(t)) for h, t in zip(heads, (vectors - heads).astype(np.float32), strict=True)]


def split_indices(count, length):
    """Random indices of about a size, exact and as `split_index` gives them."""
    numbers = np.random.default_rng(5)
    axes, q = numbers.normal(size=(count, 3)) * 1e-8, numbers.normal(size=(count, 3)) * 1e8 * length
    exact = [sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x, y, strict=True)) for x, y in zip(axes, q)]  # noqa: B905
    found = [
        tuple(map(np.float32, reduced.split_index(heads, tails, q_heads, q_tails, fma_single)))
        for (heads, tails), (q_heads, q_tails) in zip(split(axes), split(q), strict=True)
    ]
    return exact, found


@pytest.mark.parametrize("length", [0.1, 10.0, 1000.0])
def test_split_indices_have_nearly_the_digits_of_float64(length):
    exact, found = split_indices(2000, length)
    errors = [float(abs(Fraction(float(w)) + Fraction(float(b)) + Fraction(float(r)) - e))
              for e, (w, b, r) in zip(exact, found, strict=True)]  # fmt: skip
    # three rests below 2⁻⁹, each rounded thrice to 24 digits, and the tails of the tails: 2⁻⁴⁸ of the index
    assert max(errors) < 12 * 2.0**-33 + 6 * length * 2.0**-48
    assert max(abs(b) for _, b, _ in found) <= 0.5
    assert max(abs(r) for _, _, r in found) < 2.0**-8


def test_the_nearest_reflection_is_the_nearest():
    exact, found = split_indices(4000, 10.0)
    for index, parts in zip(exact, found, strict=True):
        nearest, distance = reduced.nearest_reflection(*parts)
        assert abs(float(index - int(nearest))) <= 0.5 + 1e-8
        assert float(distance) == pytest.approx(float(index - int(nearest)), rel=2.0**-23, abs=1e-9)


@pytest.mark.parametrize("cells", [1, 5, 100, 1000])
def test_mixed_indices_leave_what_is_beyond_whole_numbers(cells):
    numbers = np.random.default_rng(6)
    axes, q = numbers.normal(size=(2000, 3)) * 1e-8, numbers.normal(size=(2000, 3)) * 1e9
    for axis, vector in zip(axes, q, strict=True):
        exact = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(axis, vector, strict=True))
        index, rounded, distance, turns = reduced.mixed_index(tuple(axis), tuple(vector), float(cells), fma_double)
        # three products of some tens and their sums, each rounded to 53 digits
        error = 6 * 60.0 * 2.0**-53
        assert abs(float(exact - Fraction(float(index)))) < error
        nearest = int(reduced.whole_part(rounded))
        assert abs(float(exact - nearest)) <= 0.5 + error
        assert float(distance) == pytest.approx(float(exact - nearest), rel=2.0**-23, abs=error)
        whole = round(exact * cells - Fraction(float(turns)))
        assert float(turns) == pytest.approx(float(exact * cells - whole), rel=2.0**-23, abs=cells * error)
        assert abs(turns) <= 0.5


@pytest.mark.parametrize("whole", [0, 1, -1, 4097, -4097, 2**30, -(2**30)])
def test_whole_parts_are_read_from_the_lowest_bits(whole):
    assert reduced.whole_part(whole + 0.25 + ROUNDER) == whole


@pytest.mark.parametrize("cells", [5, 100, 1000])
def test_single_square_factor_keeps_six_digits_even_between_spots(cells):
    exact, found = split_indices(1000, 10.0)
    lattice = spots((cells,) * 3, kind=np.float32)
    other = (np.float32(0.0), np.float32(0.3125), np.float32(0.0))
    values = [abs(square_factor_single(lattice, index, other, other, *OF_SPLIT)) for index in found]
    other_axes = grating(0.3125, cells) ** 2
    indices = [mpmath.mpf(index.numerator) / index.denominator for index in exact]
    sines = np.array([float(abs(mpmath.sinpi(x))) for x in indices])
    reference = np.array([float(abs(mpmath.sinpi(cells * x) * other_axes)) for x in indices]) / sines
    # where sin(π·N·h) goes through zero, N times the error of the index is left of it
    error_of_zero = np.pi * cells * 12 * 2.0**-33 * float(abs(other_axes)) / sines
    assert np.all(np.abs(values - reference) <= 2e-6 * reference + error_of_zero)


@pytest.mark.parametrize("shape", [ROUND, GAUSS, TOPHAT], ids=lambda shape: shape.name)
@pytest.mark.parametrize("fudge", [0.5, 1.0, 3.0])
def test_single_shapes_follow_the_double_ones(shape, fudge):
    cells, zero = (4.0, 5.0, 600.0), (np.float32(0.0),) * 3
    single, double = spots(cells, fudge, np.float32), spots(cells, fudge)
    # along c, half an index away at most, the radius comes to 300
    distances = np.concatenate((np.linspace(0.0, 0.01, 400), np.linspace(0.01, 0.1, 100))).astype(np.float32)
    values = [abs(shape.single(single, zero, zero, (zero[0], d, zero[0]), *OF_SPLIT)) for d in distances]
    exact = np.array([abs(shape.factor(double, 0.0, 0.0, float(d), 0.0, 0.0, 0.0)[0]) for d in distances])
    # float32 of exp(-x) is off by x units at least; the sphere's transform goes through zero
    np.testing.assert_allclose(values, exact, rtol=2e-5, atol=2e-6 * exact.max())


def test_single_table_look_up_finds_what_the_double_one_finds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    indices = [(h - 2, k - 1, l) for h, k, l in np.ndindex(5, 4, 4)]  # noqa: E741
    table = "".join(f"{h} {k} {l} {100 * h + 10 * k + l + 500}\n" for h, k, l in indices)  # noqa: E741
    (tmp_path / "table.hkl").write_text(table)
    flags = "-cell 50 60 70 -hkl table.hkl -default_F 7 -lambda 1 -N 5 -detpixels 8"
    double = lower(interpret(flags.split()).experiment).params.factors
    single = double._replace(amplitudes=double.amplitudes.astype(np.float32), default_F=np.float32(double.default_F))
    for h, k, l in np.ndindex(9, 9, 9):  # noqa: E741
        index = float(h - 4), float(k - 4), float(l - 4)
        value = reduced.nearest_amplitude_single(single, *map(np.float32, index))
        assert value == np.float32(nearest_amplitude(double, *index)), index


def test_compensated_sums_lose_nothing():
    terms = np.random.default_rng(7).uniform(0.0, 1.0, 100_000).astype(np.float32)

    @njit
    def summed(terms):
        total, lost = np.float32(0.0), np.float32(0.0)
        for term in terms:
            total, lost = reduced.add_compensated(total, lost, term)
        return np.float64(total) - lost

    assert summed(terms) == pytest.approx(float(np.sum(terms, dtype=np.float64)), rel=2.0**-24)
    assert float(np.add.reduce(terms, dtype=np.float32)) != summed(terms)

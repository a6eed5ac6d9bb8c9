"""Each phenomenon against a closed form, interpreted and compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
import pytest

from nbnumba.numerics.vectors import cross, dot, magnitude, rotate_about, unit, unit_again
from nbnumba.physics.absorption import captured_fraction
from nbnumba.physics.polarization import kahn_polarization
from nbnumba.physics.scattering import (
    beyond_resolution,
    detector_coordinate,
    miller_index,
    nearest_index,
    scattering_vector,
    sine_theta_over_lambda,
)
from nbnumba.physics.solid_angle import pixel_solid_angle, solid_angle_by_powers
from nbnumba.physics.structure_factor import cubic_weights, interpolation_in_range, tricubic_amplitude
from nbnumba.shapes.gauss import gauss_factor
from nbnumba.shapes.radius import index_radius_squared, reciprocal_radius_squared
from nbnumba.shapes.round import round_factor, sinc3
from nbnumba.shapes.square import sincg, square_axis_factor
from nbnumba.shapes.tophat import tophat_factor

ULP = 2.3e-16
"""One unit in the last place of a float64 near 1."""

BEAM, E_VECTOR, UP = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)
CELLS = np.array([5.0, 7.0, 11.0])


@pytest.fixture(params=["compiled", "interpreted"])
def form(request):
    """A function as users of the kernels run it, and as plain Python."""
    if request.param == "compiled":
        return lambda function: function
    # under NUMBA_DISABLE_JIT=1 every function is plain Python already
    return lambda function: getattr(function, "py_func", function)


def test_sincg_at_the_reflection_is_the_number_of_cells(form):
    assert form(sincg)(0.0, 5.0) == 5.0


@pytest.mark.parametrize("n", [2.0, 5.0, 30.0])
def test_sincg_tends_to_the_number_of_cells(form, n):
    # sin(nx)/sin(x) = n(1 - (n² - 1)x²/6 + …): at 1e-6 the second term is below 1e-9
    assert form(sincg)(1e-6, n) == pytest.approx(n, rel=1e-9)


def test_sincg_vanishes_between_reflections(form):
    # zeros at x = πj/n; sin(πj) is rounded to 1e-16, divided by sin(π/5) = 0.6
    assert abs(form(sincg)(math.pi / 5.0, 5.0)) < 1e-15


def test_sincg_is_a_sum_of_phases(form):
    x = 0.37
    phases = sum(np.exp(2j * x * (j - 2)) for j in range(5))
    assert form(sincg)(x, 5.0) == pytest.approx(phases.real, rel=10 * ULP)


def test_one_cell_has_no_interference(form):
    assert form(square_axis_factor)(0.37, 1.0) == 1.0


def test_sinc3_is_one_at_the_origin_and_falls_as_its_series(form):
    assert form(sinc3)(0.0) == 1.0
    # 1 - x²/10 + x⁴/280; cancellation of sin(x)/x - cos(x) costs 1e-16/x² at x = 0.1
    assert form(sinc3)(0.1) == pytest.approx(1 - 0.001 + 1e-4 / 280, rel=1e-9)


def test_sinc3_has_the_sphere_transforms_first_zero(form):
    # tan(x) = x at 4.493409457909064
    assert abs(form(sinc3)(4.493409457909064)) < 1e-15


class Spots(NamedTuple):
    """What the shape transforms read of `kernels.params.Lattice`."""

    cells: np.ndarray
    fudge: float
    index_radius: bool
    reciprocal: np.ndarray


SPOTS = Spots(CELLS, 1.0, True, np.zeros(9))
"""Spots that are measured in 1/N of an index: a step of d/5 along a has a radius of d."""


def factor_at(function, radius):
    """F_latt at a distance from the reflection 100 along a, in units of 1/N."""
    return function(SPOTS, 1.0 + radius / CELLS[0], 0.0, 0.0, 1.0, 0.0, 0.0)[0]


def test_round_gauss_and_tophat_peaks_scale_with_the_number_of_cells(form):
    volume = 5.0 * 7.0 * 11.0
    assert factor_at(form(round_factor), 0.0) == pytest.approx(0.723601254558268 * volume, rel=ULP)
    assert factor_at(form(gauss_factor), 0.0) == volume
    assert factor_at(form(tophat_factor), 0.0) == volume


def test_gauss_factor_falls_by_e_at_its_width(form):
    # 1 + r/5 - 1 has lost three digits of r
    assert factor_at(form(gauss_factor), math.sqrt(0.63)) == pytest.approx(385.0 / math.e, rel=50 * ULP)


@pytest.mark.parametrize(("radius_squared", "height"), [(0.3968, 385.0), (0.397, 0.0)])
def test_tophat_spot_has_a_sharp_edge(form, radius_squared, height):
    assert factor_at(form(tophat_factor), math.sqrt(radius_squared)) == height


def test_index_radius_weighs_each_axis_by_its_cells(form):
    assert form(index_radius_squared)(0.1, 0.2, 0.3, CELLS) == pytest.approx(0.25 + 1.96 + 10.89, rel=4 * ULP)


def test_reciprocal_radius_of_a_cubic_cell_is_its_index_distance_over_the_cell_edge(form):
    cubic = np.array([0.01, 0, 0, 0, 0.01, 0, 0, 0, 0.01])
    expected = (0.1**2 + 0.2**2 + 0.3**2) * 0.01**2 * 385.0**2
    assert form(reciprocal_radius_squared)(0.1, 0.2, 0.3, cubic, CELLS) == pytest.approx(expected, rel=8 * ULP)


@pytest.mark.parametrize("kahn_factor", [0.0, 0.5, -0.5, 1.0])
def test_forward_scattering_keeps_its_polarization(form, kahn_factor):
    assert form(kahn_polarization)(kahn_factor, BEAM, BEAM, E_VECTOR) == pytest.approx(1.0, rel=ULP)


def test_unpolarized_beam_follows_thomson(form):
    direction = (math.cos(0.6), math.sin(0.6), 0.0)
    expected = (1 + math.cos(0.6) ** 2) / 2
    assert form(kahn_polarization)(0.0, BEAM, direction, E_VECTOR) == pytest.approx(expected, rel=2 * ULP)


def test_fully_polarized_beam_scatters_nothing_along_its_e_vector(form):
    assert form(kahn_polarization)(1.0, BEAM, E_VECTOR, E_VECTOR) == pytest.approx(0.0, abs=ULP)


def test_fully_polarized_beam_scatters_fully_across_its_e_vector(form):
    assert form(kahn_polarization)(1.0, BEAM, UP, E_VECTOR) == pytest.approx(1.0, rel=2 * ULP)


def test_solid_angles_of_a_flat_detector_sum_to_that_of_its_rectangle(form):
    # a square of half-edge a at distance d subtends 4·asin(a²/(a² + d²)); the midpoint rule is good to (p/d)²/4
    pixel, distance, count = 2e-3, 0.1, 100
    half = pixel * count / 2
    centres = (np.arange(count) + 0.5) * pixel - half
    airpaths = np.sqrt(centres**2 + centres[:, np.newaxis] ** 2 + distance**2)
    total = sum(form(pixel_solid_angle)(pixel**2, path, 1.0 / path, distance, False) for path in airpaths.flat)
    assert total == pytest.approx(4 * math.asin(half**2 / (half**2 + distance**2)), rel=1e-4)


def test_point_pixel_follows_the_inverse_square_alone(form):
    assert form(pixel_solid_angle)(3.0, 0.5, 2.0, 0.1, True) == 12.0


@pytest.mark.parametrize("point_pixel", [False, True])
def test_solid_angles_by_powers_are_those_by_divisions_but_for_roundings(form, point_pixel):
    for path in np.random.default_rng(4).uniform(0.05, 3.0, 200).tolist():
        divided = form(pixel_solid_angle)(1e-8, path, 1.0 / path, 0.05, point_pixel)
        # 1/R is half a bit off, and so is each product
        assert form(solid_angle_by_powers)(1e-8, 1.0 / path, 0.05, point_pixel) == pytest.approx(divided, rel=4 * ULP)


def test_layers_of_a_sensor_absorb_what_does_not_pass_through(form):
    mu, step, layers, cosine = 2000.0, 1e-4, 5, 0.8
    absorbed = sum(form(captured_fraction)(layer, step, mu, cosine) for layer in range(layers))
    assert absorbed == pytest.approx(1 - math.exp(-mu * step * layers / cosine), rel=4 * ULP)


def test_cubic_weights_reproduce_a_cubic(form):
    def cubic(x):
        return 2.0 - 3.0 * x + 0.5 * x**2 + 0.25 * x**3

    values = [cubic(float(x)) for x in range(-1, 3)]
    weighted = [w * y for w, y in zip(form(cubic_weights)(0.3), values, strict=True)]
    # four products of three differences each: a few ulp of the largest term
    assert sum(weighted) == pytest.approx(cubic(0.3), rel=1e-14)


class Table(NamedTuple):
    """The fields of `kernels.params.Factors` that interpolation needs."""

    amplitudes: np.ndarray
    h_size: int
    k_size: int
    l_size: int
    h_min: int
    k_min: int
    l_min: int


def polynomial(h, k, l):  # noqa: E741
    """Of the third degree in each index."""
    return (1.0 + h - 0.25 * h**3) * (2.0 - k**2 + 0.5 * k**3) * (3.0 + l + 0.125 * l**3)


POLYNOMIAL = Table(
    polynomial(*(np.arange(size)[shape] + low for size, low, shape in (
        (9, -3, np.s_[:, None, None]), (8, -4, np.s_[None, :, None]), (10, -2, np.s_[None, None, :]),
    ))).ravel(), 9, 8, 10, -3, -4, -2,
)  # fmt: skip


@pytest.mark.parametrize("point", [(0.3, -0.6, 2.5), (-0.99, -1.99, 1.0), (1.75, -1.5, 3.125)])
def test_tricubic_interpolation_reproduces_a_polynomial_of_the_third_degree(form, point):
    assert form(interpolation_in_range)(POLYNOMIAL, *point)
    # 64 terms of up to some 1e3, rounded a few times each
    assert form(tricubic_amplitude)(POLYNOMIAL, *point) == pytest.approx(polynomial(*point), rel=1e-12, abs=1e-11)


@pytest.mark.parametrize(
    ("point", "inside"),
    # nanoBragg's test spares three planes above and two below, on an axis of 8 planes from -4 on: -2 to 0
    [((0.0, -2.0, 2.0), True), ((0.0, -2.01, 2.0), False), ((0.0, 0.0, 2.0), True), ((0.0, 0.01, 2.0), False)],
)
def test_interpolation_ends_where_nanobragg_ends_it(form, point, inside):
    assert bool(form(interpolation_in_range)(POLYNOMIAL, *point)) is inside


def test_scattering_vector_obeys_braggs_law(form):
    two_theta, wavelength = 0.4, 1.5e-10
    diffracted = (math.cos(two_theta), math.sin(two_theta), 0.0)
    stol = form(sine_theta_over_lambda)(form(scattering_vector)(diffracted, BEAM, wavelength))
    assert stol == pytest.approx(math.sin(two_theta / 2) / wavelength, rel=4 * ULP)


@pytest.mark.parametrize(("stol", "dmin", "beyond"), [(1e9, 2e-10, False), (3e9, 2e-10, True), (3e9, 0.0, False)])
def test_resolution_limit_cuts_small_spacings(form, stol, dmin, beyond):
    assert form(beyond_resolution)(stol, dmin) is beyond


@pytest.mark.parametrize(("index", "nearest"), [(2.4, 2.0), (2.5, 2.0), (2.6, 3.0), (-2.5, -3.0), (-0.2, 0.0)])
def test_nearest_index_rounds_halves_down(form, index, nearest):
    assert form(nearest_index)(index) == nearest


def test_miller_index_is_the_projection_on_the_cell_axis(form):
    assert form(miller_index)(1e-8, 2e-8, 3e-8, (1e8, 1e8, 1e8)) == pytest.approx(6.0, rel=4 * ULP)


def test_subpixels_tile_the_pixel(form):
    centres = [form(detector_coordinate)(3, sub, 4, 0.25) for sub in range(4)]
    assert centres == [3.125, 3.375, 3.625, 3.875]


def test_rotation_keeps_lengths_and_the_axis(form):
    axis = form(unit)((1.0, 2.0, 3.0))
    turned = form(rotate_about)((0.3, -0.4, 1.2), axis, 0.7)
    assert form(magnitude)(turned) == pytest.approx(1.3, rel=4 * ULP)
    assert form(rotate_about)(axis, axis, 0.7) == pytest.approx(axis, rel=8 * ULP)


def test_rotation_is_right_handed(form):
    assert form(rotate_about)(BEAM, (0.0, 0.0, 1.0), math.pi / 2) == pytest.approx(UP, abs=ULP)


def test_cross_product_is_orthogonal_to_both(form):
    x, y = (1.0, 2.0, 3.0), (-2.0, 0.5, 4.0)
    z = form(cross)(x, y)
    assert (form(dot)(x, z), form(dot)(y, z)) == (0.0, 0.0)


def test_unit_of_the_zero_vector_stays_zero(form):
    assert form(unit)((0.0, 0.0, 0.0)) == (0.0, 0.0, 0.0)


@numba.njit(error_model="numpy")
def _normalise_twice(vectors, once, twice):
    """The compiled functions only: uncompiled, nothing is fused."""
    for i in range(len(vectors)):
        once[i] = unit((vectors[i, 0], vectors[i, 1], vectors[i, 2]))
        twice[i] = unit_again((once[i, 0], once[i, 1], once[i, 2]))


def test_normalising_equals_root_and_division_to_the_bit():
    vectors = np.random.default_rng(3).normal(size=(20000, 3)) * (1.0, 0.1, 0.01)
    once, twice = np.empty_like(vectors), np.empty_like(vectors)
    _normalise_twice(vectors, once, twice)
    for given, result in ((vectors, once), (once, twice)):
        x, y, z = given.T
        length = np.sqrt(x * x + y * y + z * z)
        assert np.array_equal(result, given / length[:, np.newaxis])

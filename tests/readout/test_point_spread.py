"""Point spreads: kernels against closed forms, and their application against plain scatters and other programs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from nbnumba.errors import UsageError
from nbnumba.readout import point_spread
from nbnumba.readout.gather import Sources, gather
from nbnumba.readout.noisify_spread import spread_photons
from nbnumba.readout.point_spread import EDGES, convolve, fiber_kernel, gaussian_kernel

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


# --- kernels --------------------------------------------------------------------------------------------------------


def gaussian_profile(y: float, x: float, fwhm: float) -> float:
    sigma = fwhm / FWHM_PER_SIGMA
    return math.exp(-(x * x + y * y) / (2.0 * sigma**2)) / (2.0 * math.pi * sigma**2)


def fiber_profile(y: float, x: float, fwhm: float) -> float:
    g = fwhm / (2.0 * math.sqrt(2.0 ** (2.0 / 3.0) - 1.0))
    return g / (2.0 * math.pi) * (g * g + x * x + y * y) ** -1.5


@pytest.mark.parametrize(("kernel", "profile"), [(gaussian_kernel, gaussian_profile), (fiber_kernel, fiber_profile)])
@pytest.mark.parametrize(("dy", "dx"), [(0, 0), (0, 1), (2, -1), (-3, 2)])
def test_a_value_is_the_integral_of_the_profile_over_its_pixel(kernel, profile, dy, dx):
    # 1.7 pixels wide; the integration is good to 1.5e-8
    value = kernel(fwhm=0.17, pixel_size=0.1, radius=4)[4 + dy, 4 + dx]
    integral, _ = scipy.integrate.dblquad(profile, dx - 0.5, dx + 0.5, dy - 0.5, dy + 0.5, args=(1.7,))
    assert value == pytest.approx(integral, rel=1e-7)


@pytest.mark.parametrize("profile", [gaussian_profile, fiber_profile])
def test_half_the_peak_is_left_at_half_the_width(profile):
    assert profile(0.0, 0.85, 1.7) == pytest.approx(profile(0.0, 0.0, 1.7) / 2.0, rel=1e-12)


def test_a_gaussian_is_whole_within_a_few_widths():
    # exp(-ln(16) 5**2) is left
    assert gaussian_kernel(3.0, 1.0, 15).sum() == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("radius", [40, 80])
def test_what_a_fiber_kernel_lacks_is_its_tail(radius):
    # the edge of the circle runs through pixels: their share is an eighth of a pixel times the slope
    g = 2.0 * 0.652383013252053
    assert 1.0 - fiber_kernel(2.0, 1.0, radius).sum() == pytest.approx(g / math.hypot(g, radius), rel=0.01)


@pytest.mark.parametrize("subpixels", [1, 2, 5])
def test_photons_that_land_anywhere_in_a_pixel_widen_the_kernel_by_its_size(subpixels):
    # variances add up: of the profile, of the pixel that collects, and of the positions in the pixel of origin
    kernel = gaussian_kernel(3.0, 1.0, 16, subpixels)
    offsets = np.arange(-16, 17)
    variance = (kernel.sum(axis=0) * offsets**2).sum()
    positions = (1.0 - 1.0 / subpixels**2) / 12.0
    assert kernel.sum() == pytest.approx(1.0, abs=1e-14)
    assert variance == pytest.approx((3.0 / FWHM_PER_SIGMA) ** 2 + 1.0 / 12.0 + positions, rel=1e-12)


def test_offsets_beyond_the_radius_get_nothing():
    offsets = np.arange(-6, 7)
    inside = offsets[:, None] ** 2 + offsets**2 <= 36
    assert np.array_equal(fiber_kernel(2.0, 1.0, 6) > 0.0, inside)


def test_a_width_far_below_the_pixel_keeps_all_photons():
    assert gaussian_kernel(1e-6, 1.0, 1).tolist() == [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("kernel", [gaussian_kernel, fiber_kernel])
@pytest.mark.parametrize("arguments", [(0.0, 1.0, 1), (1.0, 0.0, 1), (-1.0, 1.0, 1), (np.nan, 1.0, 1), (1.0, 1.0, -1),
                                       (1.0, 1.0, 1, 0)])  # fmt: skip
def test_a_kernel_without_width_pixel_or_radius_is_refused(kernel, arguments):
    with pytest.raises(UsageError, match=r"^point spread: (fwhm|radius) .* must be"):
        kernel(*arguments)


# --- convolution ----------------------------------------------------------------------------------------------------

SIZES = [(30, 23), (9, 40), (40, 7), (1, 1)]


def photons(shape: tuple[int, int], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).gamma(0.3, 50.0, shape).astype(np.float32)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("radius", [0, 3, 8, 9, 30])
def test_photons_that_land_outside_are_lost(shape, radius):
    # sums of at most 4000 doubles of up to 500 photons
    image, kernel = photons(shape), fiber_kernel(2.0, 1.0, radius, subpixels=2)
    wide = scipy.signal.convolve2d(image.astype(np.float64), kernel, mode="full")
    expected = wide[radius : radius + shape[0], radius : radius + shape[1]]
    assert np.allclose(convolve(image, kernel, "lose"), expected, rtol=0.0, atol=1e-11)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("radius", [3, 30])
def test_no_photon_is_lost_where_they_are_conserved(shape, radius):
    image = photons(shape)
    spread = convolve(image, fiber_kernel(2.0, 1.0, radius), "conserve")
    assert spread.sum() == pytest.approx(image.sum(dtype=np.float64), rel=1e-12)
    assert spread.min() >= 0.0


@pytest.mark.parametrize("edges", EDGES)
def test_a_kernel_that_is_not_symmetric_moves_photons_its_way(edges):
    image, kernel = np.zeros((5, 6)), np.zeros((3, 3))
    image[2, 3], kernel[0, 2] = 7.0, 1.0
    assert np.argwhere(convolve(image, kernel, edges)).tolist() == [[1, 4]]


def test_the_column_right_of_the_image_appears_in_the_first_one_as_in_c():
    image, kernel = np.zeros((4, 6)), np.zeros((3, 3))
    image[:, 5], kernel[1, 2] = [1.0, 2.0, 4.0, 8.0], 1.0
    assert convolve(image, kernel, "wrap")[:, 0].tolist() == [0.0, 1.0, 2.0, 4.0]
    assert convolve(image, kernel, "lose").sum() == 0.0


def test_sums_and_fourier_transforms_agree(monkeypatch):
    image, kernel = photons((50, 60)), gaussian_kernel(9.0, 1.0, 20)
    by_transform = convolve(image, kernel)
    monkeypatch.setattr(point_spread, "_FFT_RADIUS", 20)
    assert np.allclose(by_transform, convolve(image, kernel), rtol=0.0, atol=1e-12 * image.max())


def test_a_convolution_refuses_other_edges_and_kernels_without_a_centre():
    with pytest.raises(UsageError, match="unknown edges 'mirror': choose one of lose, conserve, wrap"):
        convolve(np.ones((3, 3)), np.ones((3, 3)), "mirror")
    with pytest.raises(UsageError, match=r"kernel: a square with an odd edge is needed, not the shape \(2, 2\)"):
        convolve(np.ones((3, 3)), np.ones((2, 2)))


# --- C's scatter ----------------------------------------------------------------------------------------------------


def scattered(image: np.ndarray, radii: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """What noisify's loops give: source after source, rounded to float32 after each addition."""
    slow, fast = image.shape
    centre, out = len(kernel) // 2, np.zeros(slow * fast + fast + 1, np.float32)
    for y0, x0 in np.argwhere(image > 0.0).tolist():
        reach = int(radii[y0, x0])
        for dx in range(-reach, reach + 1):
            for dy in range(-reach, reach + 1):
                x, y = x0 + dx, y0 + dy
                if dx * dx + dy * dy <= reach * reach and 0 <= x <= fast and 0 <= y < slow:
                    added = float(image[y0, x0]) * kernel[centre + dy, centre + dx]
                    out[y * fast + x] = float(out[y * fast + x]) + added
    return out[: slow * fast].reshape(slow, fast)


def sources(image: np.ndarray, radii: np.ndarray) -> Sources:
    there = image > 0.0
    rows = np.stack([there.sum(1), (there * (2 * radii + 1)).sum(1), radii.min(1), radii.max(1)], axis=1)
    return Sources(np.maximum(image, 0.0).astype(np.float64), radii.astype(np.int32), rows.astype(np.int64))


@pytest.mark.parametrize("by_source", [False, True], ids=["rows as a whole", "source by source"])
@given(
    slow=st.integers(1, 12), fast=st.integers(1, 12), radius=st.integers(1, 12), alike=st.booleans(),
    seed=st.integers(0, 2**32),
)  # fmt: skip
def test_the_gather_has_the_bits_of_cs_scatter(by_source, slow, fast, radius, alike, seed):
    rng = np.random.default_rng(seed)
    image = rng.gamma(0.2, 50.0, (slow, fast)).astype(np.float32) - np.float32(1.0)
    radii = np.full((slow, fast), radius) if alike else rng.integers(1, radius + 1, (slow, fast))
    kernel, spread = fiber_kernel(1.5, 1.0, radius), np.zeros((slow, fast), np.float32)
    chosen = sources(image, radii)
    # what decides between the two ways
    chosen.rows[:, 1] = -(2**40) if by_source else 2**40
    gather(chosen, kernel, spread, True, 1)
    assert np.array_equal(spread, scattered(image, radii, kernel))


def test_any_number_of_threads_gives_the_same_image():
    image = photons((40, 50))
    one, two = (spread_photons(image, True, 2e-4, 1e-4, 0, threads).image for threads in (1, 2))
    assert np.array_equal(one, two)


# --- noisify's procedure --------------------------------------------------------------------------------------------


def test_photons_inside_the_radius_and_beyond_it_are_all_there_is():
    # one source in the middle: nothing crosses the edge; pixels are float32
    image = np.zeros((41, 41), np.float32)
    image[20, 20] = 1e4
    spread = spread_photons(image, True, 2e-4, 1e-4, 15, 1)
    inside = 1e4 * fiber_kernel(2.0, 1.0, 15).sum()
    assert spread.lost == pytest.approx(1e4 * 1.304766 / math.hypot(1.304766, 15.0), rel=1e-6)
    assert spread.image.sum(dtype=np.float64) == pytest.approx(inside + spread.lost, rel=1e-6)
    assert spread.automatic_radius is None


@pytest.mark.parametrize("fiber", [False, True])
def test_with_one_radius_it_is_a_convolution_plus_the_tail(fiber):
    # float32 is rounded after each of 254 additions; the first column, which gets what wraps, is left out
    image = photons((60, 50))
    spread = spread_photons(image, fiber, 2e-4, 1e-4, 9, 1)
    kernel = (fiber_kernel if fiber else gaussian_kernel)(2.0, 1.0, 9)
    expected = convolve(image, kernel) + spread.lost / image.size
    assert np.abs(spread.image - expected)[:, 1:].max() < 254 * 2.0**-25 * expected.max()


@pytest.mark.parametrize(("photons", "radius"), [(1e4, 4), (100.0, 3), (0.02, 2), (0.01, 1), (1e-6, 1)])
def test_a_gaussian_is_rendered_until_a_tenth_of_the_noise_is_left(photons, radius):
    # exp(-ln(16) r**2 / w**2) = 0.1 / sqrt(photons), one pixel more; weak pixels still cover their neighbours
    image = np.zeros((9, 9), np.float32)
    image[4, 4] = photons
    spread = spread_photons(image, False, 1.5e-4, 1e-4, 0, 1)
    assert spread.automatic_radius == radius
    assert np.count_nonzero(spread.image[4] > spread.lost / 81 * 1.01) == min(2 * radius + 1, 9)


def test_a_negative_radius_spreads_all_that_lies_beyond_it_evenly():
    image = photons((8, 9))
    spread = spread_photons(image, True, 2e-4, 1e-4, -3, 1)
    tail = image.sum(dtype=np.float64) * 1.304766 / math.hypot(1.304766, 3.0)
    assert np.ptp(spread.image) == 0.0
    assert spread.image[0, 0] == pytest.approx(tail / 72, rel=1e-6)


def test_without_photons_nothing_is_spread():
    spread = spread_photons(np.full((4, 5), -1.0, np.float32), False, 1e-4, 1e-4, 0, 1)
    assert (spread.largest, spread.automatic_radius, spread.lost) == (0.0, None, None)
    assert not spread.image.any()


@pytest.mark.parametrize("fwhm", [1e20, 1e-30])
def test_absurd_widths_are_survived(fwhm):
    spread = spread_photons(photons((8, 9)), False, fwhm, 1e-4, 0, 1)
    assert np.isfinite(spread.image).all()

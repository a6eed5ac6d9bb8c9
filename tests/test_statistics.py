"""Image statistics equal what nanoBragg prints."""

from __future__ import annotations

import math

import golden_conversions as conversions
import numpy as np
import pytest

from nbnumba.output.statistics import IN_ORDER_PIXELS, image_statistics, row_sums
from nbnumba.setup.model import Window


def figures(image, mask=None, subpixel_size=1.0, oversample=1):
    """Statistics of a whole image."""
    slow, fast = image.shape
    return image_statistics(image, Window(0, fast, 0, slow), mask, subpixel_size, oversample)


def printed(*values: float) -> list[str]:
    """Values as nanoBragg prints them."""
    return [f"{value:g}" for value in values]


@pytest.mark.parametrize("case", conversions.WHOLE_FRAME_CASES, ids=lambda case: case.name)
def test_mean_rms_and_rmsd_equal_the_printed_ones(case):
    ours = conversions.statistics(case)
    assert printed(ours.mean, ours.rms, ours.rmsd) == printed(*case.reported["mean_rms_rmsd"])


@pytest.mark.parametrize(
    "case", [case for case in conversions.WHOLE_FRAME_CASES if "-pixel" in case.args], ids=lambda case: case.name
)
def test_maximum_and_its_place_equal_the_printed_ones(case):
    ours = conversions.statistics(case)
    assert printed(ours.max_value, ours.max_x, ours.max_y) == printed(*case.reported["max_I_value_x_y"])


def test_figures_of_a_small_image_follow_their_definitions():
    image = np.array([[1, 2, 3], [4, 5, 9]], dtype=np.float32)
    ours = figures(image, None, 0.5, 2)
    # small integers are exact in float32 and double
    assert (ours.mean, ours.rms) == (4.0, math.sqrt(136 / 5))
    assert ours.rmsd == math.sqrt((9 + 4 + 1 + 0 + 1 + 25) / 5)
    # pixel (slow 1, fast 2), last of 2 subpixels of 0.5 m
    assert (ours.max_value, ours.max_x, ours.max_y) == (9.0, 2.75, 1.75)


@pytest.mark.parametrize("strips", [1, 2, 5])
def test_figures_of_the_rows_make_up_those_of_the_image(strips):
    rng = np.random.default_rng(1)
    # rows of very different levels, so that the means of the rows are far from that of the image
    image = (rng.normal(100.0, 3.0, (640, 412)) * np.arange(640)[:, np.newaxis]).astype(np.float32)
    assert image.size > IN_ORDER_PIXELS
    whole = Window(0, 412, 0, 640)
    pieces = np.array_split(image, strips)
    sums = np.concatenate([row_sums(rows, whole._replace(slow_stop=len(rows))) for rows in pieces])
    ours = image_statistics(image, whole, None, 1.0, 1, sums)
    assert ours == image_statistics(image, whole, None, 1.0, 1)
    exact = image.astype(np.float64)
    # sums of some 10⁵ doubles; the squares are rounded to float32
    assert ours.mean == pytest.approx(exact.mean(), rel=1e-13)
    assert ours.rmsd == pytest.approx(exact.std(ddof=1), rel=1e-13)
    assert ours.rms == pytest.approx(math.sqrt((exact**2).sum() / (image.size - 1)), rel=1e-7)
    slow, fast = np.unravel_index(image.argmax(), image.shape)
    assert (ours.max_value, ours.max_x, ours.max_y) == (image.max(), fast + 0.5, slow + 0.5)


def test_a_small_image_is_added_pixel_after_pixel():
    image = np.zeros((5, 5), np.float32)
    image[0, 4] = 81.0784683227539
    ours = figures(image)
    deviations = 0.0
    for value in image.ravel().tolist():
        deviations += (value - float(image[0, 4]) / 25) ** 2
    assert ours.rmsd == math.sqrt(deviations / 24)
    # in exact numbers 250; nanoBragg writes 249 into the PGM image
    assert int(float(image[0, 4]) * (250 / (5 * ours.rmsd))) == 249


def test_masked_pixels_count_in_the_rmsd_only():
    image = np.array([[0, 2, 4]], dtype=np.float32)
    ours = figures(image, np.array([[0, 1, 1]], dtype=np.uint16))
    assert (ours.mean, ours.rms) == (3.0, math.sqrt(20.0))
    assert ours.rmsd == math.sqrt((9 + 1 + 1) / 2)


def test_pixels_outside_the_region_of_interest_do_not_count():
    image = np.array([[100, 100, 100], [100, 1, 3]], dtype=np.float32)
    ours = image_statistics(image, Window(1, image.shape[1], 1, image.shape[0]), None, 1.0, 1)
    assert (ours.max_value, ours.mean, ours.rmsd) == (3.0, 2.0, math.sqrt(2.0))


def test_squares_are_rounded_to_float32():
    value = np.float32(1.1)
    ours = figures(np.full((1, 2), value))
    assert ours.rms == math.sqrt(2.0 * float(value * value))
    assert ours.rms != math.sqrt(2.0 * float(value) ** 2)


@pytest.mark.parametrize("value", [0.0, -2.0])
def test_an_image_without_positive_pixels_has_its_maximum_nowhere(value):
    ours = figures(np.full((2, 2), value, dtype=np.float32))
    assert (ours.max_value, ours.max_x, ours.max_y) == (0.0, 0.0, 0.0)
    assert (ours.mean, ours.rmsd) == (value, 0.0)


def test_pixels_that_are_no_number_are_not_the_maximum():
    image = np.array([[np.nan, -1.0, 2.0, 1.0]], dtype=np.float32)
    ours = figures(image)
    assert (ours.max_value, ours.max_x) == (2.0, 2.5)
    assert math.isnan(ours.mean)


def test_an_infinite_pixel_is_the_maximum_without_a_warning():
    image = np.array([[1.0, np.inf]], dtype=np.float32)
    ours = figures(image)
    assert (ours.max_value, ours.max_x, ours.mean) == (np.inf, 1.5, np.inf)
    assert math.isnan(ours.rmsd)


def test_one_pixel_is_divided_by_one():
    ours = figures(np.full((1, 1), 3.0, dtype=np.float32))
    assert (ours.mean, ours.rms, ours.rmsd) == (3.0, 3.0, 0.0)


def test_a_fully_masked_image_has_mean_zero():
    ours = figures(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.uint16))
    assert (ours.mean, ours.rms, ours.rmsd) == (0.0, 0.0, 0.0)


def test_a_strip_before_or_after_the_region_of_interest_has_no_sums():
    strip = np.ones((4, 5), dtype=np.float32)
    regions = Window(0, 5, 0, 0), Window(0, 5, 4, 4), Window(0, 5, 0, 1)
    assert [row_sums(strip, window).shape for window in regions] == [(0, 4), (0, 4), (1, 4)]

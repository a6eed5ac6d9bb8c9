"""Integer and PGM images equal nanoBragg's files byte for byte."""

from __future__ import annotations

import hashlib

import golden_conversions as conversions
import numpy as np
import pytest

from nbnumba.errors import UsageError
from nbnumba.output.digitize import integer_image, integer_scale, pgm_image, pgm_scale
from nbnumba.output.statistics import ImageStatistics
from nbnumba.setup.model import Window


def as_row(*values: float) -> np.ndarray:
    return np.array([values], dtype=np.float32)


def statistics(max_value: float, rmsd: float) -> ImageStatistics:
    return ImageStatistics(max_value=max_value, max_x=0.0, max_y=0.0, mean=0.0, rms=0.0, rmsd=rmsd)


@pytest.mark.parametrize("case", conversions.WHOLE_FRAME_CASES, ids=lambda case: case.name)
def test_files_of_the_golden_images_have_nanobraggs_checksums(case):
    image, roi, figures = case.reference_image(), conversions.window(case), conversions.statistics(case)
    scale = integer_scale(conversions.option(case, "-scale", 0.0), figures)
    grey_scale = pgm_scale(conversions.option(case, "-pgmscale", 0.0), figures, scale)
    pixels = integer_image(image, roi, scale, conversions.option(case, "-adc", 40.0))
    slow, fast = image.shape
    pgm = f"P5\n{fast} {slow}\n# pixels scaled by {grey_scale:g}\n255\n".encode()
    pgm += pgm_image(image, roi, grey_scale).tobytes()
    assert conversions.checksum_of_smv(case, pixels) == case.checksums["int"]
    assert hashlib.sha256(pgm).hexdigest() == case.checksums["pgm"]


def test_integers_are_rounded_halves_up_and_clipped():
    image = as_row(0.0, 0.49, 0.5, 1.5, -3.0, 65534.6, 1e9, np.inf, -np.inf)
    assert integer_image(image, None, 1.0, 0.0).tolist() == [[0, 0, 1, 2, 0, 65535, 65535, 65535, 0]]


def test_rounding_happens_in_float32():
    # 0.5 - 1e-9 + 0.5 is below 1 in double and 1 in float32
    assert integer_image(as_row(0.0), None, 1.0, 0.5 - 1e-9).tolist() == [[1]]


def test_pixels_that_are_no_number_become_zero():
    assert integer_image(as_row(np.nan), None, 1.0, 40.0).tolist() == [[0]]
    assert pgm_image(as_row(np.nan), None, 1.0).tolist() == [[0]]


def test_greys_are_truncated_and_clipped_and_negative_ones_wrap():
    image = as_row(0.9, 1.0, 254.99, 255.0, 300.0, -1.0, -3.7, -1e20)
    assert pgm_image(image, None, 1.0).tolist() == [[0, 1, 254, 255, 255, 255, 253, 0]]


def test_pixels_outside_the_region_of_interest_stay_zero():
    image = np.ones((4, 5), dtype=np.float32)
    inside = np.zeros((4, 5), dtype=bool)
    inside[2:, 1:3] = True
    assert np.array_equal(integer_image(image, Window(1, 3, 2, 4), 1.0, 40.0), np.where(inside, 41, 0))
    assert np.array_equal(pgm_image(image, Window(1, 3, 2, 4), 7.0), np.where(inside, 7, 0))


@pytest.mark.parametrize("window", [(0, 6, 0, 4), (0, 5, 0, 5), (-1, 5, 0, 4), (3, 2, 0, 4)])
def test_a_region_of_interest_that_leaves_the_image_is_refused(window):
    image = np.ones((4, 5), dtype=np.float32)
    with pytest.raises(UsageError, match=r"does not lie in an image of 4 x 5 pixels \(slow, fast\)"):
        integer_image(image, Window(*window), 1.0, 0.0)
    with pytest.raises(UsageError, match="does not lie in"):
        pgm_image(image, Window(*window), 1.0)


def test_the_automatic_integer_scale_puts_the_maximum_at_55000():
    assert integer_scale(0.0, statistics(max_value=110.0, rmsd=1.0)) == 500.0
    assert integer_scale(-1.0, statistics(max_value=0.0, rmsd=1.0)) == 1.0
    assert integer_scale(2.5, statistics(max_value=110.0, rmsd=1.0)) == 2.5


def test_the_automatic_grey_scale_puts_five_rmsd_at_250():
    assert pgm_scale(0.0, statistics(max_value=1.0, rmsd=10.0), 3.0) == 5.0
    assert pgm_scale(0.0, statistics(max_value=1.0, rmsd=0.0), 3.0) == 3.0
    assert pgm_scale(0.0, statistics(max_value=1.0, rmsd=np.nan), 3.0) == 3.0
    assert pgm_scale(0.2, statistics(max_value=1.0, rmsd=10.0), 3.0) == 0.2

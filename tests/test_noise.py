"""Noise images equal nanoBragg's files byte for byte."""

from __future__ import annotations

import golden_conversions as conversions
import numpy as np
import pytest

from nbnumba import Beam, Crystal, Detector, Experiment, UnitCell, simulate
from nbnumba.output.noise import PoissonNoise
from nbnumba.output.strips import window_strips
from nbnumba.setup.model import Window
from nbnumba.setup.mosaic import generator_after_setup

NOISE_CASES = [case for case in conversions.WHOLE_FRAME_CASES if "noise" in case.checksums]


def drawn(image, seed, adc_offset, window=None, state=None):
    """Pixels, photons and overloads of an image drawn at once."""
    noise = PoissonNoise(seed, adc_offset, state)
    slow, fast = image.shape
    return noise.draw(image, window or Window(0, fast, 0, slow)), noise.photons, noise.overloads


@pytest.mark.parametrize("case", NOISE_CASES, ids=lambda case: case.name)
def test_noise_of_the_golden_images_has_nanobraggs_checksum(case):
    seed, offset = int(conversions.option(case, "-seed", 0)), conversions.option(case, "-adc", 40.0)
    pixels, photons, overloads = drawn(case.reference_image(), seed, offset, conversions.window(case))
    assert conversions.checksum_of_smv(case, pixels) == case.checksums["noise"]
    assert [photons, overloads] == case.reported["noise_photons_overloads"]


def test_all_four_golden_noise_images_are_compared():
    assert len(NOISE_CASES) == 4


def test_the_same_seed_gives_the_same_image_and_another_seed_another():
    image = np.full((20, 20), 30.0, dtype=np.float32)
    first, again, other = (drawn(image, seed, 40.0)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_image_drawn_in_pieces_is_the_same_image(monkeypatch):
    monkeypatch.setattr("nbnumba.output.strips.STRIP_PIXELS", 6 * 30)
    image = np.geomspace(0.1, 1e7, 20 * 30, dtype=np.float32).reshape(20, 30)
    noise = PoissonNoise(5, 40.0)
    region = Window(2, 28, 3, 20)
    pieces = [noise.draw(*strip) for strip in window_strips(image, region)]
    assert len(pieces) == 4
    pixels, photons, overloads = drawn(image, 5, 40.0, region)
    assert np.array_equal(np.concatenate(pieces), pixels)
    assert (noise.photons, noise.overloads) == (photons, overloads)
    assert overloads > 0


def test_a_negative_seed_goes_on_with_the_numbers_of_the_mosaic_domains():
    # what nanoBragg.c writes for a 100 A cell, -default_F 100 -N 5 -detpixels 4 -fluence 1e28 -mosaic 1
    # -mosaic_domains 3 -adc 0 -seed -5
    crystal = Crystal(
        unit_cell=UnitCell(100.0), cells=(5, 5, 5), default_F=100.0, mosaic_spread=1.0, mosaic_domains=3
    )
    detector = Detector(pixels_fast=4, pixels_slow=4)
    result = simulate(Experiment(crystal, Beam(fluence=1e28), detector, physics="nanobragg"))
    pixels, _, _ = drawn(result.image, -5, 0.0, state=generator_after_setup(result.model))
    assert pixels.ravel().tolist() == [0, 0, 0, 1, 0, 0, 2, 2, 1, 2, 4, 6, 0, 1, 5, 4]


def test_pixels_that_overflow_are_clipped_and_counted():
    image = np.array([[1e5, 10.0, 1e7]], dtype=np.float32)
    pixels, photons, overloads = drawn(image, 1, 0.0)
    assert overloads == 2
    assert pixels[0, 0] == pixels[0, 2] == 65535
    # photons are counted before clipping; 1e7 +- 3162, 1e5 +- 316
    assert abs(photons - 10100010) < 5 * 3178


def test_only_the_region_of_interest_draws_and_gets_the_offset():
    image = np.full((3, 3), 5.0, dtype=np.float32)
    pixels, photons, _ = drawn(image, 1, 40.0, Window(1, 3, 0, 2))
    row = np.full((2, 2), 5.0, dtype=np.float32)
    alone, photons_alone, _ = drawn(row, 1, 40.0)
    assert np.array_equal(pixels[:2, 1:], alone)
    assert pixels[2].sum() == pixels[:, 0].sum() == 0
    assert photons == photons_alone


def test_values_are_truncated_and_negative_ones_wrap_as_in_c():
    image = np.zeros((1, 1), dtype=np.float32)
    assert drawn(image, 1, 10.9)[0].item() == 10
    assert drawn(image, 1, -10.0)[0].item() == 65526


def test_counts_scatter_like_photons():
    image = np.full((200, 200), 50.0, dtype=np.float32)
    pixels, photons, _ = drawn(image, 8, 0.0)
    # five standard errors of mean and variance of 40000 Poisson numbers
    assert abs(pixels.mean() - 50.0) < 5 * np.sqrt(50.0 / pixels.size)
    assert abs(pixels.var() - 50.0) < 5 * np.sqrt((50.0 + 2 * 50.0**2) / pixels.size)
    assert photons == pixels.sum()

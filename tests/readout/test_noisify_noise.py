"""noisify's noise: conversions to integers, statistics against closed forms, and the quirks of its random numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from golden_noisify import read_input

from nbnumba.errors import NbnumbaWarning, UsageError
from nbnumba.io.smv import read_smv
from nbnumba.io.smv_headers import noisify_header
from nbnumba.output.noise import PoissonNoise
from nbnumba.readout.c_noise import NoisyReadout, expected_greys, expected_integers
from nbnumba.readout.expected import expected_strips
from nbnumba.readout.noisify import NoisifyReport, noisify
from nbnumba.readout.options import DetectorHeader, NoisifyFiles, NoisifyOptions, NoisifyPointSpread


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def bits(*wanted: int, of: int) -> list[list[int]]:
    return [[value % 2**of for value in wanted]]


def counted(image: np.ndarray, **options: float) -> np.ndarray:
    counts = image.copy()
    NoisyReadout(NoisifyOptions(**options), int(options.get("seed", 1))).count(counts)
    return counts


# --- integers -------------------------------------------------------------------------------------------------------


def test_detector_units_are_truncated_towards_zero_and_clipped():
    options = NoisifyOptions(gain=2.0, adc_offset=0.5)
    assert expected_integers(row(0.0, 0.7, 1.0, 32767.4, 32767.5, 1e30, np.inf), options).tolist() == [
        [0, 1, 2, 65535, 65535, 65535, 65535]
    ]


def test_negative_detector_units_keep_their_lowest_bits():
    values = row(-0.7, -1.0, -65537.9, -3e9, -1e30, np.nan)
    # beyond the longer integer that x86 converts to there is nothing but its highest bit
    narrow, wide = NoisifyOptions(adc_offset=0.0), NoisifyOptions(adc_offset=0.0, bits=32)
    assert expected_integers(values, narrow).tolist() == bits(0, -1, -65537, 0, 0, 0, of=16)
    assert expected_integers(values, wide).tolist() == bits(0, -1, -65537, -3000000000, 0, 0, of=32)


def test_32_bits_are_clipped_at_65535_without_noise_and_at_the_largest_integer_with_it():
    options = NoisifyOptions(adc_offset=0.0, bits=32)
    readout = NoisyReadout(options, 1)
    assert expected_integers(row(65535.0, 65536.0), options).tolist() == [[65535, 65535]]
    assert readout.digitize(row(65536.0, 2147483520.0, 4e9)).tolist() == [[65536, 2147483520, 2147483647]]
    assert readout.overloads == 1


@pytest.mark.parametrize(("wide", "largest", "beyond"), [(16, 65535.0, 65536.0), (32, 2147483520.0, 2147483648.0)])
def test_pixels_beyond_the_largest_value_are_overloads(wide, largest, beyond):
    readout = NoisyReadout(NoisifyOptions(adc_offset=0.0, bits=wide), 1)
    readout.digitize(row(largest, beyond, 0.0))
    assert (readout.overloads, readout.photons) == (1, largest + beyond)


def test_greys_hold_the_offset_and_end_at_255():
    assert expected_greys(row(0.0, 200.0, 215.0, 1e6, -50.0), NoisifyOptions()).tolist() == [[40, 240, 255, 255, 255]]


def test_an_image_in_pieces_is_the_same_image():
    image = np.geomspace(0.1, 1e7, 600, dtype=np.float32).reshape(20, 30)
    options = NoisifyOptions(readout_noise=2.0, flicker_noise=0.1)
    whole, pieces = NoisyReadout(options, 5), NoisyReadout(options, 5)
    counts, parts = image.copy(), [image[:7].copy(), image[7:].copy()]
    whole.count(counts)
    for part in parts:
        pieces.count(part)
    assert np.array_equal(np.concatenate(parts), counts)
    assert np.array_equal(np.concatenate([pieces.digitize(part) for part in parts]), whole.digitize(counts))
    assert (pieces.counted, pieces.photons, pieces.overloads) == (whole.counted, whole.photons, whole.overloads)


# --- noise ----------------------------------------------------------------------------------------------------------

FLAT = np.full((100, 100), 2500.0, np.float32)
MANY = 5.0 / math.sqrt(FLAT.size)
"""Five standard errors of the mean of normal deviates; of their variance, times the square root of 2."""


def moments(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean(dtype=np.float64)), float(values.var(dtype=np.float64))


def test_counts_vary_by_their_square_root():
    mean, variance = moments(counted(FLAT, calibration_noise=0.0))
    assert mean == pytest.approx(2500.0, abs=50.0 * MANY)
    assert variance == pytest.approx(2500.0, rel=math.sqrt(2.0) * MANY)


@pytest.mark.parametrize("name", ["calibration_noise", "flicker_noise"])
def test_errors_of_the_gain_and_of_the_source_add_their_variance(name):
    options = {"calibration_noise": 0.0, "flicker_noise": 0.0, name: 0.1}
    mean, variance = moments(counted(FLAT, **options))
    assert mean == pytest.approx(2500.0, abs=255.0 * MANY)
    assert variance == pytest.approx(2500.0 * 1.01 + 250.0**2, rel=math.sqrt(2.0) * MANY)


def test_readout_noise_is_added_in_detector_units():
    # truncation takes half a unit and adds a twelfth to the variance
    readout = NoisyReadout(NoisifyOptions(gain=3.0, adc_offset=1000.0, readout_noise=20.0), 1)
    mean, variance = moments(readout.digitize(np.full((100, 100), 50.0, np.float32)))
    assert mean == pytest.approx(1149.5, abs=20.0 * MANY)
    assert variance == pytest.approx(400.0 + 1.0 / 12.0, rel=math.sqrt(2.0) * MANY)


def test_with_counting_noise_alone_the_image_is_nanobraggs():
    image = read_input("rect160x96.bin")
    pixels = NoisyReadout(NoisifyOptions(), 33).digitize(counted(image, calibration_noise=0.0, seed=33))
    assert np.array_equal(pixels, PoissonNoise(33, 40.0).draw(image, None))


def test_the_pattern_of_the_calibration_changes_with_the_seed_of_the_photons():
    # a static pattern would correlate by 1/(1 + 1/(500000 * 0.03**2)) = 0.998
    bright = np.full((100, 100), 5e5, np.float32)
    first, second = (counted(bright, seed=seed, calibration_seed=77) for seed in (1, 2))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < MANY


def test_with_flicker_the_seed_of_the_calibration_does_nothing():
    first, second = (counted(FLAT, flicker_noise=0.02, calibration_seed=seed) for seed in (77, 78))
    assert np.array_equal(first, second)
    assert not np.array_equal(*(counted(FLAT, calibration_seed=seed) for seed in (77, 78)))


def test_negative_means_give_no_photons_but_for_a_first_one_of_minus_one():
    assert counted(row(-2.0, -1.0, 0.0, -1e6), calibration_noise=0.0).tolist() == [[0.0, 0.0, 0.0, 0.0]]
    assert 50.0 < counted(row(-1.0), calibration_noise=0.0)[0, 0] < 200.0


def test_pixels_that_are_no_number_take_two_random_numbers_and_become_zero():
    readout = NoisyReadout(NoisifyOptions(calibration_noise=0.0), 1)
    counts = row(np.nan, 100.0)
    readout.count(counts)
    assert np.isnan(counts[0, 0])
    assert readout.digitize(counts)[0, 0] == 0


# --- the whole ------------------------------------------------------------------------------------------------------


def made(image: np.ndarray, folder, threads: int = 1, **options) -> tuple[NoisifyReport, np.ndarray, np.ndarray]:
    """The report, and the pixels without and with noise."""
    files = NoisifyFiles(folder / "i.img", folder / "p.pgm", folder / "n.img")
    header = noisify_header(DetectorHeader(), image.shape, 16)
    report = noisify(image, NoisifyOptions(seed=1, **options), 0.1, header, files, threads)
    return report, read_smv(files.int_path).data, read_smv(files.noise_path).data


def test_any_number_of_threads_gives_the_same_files(tmp_path):
    image = read_input("rect160x96.bin")
    options = {"point_spread": NoisifyPointSpread("gauss", 150.0), "readout_noise": 3.0}
    one, two = (made(image, tmp_path, threads, **options) for threads in (1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one[1:], two[1:], strict=True))
    assert one[0].noise == two[0].noise


def test_scale_and_fluence_multiply_the_input():
    # fluence · r_e² is 1 by default
    options = NoisifyOptions(scale=3.0, fluence=0.5 * NoisifyOptions().fluence)
    photons = np.concatenate(list(expected_strips(np.full((3, 2), 4.0, np.float32), options)()))
    assert np.allclose(photons, 6.0, rtol=1e-7)


def test_the_point_spread_takes_the_counts_and_leaves_the_image_without_noise_alone(tmp_path):
    image = np.zeros((21, 21), np.float32)
    image[10, 10] = 1e4
    report, integers, noisy = made(image, tmp_path, point_spread=NoisifyPointSpread("gauss", 150.0), adc_offset=0.0)
    assert np.count_nonzero(integers) == 1
    assert np.count_nonzero(noisy) > 9
    assert report.noise.photons == pytest.approx(report.noise.counted, rel=1e-6)


def test_what_is_odd_about_pixels_is_said(tmp_path):
    with pytest.warns(NbnumbaWarning, match="2 pixels are negative, down to -3 photons: nothing is counted there"):
        made(row(1.0, -3.0, -1.0), tmp_path)
    with pytest.warns(NbnumbaWarning, match="2 pixels are infinite or no numbers: what becomes of them"):
        made(row(1.0, np.nan, np.inf), tmp_path)


def test_a_point_spread_of_pixels_that_are_no_number_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match="1 pixels are infinite or no numbers: a point spread would carry them"):
        made(row(1.0, np.nan), tmp_path, point_spread=NoisifyPointSpread("fiber"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("image", [np.ones(4), np.ones((0, 3)), np.ones((1, 2, 3))])
def test_an_image_without_two_axes_or_pixels_is_refused(image, tmp_path):
    with pytest.raises(UsageError, match="image: two axes and at least one pixel are needed"):
        noisify(image, NoisifyOptions(), 0.1, b"", NoisifyFiles())


@pytest.mark.parametrize(("options", "message"), [
    ({"bits": 8}, "NoisifyOptions.bits must be 16 or 32, not 8"),
    ({"readout_noise": -1.0}, "NoisifyOptions.readout_noise must be a number of zero or more, not -1.0"),
    ({"gain": np.nan}, "NoisifyOptions.gain must be a number, not nan"),
])  # fmt: skip
def test_options_are_checked_when_they_are_made(options, message):
    with pytest.raises(UsageError, match=message):
        NoisifyOptions(**options)

"""Figures of image comparison against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nbnumba.compare.assessment import assess
from nbnumba.compare.images import clip_roi, match_shapes
from nbnumba.compare.metrics import DEFAULT_BARS, judge, measure, parse_bars
from nbnumba.compare.peaks import MATCH_RADIUS, find_peaks, match_peaks
from nbnumba.errors import UsageError
from nbnumba.io.plane import ShapeMismatchError

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]], dtype=np.float32)


def _spots(*positions: tuple[int, int], shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    """Gaussian spots of falling height."""
    slow, fast = np.indices(shape)
    heights = np.linspace(100.0, 50.0, len(positions))
    image = np.zeros(shape)
    for height, (s, f) in zip(heights, positions, strict=True):
        image += height * np.exp(-((slow - s) ** 2 + (fast - f) ** 2) / 4.0)
    return image.astype(np.float32)


def test_equal_images_differ_in_nothing():
    metrics = measure(A, A.copy())
    assert (metrics.different, metrics.correlation, metrics.mse, metrics.max_relative) == (0, 1.0, 0.0, 0.0)
    assert metrics.reference_sum == metrics.image_sum == 24.0


def test_figures_of_a_known_difference():
    image = A.copy()
    image[0, 1] += 0.5
    image[1, 2] -= 1.0
    metrics = measure(A, image)
    assert metrics.different == 2
    assert metrics.different_per_10000 == pytest.approx(1e4 / 3)
    assert metrics.mse == pytest.approx(1.25 / 6)
    assert metrics.rmse == pytest.approx(math.sqrt(1.25 / 6))
    assert metrics.max_absolute == 1.0
    assert metrics.max_relative == 0.25
    assert metrics.worst_pixel == (0, 1)
    assert metrics.sum_ratio == pytest.approx(23.5 / 24.0)


def test_correlation_is_pearsons():
    image = np.random.default_rng(1).normal(size=A.shape).astype(np.float32)
    expected = np.corrcoef(A.ravel().astype(float), image.ravel().astype(float))[0, 1]
    assert measure(A, image).correlation == pytest.approx(expected, abs=1e-14)
    assert measure(A, 3.0 - 2.0 * A).correlation == pytest.approx(-1.0, abs=1e-14)


def test_correlation_survives_the_largest_floats():
    assert measure(A * np.float32(3e37), A * np.float32(1.5e37)).correlation == pytest.approx(1.0, abs=1e-14)


def test_correlation_with_a_constant_image_is_undefined():
    assert math.isnan(measure(A, np.ones_like(A)).correlation)


def test_one_unit_in_the_last_place_counts_as_different():
    metrics = measure(A, np.nextafter(A, np.float32(np.inf)))
    assert metrics.different == A.size
    assert 0.0 < metrics.max_relative <= 2.0**-23


def test_relative_differences_have_a_floor():
    image = A.copy()
    reference = A.copy()
    reference[0, 0] = 0.0
    image[0, 0] = 9e-9
    assert measure(reference, image).max_relative == pytest.approx(1.0, rel=1e-6)  # 9e-9 over 1e-9 of 9


def test_a_number_missing_in_one_image_is_an_infinite_difference():
    image = A.copy()
    image[0, 0] = np.nan
    assert measure(A, image).max_absolute == math.inf
    assert measure(image, image.copy()).max_absolute == 0.0
    assert measure(image, image.copy()).different == 0


def test_default_bars_are_bits_and_relative_differences():
    assert parse_bars(()) == DEFAULT_BARS == {"bits": 2.0, "relative": 1e-6}


def test_bars_name_their_figure_and_a_number_alone_is_a_correlation():
    assert parse_bars(("rmse=0.5", "0.99")) == {"rmse": 0.5, "correlation": 0.99}
    for text in ("looks=1", "bits=few"):
        with pytest.raises(UsageError, match=text):
            parse_bars((text,))


@pytest.mark.parametrize(
    ("bars", "met"),
    [
        ({"bits": 0.0}, False),
        ({"bits": 1e4}, True),
        ({"relative": 2.0**-23}, True),
        ({"correlation": 0.999}, True),
        ({"correlation": 1.1}, False),
        ({"absolute": 1e-6, "sum": 1e-6, "rmse": 1e-6}, True),
    ],
)
def test_judgement_holds_each_figure_against_its_bar(bars, met):
    judgements = judge(measure(A, np.nextafter(A, np.float32(np.inf))), bars)
    assert all(judgement.is_met for judgement in judgements) is met


def test_an_undefined_figure_does_not_meet_its_bar():
    (judgement,) = judge(measure(A, np.ones_like(A)), {"correlation": -1.0})
    assert not judgement.is_met


def test_peaks_are_found_strongest_first():
    places = [(10, 12), (30, 50), (45, 20)]
    assert find_peaks(_spots(*places), 10)[:3].tolist() == [list(place) for place in places]
    assert len(find_peaks(_spots(*places), 2)) == 2


def test_a_plateau_is_one_peak_and_a_flat_image_has_none():
    image = np.zeros((10, 10), dtype=np.float32)
    image[4:6, 2:5] = 7.0
    assert find_peaks(image, 5).tolist() == [[4.5, 3.0]]
    assert find_peaks(np.ones((10, 10), dtype=np.float32), 5).shape == (0, 2)


def test_shifted_peaks_are_matched_at_their_distance():
    places = [(10, 12), (30, 50), (45, 20)]
    match = match_peaks(_spots(*places), _spots(*((s + 3, f + 4) for s, f in places)), 3)
    assert (match.matched, match.mean_distance, match.max_distance) == (3, 5.0, 5.0)
    assert MATCH_RADIUS == 5.0


def test_a_peak_elsewhere_stays_unmatched_and_does_not_pull_on_the_others():
    match = match_peaks(_spots((10, 12), (30, 50), (45, 20)), _spots((11, 12), (30, 50), (5, 70)), 3)
    assert (match.reference_count, match.image_count, match.matched, match.max_distance) == (3, 3, 2, 1.0)
    assert math.isnan(match_peaks(A * 0, A * 0, 3).mean_distance)


def test_other_shapes_are_refused_or_resampled_to_the_nearest_pixel():
    small = np.arange(6, dtype=np.float32).reshape(2, 3)
    large = small.repeat(2, axis=0).repeat(3, axis=1)
    with pytest.raises(ShapeMismatchError, match="2 x 3.*4 x 9"):
        match_shapes(small, large, resample=False)
    assert np.array_equal(match_shapes(small, large, resample=True), small)
    assert np.array_equal(match_shapes(large, small, resample=True), large)


def test_the_region_is_inclusive_and_clipped():
    image = A.copy()
    image[1, 2] = 0.0
    assert clip_roi((1, 99, -5, 0), A.shape) == (1, 2, 0, 0)
    result = assess(A, image, DEFAULT_BARS, 5, roi=(0, 2, 0, 0))
    assert (result.metrics.pixels, result.is_good) == (3, True)
    assert not assess(A, image, DEFAULT_BARS, 5).is_good
    assert assess(A, image, DEFAULT_BARS, 5, roi=(2, 2, 1, 1)).corner == (1, 2)
    with pytest.raises(UsageError, match="holds no pixel"):
        clip_roi((3, 9, 0, 1), A.shape)

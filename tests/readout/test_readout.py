"""A readout's stages: what each does to means, variances and neighbours, and that they keep out of each other's way."""

from __future__ import annotations

import dataclasses
import hashlib
import math

import numpy as np
import pytest
from golden_noisify import noisify_cases
from scipy import stats
from scipy.special import gammaincinv

from nbnumba.errors import UsageError
from nbnumba.flags.noisify import interpret_noisify
from nbnumba.numerics.counter_arrays import draw_uniform
from nbnumba.numerics.counter_random import stream_key
from nbnumba.output.noise import PoissonNoise
from nbnumba.readout import (
    CalibrationError,
    DeadPixels,
    Digitize,
    Gain,
    Gaps,
    HotPixels,
    Offset,
    PhotonCounting,
    PointSpread,
    Readout,
    ReadoutNoise,
    ReadoutSettings,
    Saturation,
    SourceFluctuation,
    Stage,
)
from nbnumba.readout import readout as readout_module
from nbnumba.readout.point_spread import fiber_kernel, gaussian_kernel
from nbnumba.readout.readout import added_images
from nbnumba.readout.settings import preset_settings
from nbnumba.readout.stage import Purpose, Strip

ROUNDING = 1.0 / 12.0
"""Variance that rounding to whole numbers adds."""


def flat(photons: float, edge: int = 400) -> np.ndarray:
    return np.full((edge, edge), photons, dtype=np.float32)


def fine(*stages: Stage, steps: float = 1e4) -> Readout:
    """A readout whose rounding does not matter: so many steps per unit."""
    return Readout(*stages, Gain(steps), Digitize("int32"))


def assert_moments(image: np.ndarray, mean: float, variance: float, excess: float = 0.0) -> None:
    """Mean and variance of independent pixels within five standard errors."""
    n = image.size
    assert abs(image.mean() - mean) < 5.0 * math.sqrt(variance / n)
    assert abs(image.var() - variance) < 5.0 * variance * math.sqrt((2.0 + excess) / n)


# ---- counting and noise: simtbx's own figures from 160 000 pixels, and what they should be


# expected photons; simtbx's mean and variance
COUNTED = [
    (0.3, 0.301425, 0.30254296937499997), (5.0, 4.99881875, 5.002654854648436), (11.9, 11.91578125, 11.953538452148438),
    (12.1, 12.09406875, 12.120869820273438), (100.0, 100.00068125, 100.02666828789844),
    (50000.0, 49999.82019375, 50146.40155096245), (2e6, 2000006.3600400037, 2003903.0987030505),
]  # fmt: skip


@pytest.mark.parametrize(("photons", "mean", "variance"), COUNTED)
def test_counts_have_the_mean_and_variance_of_photons_and_those_of_simtbx(photons, mean, variance):
    counts = Readout(PhotonCounting()).apply(flat(photons), seed=1)
    # to the variance of a variance the Poisson distribution adds 1/m
    assert_moments(counts, np.float32(photons), photons, 1.0 / photons)
    error = math.sqrt(2.0 * photons / counts.size)
    assert abs(counts.mean() - mean) < 5.0 * error
    assert abs(counts.var() - variance) < 5.0 * photons * math.sqrt(2.0 * (2.0 + 1.0 / photons) / counts.size)


def test_readout_noise_gain_and_offset_add_up_as_in_simtbx():
    stages = (PhotonCounting(), Gain(2.0), ReadoutNoise(3.0), Offset(40.0))
    image = Readout(*stages).apply(flat(100.0), seed=2)
    assert_moments(image, 240.0, 4.0 * 100.0 + 9.0 + ROUNDING)
    # simtbx: 239.99408, 409.0066
    assert abs(image.mean() - 239.9940839843425) < 5.0 * math.sqrt(2.0 * 409.0 / image.size)
    assert abs(image.var() - ROUNDING - 409.00658956632446) < 5.0 * 409.0 * math.sqrt(4.0 / image.size)
    dark = Readout(*stages).apply(flat(0.0), seed=2)
    assert_moments(dark, 40.0, 9.0 + ROUNDING)


def test_a_calibration_error_scales_with_the_signal():
    image = Readout(PhotonCounting(), CalibrationError(0.03)).apply(flat(1e6), seed=3)
    # simtbx: 999962.6, 907952094
    assert_moments(image, 1e6, 1e6 * (1.0 + 0.03**2) + (0.03 * 1e6) ** 2)
    assert abs(image.var() - 907952094.070586) < 5.0 * 9.01e8 * math.sqrt(4.0 / image.size)


def test_all_noises_together_have_the_variance_of_their_sum():
    stages = (PhotonCounting(), CalibrationError(0.03), Gain(1.7), ReadoutNoise(5.0), Offset(10.0))
    image = Readout(*stages).apply(flat(1e4), seed=4)
    photons = 1e4 * (1.0 + 0.03**2) + (0.03 * 1e4) ** 2
    assert_moments(image, 17010.0, 1.7**2 * photons + 25.0 + ROUNDING)


def test_the_calibration_error_is_the_detectors_own():
    flat_field = flat(1e6, 200)
    first, second = (Readout(PhotonCounting(), CalibrationError(0.03)).apply(flat_field, seed) for seed in (1, 2))
    other = Readout(PhotonCounting(), CalibrationError(0.03, seed=5)).apply(flat_field, 1)
    # what the photons' own noise leaves: 1/(1 + 1/(1e6 0.03²)) = 0.99889; simtbx: 0.99891
    correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    assert abs(correlation - 0.99889) < 5e-5
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 5.0 / 200.0


def test_a_calibration_map_scales_each_pixel():
    factors = np.linspace(0.0, 2.0, 12).reshape(3, 4)
    image = Readout(CalibrationError(factors=factors)).apply(np.full((3, 4), 1000.0), seed=0)
    np.testing.assert_array_equal(image, np.rint(1000.0 * factors))


def test_the_source_fluctuates_by_one_factor_an_image():
    image = np.array([[1.0, 2.0], [3.0, 4.0]]) * 1e4
    readout = fine(SourceFluctuation(0.1), steps=100.0)
    first, second = (readout.apply(image, 1, number) / 100.0 for number in (0, 1))
    np.testing.assert_allclose(first / image, (first / image)[0, 0], rtol=1e-6)
    assert abs((first / second)[0, 0] - 1.0) > 1e-3


@pytest.mark.parametrize("rms", [0.02, 0.3, 1.0])
def test_the_factors_of_a_series_have_a_gamma_distribution(rms):
    stage = SourceFluctuation(rms)
    factors = np.array([stage.factor(Strip(0, (1, 1), 0, 5, number)) for number in range(2000)])
    assert stats.kstest(factors, "gamma", args=(rms**-2, 0.0, rms**2)).pvalue > 1e-3
    assert abs(factors.mean() - 1.0) < 5.0 * rms / math.sqrt(2000)


def test_one_mode_fluctuates_exponentially():
    (uniform,) = draw_uniform(1, 0, stream_key(5, Purpose.SOURCE, 3))
    factor = SourceFluctuation(1.0).factor(Strip(0, (1, 1), 0, 5, 3))
    # the closed form of the gamma distribution's inverse for one mode
    assert factor == pytest.approx(-math.log1p(-uniform), rel=1e-12)
    assert factor == pytest.approx(gammaincinv(1.0, uniform), rel=1e-12)


# ---- point spread


def autocorrelation(kernel: np.ndarray, lag: int) -> float:
    """Correlation of neighbours that get their signal through a kernel."""
    return float((kernel[:, lag:] * kernel[:, :-lag]).sum() / (kernel**2).sum())


@pytest.mark.parametrize(("profile", "maker"), [("gauss", gaussian_kernel), ("fiber", fiber_kernel)])
def test_counts_that_spread_are_correlated_as_the_kernel_says(profile, maker):
    stages = (PhotonCounting(), PointSpread(profile, 1.5, 1.0, radius=6))
    image = fine(*stages, steps=1000.0).apply(flat(1000.0, 600), seed=6)[10:-10, 10:-10] / 1000.0
    kernel = maker(1.5, 1.0, 6)
    kernel /= kernel.sum()
    deviations = image - image.mean()
    # independent pixels are fewer by the area over which they are correlated
    effective = image.size * (kernel**2).sum()
    assert abs(image.mean() - 1000.0) < 5.0 * math.sqrt(1000.0 / image.size)
    assert abs(image.var() / (1000.0 * (kernel**2).sum()) - 1.0) < 5.0 * math.sqrt(2.0 / effective)
    for lag in (1, 2):
        found = (deviations[:, lag:] * deviations[:, :-lag]).mean() / image.var()
        assert abs(found - autocorrelation(kernel, lag)) < 5.0 / math.sqrt(effective)


def test_photons_that_spread_before_they_are_counted_leave_neighbours_independent():
    counts = Readout(PointSpread("gauss", 1.5, 1.0), PhotonCounting()).apply(flat(1000.0), seed=6)[10:-10, 10:-10]
    assert_moments(counts, 1000.0, 1000.0, 1e-3)
    deviations = counts - counts.mean()
    assert abs((deviations[:, 1:] * deviations[:, :-1]).mean() / counts.var()) < 5.0 / math.sqrt(counts.size)


@pytest.mark.parametrize("profile", ["gauss", "fiber"])
@pytest.mark.parametrize("place", [(0, 0), (0, 20), (25, 39), (20, 20)])
def test_edges_lose_what_the_kernel_says_or_conserve_all(profile, place):
    image = np.zeros((40, 50))
    image[place] = 1e5
    lost, conserved = (
        fine(PointSpread(profile, 3.0, 1.0, 12, edges)).apply(image, 0).sum() / 1e4 for edges in ("lose", "conserve")
    )
    kernel = (gaussian_kernel if profile == "gauss" else fiber_kernel)(3.0, 1.0, 12)
    slow, fast = place
    inside = kernel[max(12 - slow, 0) : 12 + 40 - slow, max(12 - fast, 0) : 12 + 50 - fast].sum() / kernel.sum()
    # 625 pixels are rounded by up to half of 1e-4
    assert lost == pytest.approx(1e5 * inside, abs=0.04)
    assert conserved == pytest.approx(1e5, abs=0.04)


def test_a_flat_field_stays_flat_away_from_the_edges():
    image = fine(PointSpread("fiber", 80.0, 100.0, radius=20)).apply(flat(100.0, 80), 0) / 1e4
    np.testing.assert_allclose(image[20:-20, 20:-20], 100.0, rtol=1e-6)
    assert image[0, 0] < 60.0


@pytest.mark.parametrize("corner", [0.0, 0.05])
def test_any_kernel_can_be_given(corner):
    kernel = np.array([[corner, 0.1, 0.0], [0.0, 0.5, 0.3], [0.0, 0.0, 2.0 * corner]])
    image = np.zeros((5, 6))
    image[2, 3] = 1000.0
    spread = Readout(PointSpread(kernel=kernel)).apply(image, 0)
    np.testing.assert_array_equal(spread[1:4, 2:5], 1000.0 * kernel)
    assert spread.sum() == 1000.0 * kernel.sum()


def test_a_wide_spread_is_computed_strip_by_strip(monkeypatch):
    rng = np.random.default_rng(1)
    image = rng.exponential(10.0, (300, 40))
    stages = (PointSpread("gauss", 5.0, 1.0), PhotonCounting(), PointSpread("gauss", 2.0, 1.0), Gain(1000.0))
    whole = Readout(*stages).apply(image, 3)
    monkeypatch.setattr(readout_module, "STRIP_PIXELS", 40)
    assert Readout(*stages)._strip_height(image.shape) < 300
    strips = Readout(*stages).apply(image, 3)
    # Fourier transforms of other lengths round differently
    np.testing.assert_allclose(strips, whole, atol=1)


# ---- electronics and pixels


def test_values_are_rounded_to_the_nearest_whole_number_and_never_wrap():
    image = np.array([[0.4, 0.5, 0.6, 1.5, 2.5, 70000.0]])
    assert Readout(Digitize("uint16")).apply(image, 0).tolist() == [[0, 0, 1, 2, 2, 65535]]
    assert Readout(Offset(-3.0), Digitize("uint16")).apply(image, 0).tolist() == [[0, 0, 0, 0, 0, 65535]]
    assert Readout(Offset(-3.0), Digitize("int16")).apply(image, 0).tolist() == [[-3, -2, -2, -2, 0, 32767]]


def test_saturated_pixels_report_the_level():
    image = np.array([[10.0, 1e6, 2e6]])
    assert Readout(Gain(2.0), Saturation(1048575.0)).apply(image, 0).tolist() == [[20, 1048575, 1048575]]


def test_dead_and_hot_pixels_are_the_same_in_every_image():
    readout = Readout(PhotonCounting(), HotPixels(0.01), Saturation(500.0), DeadPixels(0.02, -2.0), Digitize("int16"))
    first, second = (readout.apply(flat(100.0), seed) for seed in (1, 2))
    for value, fraction in ((500, 0.01 * 0.98), (-2, 0.02)):
        assert np.array_equal(first == value, second == value)
        assert stats.binomtest(int((first == value).sum()), first.size, fraction).pvalue > 1e-4
    other = Readout(DeadPixels(0.02, seed=9), Digitize("int16")).apply(flat(100.0), 1)
    # other detectors have lost other pixels
    assert stats.binomtest(int(((first == -2) & (other == 0)).sum()), first.size, 0.02**2).pvalue > 1e-4


def test_places_of_dead_and_hot_pixels_can_be_given():
    places = np.zeros((3, 4), dtype=np.uint8)
    places[1, 2] = 1
    image = np.full((3, 4), 7.0)
    dead = Readout(DeadPixels(places=places, value=-2.0)).apply(image, 0)
    hot = Readout(HotPixels(places=places), Digitize("uint16")).apply(image, 0)
    assert (dead[1, 2], hot[1, 2]) == (-2, 65535)
    assert (dead.sum(), hot.sum()) == (7 * 11 - 2, 7 * 11 + 65535)


def test_gaps_lie_between_modules_and_where_the_mask_is_0():
    mask = np.ones((10, 12))
    mask[0, 0] = 0
    image = Readout(Gaps((4, 5), (2, 1), mask, -1.0)).apply(np.full((10, 12), 3.0), 0)
    rows, columns = np.indices(image.shape)
    gap = (rows % 6 >= 4) | (columns % 6 >= 5)
    gap[0, 0] = True
    assert np.array_equal(image == -1, gap)
    assert set(image[~gap]) == {3}


# ---- seeds, threads, strips, panels


FULL = (
    SourceFluctuation(0.1), PointSpread("gauss", 1.0, 1.0), PhotonCounting(), CalibrationError(0.03), Gain(2.0),
    ReadoutNoise(3.0), Offset(40.0), HotPixels(0.01), Saturation(5000.0), DeadPixels(0.01, -2.0),
    Gaps((30, 50), (3, 4), value=-1.0),
)  # fmt: skip


@pytest.fixture(scope="module")
def scene():
    """An image of spots on a background."""
    slow, fast = np.indices((150, 210))
    return (5.0 + 500.0 * np.exp(-((slow % 20 - 10) ** 2 + (fast % 30 - 15) ** 2) / 8.0)).astype(np.float32)


def test_an_image_depends_on_neither_threads_nor_strips(scene, monkeypatch):
    expected = Readout(*FULL).apply(scene, 8, threads=1)
    monkeypatch.setattr(readout_module, "STRIP_PIXELS", 2000)
    for threads in (1, 2):
        assert np.array_equal(Readout(*FULL).apply(scene, 8, threads=threads), expected)


def test_seed_and_image_number_make_another_image(scene):
    images = [Readout(*FULL).apply(scene, seed, number) for seed, number in ((1, 0), (1, 0), (1, 1), (2, 0))]
    assert np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])
    assert not np.array_equal(images[0], images[3])
    assert not np.array_equal(images[2], images[3])


def counts_and_noise(scene, photon_seed=None, readout_seed=None, image_seed=1):
    """What the two random stages of a readout did: counts are whole numbers, so that rounding does not mix them."""
    counts = Readout(PhotonCounting(photon_seed)).apply(scene, image_seed)
    both = Readout(PhotonCounting(photon_seed), ReadoutNoise(3.0, readout_seed), Offset(99.0)).apply(scene, image_seed)
    return counts, both - counts


def test_a_purposes_seed_changes_only_its_own_stage(scene):
    counts, noise = counts_and_noise(scene)
    other_counts, same_noise = counts_and_noise(scene, photon_seed=77)
    same_counts, other_noise = counts_and_noise(scene, readout_seed=77)
    assert np.array_equal(same_counts, counts)
    assert np.array_equal(same_noise, noise)
    assert np.mean(other_counts == counts) < 0.5
    assert np.mean(other_noise == noise) < 0.5
    # a seed of its own keeps a stage where it was when the image's seed changes
    kept, changed = counts_and_noise(scene, photon_seed=77, image_seed=2)
    assert np.array_equal(kept, other_counts)
    assert np.mean(changed == noise) < 0.5


def test_a_stage_more_leaves_the_others_numbers_alone(scene):
    alone = Readout(PhotonCounting()).apply(scene, 1)
    more = Readout(PhotonCounting(), DeadPixels(0.01, -2.0), CalibrationError(1e-9), HotPixels(1e-9)).apply(scene, 1)
    assert np.array_equal(more[more != -2], alone[more != -2])


def test_panels_are_read_out_apart_and_have_numbers_of_their_own(scene):
    stages = FULL[1:]
    panels = np.stack([scene, scene])
    image = Readout(*stages).apply(panels, 4)
    assert image.shape == panels.shape
    assert np.array_equal(image[0], Readout(*stages).apply(scene, 4))
    measured = (image > -1).all(axis=0) & (image < 5000).all(axis=0)
    correlation = np.corrcoef(image[:, measured] - image[:, measured].mean(axis=1)[:, None])
    assert correlation[0, 1] < 0.999
    counts = Readout(PhotonCounting()).apply(np.full((2, 200, 200), 50.0), 4).reshape(2, -1)
    assert abs(np.corrcoef(counts)[0, 1]) < 5.0 / 200.0


def test_maps_of_panels_belong_to_their_panel():
    factors = np.array([[[1.0, 2.0]], [[3.0, 4.0]]])
    image = Readout(CalibrationError(factors=factors)).apply(np.full((2, 1, 2), 10.0), 0)
    assert image.tolist() == [[[10, 20]], [[30, 40]]]


# ---- the sequential generators


def test_the_generator_nanobragg_draws_nanobraggs_noise_image(scene):
    readout = Readout(PhotonCounting(generator="nanobragg"), Offset(40.0), Digitize("uint16"))
    expected = PoissonNoise(12, 40.0).draw(scene, None)
    assert np.array_equal(readout.apply(scene, 12), expected)
    assert np.array_equal(readout.apply(scene, 10, image_number=2), expected)


NOISIFY_CASES = [case for case in noisify_cases() if case.name in (
    "all_noises", "calib_seed", "flicker_calib", "poisson_only", "psf_fiber", "psf_gauss", "readout", "overloads32",
)]  # fmt: skip


@pytest.mark.parametrize("case", NOISIFY_CASES, ids=lambda case: case.name)
def test_the_generator_noisify_gives_noisifys_pixels(case, tmp_path):
    case.place_inputs(tmp_path)
    request = interpret_noisify([str(tmp_path / word) if word in case.inputs else word for word in case.args])
    options, spread = request.options, request.options.point_spread
    settings = ReadoutSettings(
        fluctuation=options.flicker_noise, calibration=options.calibration_noise, gain=options.gain,
        readout_noise=options.readout_noise, offset=options.adc_offset, photon_seed=options.seed,
        calibration_seed=options.calibration_seed, dtype="uint32" if options.bits == 32 else "uint16",
        generator="noisify", point_spread=None if not spread.acts else PointSpread(
            spread.profile.value, spread.fwhm, request.pixel_size * 1000.0, spread.radius or None
        ),
    )  # fmt: skip
    pixels = Readout.from_settings(settings).apply(request.image, 0)
    (facts,) = (facts for name, facts in case.files.items() if "noise" in name)
    assert hashlib.sha256(request.header + pixels.tobytes()).hexdigest() == facts["sha256"]


def test_eight_golden_runs_of_noisify_are_compared():
    assert len(NOISIFY_CASES) == 8


# ---- detectors


def test_a_pilatus_counts_without_noise_and_marks_its_gaps():
    image = Readout.photon_counting().apply(np.full((2527, 2463), 0.0), 1)
    assert image.dtype == np.int32
    # 12 x 5 modules of 195 x 487 pixels
    assert (image == 0).sum() == 60 * 195 * 487
    assert (image == -1).sum() == image.size - 60 * 195 * 487
    assert Readout.photon_counting(gaps=None).apply(np.full((1, 1), 2e6), 1).item() == 1048575


def test_an_eiger_16m_has_32_modules():
    image = Readout.photon_counting("eiger").apply(np.zeros((4371, 4150), dtype=np.float32), 1)
    assert (image == 0).sum() == 32 * 514 * 1030


def test_a_ccd_has_an_offset_noise_and_correlated_neighbours():
    image = Readout.ccd(calibration=0.0).apply(flat(0.0), 1)
    assert image.dtype == np.uint16
    assert_moments(image, 40.0, 9.0 + ROUNDING)
    bright = Readout.ccd(calibration=0.0, readout_noise=0.0).apply(flat(10000.0), 1)[50:-50, 50:-50].astype(float)
    deviations = bright - bright.mean()
    assert (deviations[:, 1:] * deviations[:, :-1]).mean() / bright.var() > 0.3
    assert bright.var() < 0.5 * 10000.0


def test_a_jungfrau_has_noise_in_units_of_photons():
    # 100 electrons of 3.66 eV are 0.03 photons of 12.4 keV
    readout = Readout.jungfrau(12400.0, gain=1000.0, calibration=0.0, gaps=None)
    assert_moments(readout.apply(flat(0.0), 1), 0.0, (100.0 * 3.66 / 12400.0 * 1000.0) ** 2 + ROUNDING)
    assert Readout.jungfrau(6200.0, calibration=0.0, gaps=None).apply(flat(3e4, 2), 1).tolist() == [[20000] * 2] * 2


def test_figures_that_do_nothing_are_no_stages():
    assert Readout.from_settings(ReadoutSettings()) == Readout(PhotonCounting(), Digitize())
    assert Readout.from_settings(ReadoutSettings(counting=False)).stages == (Digitize(),)


def test_figures_stand_in_the_order_of_the_physics():
    settings = ReadoutSettings(
        fluctuation=0.1, point_spread=PointSpread("gauss", 1.0, 1.0), calibration=0.03, gain=2.0, readout_noise=3.0,
        offset=40.0, hot_pixels=0.01, saturation=5000.0, dead_pixels=0.01, dead_value=-2.0,
        gaps=Gaps((30, 50), (3, 4), value=-1.0),
    )  # fmt: skip
    assert settings.stages() == (*FULL, Digitize())
    spread, counting = dataclasses.replace(settings, spreads_counts=True).stages()[1:3][::-1]
    assert (spread, counting) == (FULL[1], FULL[2])


# ---- sums


def test_images_are_added_with_factors():
    first, second = np.array([[1.0, 2.0]], np.float32), np.array([[10, 20]], np.uint16)
    assert added_images([("a", first, 1.0)]) is first
    assert added_images([("a", first, 1.0), ("b", second, 0.5)]).tolist() == [[6.0, 12.0]]
    assert added_images([("a", first, 3.0)]).tolist() == [[3.0, 6.0]]
    assert first.tolist() == [[1.0, 2.0]]
    with pytest.raises(UsageError, match=r"^b: has 2 x 1 \(slow x fast\) pixels, but a has 1 x 2"):
        added_images([("a", first, 1.0), ("b", second.T, 1.0)])


# ---- what is refused


@pytest.mark.parametrize(("make", "message"), [
    (lambda: SourceFluctuation(1.5), "SourceFluctuation.rms must be a fraction from 0 to 1, not 1.5"),
    (lambda: PointSpread("blob", 1.0, 1.0), "PointSpread.profile must be gauss or fiber, not 'blob'"),
    (lambda: PointSpread("gauss", -1.0, 1.0), "PointSpread.fwhm must be a number above zero, not -1.0"),
    (lambda: PointSpread("gauss", 1.0), "PointSpread.pixel_size must be a length above zero, in µm"),
    (lambda: PointSpread("gauss", 1.0, 1.0, edges="wrap"), "PointSpread.edges must be lose or conserve, not 'wrap'"),
    (lambda: PointSpread("gauss", 1.0, 1.0, -1), "PointSpread.radius must be a whole number of zero or more"),
    (lambda: PointSpread(kernel=np.ones((2, 2))), "PointSpread.kernel must be a square with an odd edge"),
    (lambda: PointSpread(kernel=-np.ones((3, 3))), "PointSpread.kernel must hold numbers of zero or more"),
    (lambda: PointSpread(kernel=np.zeros((3, 3))), "PointSpread.kernel must not be 0 everywhere"),
    (lambda: PhotonCounting(seed=-1), "PhotonCounting.seed must be a whole number of zero or more"),
    (lambda: PhotonCounting(generator="lucky"), "PhotonCounting.generator must be philox or nanobragg, not 'lucky'"),
    (lambda: CalibrationError(-0.1), "CalibrationError.rms must be a fraction from 0 to 1, not -0.1"),
    (lambda: CalibrationError(0.1, factors=np.ones((2, 2))), "CalibrationError.rms 0.1 has no effect beside Calib"),
    (lambda: CalibrationError(factors=-np.ones((2, 2))), "CalibrationError.factors must hold numbers of zero or more"),
    (lambda: CalibrationError(factors=np.full((2, 2), np.nan)), "CalibrationError.factors must hold finite numbers"),
    (lambda: Gain(0.0), "Gain.adu_per_photon must be a number above zero, not 0.0"),
    (lambda: ReadoutNoise(float("nan")), "ReadoutNoise.rms must be a number of zero or more, not nan"),
    (lambda: Offset(float("inf")), "Offset.adu must be a number, not inf"),
    (lambda: Saturation(0.0), "Saturation.level must be a number above zero, not 0.0"),
    (lambda: DeadPixels(2.0), "DeadPixels.fraction must be a fraction from 0 to 1, not 2.0"),
    (lambda: DeadPixels(0.1, places=np.ones((2, 2))), "DeadPixels.fraction 0.1 has no effect beside DeadPixels.place"),
    (lambda: HotPixels(-0.1), "HotPixels.fraction must be a fraction from 0 to 1, not -0.1"),
    (lambda: Gaps((0, 3)), r"Gaps.module must be two values, each a whole number above zero, or None, not \(0, 3\)"),
    (lambda: Digitize("float32"), "Digitize.dtype must be uint8, uint16, uint32, int16 or int32, not 'float32'"),
    (lambda: Readout(Gaps(value=-1.0), Digitize("uint16")), "Gaps.value -1 does not fit Digitize.dtype uint16"),
    (lambda: Readout(DeadPixels(0.1, -2.0), Digitize("uint8")), "DeadPixels.value -2 does not fit Digitize.dtype"),
    (lambda: Readout(Digitize(), Gain(2.0)), "Readout.stages must end with Digitize"),
    (lambda: Readout("Gain"), "Readout.stages must be stages of a readout, not str"),
    (lambda: Readout.photon_counting("medipix"), "Readout.detector must be pilatus or eiger, not 'medipix'"),
    (lambda: ReadoutSettings(generator="noisify", counting=False).stages(), "ReadoutSettings.counting is what the gen"),
    (lambda: ReadoutSettings(generator="noisify", calibration=np.ones((2, 2))).stages(), "CalibrationError.factors of"),
    (lambda: ReadoutSettings(generator="noisify", point_spread=PointSpread(kernel=np.ones((3, 3)))).stages(),
     "PointSpread.kernel of your own is not for the generator noisify"),
    (lambda: preset_settings("medipix"), "Readout.preset must be one of counting, pilatus, eiger, ccd, jungfrau, not"),
    (lambda: Readout.jungfrau(0.0), "Readout.photon_energy must be above zero, in eV, not 0.0"),
    (lambda: Readout.jungfrau("9 keV"), "Readout.photon_energy must be above zero, in eV, not '9 keV'"),
    (lambda: PointSpread(fwhm=80.0, kernel=np.ones((3, 3))), "PointSpread.fwhm has no effect beside PointSpread.kern"),
    (lambda: PointSpread("gauss", 80.0, 1e5), "PointSpread.fwhm 80 µm: of PointSpread.pixel_size 100000 µm no photon"),
    (lambda: Readout(DeadPixels(0.1, 1.5)), "DeadPixels.value 1.5 does not fit Digitize.dtype int32: give a whole num"),
])  # fmt: skip
def test_impossible_figures_are_refused_in_one_line(make, message):
    with pytest.raises(UsageError, match=f"^{message}") as error:
        make()
    assert "\n" not in str(error.value)


def holds(value: float) -> np.ndarray:
    image = np.ones((3, 4))
    image[1, 2] = value
    return image


@pytest.mark.parametrize(("readout", "image", "message"), [
    (Readout(), holds(-1.5), "Readout.image pixel slow 1 fast 2 holds -1.5: photons are numbers from 0 to 9e"),
    (Readout(), holds(np.nan), "Readout.image pixel slow 1 fast 2 holds nan"),
    (Readout(), holds(np.inf), "Readout.image pixel slow 1 fast 2 holds inf"),
    (Readout(), np.stack([holds(1.0), holds(-2.0)]), "Readout.image panel 1, pixel slow 1 fast 2 holds -2"),
    (Readout(), np.ones((3, 4), complex), "Readout.image must hold real numbers, not complex128"),
    (Readout(), np.ones(3), r"Readout.image of shape \(3,\) has no rows of pixels"),
    (Readout(PointSpread("gauss", 400.0, 100.0)), holds(1.0), "PointSpread.fwhm 400 µm is wider than the image of 3"),
    (Readout(PointSpread(kernel=np.ones((9, 9)))), holds(1.0), "PointSpread.kernel of 9 pixels is wider than the im"),
    (Readout(CalibrationError(factors=np.ones((2, 2)))), holds(1.0), "CalibrationError.factors has 2 x 2 .*has 3 x 4"),
    (Readout(Gaps(mask=np.ones((2, 2)))), holds(1.0), "Gaps.mask has 2 x 2 .*the image has 3 x 4"),
    (Readout(DeadPixels(places=np.ones((2, 2)))), holds(1.0), "DeadPixels.places has 2 x 2 .*the image has 3 x 4"),
    (Readout(), np.ma.masked_greater(holds(2.0), 1.5), "Readout.image is a masked array: give Gaps"),
    (Readout(Offset(-2.0), PhotonCounting()), holds(1.0), "PhotonCounting gets -1 photons from the stages before it"),
    (Readout(PhotonCounting(generator="nanobragg")), np.ones((2, 3, 4)), "PhotonCounting.generator nanobragg draws"),
])  # fmt: skip
def test_images_that_do_not_fit_are_refused_in_one_line(readout, image, message):
    with pytest.raises(UsageError, match=f"^{message}") as error:
        readout.apply(image, 0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("arguments", "message"), [
    ({"seed": -1}, "Readout.seed must be a whole number of zero or more, not -1"),
    ({"seed": 1.5}, "Readout.seed must be a whole number of zero or more, not 1.5"),
    ({"seed": 1, "image_number": -2}, "Readout.image_number must be a whole number of zero or more, not -2"),
])  # fmt: skip
def test_seeds_must_be_whole_numbers(arguments, message):
    with pytest.raises(UsageError, match=f"^{message}"):
        Readout().apply(holds(1.0), **arguments)


def test_types_and_levels_that_cut_off_what_is_measured_are_hinted_at():
    (hint,) = ReadoutSettings(readout_noise=3.0, dtype="uint16").hints()
    assert hint.startswith("{ReadoutNoise.rms} 3: {Digitize.dtype} uint16 cuts off what falls below 0")
    (hint,) = ReadoutSettings(offset=-5.0, dtype="uint16").hints()
    assert hint.startswith("{Offset.adu} -5: {Digitize.dtype} uint16 ends at 0")
    (hint,) = ReadoutSettings(offset=40.0, saturation=30.0).hints()
    assert hint == "{Saturation.level} 30: {Offset.adu} 40 saturates every pixel"
    assert ReadoutSettings(readout_noise=3.0).hints() == []
    assert ReadoutSettings(readout_noise=0.1, dtype="uint16").hints() == []
    assert ReadoutSettings(readout_noise=3.0, offset=9.0, dtype="uint16").hints() == []
    assert preset_settings("ccd").hints() == []

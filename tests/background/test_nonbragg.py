"""What nonBragg's images obey: closed forms, conservation, and independence of how the work is shared."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nbnumba.background.experiment import NONBRAGG_DETECTOR, AmorphousExperiment, Extraction
from nbnumba.background.nonbragg import AmorphousImage, last_evaluation, simulate_amorphous
from nbnumba.background.setup import lower_amorphous
from nbnumba.config import Beam, Pivot, Sampling, Spectrum, Spread
from nbnumba.config.amorphous import AmorphousSample
from nbnumba.config.constants import AVOGADRO, R_E_SQUARED
from nbnumba.errors import NbnumbaWarning, UsageError

FLOAT32 = 2.0**-24
"""Relative rounding error of a pixel."""

WATER = np.array([(0.0, 2.57), (0.07, 2.8), (0.12, 5.0), (0.162, 8.0), (0.2, 6.75), (0.3, 4.3), (0.5, 3.17)])
FLAT = np.array([(0.0, 3.0), (0.5, 3.0), (1.0, 3.0), (2.0, 3.0)])
DETECTOR = replace(NONBRAGG_DETECTOR, pixels_fast=40, pixels_slow=30, pixel_size=2.0)
BEAM = Beam(fluence=1e24)


def experiment(points=WATER, **changes) -> AmorphousExperiment:
    return replace(AmorphousExperiment(points, beam=BEAM, detector=DETECTOR), **changes)


def image_of(points=WATER, **changes) -> np.ndarray:
    return simulate_amorphous(experiment(points, **changes)).image


def rectangle(detector) -> float:
    """Solid angle of the whole detector, from its corners (A. van Oosterom and J. Strackee 1983)."""
    g = lower_amorphous(experiment(detector=detector)).geometry
    x = np.array([-g.f_close, g.size_fast - g.f_close])
    y = np.array([-g.s_close, g.size_slow - g.s_close])
    d = abs(g.close_distance)
    corners = np.arctan(np.outer(x, y) / (d * np.sqrt(x[:, None] ** 2 + y**2 + d * d)))
    return float(corners[1, 1] - corners[0, 1] - corners[1, 0] + corners[0, 0])


# --- absolute scale -------------------------------------------------------------------------------------------------


def test_photons_are_the_cross_section_times_fluence_molecules_and_solid_angle():
    result = simulate_amorphous(experiment(
        FLAT, beam=replace(BEAM, polarization=False), sample=AmorphousSample(molecules=1e6)
    ))  # fmt: skip
    expected = R_E_SQUARED * 1e24 * 1e6 * 9.0 * result.solid_angle_sr
    assert result.image.sum(dtype=np.float64) == pytest.approx(expected, rel=FLOAT32)


def test_molecules_follow_from_volume_density_and_molar_mass():
    sample = AmorphousSample(thickness=0.3, width=0.05, height=0.04, density=1.2, molar_mass=36.0)
    figures = lower_amorphous(experiment(sample=sample)).sample
    assert figures.molecules == pytest.approx(0.3e-3 * 0.05e-3 * 0.04e-3 * 1.2e6 / 36.0 * AVOGADRO, rel=1e-14)
    # clipped across the beam, not along it
    clipped = lower_amorphous(experiment(sample=AmorphousSample(1.0, 1.0, 1.0), beam=replace(BEAM, size=0.1)))
    assert clipped.sample.molecules == pytest.approx(1e-3 * 1e-8 * 1e6 / 18.0 * AVOGADRO, rel=1e-14)
    assert [text.split(" (")[0] for text in clipped.warnings] == ["clipping the sample"] * 2


def test_the_solid_angle_of_all_pixels_is_that_of_the_rectangle():
    detector = replace(DETECTOR, pixels_fast=400, pixels_slow=300, pixel_size=0.2, beam_center=(31.0, 12.0))
    result = simulate_amorphous(experiment(detector=detector))
    # the pixel's middle stands for its mean: an error of second order in pixel / distance, (0.2 / 100)²
    assert result.solid_angle_sr == pytest.approx(rectangle(detector), rel=4e-6)


def test_oversampling_keeps_the_photons_and_multiplies_the_solid_angle_that_is_printed():
    plain, fine = (
        simulate_amorphous(experiment(FLAT, sampling=Sampling(oversample=n))) for n in (1, 3)
    )
    # 9 subpixels of the whole pixel's solid angle (quirk omega-sum); the rest is second order in pixel / distance
    assert fine.solid_angle_sr == pytest.approx(9.0 * plain.solid_angle_sr, rel=1e-3)
    assert fine.image.sum() == pytest.approx(plain.image.sum(), rel=1e-3)


def test_unpolarized_light_scatters_half_of_one_plus_the_squared_cosine():
    scattered, even = (image_of(FLAT, beam=replace(BEAM, polarization=on)) for on in (True, False))
    g = lower_amorphous(experiment(FLAT)).geometry
    fast, slow = (np.arange(n) * 2e-3 + 1e-3 for n in (40, 30))
    squared_radius = (fast - g.f_close) ** 2 + (slow[:, None] - g.s_close) ** 2
    cos_squared = g.close_distance**2 / (g.close_distance**2 + squared_radius)
    np.testing.assert_allclose(scattered / even, 0.5 + 0.5 * cos_squared, rtol=4 * FLOAT32)


# --- the table ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("abscissa", "factor"), [("4stol", 4.0), ("Q", 4.0 * math.pi)])
def test_the_abscissa_may_be_four_times_sine_theta_over_lambda_or_q(abscissa, factor):
    scaled = WATER * (factor, 1.0)
    # the abscissae are rounded twice
    np.testing.assert_allclose(image_of(scaled, abscissa=abscissa), image_of(), rtol=4 * FLOAT32)


def test_a_cubic_is_read_exactly_between_the_points():
    x = np.array([0.0, 0.02, 0.05, 0.07, 0.1, 0.13, 0.2, 0.25, 0.28, 0.31])
    points = np.column_stack([x, 5.0 + 40.0 * x - 300.0 * x**2 + 500.0 * x**3])
    detector = replace(DETECTOR, distance=150.0)
    image = image_of(points, detector=detector, amplitude_map=True)
    model = lower_amorphous(experiment(points, detector=detector))
    for slow, fast in ((0, 0), (3, 30), (10, 7), (25, 39)):
        _, last = last_evaluation(model, slow, fast)
        s = last.stol[0] * 1e-10
        assert 0.02 < s < 0.28
        assert image[slow, fast] == pytest.approx(5.0 + 40.0 * s - 300.0 * s**2 + 500.0 * s**3, rel=2 * FLOAT32)


def test_beyond_the_table_f_goes_on_along_a_straight_line():
    result = simulate_amorphous(experiment(WATER[:4], amplitude_map=True))
    slope = (8.0 - 5.0) / (0.162 - 0.12)
    model = lower_amorphous(experiment(WATER[:4]))
    value, last = last_evaluation(model, 0, 0)
    assert last.stol[0] > 0.162e10
    assert result.image[0, 0] == pytest.approx(8.0 + slope * (last.stol[0] * 1e-10 - 0.162), rel=FLOAT32)
    assert result.stol_reach[0] < 0.01e10 < 0.162e10 < result.stol_reach[1]


def test_a_table_out_of_order_is_walked_through_pixel_after_pixel_by_any_number_of_threads():
    swapped = experiment(
        WATER[[0, 1, 2, 4, 3, 5, 6]], detector=replace(DETECTOR, distance=95.0, beam_center=(36.0, 30.0))
    )
    images = [simulate_amorphous(swapped, threads=n).image for n in (1, 2)]
    assert images[0].tobytes() == images[1].tobytes()
    # the first pixel of a row lies between the swapped points, the pixel before it beyond them
    part = simulate_amorphous(replace(swapped, sampling=Sampling(roi=(0, 39, 15, 29)))).image
    assert part[15, 0] != images[0][15, 0]
    assert part[15:, 30:].tobytes() == images[0][15:, 30:].tobytes()


def read_in_order(x: np.ndarray, y: np.ndarray, stols: np.ndarray) -> list[float]:
    """F at one sin θ/λ after the other, 1/Å, as the description of nonBragg's walk has it."""
    x = np.concatenate([[-1e89, -1e88], x, [1e88, 1e89]])
    y = np.concatenate([[y[0]] * 2, y, [y[-1]] * 2])
    place, read = 0, []
    for stol in stols:
        while stol > x[place] and place <= x.size:
            place += 1
        while stol < x[place] and place >= 2:
            place -= 1
        near = range(place - 1, place + 3)
        read.append(sum(y[k] * math.prod((stol - x[m]) / (x[k] - x[m]) for m in near if m != k) for k in near))
    return read


@pytest.mark.parametrize("threads", [1, 2])
def test_a_table_out_of_order_is_read_in_the_order_pixel_subpixel_source(threads):
    swapped = WATER[[0, 1, 2, 4, 3, 5, 6]]
    detector = replace(DETECTOR, pixels_fast=12, pixels_slow=9, pixel_size=7.0)
    wavelengths = np.array([1e-10, 0.8e-10, 1.3e-10])
    sources = np.array([[-1.0, 0.0, 0.0, 1.0, 1e10 * wavelength] for wavelength in wavelengths])
    changed = experiment(
        swapped, detector=detector, beam=replace(BEAM, sources=sources), sampling=Sampling(oversample=2),
        amplitude_map=True,
    )  # fmt: skip
    g = lower_amorphous(changed).geometry
    slow, fast, sub_slow, sub_fast = np.meshgrid(np.arange(9), np.arange(12), [0, 1], [0, 1], indexing="ij")
    along_fast = 3.5e-3 * (2 * fast + sub_fast + 0.5) - g.f_close
    along_slow = 3.5e-3 * (2 * slow + sub_slow + 0.5) - g.s_close
    theta = 0.5 * np.arctan(np.hypot(along_fast, along_slow) / g.close_distance)
    stols = np.sin(theta)[..., None] / wavelengths * 1e-10
    # the image shows what was read last in each pixel
    expected = read_in_order(*swapped.T, stols.reshape(-1))[11::12]
    image = simulate_amorphous(changed, threads=threads).image
    # sin θ/λ from an arctangent
    np.testing.assert_allclose(image.reshape(-1), expected, rtol=1e-6)


def test_threads_and_regions_of_interest_do_not_change_a_bit():
    beam = replace(BEAM, kahn_factor=0.7, dispersion=Spread(range=3.0, steps=3))
    whole = [simulate_amorphous(experiment(beam=beam), threads=n) for n in (1, 2)]
    assert whole[0].image.tobytes() == whole[1].image.tobytes()
    assert whole[0].solid_angle_sr == whole[1].solid_angle_sr
    part = image_of(beam=beam, sampling=Sampling(roi=(3, 17, 5, 11)))
    inside = np.s_[5:12, 3:18]
    assert part[inside].tobytes() == whole[0].image[inside].tobytes()
    part[inside] = 0.0
    assert not part.any()


# --- sources --------------------------------------------------------------------------------------------------------


def test_weights_count_but_are_divided_by_the_number_of_sources():
    sources = np.array([[-1.0, 0.0, 0.0, 3.0, 1e-10], [-1.0, 0.001, 0.0, 1.0, 1.1e-10]])
    both = image_of(beam=replace(BEAM, sources=sources)).astype(np.float64)
    single = [image_of(beam=replace(BEAM, sources=sources[n : n + 1])).astype(np.float64) for n in (0, 1)]
    np.testing.assert_allclose(both, (single[0] + single[1]) / 2.0, rtol=3 * FLOAT32)


# --- geometry -------------------------------------------------------------------------------------------------------


def test_the_pivot_that_is_chosen_is_what_stays():
    tilted = replace(DETECTOR, rotation=(0.0, 10.0, 5.0), close_point=(33.0, 21.0), beam_center=(33.0, 21.0))
    about_beam, about_sample = (
        lower_amorphous(experiment(detector=replace(tilted, frame=replace(tilted.frame, pivot=pivot)))).geometry
        for pivot in (Pivot.BEAM, Pivot.SAMPLE)
    )
    assert (about_beam.f_beam, about_beam.s_beam) == pytest.approx((0.033, 0.021), rel=1e-12)
    assert (about_sample.f_close, about_sample.s_close) == pytest.approx((0.033, 0.021), rel=1e-12)


def test_1475_pixels_become_1476_unless_they_must_fit_an_image():
    detector = replace(NONBRAGG_DETECTOR, pixels_fast=1475, pixels_slow=4)
    assert lower_amorphous(experiment(detector=detector)).geometry.pixels_fast == 1476
    extraction = Extraction(np.zeros((4, 1475), dtype=np.uint16))
    assert lower_amorphous(experiment(detector=detector, extraction=extraction)).geometry.pixels_fast == 1475


def test_axes_that_turn_the_other_way_give_negative_photons_and_a_warning():
    detector = replace(DETECTOR, frame=replace(DETECTOR.frame, sdet=(0.0, 1.0, 0.0)))
    with pytest.warns(NbnumbaWarning, match="photons come out negative"):
        assert image_of(detector=detector).max() < 0.0


@pytest.mark.parametrize(("changes", "message"), [
    ({"detector": replace(DETECTOR, distance=0.0)}, r"Detector.distance: the plane of the detector passes through"),
    ({"detector": replace(DETECTOR, close_distance=9.0, frame=replace(DETECTOR.frame, beam=(0.0, 0.0, 1.0)))},
     "never meets it"),
    ({"detector": replace(DETECTOR, pixels_fast=10**6, pixels_slow=10**6)}, "1e[+]06 x 1e[+]06 pixels are too many"),
    ({"sampling": Sampling(roi=(50, 60, 0, 9))}, "Sampling.roi 50 60 0 9 holds no pixel of the 40 x 30 detector"),
    ({"sampling": Sampling(oversample=5000)}, "Sampling.oversample=5000: at most 4096 subpixels along an edge"),
    ({"sampling": Sampling(oversample=4000), "beam": replace(BEAM, dispersion=Spread(range=1.0, steps=200))},
     "Sampling.oversample=4000: with 200 source.* more than 2147483647"),
    ({"beam": Beam(spectrum=Spectrum(wavelengths=[1.0, 1.1]))}, "Beam.spectrum: nonBragg knows none"),
    ({"beam": replace(BEAM, size=0.0)}, "Beam.size=0 clips the sample away"),
    ({"beam": replace(BEAM, size=0.0, flux=1.0)}, "Beam.size=0 makes the fluence infinite"),
    ({"beam": replace(BEAM, dispersion=Spread(range=250.0, steps=3))}, "below 200 %"),
    ({"beam": replace(BEAM, horizontal_divergence=Spread(9.0, 0.001), vertical_divergence=Spread(9.0, 0.001))},
     "more than 1000000 sources"),
    ({"extraction": Extraction(np.zeros((30, 41), dtype=np.uint16))}, "41 x 30 pixels, the detector 40 x 30"),
    ({"extraction": Extraction(np.zeros((30, 40), dtype=np.uint16)), "sample": AmorphousSample(density=0.0)},
     "without photons or molecules"),
])  # fmt: skip
def test_what_can_not_be_rendered_is_refused_in_a_line(changes, message):
    with pytest.raises(UsageError, match=message):
        simulate_amorphous(experiment(**changes))


def test_a_swing_about_an_axis_that_is_no_unit_vector_comes_with_a_warning():
    frame = replace(DETECTOR.frame, twotheta_axis=(0.0, 2.0, 0.0))
    for swing, said in ((0.0, False), (5.0, True)):
        model = lower_amorphous(experiment(detector=replace(DETECTOR, frame=frame, twotheta=swing)))
        assert any("is not of length 1" in text for text in model.warnings) == said


def test_numbers_in_another_unit_come_with_a_hint():
    model = lower_amorphous(experiment(detector=replace(DETECTOR, pixel_size=172.0, distance=-150.0)))
    assert model.warnings[0] == "{Detector.pixel_size=172} is read in mm: 172 µm would be 0.172"
    assert not any("sign has no effect" in text for text in model.warnings)


@pytest.mark.parametrize(("points", "changes", "message"), [
    ([[0.0, 1.0, 2.0]], {}, "AmorphousExperiment.points must have 2 columns, an abscissa and F, not 3"),
    ([[0.0, 1.0], [np.nan, 2.0]], {}, "AmorphousExperiment.points holds a number that is not finite"),
    ([[0.0, 1.0], [0.1, np.inf]], {}, "AmorphousExperiment.points holds a number that is not finite"),
    (WATER, {"abscissa": "d"}, "AmorphousExperiment.abscissa must be one of stol, 4stol, Q, not 'd'"),
    (WATER, {"source_distance": 0.0}, "AmorphousExperiment.source_distance must be a number above zero"),
])  # fmt: skip
def test_a_description_that_makes_no_sense_is_refused_in_a_line(points, changes, message):
    with pytest.raises(UsageError, match=message):
        AmorphousExperiment(points, **changes)


def test_a_missing_f_counts_as_zero():
    known = np.array([(0.0, 5.0), (0.1, 5.0), (0.2, 0.0), (0.3, 0.0), (0.4, 5.0)])
    missing = np.where(known == (0.2, 0.0), (0.2, np.nan), known)
    np.testing.assert_array_equal(image_of(missing), image_of(known))


@pytest.mark.parametrize(("changes", "message"), [
    ({"ignored": (1.5,)}, "Extraction.ignored must be whole numbers from 0 to 65535"),
    ({"gain": 0.0}, "Extraction.gain must be a number above zero"),
    ({"image": np.zeros((3, 3))}, "Extraction.image must be an array of uint16, not of float64"),
])  # fmt: skip
def test_an_extraction_that_makes_no_sense_is_refused_in_a_line(changes, message):
    with pytest.raises(UsageError, match=message):
        Extraction(**{"image": np.zeros((3, 3), dtype=np.uint16), **changes})


# --- extraction -----------------------------------------------------------------------------------------------------

FINE = replace(NONBRAGG_DETECTOR, pixels_fast=120, pixels_slow=90, pixel_size=0.8)
POINTS = np.column_stack([np.linspace(0.0, 0.3, 7), np.full(7, 3.0)])


def extracted(pixels: np.ndarray, points=POINTS, **changes) -> AmorphousImage:
    return simulate_amorphous(experiment(points, detector=FINE, extraction=Extraction(pixels), **changes))


def exposure(**changes) -> np.ndarray:
    """An image of F = 3 without noise; some 10⁴ in each pixel, so that rounding is worth 1e-4 of F at most."""
    image = image_of(POINTS, detector=FINE, **changes)
    return np.round(image + 40.0).astype(np.uint16)


def test_a_curve_comes_back_from_its_image():
    beam = replace(BEAM, fluence=1e20, kahn_factor=0.9)
    curve = extracted(exposure(beam=beam), beam=beam).curve
    assert curve.pixels.sum() == FINE.pixels_fast * FINE.pixels_slow
    assert curve.is_listed.sum() >= 5
    for column in (curve.mean, curve.median):
        np.testing.assert_allclose(column[curve.is_listed], 3.0, rtol=1e-4)
    np.testing.assert_array_less(curve.mad[curve.is_listed], 3e-4)
    np.testing.assert_allclose(curve.abscissa, POINTS[:, 0], rtol=1e-14, atol=0.0)


def test_a_pixel_belongs_to_the_nearest_point():
    model = lower_amorphous(experiment(POINTS, detector=FINE))
    curve = extracted(exposure()).curve
    stol = [last_evaluation(model, slow, fast)[1].stol[0] for slow in (0, 45) for fast in range(120)]
    nearest = np.abs(np.array(stol)[:, None] * 1e-10 - POINTS[:, 0]).argmin(axis=1)
    assert set(nearest) == set(np.flatnonzero(curve.pixels))


def test_ignored_values_and_pixels_outside_the_region_are_left_out():
    beam = replace(BEAM, fluence=1e20)
    pixels = exposure(beam=beam)
    pixels[20:30, 10:90] = 65535
    changed = experiment(POINTS, beam=beam, detector=FINE, extraction=Extraction(pixels, ignored=(65535,)))
    curve = simulate_amorphous(changed).curve
    assert curve.pixels.sum() == pixels.size - 800
    np.testing.assert_allclose(curve.mean[curve.is_listed], 3.0, rtol=1e-4)
    part = simulate_amorphous(replace(changed, sampling=Sampling(roi=(0, 59, 0, 89)))).curve
    assert part.pixels.sum() == 60 * 90 - 500


def test_gain_and_offset_are_taken_off():
    beam = replace(BEAM, fluence=1e20)
    image = image_of(POINTS, detector=FINE, beam=beam)
    pixels = np.round(2.0 * image + 7.0).astype(np.uint16)
    changed = experiment(POINTS, beam=beam, detector=FINE, extraction=Extraction(pixels, gain=2.0))
    curve = simulate_amorphous(changed, adc_offset=7.0).curve
    np.testing.assert_allclose(curve.mean[curve.is_listed], 3.0, rtol=1e-4)


def test_pixels_below_the_offset_have_negative_f():
    pixels = np.full((90, 120), 39, dtype=np.uint16)
    curve = extracted(pixels, beam=replace(BEAM, fluence=1e20)).curve
    assert (curve.mean[curve.is_listed] < 0.0).all()
    assert [line.split()[5] for line in curve.lines()] == [str(n) for n in curve.pixels[curve.is_listed]]

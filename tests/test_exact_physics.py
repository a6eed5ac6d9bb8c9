"""Exact physics obeys what no program need be asked for: conservation laws, symmetries and closed forms.

Each law breaks with the quirk that it holds off: what is kept by name shows that the test can fail.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nbnumba import (
    Beam,
    Convention,
    Crystal,
    CrystalShape,
    Detector,
    Experiment,
    LabFrame,
    Physics,
    Pivot,
    Sampling,
    Sensor,
    StructureFactors,
    UnitCell,
    lower,
    simulate,
)  # fmt: skip
from nbnumba.numerics.c_random import ran1_state
from nbnumba.setup.cell import build_lattice, cell_volume, reciprocal_from_cell
from nbnumba.setup.mosaic import next_orientation, random_misset, uniform_orientation
from nbnumba.setup.vectors import rotate_xyz
from nbnumba.shapes.registry import lattice_factor

R_E_SQUARED = 7.94079248018965e-30  # m²
WATER_MOLECULES = 6.02214179e23 * 1e6 / 18.0  # per m³, as nanoBragg counts them

ONE_CELL = Crystal(unit_cell=UnitCell(50.0), default_F=1.0, interpolate=False)
"""One unit cell scatters alike in all directions: with nanoBragg's default fluence a pixel holds its solid angle."""

NO_CRYSTAL = replace(ONE_CELL, default_F=0.0)
ISOTROPIC = Beam(polarization=False)
XDS = LabFrame(convention=Convention.XDS)
SMALL = Detector(frame=XDS, pixels_fast=24, pixels_slow=20, pixel_size=2.0, distance=60.0)

ROUNDING = 1e-12
"""Of float64 sums of some thousand terms, in another order."""


def image(*keep: str, crystal=ONE_CELL, beam=ISOTROPIC, detector=SMALL, sampling=None) -> np.ndarray:
    """A float64 image in exact physics, but for some quirks."""
    sampling = sampling or Sampling(oversample=1)
    experiment = Experiment(crystal, beam, detector, sampling, Physics("exact", keep=keep))
    return simulate(experiment, dtype=np.float64).image


def far_apart(x: np.ndarray, y: np.ndarray) -> float:
    """The largest difference over the largest value."""
    return float(np.abs(x - y).max() / np.abs(y).max())


# --- the scan -------------------------------------------------------------------------------------------------------

FEW_FACTORS = StructureFactors(np.random.default_rng(3).uniform(1.0, 100.0, (9, 9, 9)), -4, -4, -4)
SCANNED = {
    # indices up to 4 in the corners, up to 2 in the region
    "beam": replace(ISOTROPIC, wavelength=3.5),
    "crystal": Crystal(
        unit_cell=UnitCell(30.0, 34.0, 38.0), cells=(3, 3, 3), structure_factors=FEW_FACTORS, interpolate=True,
        mosaic_spread=0.5, mosaic_domains=3,
    ),
    "sampling": Sampling(oversample=2, phi=0.0, oscillation=3.0, phi_steps=3),
}  # fmt: skip


@pytest.mark.parametrize("quirk", ["phi-carryover", "interp-sticky"])
def test_a_region_of_interest_is_a_part_of_the_image(quirk):
    part = replace(SCANNED["sampling"], roi=(5, 17, 4, 13))

    def are_equal(*keep: str) -> bool:
        whole, region = image(*keep, **SCANNED), image(*keep, **{**SCANNED, "sampling": part})
        return np.array_equal(whole[4:14, 5:18], region[4:14, 5:18])

    assert are_equal()
    assert not are_equal(quirk)


def test_the_cells_that_a_crystal_has_decide_on_interpolation():
    crystal = replace(SCANNED["crystal"], interpolate=None)
    by_count = replace(crystal, cells=(4, 4, 3))
    by_size = replace(crystal, cells=(1, 1, 1), size=(1.19e-5, 1.3e-5, 1.0e-5))  # 3.97, 3.8 and 2.6 cells, rounded up
    parts = {key: SCANNED[key] for key in ("beam", "sampling")}
    np.testing.assert_array_equal(image(crystal=by_size, **parts), image(crystal=by_count, **parts))
    interpolated = replace(by_count, interpolate=True)
    np.testing.assert_array_equal(
        image("interp-size", crystal=by_size, **parts), image(crystal=interpolated, **parts)
    )
    assert far_apart(image(crystal=interpolated, **parts), image(crystal=by_count, **parts)) > 0.1


# --- water ----------------------------------------------------------------------------------------------------------


def water(*keep: str, edge: float = 50.0, **parts) -> np.ndarray:
    """The image of a cube of water without a crystal."""
    sampling = replace(parts.pop("sampling", Sampling(oversample=1)), water=edge)
    return image(*keep, crystal=parts.pop("crystal", NO_CRYSTAL), sampling=sampling, **parts)


MANY_STEPS = {
    "crystal": replace(NO_CRYSTAL, mosaic_spread=1.0, mosaic_domains=3),
    "sampling": Sampling(oversample=1, oscillation=2.0, phi_steps=4),
    "beam": replace(ISOTROPIC, sources=[[-10.0, 0.0, 0.0, 1.0, 1.0], [-10.0, 0.1, 0.0, 3.0, 1.01]]),
}


def test_water_scatters_what_its_molecules_scatter():
    beam = Beam(kahn_factor=0.9, fluence=1e25)
    expected = R_E_SQUARED * 1e25 * WATER_MOLECULES * (50e-6) ** 3 * 2.57**2
    expected = expected * image() * _polarization(0.9, SMALL)
    # the constants have 15 digits
    assert far_apart(water(beam=beam), expected) < 1e-11
    # nanoBragg's, times r_e²·fluence once more
    assert far_apart(water("water", beam=beam), expected * R_E_SQUARED * 1e25) < 1e-11


def _polarization(kahn_factor: float, detector: Detector) -> np.ndarray:
    """Kahn's factor for the centres of pixels: x along fast, the E-vector, y along slow, z along the beam."""
    count_x, count_y = detector.pixels_fast, detector.pixels_slow
    x, y = np.meshgrid(*((np.arange(n) + 0.5 - n / 2) * detector.pixel_size for n in (count_x, count_y)))
    squared = x**2 + y**2 + detector.distance**2
    cos_squared, along, across = detector.distance**2 / squared, x**2 / squared, y**2 / squared
    return 0.5 * (1.0 + cos_squared - kahn_factor * (along - across))


def test_more_steps_do_not_change_the_water():
    assert far_apart(water(**MANY_STEPS), water()) < ROUNDING
    assert far_apart(water("water", **MANY_STEPS), water()) > 0.5


def test_subpixels_do_not_change_the_water():
    fine = water(sampling=Sampling(oversample=3))
    # Ω is a curved function of the position: (p/D)² = 1.1e-3 times less than one
    assert far_apart(fine, water()) < 1e-3
    assert far_apart(water("water", sampling=Sampling(oversample=3)), water()) > 0.5


def test_water_does_not_end_where_the_crystal_does():
    beam = Beam(kahn_factor=0.5)
    everywhere, limited = (water(beam=beam, sampling=Sampling(oversample=1, dmin=dmin)) for dmin in (0.0, 5.0))
    assert far_apart(limited, everywhere) < ROUNDING
    nanobraggs = water("water", "first-subpixel", beam=beam, sampling=Sampling(oversample=1, dmin=5.0))
    assert (nanobraggs == 0.0).any()


@pytest.mark.parametrize("mended", [(), ("last-layer",), ("oversample-compound",), ("first-subpixel",)])
def test_nanobraggs_water_is_weighted_like_the_crystal_whatever_else_is_mended(mended):
    # square on the capture fraction, the solid angle and the polarization are those of all subpixels
    detector = Detector(frame=XDS, pixels_fast=4, pixels_slow=4, pixel_size=0.1, distance=1000.0,
                        sensor=Sensor(300.0, 200.0, 1))  # fmt: skip
    sampling = replace(ALL_FLAGS if mended == ("oversample-compound",) else Sampling(oversample=3), water=50.0)
    physics = Physics("nanobragg", fix=("thick-fencepost", "layer-front", *mended))
    experiment = Experiment(NO_CRYSTAL, Beam(fluence=1e25), detector, sampling, physics)
    expected = image(detector=detector) * WATER_MOLECULES * (50e-6) ** 3 * 2.57**2 * (R_E_SQUARED * 1e25) ** 2 / 9.0
    assert far_apart(simulate(experiment, dtype=np.float64).image, expected) < 1e-6


# --- subpixels ------------------------------------------------------------------------------------------------------

STRUCTURED = Crystal(
    unit_cell=UnitCell(40.0, 45.0, 50.0, 80.0, 95.0, 100.0), default_F=30.0, cells=(4, 4, 4), interpolate=False
)
THICK = Sensor(thickness=300.0, attenuation_depth=200.0, layers=3)
COARSE = Detector(frame=XDS, pixels_fast=12, pixels_slow=10, pixel_size=4.0, distance=60.0, sensor=THICK,
                  rotation=(10.0, 5.0, 0.0))  # fmt: skip
FINE = replace(COARSE, pixels_fast=36, pixels_slow=30, pixel_size=4.0 / 3.0)
ALL_FLAGS = Sampling(oversample=3, oversample_thick=True, oversample_polar=True, oversample_omega=True)


def _block_sums(fine: np.ndarray) -> np.ndarray:
    return fine.reshape(10, 3, 12, 3).sum(axis=(1, 3))


@pytest.mark.parametrize("sampling", [Sampling(oversample=3), ALL_FLAGS])
def test_a_coarse_pixel_holds_what_its_parts_hold(sampling):
    of = {"crystal": STRUCTURED, "beam": Beam(kahn_factor=0.9)}
    sums = _block_sums(image(detector=FINE, **of))
    assert far_apart(image(detector=COARSE, sampling=sampling, **of), sums) < ROUNDING


def test_a_coarse_pixel_does_not_with_nanobraggs_subpixels():
    of = {"crystal": STRUCTURED, "beam": Beam(kahn_factor=0.9)}
    sums = _block_sums(image(detector=FINE, **of))
    compound = image("oversample-compound", detector=COARSE, sampling=ALL_FLAGS, **of)
    assert far_apart(compound, sums) > 0.5
    first = image("first-subpixel", detector=COARSE, sampling=Sampling(oversample=3), **of)
    assert far_apart(first, sums) > 1e-3


# --- the cell and its orientation -----------------------------------------------------------------------------------


def _random_cells(count: int) -> list[tuple[float, ...]]:
    """Cells of any shape that is not nearly flat."""
    numbers = np.random.default_rng(7)
    cells: list[tuple[float, ...]] = []
    while len(cells) < count:
        lengths, angles = numbers.uniform(20.0, 200.0, 3), np.radians(numbers.uniform(50.0, 130.0, 3))
        alpha, beta, gamma = angles
        if max(angles) < sum(angles) / 2 and sum(angles) < 2 * math.pi:
            cell = (*lengths.tolist(), *angles.tolist())
            if cell_volume(cell) > 0.1 * math.prod(lengths):
                cells.append(cell)
    return cells


def _metric_error(cell: tuple[float, ...], exact: bool) -> float:
    """How far the axes' inner products are from those of the cell, relative to the longest edge squared."""
    a, b, c, alpha, beta, gamma = cell
    metric = np.array([
        [a * a, a * b * math.cos(gamma), a * c * math.cos(beta)],
        [a * b * math.cos(gamma), b * b, b * c * math.cos(alpha)],
        [a * c * math.cos(beta), b * c * math.cos(alpha), c * c],
    ])  # fmt: skip
    lattice = build_lattice(reciprocal_from_cell(cell, exact), cell, (0.3, 0.2, 0.1), None)
    axes = np.array([lattice.a, lattice.b, lattice.c])
    reciprocal = np.array([lattice.a_star, lattice.b_star, lattice.c_star])
    direct = np.abs(axes @ axes.T - metric).max() / metric.max()
    return max(float(direct), float(np.abs(reciprocal @ axes.T - np.eye(3)).max()))


def test_the_axes_have_the_metric_tensor_of_any_cell():
    cells = _random_cells(1000)
    # roundings grow with 1/V, a tenth of the edges' product at least
    assert max(_metric_error(cell, exact=True) for cell in cells) < 1e-12
    assert np.median([_metric_error(cell, exact=False) for cell in cells]) > 1e-3


SEEDS = np.random.default_rng(11).integers(1, 2**31 - 1, 10_000).tolist()
UNLIKELY = 1e-6
"""p-value: the seeds are fixed, so that this does not fail by chance."""


def _rotations(draw) -> np.ndarray:
    """Rotation matrices of random orientations."""
    state = ran1_state(0)
    angles = [draw(seed, state) for seed in SEEDS]
    return np.array([np.transpose([rotate_xyz(axis, a) for axis in np.eye(3).tolist()]) for a in angles])


def _rotation_angles(matrices: np.ndarray) -> np.ndarray:
    return np.arccos(np.clip((np.trace(matrices, axis1=1, axis2=2) - 1.0) / 2.0, -1.0, 1.0))


def _by_haar(matrices: np.ndarray):
    """Kolmogorov and Smirnov's test of rotation angles with the density (1 - cos θ)/π."""
    return stats.kstest(_rotation_angles(matrices), lambda angle: (angle - np.sin(angle)) / np.pi)


def test_random_orientations_are_uniform():
    # from one stream of random numbers
    matrices = _rotations(lambda seed, state: next_orientation(state))
    traces = np.trace(matrices, axis1=1, axis2=2)
    # variances 1 and 2 of the trace and its square, five standard deviations
    assert abs(traces.mean()) < 5.0 / math.sqrt(len(SEEDS))
    assert abs((traces**2).mean() - 1.0) < 5.0 * math.sqrt(2.0 / len(SEEDS))
    assert _by_haar(matrices).pvalue > UNLIKELY
    for axis, component in itertools.product(range(3), repeat=2):
        assert stats.kstest(matrices[:, component, axis], stats.uniform(-1.0, 2.0).cdf).pvalue > UNLIKELY


def test_random_orientations_of_many_seeds_are_uniform_but_for_the_generator():
    # the first number of ran1 behind a new seed is below 1/32 twice as often as it should be
    assert _by_haar(_rotations(uniform_orientation)).statistic < 1.0 / 32.0 + 0.02


def test_nanobraggs_random_orientations_are_not():
    matrices = _rotations(random_misset)
    assert _by_haar(matrices).statistic > 0.3
    assert (_rotation_angles(matrices) < math.radians(30.0)).mean() > 0.1


def test_a_random_orientation_turns_the_axes_of_the_crystal_by_it():
    crystal = replace(ONE_CELL, random_misset=True, misset_seed=7)
    lattice = lower(Experiment(crystal)).lattice
    angles = uniform_orientation(7, ran1_state(0))
    np.testing.assert_allclose(np.array(lattice.a) / 50.0, rotate_xyz((1.0, 0.0, 0.0), angles), atol=1e-14)


# --- spots ----------------------------------------------------------------------------------------------------------


SOFT = {CrystalShape.GAUSS: (0.315 * math.pi) ** 1.5, CrystalShape.TOPHAT: 4.0 / 3.0 * math.pi * 0.63**3}
"""Content of a spot over that of a square crystal's: with x = N·Δh the integrals of exp(-2x²/0.63), and of a ball with
the radius 0.63."""


@pytest.mark.parametrize("shape", SOFT)
def test_soft_spots_hold_what_those_of_a_square_crystal_hold(shape):
    crystal = replace(STRUCTURED, cells=(3, 4, 5), shape=shape)
    # a grid of 40 points along each edge of the reciprocal cell, on which the ball's surface is rough
    assert _content(crystal) == pytest.approx(SOFT[shape] * 3 * 4 * 5, rel=0.01)
    assert _content(crystal, "gauss-radius") > 3.0 * 3 * 4 * 5


def _content(crystal: Crystal, *keep: str) -> float:
    """The squared lattice factor, integrated over a reciprocal cell: the number of cells, if the crystal is square."""
    lattice = lower(Experiment(crystal, physics=Physics("exact", keep=keep))).params.lattice
    steps = (np.arange(40) + 0.5) / 40.0 - 0.5
    factors = [lattice_factor(lattice, *hkl, 0.0, 0.0, 0.0)[0] for hkl in itertools.product(steps, repeat=3)]
    return float(np.mean(np.square(factors)))


# --- the detector ---------------------------------------------------------------------------------------------------


def _solid_angle_of_a_rectangle(x1: float, x2: float, y1: float, y2: float, distance: float) -> float:
    def corner(x: float, y: float) -> float:
        return math.atan2(x * y, distance * math.sqrt(x * x + y * y + distance * distance))

    return corner(x2, y2) - corner(x1, y2) - corner(x2, y1) + corner(x1, y1)


OFF_CENTRE = replace(SMALL, close_point=(11.0, 27.0), pixels_fast=48, pixels_slow=40, pixel_size=1.0)


def test_the_pixels_of_a_flat_detector_see_its_solid_angle():
    expected = _solid_angle_of_a_rectangle(-11.0, 37.0, -27.0, 13.0, 60.0)
    # the middle of a part stands for all of it: (p/D)²/4 at most
    assert image(detector=OFF_CENTRE).sum() == pytest.approx(expected, rel=7e-5)
    assert image(detector=OFF_CENTRE, sampling=Sampling(oversample=4)).sum() == pytest.approx(expected, rel=7e-5 / 16)


def test_the_pixels_of_a_curved_detector_see_its_solid_angle():
    curved = replace(OFF_CENTRE, curved=True)
    (f1, f2), (s1, s2) = (-11.0 / 60.0, 37.0 / 60.0), (-27.0 / 60.0, 13.0 / 60.0)
    expected = (math.sin(f2) - math.sin(f1)) * (s2 - s1)
    assert image(detector=curved).sum() == pytest.approx(expected, rel=2e-5)
    # without the narrowing towards the poles
    assert image("curved", detector=curved).sum() == pytest.approx((f2 - f1) * (s2 - s1), rel=1e-9)


TO_FRAME = {
    Convention.MOSFLM: np.eye(3),
    Convention.DENZO: np.eye(3),
    Convention.XDS: np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]),
    Convention.DIALS: np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]),
    Convention.ADXV: np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
}
"""From MOSFLM's lab axes to those of a convention, so that beam, fast and slow axis are the same."""


def _centred(convention: Convention, fast: float, slow: float, detector: Detector) -> tuple[float, float]:
    """A beam centre, mm from the corner along fast and slow, as a convention states it."""
    half = detector.pixel_size / 2.0
    return {
        Convention.MOSFLM: (slow - half, fast - half), Convention.DENZO: (slow, fast),
        Convention.ADXV: (fast, detector.pixels_slow * detector.pixel_size - slow),
    }.get(convention, (fast, slow))  # fmt: skip


def _curved_image(convention: Convention, *keep: str) -> np.ndarray:
    matrix = 0.02 * np.array([[0.8, -0.36, 0.48], [0.6, 0.48, -0.64], [0.0, 0.8, 0.6]])
    crystal = replace(STRUCTURED, unit_cell=None, reciprocal_matrix=TO_FRAME[convention] @ matrix)
    detector = replace(
        SMALL, frame=LabFrame(convention=convention), curved=True,
        beam_center=_centred(convention, 19.0, 23.5, SMALL),
    )  # fmt: skip
    return image(*keep, crystal=crystal, detector=detector)


@pytest.mark.parametrize("convention", TO_FRAME)
def test_a_curved_detector_makes_one_image_in_every_convention(convention):
    expected = _curved_image(Convention.MOSFLM)
    assert expected.max() > 100.0 * np.median(expected)
    assert far_apart(_curved_image(convention), expected) < 1e-11
    assert far_apart(_curved_image(convention, "curved"), expected) > 0.1


def test_a_point_pixel_is_seen_square_on_from_everywhere():
    flat = image(detector=OFF_CENTRE)
    x, y = np.meshgrid(np.arange(48) + 0.5 - 11.0, np.arange(40) + 0.5 - 27.0)
    distance = np.sqrt(x**2 + y**2 + 60.0**2)
    point = replace(OFF_CENTRE, point_pixel=True)
    assert far_apart(image(detector=point), flat * distance / 60.0) < ROUNDING
    # by the area of a pixel, m²
    assert far_apart(image("point-pixel", detector=point) * 1e-6, image(detector=point)) < ROUNDING


angles = st.tuples(*[st.floats(-20.0, 20.0)] * 3)


@pytest.mark.parametrize("convention", TO_FRAME)
@given(rotation=angles)
def test_the_point_about_which_a_detector_turns_stays(convention, rotation):
    spots = {Pivot.BEAM: ("f_beam", "s_beam", "distance"), Pivot.SAMPLE: ("f_close", "s_close", "close_distance")}
    for pivot, names in spots.items():
        still = replace(
            SMALL, frame=LabFrame(convention=convention, pivot=pivot), **{names[2]: 60.0},
            beam_center=_centred(convention, 19.0, 23.5, SMALL),
        )  # fmt: skip
        before, after = (
            lower(Experiment(ONE_CELL, detector=detector)).geometry
            for detector in (still, replace(still, rotation=rotation))
        )
        for name in names:
            assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-12), (pivot, name)


def test_nanobraggs_conventions_turn_a_detector_about_their_own_point():
    turned = replace(SMALL, frame=LabFrame(convention=Convention.MOSFLM, pivot=Pivot.SAMPLE), rotation=(0.0, 10.0, 0.0))
    exact, kept = (
        lower(Experiment(ONE_CELL, detector=turned, physics=Physics("exact", keep=keep))).geometry
        for keep in ((), ("pivot",))
    )
    assert (exact.pivot, kept.pivot) == (Pivot.SAMPLE, Pivot.BEAM)
    assert exact.close_distance == pytest.approx(0.06, rel=1e-12)
    assert kept.distance == pytest.approx(0.06 / math.cos(math.radians(10.0)) * math.cos(math.radians(10.0)), rel=1e-12)


@pytest.mark.parametrize("convention", [Convention.XDS, Convention.DIALS])
def test_close_point_and_beam_centre_place_a_detector_of_xds(convention):
    frame = LabFrame(convention=convention)
    for detector in (replace(SMALL, frame=frame, close_point=(11.0, 27.0)),
                     replace(SMALL, frame=frame, beam_center=(11.0, 27.0))):  # fmt: skip
        exact, kept = (
            lower(Experiment(ONE_CELL, detector=detector, physics=Physics("exact", keep=keep))).geometry
            for keep in ((), ("xclose-ignored",))
        )
        assert (exact.f_close, exact.s_close) == pytest.approx((0.011, 0.027), rel=1e-12)
        assert (exact.f_beam, exact.s_beam) == pytest.approx((0.011, 0.027), rel=1e-12)
        # the middle
        assert (kept.f_close, kept.s_close) == pytest.approx((0.024, 0.020), rel=1e-12)


def test_the_corner_of_the_first_pixel_stands_where_it_was_put():
    frame = LabFrame(convention=Convention.CUSTOM, beam=(0.0, 0.0, 1.0), fdet=(1.0, 0.0, 0.0), sdet=(0.0, 1.0, 0.0),
                     odet=(0.0, 0.0, 1.0))  # fmt: skip
    detector = replace(SMALL, frame=frame, pix0=(-0.011, -0.027, 0.06), rotation=(3.0, 4.0, 5.0))
    exact, kept = (
        lower(Experiment(ONE_CELL, detector=detector, physics=Physics("exact", keep=keep))).geometry
        for keep in ((), ("pix0",))
    )
    assert exact.pix0 == (-0.011, -0.027, 0.06)
    assert math.dist(kept.pix0, exact.pix0) > 0.001


def test_the_distance_of_a_swung_detector_is_where_the_beam_meets_it():
    swung = replace(SMALL, distance=100.0, twotheta=20.0)
    exact, kept = (
        lower(Experiment(ONE_CELL, detector=swung, physics=Physics("exact", keep=keep))).geometry
        for keep in ((), ("twotheta-header",))
    )
    spot = [p + exact.f_beam * f + exact.s_beam * s for p, f, s in zip(exact.pix0, exact.fdet, exact.sdet, strict=True)]
    assert spot == pytest.approx((0.0, 0.0, exact.distance), abs=1e-15)
    # the detector pivots about the sample, 100 mm away
    assert exact.distance == pytest.approx(0.1 / math.cos(math.radians(20.0)), rel=1e-12)
    assert (exact.x_beam, exact.y_beam) == (exact.f_beam, exact.s_beam)
    assert kept.distance == pytest.approx(0.1, rel=1e-12)


# --- sources --------------------------------------------------------------------------------------------------------

PLACES = [[-10.0, 0.0, 0.0, 1.0, 1.0], [-10.0, 0.2, 0.0, 1.0, 1.02], [-10.0, 0.0, 0.3, 1.0, 0.99]]


def _from_sources(weights: list[float], *keep: str) -> np.ndarray:
    sources = [[*place[:3], weight, place[4]] for place, weight in zip(PLACES, weights, strict=True)]
    return image(*keep, crystal=STRUCTURED, beam=Beam(kahn_factor=0.9, sources=sources))


def test_equal_weights_are_no_weights():
    for weight in (3.0, 0.01):
        assert np.array_equal(_from_sources([weight] * 3), _from_sources([1.0] * 3))


def test_an_image_is_the_weighted_mean_of_its_sources_images():
    weights = [0.5, 0.0, 2.0]
    alone = [
        image(crystal=STRUCTURED, beam=Beam(kahn_factor=0.9, sources=[place])) for place in PLACES
    ]
    expected = np.average(alone, axis=0, weights=weights)
    assert far_apart(_from_sources(weights), expected) < ROUNDING
    assert far_apart(_from_sources(weights, "weights"), expected) > 0.1


# --- the sensor -----------------------------------------------------------------------------------------------------


def _absorbed(layers: int | None, *keep: str) -> np.ndarray:
    """Share of the photons that a sensor of 300 µm absorbs, seen almost square on."""
    far = Detector(frame=XDS, pixels_fast=4, pixels_slow=4, pixel_size=0.1, distance=1000.0)
    thick = replace(far, sensor=Sensor(thickness=300.0, attenuation_depth=200.0, layers=layers))
    # one solid angle for all layers, which stand at slightly different distances
    return image("first-subpixel", "layer-front", *keep, detector=thick) / image(detector=far)


@pytest.mark.parametrize("layers", [1, 2, 5, None])
def test_the_layers_of_a_sensor_absorb_what_does_not_pass_through(layers):
    # rays are at most 2e-4 radians off the normal
    assert _absorbed(layers) == pytest.approx(1.0 - math.exp(-1.5), rel=1e-7)


def test_nanobraggs_layers_do_not():
    assert _absorbed(5, "thick-fencepost") == pytest.approx(1.0 - math.exp(-1.5 * 5 / 4), rel=1e-7)
    # five times the last
    last = math.exp(-1.5 * 4 / 5) - math.exp(-1.5)
    assert _absorbed(5, "last-layer") == pytest.approx(5 * last, rel=1e-7)


def _in_depth(*keep: str) -> float:
    """What a pixel holds of a sensor that is deep beside its distance, seen square on and as a point, times 1e6."""
    near = Detector(frame=XDS, pixels_fast=1, pixels_slow=1, pixel_size=0.1, distance=30.0, point_pixel=True,
                    sensor=Sensor(thickness=4000.0, attenuation_depth=3000.0, layers=6))  # fmt: skip
    return 1e6 * float(image(*keep, detector=near)[0, 0])


def test_a_layer_absorbs_at_its_mean_depth():
    numbers, weights = np.polynomial.legendre.leggauss(20)
    depth = 2.0 * (numbers + 1.0)
    expected = 2.0 * np.sum(weights * np.exp(-depth / 3.0) / 3.0 * (0.1 / (30.0 + depth)) ** 2)
    # the square of a layer over the distance is 5e-4, and a quarter of it is missing
    assert _in_depth() == pytest.approx(1e6 * expected, rel=2e-4)
    assert _in_depth("layer-front") == pytest.approx(1e6 * expected, rel=0.03)
    assert abs(_in_depth("layer-front") / (1e6 * expected) - 1.0) > 0.01

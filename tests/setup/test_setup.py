"""Geometry, crystal, sources and sampling, each against a closed form or a reference trace."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbnumba.config import (
    Beam,
    Convention,
    Crystal,
    Detector,
    Experiment,
    LabFrame,
    Pivot,
    Sampling,
    Sensor,
    Spread,
    UnitCell,
)  # fmt: skip
from nbnumba.errors import UsageError
from nbnumba.kernels.params import PanelWindow
from nbnumba.numerics.c_random import ran1_state
from nbnumba.setup.cell import build_lattice, cell_volume, complete_cell, reciprocal_from_cell, reciprocal_metric
from nbnumba.setup.lowering import lower
from nbnumba.setup.model import StepCounts, Window
from nbnumba.setup.mosaic import mosaic_rotations, random_misset
from nbnumba.setup.sampling import (
    NOTHING,
    angular_or_spectral_samples,
    mosaic_domain_count,
    sensor_layers,
    spindle_steps,
)
from nbnumba.setup.spindle import carried_rows
from nbnumba.setup.vectors import dot, magnitude, rotate_about, rotate_xyz, unit

ULP = 2.3e-16
CUBIC = Crystal(unit_cell=UnitCell(100.0), default_F=100.0, cells=(5, 5, 5))
SMALL = Detector(pixels_fast=8, pixels_slow=8)
positive = st.floats(1e-3, 10.0)


def experiment(**parts):
    return Experiment(**{"crystal": CUBIC, "detector": SMALL, "physics": "nanobragg", **parts})


# --- sampling rules -------------------------------------------------------------------------------------------------


def test_nothing_given_is_one_sample_of_zero_width():
    assert angular_or_spectral_samples(None, None, None, "Beam.dispersion") == NOTHING
    assert spindle_steps(None, None, None, 0.01) == NOTHING


@given(step=positive)
def test_step_alone_gives_two_samples_one_step_apart(step):
    assert angular_or_spectral_samples(None, step, None, "Beam.dispersion") == StepCounts(step, step, 2)
    assert spindle_steps(None, step, None, 0.01) == StepCounts(step, step, 2)


@given(width=positive)
def test_range_alone_gives_its_two_ends(width):
    assert angular_or_spectral_samples(width, None, None, "Beam.dispersion") == StepCounts(width, width, 2)


@given(width=positive, step=positive)
def test_range_and_step_cover_the_range(width, step):
    samples = angular_or_spectral_samples(width, step, None, "Beam.dispersion")
    assert (samples.steps - 1) * step < width * (1 + 1e-12)
    assert samples.steps * step >= width * (1 - 1e-12)


@given(width=positive, steps=st.integers(1, 50))
def test_range_and_count_span_the_range_from_end_to_end(width, steps):
    samples = angular_or_spectral_samples(width, None, steps, "Beam.dispersion")
    assert samples.steps == max(steps, 2)
    assert samples.step * (samples.steps - 1) == pytest.approx(width, rel=4 * ULP)


@given(steps=st.integers(1, 50))
def test_count_alone_divides_a_range_of_one(steps):
    assert angular_or_spectral_samples(None, None, steps, "Beam.dispersion") == StepCounts(1.0, 1.0 / steps, steps)


@pytest.mark.parametrize("step", [1e-9, 1e-320])
def test_absurdly_small_steps_are_refused(step):
    with pytest.raises(UsageError, match=r"^Beam\.dispersion\.step: such a step cuts its range into more than"):
        angular_or_spectral_samples(1.0, step, None, "Beam.dispersion")


anything = st.none() | st.floats(-2.0, -1e-3) | st.just(0.0) | st.floats(1e-3, 5.0)


@given(width=anything, step=anything, steps=st.none() | st.integers(-3, 9))
def test_samples_are_never_empty_or_negative(width, step, steps):
    samples = angular_or_spectral_samples(width, step, steps, "Beam.dispersion")
    assert samples.steps >= 1
    assert samples.range >= 0.0
    assert samples.step >= 0.0


@given(width=positive, steps=st.integers(1, 50))
def test_spindle_steps_divide_the_oscillation(width, steps):
    assert spindle_steps(width, None, steps, 0.01) == StepCounts(width, width / steps, steps)


def test_spindle_count_alone_covers_one_degree():
    assert spindle_steps(None, None, 4, 0.5) == StepCounts(0.5, 0.125, 4)


def test_zero_spindle_steps_count_as_one():
    assert spindle_steps(2.0, None, 0, 0.01) == StepCounts(2.0, 2.0, 1)


@pytest.mark.parametrize(
    ("thickness", "layers", "expected"),
    [
        (0.0, None, NOTHING), (0.0, 5, NOTHING), (4e-4, None, StepCounts(4e-4, 2e-4, 2)),
        (4e-4, 5, StepCounts(4e-4, 1e-4, 5)), (4e-4, 1, StepCounts(4e-4, 4e-4, 2)),
    ],
)  # fmt: skip
def test_sensor_layers_follow_the_thickness(thickness, layers, expected):
    assert sensor_layers(thickness, layers, exact=False) == expected


@pytest.mark.parametrize(
    ("spread", "domains", "expected", "warns"),
    [
        (None, None, (0.0, 1), False), (0.0, None, (0.0, 1), False), (0.5, None, (0.5, 10), True),
        (None, 7, (0.0, 1), True), (0.0, 7, (0.0, 1), True), (0.5, 7, (0.5, 7), False),
    ],
)  # fmt: skip
def test_mosaic_domains_follow_the_spread(spread, domains, expected, warns):
    *result, warning = mosaic_domain_count(spread, domains)
    assert tuple(result) == expected
    assert (warning is not None) is warns


# --- crystal --------------------------------------------------------------------------------------------------------


def test_missing_cell_constants_make_a_cube():
    assert complete_cell((50.0, None, None, None, None, None)) == (50.0, 50.0, 50.0, *(math.pi / 2,) * 3)


def test_orthorhombic_volume_is_the_product_of_its_edges():
    assert cell_volume((10.0, 20.0, 30.0, *(math.pi / 2,) * 3)) == pytest.approx(6000.0, rel=4 * ULP)


def test_direct_and_reciprocal_vectors_are_dual():
    cell = (70.0, 80.0, 90.0, *np.radians([75.0, 85.0, 95.0]).tolist())
    lattice = build_lattice(reciprocal_from_cell(cell, exact=False), cell, (0.3, -0.2, 1.1), None)
    for i, x in enumerate((lattice.a, lattice.b, lattice.c)):
        for j, y in enumerate((lattice.a_star, lattice.b_star, lattice.c_star)):
            # c* of a triclinic cell is only good to 1e-3 (quirk triclinic), but its inverse is formed from it
            assert dot(x, y) == pytest.approx(float(i == j), abs=1e-3)


def test_three_squares_add_up_to_the_squared_length_of_a_reciprocal_vector():
    cell = (70.0, 80.0, 90.0, *np.radians([75.0, 85.0, 95.0]).tolist())
    stars = build_lattice(reciprocal_from_cell(cell, exact=False), cell, (0.3, -0.2, 1.1), None)
    s, t, u, x, y, z = reciprocal_metric(stars.a_star, stars.b_star, stars.c_star)
    for h, k, l in np.random.default_rng(2).uniform(-0.5, 0.5, (50, 3)).tolist():  # noqa: E741
        vector = h * np.array(stars.a_star) + k * np.array(stars.b_star) + l * np.array(stars.c_star)
        squares = x * (h + s * k + t * l) ** 2 + y * (k + u * l) ** 2 + z * l**2
        assert squares == pytest.approx(float(vector @ vector), rel=16 * ULP)  # components may cancel


def test_cell_lengths_given_by_the_user_are_kept_to_the_last_digits():
    cell = (70.0, 80.0, 90.0, *np.radians([75.0, 85.0, 95.0]).tolist())
    lattice = build_lattice(reciprocal_from_cell(cell, exact=False), cell, None, None)
    assert lattice.lengths == pytest.approx((70.0, 80.0, 90.0), rel=4 * ULP)


def test_triclinic_quirk_turns_75_degrees_into_75_04():
    cell = (70.0, 80.0, 90.0, *np.radians([75.0, 85.0, 95.0]).tolist())
    lattice = build_lattice(reciprocal_from_cell(cell, exact=False), cell, None, None)
    assert np.degrees(lattice.angles[0]) == pytest.approx(75.04, abs=0.005)


def test_impossible_cell_is_refused():
    with pytest.raises(UsageError, match="UnitCell: the angles 60 60 120 enclose no volume"):
        lower(experiment(crystal=replace(CUBIC, unit_cell=UnitCell(50.0, 50.0, 50.0, 60.0, 60.0, 120.0))))


def test_crystal_without_a_cell_is_refused():
    with pytest.raises(UsageError, match=r"Crystal\.unit_cell or Crystal\.reciprocal_matrix"):
        lower(experiment(crystal=Crystal(default_F=1.0)))


def test_mosflm_matrix_is_freed_of_its_wavelength():
    matrix = 1.5 * np.diag([0.01, 0.02, 0.025])
    crystal = Crystal(reciprocal_matrix=matrix, default_F=1.0)
    lattice = lower(experiment(crystal=crystal, beam=Beam(wavelength=1.5))).lattice
    assert lattice.lengths == pytest.approx((100.0, 50.0, 40.0), rel=8 * ULP)


def test_crystal_size_sets_the_cells_and_the_beam_clips_height_and_width_only():
    crystal = replace(CUBIC, size=(0.001, 0.001, 0.001))
    model = lower(experiment(crystal=crystal, beam=Beam(size=0.0005)))
    assert model.cells == (100.0, 50.0, 50.0)
    assert len(model.warnings) == 2


# --- rotations ------------------------------------------------------------------------------------------------------


@given(angles=st.tuples(*[st.floats(-10.0, 10.0)] * 3))
def test_rotations_keep_lengths_and_angles(angles):
    x, y = rotate_xyz((1.0, 2.0, 3.0), angles), rotate_xyz((-2.0, 0.5, 4.0), angles)
    # three plane rotations: each rounds a few times
    assert magnitude(x) == pytest.approx(math.sqrt(14.0), rel=20 * ULP)
    assert dot(x, y) == pytest.approx(11.0, rel=40 * ULP)


def test_rotation_about_an_axis_agrees_with_the_lab_axes():
    v = (0.3, -0.4, 1.2)
    for axis, angles in (((1.0, 0, 0), (0.7, 0, 0)), ((0, 1.0, 0), (0, 0.7, 0)), ((0, 0, 1.0), (0, 0, 0.7))):
        assert rotate_about(v, axis, 0.7) == pytest.approx(rotate_xyz(v, angles), abs=8 * ULP)


def test_mosaic_rotations_are_orthonormal_and_start_with_the_identity():
    matrices = mosaic_rotations(0.02, 50, 12345678, ran1_state(0)).reshape(-1, 3, 3)
    assert np.array_equal(matrices[0], np.eye(3))
    # the axis is a unit vector only to float32 rounding of the random numbers' square root
    assert np.abs(matrices @ matrices.transpose(0, 2, 1) - np.eye(3)).max() < 1e-14


def test_mosaic_rotations_stay_inside_the_spread_and_fill_it():
    spread = 0.02
    matrices = mosaic_rotations(spread, 400, 7, ran1_state(0)).reshape(-1, 3, 3)
    angles = np.arccos(np.clip((np.trace(matrices, axis1=1, axis2=2) - 1) / 2, -1, 1))
    assert angles.max() <= spread * (1 + 1e-6)
    assert angles.max() > 0.98 * spread


def test_mosaic_rotations_equal_those_of_a_reference_trace():
    # mosaic_umat 1 of the rotation case: spread 0.2 degrees, default seed
    expected = [
        0.999994547317706, -0.0031902200310756, 0.000853130124408896, 0.00319038309225121, 0.999994892695155,
        -0.000189840273832371, -0.000852520134968994, 0.000192561050618073, 0.999999618064758,
    ]  # fmt: skip
    matrices = mosaic_rotations(0.2 / (180 / math.pi), 6, 12345678, ran1_state(0))
    assert matrices[1] == pytest.approx(expected, rel=1e-14)


def test_random_orientation_depends_on_its_seed_alone():
    one, again, other = (random_misset(seed, ran1_state(0)) for seed in (12345, 12345, 12346))
    assert one == again != other


@pytest.mark.parametrize(
    ("angles", "first", "later"),
    [
        ([0.0], [1], [1]), ([0.0, 0.1, 0.2], [3, 1, 2], [2, 1, 2]), ([-0.1, 0.0, 0.1], [0, 0, 2], [0, 0, 2]),
        ([0.0, 0.0], [2, 2], [2, 2]), ([0.3, 0.4], [0, 1], [0, 1]),
    ],
)  # fmt: skip
def test_zero_spindle_angle_keeps_the_vectors_of_the_step_before(angles, first, later):
    assert carried_rows(angles).tolist() == [first, later]


# --- sources --------------------------------------------------------------------------------------------------------


def test_round_beam_leaves_out_the_corners_of_the_divergence_grid():
    spread = Spread(range=2.0, steps=3)
    full = Beam(horizontal_divergence=spread, vertical_divergence=spread, round_divergence=False)
    assert lower(experiment(beam=full)).divergence_steps == 9
    assert lower(experiment(beam=replace(full, round_divergence=True))).divergence_steps == 5


def test_sources_point_upstream_and_open_to_the_divergence():
    beam = Beam(horizontal_divergence=Spread(range=10.0, steps=3))
    sources = lower(experiment(beam=beam)).params.sources.table
    angles = [math.acos(min(1.0, -dot(tuple(row[:3]), (1.0, 0.0, 0.0)))) for row in sources]
    assert angles == pytest.approx([0.005, 0.0, 0.005], abs=1e-12)


def test_dispersion_spans_its_percentage():
    beam = Beam(wavelength=2.0, dispersion=Spread(range=1.0, steps=3))
    wavelengths = lower(experiment(beam=beam)).params.sources.table[:, 3]
    assert wavelengths == pytest.approx([1.99e-10, 2e-10, 2.01e-10], rel=8 * ULP)


def test_missing_source_columns_take_the_central_beam():
    nan = math.nan
    beam = Beam(wavelength=1.5, sources=np.array([[-2.0, 0.0, 0.0, nan, nan], [nan, nan, nan, 3.0, 1.0]]))
    model = lower(experiment(beam=beam))
    assert model.params.sources.table.tolist() == [[-1.0, 0.0, 0.0, 1.5e-10, 1.0], [-1.0, 0.0, 0.0, 1e-10, 1.0]]
    assert model.source_weights.tolist() == [1.0, 3.0]


# --- detector -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("convention", [c for c in Convention if c is not Convention.CUSTOM])
def test_direct_beam_hits_the_stated_beam_centre(convention):
    detector = replace(SMALL, frame=LabFrame(convention=convention), beam_center=(0.31, 0.52))
    g = lower(experiment(detector=detector)).geometry
    spot = [g.pix0[i] + g.f_beam * g.fdet[i] + g.s_beam * g.sdet[i] for i in range(3)]
    assert unit(tuple(spot)) == pytest.approx(g.beam, abs=4 * ULP)
    assert magnitude(tuple(spot)) == pytest.approx(g.distance, rel=4 * ULP)


def test_beam_pivot_keeps_the_beam_centre_under_rotation_and_sample_pivot_the_distance():
    turned = replace(SMALL, beam_center=(0.31, 0.52), rotation=(5.0, 3.0, 2.0), twotheta=0.0)
    still = replace(turned, rotation=(0.0, 0.0, 0.0))
    beam_pivot, before = (lower(experiment(detector=d)).geometry for d in (turned, still))
    assert (beam_pivot.f_beam, beam_pivot.s_beam) == pytest.approx((before.f_beam, before.s_beam), rel=1e-13)
    xds = replace(turned, frame=LabFrame(convention=Convention.XDS), twotheta=20.0)
    assert lower(experiment(detector=xds)).geometry.close_distance == pytest.approx(0.1 * math.cos(
        math.acos(math.cos(math.radians(5.0)) * math.cos(math.radians(3.0)))), rel=1e-12)  # fmt: skip


def test_named_convention_brings_its_own_pivot():
    frame = LabFrame(convention=Convention.MOSFLM, pivot=Pivot.SAMPLE)
    assert lower(experiment(detector=replace(SMALL, frame=frame))).geometry.pivot is Pivot.BEAM


def test_detector_axes_stay_orthonormal_under_every_rotation():
    detector = replace(SMALL, rotation=(11.0, -7.0, 3.0), twotheta=25.0)
    g = lower(experiment(detector=detector)).geometry
    axes = np.array([g.fdet, g.sdet, g.odet])
    assert np.abs(axes @ axes.T - np.eye(3)).max() < 1e-15


def test_a_beam_along_the_detector_is_refused_unless_the_detector_pivots_about_the_sample():
    beside = Detector(
        pixels_fast=4, pixels_slow=4, close_distance=50.0,
        frame=LabFrame(Convention.CUSTOM, Pivot.BEAM, beam=(1.0, 0.0, 0.0), fdet=(1.0, 0.0, 0.0), sdet=(0.0, 1.0, 0.0),
                       odet=(0.0, 0.0, 1.0)),
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"^LabFrame\.beam: the beam runs along the detector and never meets it"):
        lower(experiment(detector=beside))
    about_sample = replace(beside, frame=replace(beside.frame, pivot=Pivot.SAMPLE))
    # half of 0.4 mm to each side of the point above the sample
    assert lower(experiment(detector=about_sample)).geometry.pix0 == pytest.approx((-2e-4, -2e-4, 0.05))
    with pytest.raises(UsageError, match=r"^LabFrame\.beam"):
        lower(experiment(detector=replace(about_sample, curved=True)))


def test_pixel_counts_follow_the_size():
    g = lower(experiment(detector=Detector(size_fast=14.3, size_slow=9.7, pixel_size=0.13))).geometry
    assert (g.pixels_fast, g.pixels_slow) == (110, 75)


def test_region_of_interest_is_clipped_to_the_detector():
    model = lower(experiment(sampling=Sampling(roi=(2, 500, 3, 500))))
    assert model.window == Window(2, 8, 3, 8)
    (window,) = model.params.panels.windows.tolist()
    assert PanelWindow(*window) == PanelWindow(0, 2, 3, 6, 5, 0, 8)


@pytest.mark.parametrize("roi", [(5, 4, 0, 7), (8, 20, 0, 7), (0, 7, 9, 9)])
def test_region_of_interest_without_a_pixel_is_refused(roi):
    with pytest.raises(UsageError, match=r"^Sampling\.roi "):
        lower(experiment(sampling=Sampling(roi=roi)))


def test_mask_of_another_shape_is_refused():
    detector = replace(SMALL, mask=np.ones((4, 8), dtype=np.uint16))
    with pytest.raises(UsageError, match=r"^Detector\.mask has"):
        lower(experiment(detector=detector))


def test_attenuation_depth_defaults_to_the_thickness_with_a_warning():
    model = lower(experiment(detector=replace(SMALL, sensor=Sensor(thickness=300.0))))
    assert model.mu == pytest.approx(1 / 300e-6, rel=4 * ULP)
    assert len(model.warnings) == 1


def test_flux_sets_the_fluence():
    beam = Beam(flux=1e12, exposure=0.1, size=0.03)
    assert lower(experiment(beam=beam)).fluence == pytest.approx(1e11 / 9e-10, rel=4 * ULP)


def test_oversampling_is_recommended_by_the_crystal_size():
    model = lower(experiment(crystal=replace(CUBIC, cells=(40, 5, 5)), detector=replace(SMALL, distance=60.0,
                                                                                        pixel_size=0.2)))  # fmt: skip
    # 3 · 40 · 100 Å / (1 Å · 60 mm / 0.2 mm) = 40
    assert model.recommended_oversample == model.params.sampling.oversample == 40

"""Spectra, mosaic domains, orientations and fractions of cells: what exact physics takes beyond nanoBragg."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.special import beta
from scipy.stats import kstest

from nbnumba import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    Orientation,
    Sampling,
    Spectrum,
    Spread,
    UnitCell,
    UsageError,
    lower,
    simulate,
)
from nbnumba.setup.mosaic import rotation_matrices

CELL = UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0)
CRYSTAL = Crystal(unit_cell=CELL, default_F=50.0, cells=(5, 5, 5))
DETECTOR = Detector(pixels_fast=24, pixels_slow=20, pixel_size=2.0, distance=80.0)
BASE = Experiment(CRYSTAL, Beam(), DETECTOR, Sampling(oversample=1))


def image_of(**parts) -> np.ndarray:
    return simulate(replace(BASE, **parts), "cpu", dtype=np.float64).image


def test_one_line_is_no_spectrum():
    plain = image_of(beam=Beam(wavelength=1.3))
    assert np.array_equal(image_of(beam=Beam(wavelength=1.3, spectrum=Spectrum([1.3]))), plain)


def test_a_spectrum_is_the_weighted_mean_of_its_lines():
    wavelengths, weights = [1.2, 1.25, 1.4], [3.0, 0.0, 1.0]
    ours = image_of(beam=Beam(spectrum=Spectrum(wavelengths, weights=weights)))
    lines = [image_of(beam=Beam(wavelength=one)) for one in wavelengths]
    # sums of two numbers in another order
    np.testing.assert_allclose(ours, (3.0 * lines[0] + lines[2]) / 4.0, rtol=1e-12)


def test_a_line_of_weight_zero_costs_nothing():
    model = lower(replace(BASE, beam=Beam(spectrum=Spectrum([1.2, 1.25, 1.4], weights=[3.0, 0.0, 1.0]))))
    assert model.params.scale.steps == len(model.params.sources.table) == 2


def test_every_direction_has_the_whole_spectrum():
    divergence = Spread(range=4.0, steps=2)
    spectrum = Spectrum(energies=[12000.0, 12100.0], weights=[1.0, 2.0])
    beam = Beam(horizontal_divergence=divergence, spectrum=spectrum)
    table = lower(replace(BASE, beam=beam)).params.sources.table
    assert table[:, 3] * 1e10 == pytest.approx([12398.42 / 12000.0, 12398.42 / 12100.0] * 2, rel=1e-15)
    assert table[:, 4] == pytest.approx([2 / 3, 4 / 3] * 2, rel=1e-15)


def test_nanobraggs_physics_counts_every_line_alike():
    beam = Beam(spectrum=Spectrum([1.2, 1.4], weights=[3.0, 1.0]))
    equal = Beam(spectrum=Spectrum([1.2, 1.4]))
    one, other = (image_of(beam=b, physics="nanobragg") for b in (beam, equal))
    assert np.array_equal(one, other)


def test_the_nominal_wavelength_is_the_mean_unless_one_is_given():
    spectrum = Spectrum([1.2, 1.4], weights=[3.0, 1.0])
    assert lower(replace(BASE, beam=Beam(spectrum=spectrum))).wavelength == pytest.approx(1.25e-10, rel=1e-15)
    for stated in (1.0, 1.3):
        model = lower(replace(BASE, beam=Beam(wavelength=stated, spectrum=spectrum)))
        assert model.wavelength == pytest.approx(stated * 1e-10)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Spectrum(), "Spectrum: give either Spectrum.wavelengths or Spectrum.energies"),
    (lambda: Spectrum([1.0, 1.1, 1.05]), "Spectrum.wavelengths must rise or fall from one to the next: 1.1, 1.05"),
    (lambda: Spectrum([1.0, -1.1]), "Spectrum.wavelengths must be above zero, not -1.1"),
    (lambda: Spectrum([12000.0, 12100.0]), "Spectrum.wavelengths are read in Å: .* are no X-rays"),
    (lambda: Spectrum(energies=[1.0, 1.1]), "Spectrum.energies are read in eV: .* are no X-rays"),
    (lambda: Spectrum([1e-10, 1.1e-10]), "are no X-rays"),
    (lambda: Spectrum([1.0, 1.1], weights=[1.0, -1.0]), "Spectrum.weights must be zero or more, not -1"),
    (lambda: Spectrum([1.0, 1.1], weights=[0.0, 0.0]), "Spectrum.weights must not all be 0"),
    (lambda: Spectrum([1.0, 1.1], weights=[1.0, np.nan]), "Spectrum.weights"),
    (lambda: Spectrum([1.0, 1.1], weights=[1.0]), "Spectrum.weights: 1 of them for 2 wavelengths"),
    (lambda: Beam(spectrum=Spectrum([1.0]), dispersion=Spread(range=1.0)), "both say what wavelengths there are"),
])  # fmt: skip
def test_impossible_spectra_are_refused_in_one_line(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def rotation_vectors(crystal: Crystal) -> np.ndarray:
    """Of the mosaic domains, radians."""
    return Rotation.from_matrix(lower(replace(BASE, crystal=crystal)).mosaic_umats.reshape(-1, 3, 3)).as_rotvec()


def test_rotations_follow_scipys():
    vectors = np.random.default_rng(3).normal(size=(50, 3))
    np.testing.assert_allclose(rotation_matrices(vectors), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-15)
    assert np.array_equal(rotation_matrices(np.zeros((1, 3)))[0], np.eye(3))


DOMAINS = 20_000


def test_nanobraggs_rotations_have_the_documented_distribution():
    crystal = replace(CRYSTAL, mosaic_spread=0.7, mosaic_domains=DOMAINS)
    # the first one is not turned
    shares = np.linalg.norm(rotation_vectors(crystal)[1:], axis=1) / np.radians(0.7)
    # float32 of nanoBragg
    assert kstest(np.minimum(shares, 1.0), lambda t: 1.0 - np.sqrt(1.0 - t**3)).pvalue > 1e-4
    # <(1 - u²)^(2/3)> = B(1/2, 5/3)/2; five standard errors, the variance is below 1
    assert abs((shares**2).mean() - beta(0.5, 5 / 3) / 2.0) < 5 / np.sqrt(DOMAINS)


def test_a_ball_of_rotations_is_uniform():
    spread = np.radians(0.7)
    crystal = replace(CRYSTAL, mosaic_spread=0.7, mosaic_domains=DOMAINS, mosaic_distribution="ball")
    vectors = rotation_vectors(crystal)
    angles = np.linalg.norm(vectors, axis=1)
    assert angles.max() <= spread * (1 + 1e-12)
    # <r²> = 3/5; five standard errors of √(<r⁴> - <r²>²) = √(3/7 - 9/25)
    assert abs((angles**2).mean() / spread**2 - 0.6) < 5 * np.sqrt((3 / 7 - 9 / 25) / DOMAINS)
    assert kstest((angles / spread) ** 3, "uniform").pvalue > 1e-4
    assert kstest(vectors[:, 2] / angles, "uniform", args=(-1, 2)).pvalue > 1e-4


def test_gaussian_domains_have_the_spread_about_every_axis():
    crystal = replace(CRYSTAL, mosaic_spread=0.7, mosaic_domains=DOMAINS, mosaic_distribution="gaussian")
    for component in rotation_vectors(crystal).T:
        assert kstest(component / np.radians(0.7), "norm").pvalue > 1e-4


def test_a_spread_about_one_axis_leaves_it_where_it_is():
    crystal = replace(CRYSTAL, mosaic_spread=(0.0, 0.9, 0.0), mosaic_domains=50, mosaic_distribution="gaussian")
    model = lower(replace(BASE, crystal=crystal))
    b = np.array(model.lattice.b) * 1e-10
    np.testing.assert_allclose(model.params.lattice.vectors[0, :, 3:6], np.tile(b, (50, 1)), rtol=1e-14, atol=1e-22)
    assert np.ptp(model.params.lattice.vectors[0, :, 0:3], axis=0).max() > 1e-11


def test_rotations_of_the_users_own_are_the_domains():
    rotations = Rotation.from_rotvec([[0.0, 0.0, 0.0], [0.01, -0.02, 0.005]]).as_matrix()
    both = image_of(crystal=replace(CRYSTAL, mosaic_rotations=rotations))
    each = [image_of(crystal=replace(CRYSTAL, mosaic_rotations=rotations[n : n + 1])) for n in range(2)]
    np.testing.assert_allclose(both, (each[0] + each[1]) / 2.0, rtol=1e-12)
    assert np.array_equal(each[0], image_of())


@pytest.mark.parametrize(("fields", "message"), [
    ({"mosaic_rotations": np.ones((2, 3, 3))}, "Crystal.mosaic_rotations must hold rotations"),
    ({"mosaic_rotations": -np.eye(3)[None]}, "mirrors"),
    ({"mosaic_rotations": np.eye(3)}, "Crystal.mosaic_rotations"),
    ({"mosaic_rotations": np.eye(3)[None], "mosaic_spread": 1.0}, "leave their spread and their number out"),
    ({"mosaic_spread": (1.0, 2.0, 3.0)}, "three spreads need a Crystal.mosaic_distribution"),
    ({"mosaic_distribution": "lorentzian"}, "Crystal.mosaic_distribution must be nanobragg, ball or gaussian"),
    ({"orientation": Orientation.random(1), "misset": (1, 2, 3)}, "both say how the crystal lies"),
])  # fmt: skip
def test_contradicting_domains_and_orientations_are_refused(fields, message):
    with pytest.raises(UsageError, match=message):
        replace(CRYSTAL, **fields)


def test_an_orientation_by_missets_is_that_of_the_missets():
    angles = (12.0, -25.0, 37.0)
    turned = lower(replace(BASE, crystal=replace(CRYSTAL, orientation=Orientation.from_missets(*angles)))).lattice
    misset = lower(replace(BASE, crystal=replace(CRYSTAL, misset=angles))).lattice
    for name in ("a", "b", "c", "a_star", "b_star", "c_star"):
        assert getattr(turned, name) == pytest.approx(getattr(misset, name), rel=1e-13, abs=1e-13)


def test_orientations_by_quaternion_follow_scipys():
    quaternion = np.random.default_rng(5).normal(size=4)
    expected = Rotation.from_quat(quaternion).as_matrix()
    np.testing.assert_allclose(Orientation.from_quaternion(*quaternion).matrix, expected, atol=1e-15)
    assert Orientation.from_matrix(expected) == Orientation(expected)


def test_random_orientations_are_uniform():
    matrices = np.array([Orientation.random(seed).matrix for seed in range(4000)])
    traces = np.trace(matrices, axis1=1, axis2=2)
    # <trace> = 0, <trace²> = 1
    assert abs(traces.mean()) < 5 / np.sqrt(len(traces))
    angles = np.arccos(np.clip((traces - 1.0) / 2.0, -1.0, 1.0))
    assert kstest((angles - np.sin(angles)) / np.pi, "uniform").pvalue > 1e-4
    assert kstest(matrices[:, 2, 0], "uniform", args=(-1, 2)).pvalue > 1e-4


@pytest.mark.parametrize("shape", ["gauss", "round"])
def test_fractions_of_cells_lie_between_whole_ones(shape):
    images = [image_of(crystal=replace(CRYSTAL, cells=(count, 5, 5), shape=shape)) for count in (5, 5.5, 6)]
    peak = [image.max() for image in images]
    assert peak[0] < peak[1] < peak[2]


@pytest.mark.parametrize(("shape", "physics", "message"), [
    ("square", "exact", "a parallelepiped is a grating of whole cells"),
    ("gauss", "nanobragg", r"nanoBragg counts whole cells \(quirk gauss-radius\)"),
])  # fmt: skip
def test_fractions_of_cells_are_refused_where_they_make_no_sense(shape, physics, message):
    with pytest.raises(UsageError, match=message):
        lower(replace(BASE, crystal=replace(CRYSTAL, cells=(5.5, 5, 5), shape=shape), physics=physics))

"""Background on an absolute scale: closed forms, simtbx's images, and nonBragg's with a dense table."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from panel import PANEL

from nbnumba.background.curve import RadialCurve
from nbnumba.background.experiment import NONBRAGG_DETECTOR, AmorphousExperiment
from nbnumba.background.nonbragg import simulate_amorphous
from nbnumba.background.photons import (
    ScatteringGeometry,
    background_photons,
    molecules_in_beam,
    pixel_stol,
)
from nbnumba.config import Beam
from nbnumba.config.amorphous import AmorphousSample
from nbnumba.config.constants import R_E_SQUARED
from nbnumba.errors import UsageError

FLAT = RadialCurve([0.0, 1.0], [3.0, 3.0])


def rectangle(g: ScatteringGeometry) -> float:
    """Solid angle of a panel that the x axis meets at right angles, from its corners."""
    d, y, z = g.pix0
    x = np.array([z, z + g.pixels_fast * g.pixel_size])
    y = np.array([y - g.pixels_slow * g.pixel_size, y])
    c = np.arctan(np.outer(x, y) / (d * np.sqrt(x[:, None] ** 2 + y**2 + d * d)))
    return float(c[1, 1] - c[0, 1] - c[1, 0] + c[0, 0])


def test_photons_of_a_constant_f_are_cross_section_times_solid_angle():
    photons = background_photons(FLAT, replace(PANEL, oversample=4), fluence=1e24, molecules=1e6).sum()
    # solid angles are second order in pixel / distance, and subpixels share the whole pixel's: (1 / 400)²
    assert photons == pytest.approx(R_E_SQUARED * 1e24 * 1e6 * 9.0 * rectangle(PANEL), rel=1e-5)


def test_a_gram_molecule_is_avogadros_number():
    assert molecules_in_beam(1e-6, 1e6, 18.0) == pytest.approx(6.02214179e23 / 18.0, rel=1e-15)


def test_polarized_light_scatters_none_along_the_e_vector():
    # a panel above the sample, along z: 2θ = 90° in its middle
    above = replace(PANEL, pix0=(-0.0205, -0.0205, 0.1), fdet=(1.0, 0.0, 0.0), sdet=(0.0, 1.0, 0.0), pixels_fast=41,
                    pixels_slow=41, kahn_factor=1.0)  # fmt: skip
    ratio = background_photons(FLAT, above, 1e24, 1.0) / background_photons(FLAT, replace(above, kahn_factor=None),
                                                                           1e24, 1.0)  # fmt: skip
    x, y = np.meshgrid(np.arange(41) * 1e-3 - 0.02, np.arange(41) * 1e-3 - 0.02)
    # 1 - (d·E)², Kahn et al. 1982 with K = 1
    np.testing.assert_allclose(ratio, 1.0 - 0.01 / (0.01 + x * x + y * y), rtol=1e-12, atol=1e-15)


def test_sources_count_by_their_share():
    rows = np.array([[-1.0, 0.0, 0.0, 1.0e-10], [-1.0, 0.0, 0.0, 1.3e-10]])
    curve = RadialCurve.named("water")

    def image(sources, weights):
        return background_photons(curve, replace(PANEL, sources=sources, weights=np.array(weights)), 1e20, 1e6)

    both = image(rows, [3.0, 1.0])
    np.testing.assert_allclose(both, 0.75 * image(rows[:1], [1.0]) + 0.25 * image(rows[1:], [7.0]), rtol=1e-13)


def test_layers_of_the_sensor_absorb_together_what_its_thickness_absorbs():
    sensor = replace(PANEL, sensor_thickness=450e-6, mu=4000.0, layers=9)
    whole = background_photons(FLAT, PANEL, 1e24, 1.0)
    absorbed = background_photons(FLAT, sensor, 1e24, 1.0) / whole
    d, y, z = PANEL.pix0
    z = z + (np.arange(60) + 0.5) * 1e-3
    y = y - (np.arange(40) + 0.5)[:, None] * 1e-3
    path = 450e-6 * np.sqrt(d * d + y * y + z * z) / d
    # deeper layers lie up to 0.45 mm, 0.5 %, further away, and so see a smaller solid angle
    np.testing.assert_allclose(absorbed, 1.0 - np.exp(-4000.0 * path), rtol=0.01)
    assert (absorbed < 1.0 - np.exp(-4000.0 * path)).all()


def test_photons_do_not_depend_on_the_way_the_axes_turn():
    turned = replace(PANEL, pix0=(0.1, -0.028, -0.02), sdet=(0.0, 1.0, 0.0))
    curve = RadialCurve.named("air")
    images = [background_photons(curve, g, 1e20, 1e6) for g in (PANEL, turned)]
    # rounding of the corner
    np.testing.assert_allclose(images[1][::-1], images[0], rtol=1e-11)
    assert images[0].min() > 0.0


def test_threads_do_not_change_a_bit():
    curve = RadialCurve.named("water")
    images = [background_photons(curve, replace(PANEL, oversample=2), 1e20, 1e6, threads=n) for n in (1, 2)]
    assert np.array_equal(*images)


def test_with_a_dense_table_it_is_nonbraggs_image():
    stol = np.linspace(0.0, 0.5, 20001)
    amplitude = 2.57 + 5.4 * np.exp(-(((stol - 0.16) / 0.05) ** 2)) + np.sin(9.0 * stol) ** 2
    detector = replace(NONBRAGG_DETECTOR, pixels_fast=64, pixels_slow=48, pixel_size=1.6)
    beam = Beam(fluence=1e22, kahn_factor=0.9)
    nonbragg = simulate_amorphous(AmorphousExperiment(
        np.column_stack([stol, amplitude]), detector=detector, beam=beam, sample=AmorphousSample(molecules=1e12)
    ))  # fmt: skip
    g = nonbragg.model.geometry
    panel = ScatteringGeometry(
        64, 48, 1.6e-3, g.pix0, g.fdet, g.sdet, nonbragg.model.sources.units, np.ones(1), 0.9, (0.0, 0.0, 1.0)
    )
    ours = background_photons(RadialCurve(stol, amplitude), panel, 1e22, 1e12)
    # two interpolations of points 2.5e-5 /Å apart
    np.testing.assert_allclose(ours, nonbragg.image, rtol=1e-6)


def lagrange(points: np.ndarray, stol: np.ndarray) -> np.ndarray:
    """simtbx's reading of a table: four neighbours, and far points at both ends."""
    first, last = points[0, 1], points[-1, 1]
    x = np.array([-1e9, -1e8, *points[:, 0], 1e8, 1e9])
    y = np.array([first, first, *points[:, 1], last, last])
    place = np.clip(np.searchsorted(x, stol, side="right") - 1, 1, len(x) - 3)
    near = place[:, None] + np.arange(-1, 3)
    terms = [
        y[near[:, k]] * math.prod((stol - x[near[:, m]]) / (x[near[:, k]] - x[near[:, m]]) for m in range(4) if m != k)
        for k in range(4)
    ]
    return np.sum(terms, axis=0)


SIMTBX_POINTS = np.array([
    (0, 2.57), (0.0365, 2.58), (0.07, 2.8), (0.12, 5), (0.162, 8), (0.18, 7.32), (0.2, 6.75), (0.216, 6.75),
    (0.236, 6.5), (0.28, 4.5), (0.3, 4.3), (0.345, 4.36), (0.436, 3.77), (0.5, 3.17),
])  # fmt: skip
SIMTBX = ScatteringGeometry(
    pixels_fast=100, pixels_slow=90, pixel_size=0.5e-3, pix0=(-0.013, 0.012, -0.06), fdet=(1.0, 0.0, 0.0),
    sdet=(0.0, -1.0, 0.0), sources=np.array([[0.0, 0.0, 1.0, 1.1e-10]]), weights=np.ones(1), kahn_factor=0.99,
    polar_axis=(1.0, 0.0, 0.0),
)  # fmt: skip
THREE = np.array([[0.0, 0.0, 1.0, wavelength] for wavelength in (1.09e-10, 1.1e-10, 1.12e-10)])


@pytest.mark.parametrize(("case", "changes"), [
    ("os1", {}),
    ("os2", {"oversample": 2}),
    ("three_sources", {"sources": THREE, "weights": np.array([0.6, 0.3, 0.1])}),
    ("thick5", {"sensor_thickness": 0.45e-3, "layers": 5, "mu": 1.0 / 0.25e-3}),
])  # fmt: skip
def test_with_its_interpolation_it_is_simtbxs_image(case, changes, simtbx_images):
    stol = np.linspace(0.0, 0.5, 200001)
    molecules = molecules_in_beam(0.5e-3 * 0.02e-3 * 0.02e-3, 1e6, 18.0)
    image = background_photons(
        RadialCurve(stol, lagrange(SIMTBX_POINTS, stol)), replace(SIMTBX, **changes), 2.5e21, molecules
    )
    # kinks of that interpolation, and points 2.5e-6 /Å apart
    np.testing.assert_allclose(image, simtbx_images[case], rtol=1e-6)


def test_pixels_know_their_sine_theta_over_lambda():
    d, y, z = PANEL.pix0
    z = z + (np.arange(60) + 0.5) * 1e-3
    y = y - (np.arange(40) + 0.5)[:, None] * 1e-3
    two_theta = np.arctan2(np.hypot(y, z), d)
    np.testing.assert_allclose(pixel_stol(PANEL), np.sin(two_theta / 2.0), rtol=1e-12)


@pytest.mark.parametrize(("changes", "message"), [
    ({"pix0": (0.0, 0.012, -0.02)}, "ScatteringGeometry.pix0: the plane of the panel passes through the sample"),
    ({"weights": np.zeros(1)}, "ScatteringGeometry.weights must add up to a number above zero"),
])  # fmt: skip
def test_impossible_geometries_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        background_photons(FLAT, replace(PANEL, **changes), 1e24, 1.0)


def test_beyond_the_curve_it_is_constant_or_refused():
    short = RadialCurve([0.0, 0.05, 0.1], [1.0, 2.0, 3.0])
    image = background_photons(short, PANEL, 1e24, 1.0)
    beyond = pixel_stol(PANEL) > 0.1
    assert beyond.any()
    constant = background_photons(FLAT, PANEL, 1e24, 1.0)
    np.testing.assert_allclose(image[beyond], constant[beyond], rtol=1e-13)
    with pytest.raises(UsageError, match=r"RadialCurve.stol reaches from 0 to 0.1 /Å, the image from 0.0\d+ to 0.2"):
        background_photons(replace(short, beyond="refuse"), PANEL, 1e24, 1.0)

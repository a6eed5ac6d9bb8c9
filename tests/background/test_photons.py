"""Background on an absolute scale: closed forms, simtbx's images, and nonBragg's with a dense table."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scene import BEAM, FLAT, MOLECULES, PANEL, experiment, middles, photons, stol

from nbnumba import (
    Background,
    Beam,
    Detector,
    Experiment,
    LabFrame,
    Panel,
    Physics,
    RadialCurve,
    Sampling,
    Sensor,
    UsageError,
    simulate,
)
from nbnumba.background.experiment import NONBRAGG_DETECTOR, AmorphousExperiment
from nbnumba.background.nonbragg import simulate_amorphous
from nbnumba.config.amorphous import AmorphousSample
from nbnumba.config.constants import R_E_SQUARED
from nbnumba.setup.background import molecules_in_beam

WATER = RadialCurve.named("water")


def rectangle(panel: Panel) -> float:
    """Solid angle of a panel that the beam meets at right angles, from its corners."""
    d, y, z = panel.origin
    x = np.array([z, z + panel.image_size[0]])
    y = np.array([y - panel.image_size[1], y])
    c = np.arctan(np.outer(x, y) / (d * np.sqrt(x[:, None] ** 2 + y**2 + d * d)))
    return float(c[1, 1] - c[0, 1] - c[1, 0] + c[0, 0])


def test_photons_of_a_constant_f_are_cross_section_times_solid_angle():
    # solid angles are second order in pixel / distance, and subpixels share the whole pixel's: (1 / 400)²
    expected = R_E_SQUARED * 1e24 * MOLECULES * 9.0 * rectangle(PANEL)
    assert photons(FLAT, oversample=4).sum() == pytest.approx(expected, rel=1e-5)


def test_a_gram_molecule_is_avogadros_number():
    assert molecules_in_beam(1e-6, 1e6, 18.0) == pytest.approx(6.02214179e23 / 18.0, rel=1e-15)


def test_photons_follow_thickness_density_molar_mass_and_the_beams_cross_section():
    once = photons(FLAT)
    other = replace(experiment(FLAT), beam=replace(BEAM, size=0.3), background=Background(FLAT, 0.2, 0.5, 36.0))
    # 3² · 2 · ½ · ½ times as many molecules
    np.testing.assert_allclose(simulate(other, "cpu", dtype=np.float64).panels[0], 4.5 * once, rtol=1e-13)
    flux = replace(experiment(FLAT), beam=Beam(flux=1e12, exposure=2.0, size=0.2, polarization=False))
    # 2·10¹² photons, on whatever area
    ratio = simulate(flux, "cpu", dtype=np.float64).panels[0] / once
    np.testing.assert_allclose(ratio, 2e12 / (1e24 * (0.1e-3) ** 2), rtol=1e-13)


def test_polarized_light_scatters_none_along_the_e_vector():
    # a panel above the sample, along z: 2θ = 90° in its middle
    above = replace(PANEL, origin=(-20.5, -20.5, 100.0), fast=(1.0, 0.0, 0.0), slow=(0.0, 1.0, 0.0),
                    image_size=(41, 41))  # fmt: skip
    polarized = replace(BEAM, polarization=True, kahn_factor=1.0)
    ratio = photons(FLAT, panel=above, beam=polarized) / photons(FLAT, panel=above)
    x, y = np.meshgrid(np.arange(41) - 20.0, np.arange(41) - 20.0)
    # 1 - (d·E)², Kahn et al. 1982 with K = 1
    np.testing.assert_allclose(ratio, 1.0 - 1e4 / (1e4 + x * x + y * y), rtol=1e-12, atol=1e-15)


def test_sources_count_by_their_share():
    rows = [[-1.0, 0.0, 0.0, 3.0, 1.0], [-1.0, 0.0, 0.0, 1.0, 1.3]]

    def image(sources):
        return photons(WATER, beam=replace(BEAM, sources=sources))

    np.testing.assert_allclose(image(rows), 0.75 * image(rows[:1]) + 0.25 * image(rows[1:]), rtol=1e-13)


def test_layers_of_the_sensor_absorb_together_what_its_thickness_absorbs():
    sensor = replace(PANEL, thickness=0.45, mu=4.0)
    absorbed = photons(FLAT, panel=sensor, layers=9) / photons(FLAT)
    position = middles()
    path = 0.45 * np.linalg.norm(position, axis=-1) / position[..., 0]
    # deeper layers lie up to 0.45 mm, 0.5 %, further away, and so see a smaller solid angle
    np.testing.assert_allclose(absorbed, 1.0 - np.exp(-4.0 * path), rtol=0.01)
    assert (absorbed < 1.0 - np.exp(-4.0 * path)).all()


def test_photons_do_not_depend_on_the_way_the_axes_turn():
    turned = replace(PANEL, origin=(100.0, -28.0, -20.0), slow=(0.0, 1.0, 0.0))
    images = [photons(RadialCurve.named("air"), panel=panel) for panel in (PANEL, turned)]
    # rounding of the corner
    np.testing.assert_allclose(images[1][::-1], images[0], rtol=1e-11)
    assert images[0].min() > 0.0


def test_a_curved_detector_sees_a_constant_f_as_its_arcs_subtend():
    # 1 radian to both sides of the beam along fast: pixels of equal arcs, narrower by the cosine towards the poles
    detector = Detector(pixels_fast=200, pixels_slow=10, pixel_size=1.0, distance=100.0, curved=True)
    scene = replace(experiment(FLAT), detector=detector)
    image = simulate(scene, "cpu", dtype=np.float64).image
    expected = R_E_SQUARED * 1e24 * MOLECULES * 9.0 * 10 * 0.01 * 2.0 * np.sin(1.0)
    # the beam meets the detector a pixel beside its middle
    assert image.sum() == pytest.approx(expected, rel=2e-4)


def test_threads_do_not_change_a_bit():
    images = [
        simulate(experiment(WATER, oversample=2), "cpu", threads=threads, dtype=np.float64).image for threads in (1, 2)
    ]
    assert np.array_equal(*images)


def test_with_a_dense_table_it_is_nonbraggs_image():
    where = np.linspace(0.0, 0.5, 20001)
    amplitude = 2.57 + 5.4 * np.exp(-(((where - 0.16) / 0.05) ** 2)) + np.sin(9.0 * where) ** 2
    detector = replace(NONBRAGG_DETECTOR, pixels_fast=64, pixels_slow=48, pixel_size=1.6)
    beam = Beam(fluence=1e22, kahn_factor=0.9)
    nonbragg = simulate_amorphous(AmorphousExperiment(
        np.column_stack([where, amplitude]), detector=detector, beam=beam, sample=AmorphousSample()
    ))  # fmt: skip
    g = nonbragg.model.geometry
    panel = Panel(
        origin=[1000.0 * x for x in g.pix0], fast=g.fdet, slow=g.sdet, pixel_size=(1.6, 1.6), image_size=(64, 48)
    )
    ours = photons(RadialCurve(where, amplitude), panel=panel, beam=beam)
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
SIMTBX = Panel(origin=(-13.0, 12.0, -60.0), fast=(1.0, 0.0, 0.0), slow=(0.0, -1.0, 0.0), pixel_size=(0.5, 0.5),
               image_size=(100, 90))  # fmt: skip
SIMTBX_LAB = LabFrame("custom", beam=(0.0, 0.0, -1.0), polar=(1.0, 0.0, 0.0))
SIMTBX_BEAM = Beam(wavelength=1.1, fluence=2.5e21, size=0.02, kahn_factor=0.99)
THREE = [[0.0, 0.0, 1.0, weight, wavelength] for weight, wavelength in ((0.6, 1.09), (0.3, 1.1), (0.1, 1.12))]


@pytest.mark.parametrize(("case", "beam", "oversample", "sensor", "layers"), [
    ("os1", {}, 1, {}, None),
    ("os2", {}, 2, {}, None),
    ("three_sources", {"sources": THREE}, 1, {}, None),
    ("thick5", {}, 1, {"thickness": 0.45, "mu": 4.0}, 5),
])  # fmt: skip
def test_with_its_interpolation_it_is_simtbxs_image(case, beam, oversample, sensor, layers, simtbx_images):
    where = np.linspace(0.0, 0.5, 200001)
    curve = RadialCurve(where, lagrange(SIMTBX_POINTS, where))
    scene = Experiment(
        detector=Detector(panels=(replace(SIMTBX, **sensor),), frame=SIMTBX_LAB, sensor=Sensor(layers=layers)),
        beam=replace(SIMTBX_BEAM, **beam), sampling=Sampling(oversample=oversample),
        background=Background(curve, 0.5, 1.0, 18.0),
        # its rays meet a sensor layer at its front
        physics=Physics("exact", keep=["layer-front"]),
    )  # fmt: skip
    image = simulate(scene, "cpu", dtype=np.float64).panels[0]
    # kinks of that interpolation, and points 2.5e-6 /Å apart
    np.testing.assert_allclose(image, simtbx_images[case], rtol=1e-6)


def test_beyond_the_curve_it_is_constant_or_refused():
    short = RadialCurve([0.0, 0.05, 0.1], [1.0, 2.0, 3.0])
    beyond = stol() > 0.1
    assert beyond.any()
    np.testing.assert_allclose(photons(short)[beyond], photons(FLAT)[beyond], rtol=1e-13)
    slow, fast = np.argwhere(beyond)[0]
    message = f"{beyond.sum()} pixels lie beyond the curve of a background, the first at slow {slow}, fast {fast};"
    with pytest.raises(UsageError, match=message):
        photons(replace(short, beyond="refuse"))

"""The fast CPU engine renders what the reference engine renders, whatever is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from golden import MAX_DIFFERENT_FRACTION, MAX_RELATIVE_DIFFERENCE, RELATIVE_FLOOR
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbnumba import Beam, Crystal, Detector, Experiment, Physics, UnitCell, simulate
from nbnumba.config import CrystalShape, Sampling, Sensor, Spread, StructureFactors
from nbnumba.config.physics import SWITCHES

PIXELS = (23, 19)
"""Fast, slow: no multiple of a vector, and rows shorter than a block."""


def table(edge: int) -> StructureFactors:
    """Random amplitudes for indices from -edge to edge."""
    amplitudes = np.random.default_rng(3).uniform(1.0, 300.0, (2 * edge + 1,) * 3)
    return StructureFactors(amplitudes, -edge, -edge, -edge)


TABLES = {edge: table(edge) for edge in (3, 30)}
SOURCES = np.array([[-1.0, 0.0, 0.0, 1.0, 1.0], [-1.0, 0.01, 0.0, 0.0, 1.1], [-1.0, 0.0, 0.02, 3.0, 1.2]])
"""Three of different weights."""

MASK = (np.arange(PIXELS[0] * PIXELS[1]).reshape(PIXELS[1], PIXELS[0]) % 7 != 0).astype(np.uint16)


@st.composite
def experiments(draw):
    flag = st.booleans()
    edge = draw(st.sampled_from([None, 3, 30]))
    layers = draw(st.sampled_from([None, 1, 3]))
    crystal = Crystal(
        unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0),
        cells=draw(st.sampled_from([(1, 1, 1), (2, 2, 2), (5, 5, 5), (1, 3, 40)])),
        shape=draw(st.sampled_from(list(CrystalShape))),
        fudge=draw(st.sampled_from([1.0, 0.3, 4.0])),
        structure_factors=None if edge is None else TABLES[edge],
        default_F=draw(st.sampled_from([0.0, 50.0])) if edge else 50.0,
        interpolate=draw(st.sampled_from([None, True, False])),
        mosaic_spread=draw(st.sampled_from([None, 0.7])),
        mosaic_domains=draw(st.sampled_from([None, 3])),
    )
    beam = Beam(
        wavelength=draw(st.sampled_from([1.0, 2.3])),
        horizontal_divergence=draw(st.sampled_from([Spread(), Spread(range=5.0, steps=3)])),
        dispersion=draw(st.sampled_from([Spread(), Spread(range=2.0, steps=2)])),
        kahn_factor=draw(st.sampled_from([0.0, 0.9, -0.5])),
        sources=draw(st.sampled_from([None, SOURCES])),
        polarization=draw(flag),
    )
    detector = Detector(
        pixels_fast=PIXELS[0], pixels_slow=PIXELS[1], pixel_size=draw(st.sampled_from([0.4, 3.0])), distance=60.0,
        rotation=draw(st.sampled_from([(0.0, 0.0, 0.0), (5.0, -3.0, 11.0)])), curved=draw(flag), point_pixel=draw(flag),
        mask=MASK if draw(flag) else None,
        sensor=Sensor() if layers is None else Sensor(thickness=300.0, layers=layers, attenuation_depth=234.0),
    )  # fmt: skip
    sampling = Sampling(
        oversample=draw(st.sampled_from([1, 2])),
        phi=draw(st.sampled_from([0.0, 12.0])), oscillation=draw(st.sampled_from([None, 1.0])),
        phi_steps=draw(st.sampled_from([None, 3])),
        dmin=draw(st.sampled_from([0.0, 3.0])), water=draw(st.sampled_from([0.0, 2.0])),
        oversample_thick=draw(flag), oversample_polar=draw(flag), oversample_omega=draw(flag),
        roi=draw(st.sampled_from([None, (3, 9, 2, 17)])),
    )  # fmt: skip
    # a curved detector of exact physics stands square to the beam
    square = detector.curved and any(detector.rotation)
    fixes = draw(st.one_of(st.just(()), st.just(SWITCHES), st.lists(st.sampled_from(SWITCHES), unique=True)))
    physics = Physics("nanobragg", fix=[name for name in fixes if not (square and name == "curved")])
    return Experiment(crystal, beam, detector, sampling, physics)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(experiments())
def test_engines_agree_to_the_golden_bars(experiment):
    fast, plain = simulate(experiment, "cpu"), simulate(experiment, "reference")
    different = fast.image.view(np.uint32) != plain.image.view(np.uint32)
    # a single pixel may be rounded the other way in an image too small for the share that is allowed
    assert different.sum() <= max(1.0, MAX_DIFFERENT_FRACTION * different.size)
    ours, theirs = fast.image[different].astype(float), plain.image[different].astype(float)
    floor = RELATIVE_FLOOR * float(plain.image.max())
    assert np.all(np.abs(ours - theirs) <= MAX_RELATIVE_DIFFERENCE * np.maximum(np.abs(theirs), floor))
    assert fast.solid_angle_sr == pytest.approx(plain.solid_angle_sr, rel=1e-13)  # the order of the sum
    assert fast.scan == plain.scan


def test_a_grating_of_one_cell_is_no_grating():
    one = Experiment(
        Crystal(unit_cell=UnitCell(70.0), default_F=50.0, cells=(1, 1, 1)), Beam(),
        Detector(pixels_fast=64, pixels_slow=64, pixel_size=1.0, distance=60.0), Sampling(oversample=1),
    )  # fmt: skip
    image = simulate(one, "cpu").image.astype(float)
    p = simulate(one, "cpu").model.params.scale
    # with F_latt = 1 what is left is solid angle and polarization: at the beam centre p²/d² and 1
    expected = p.r_e_squared * p.fluence * 50.0**2 * (1.0 / 60.0) ** 2
    assert image.max() == pytest.approx(expected, rel=4e-4)  # the next pixel centre is 0.7 mm off: 2(0.7/60)²


def test_spots_without_an_end_come_out_equal():
    crystal = Crystal(
        unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), default_F=50.0, cells=(20, 20, 20),
        shape=CrystalShape.GAUSS, fudge=0.0,
    )  # fmt: skip
    detector = Detector(pixels_fast=PIXELS[0], pixels_slow=PIXELS[1], pixel_size=0.4, distance=60.0)
    experiment = Experiment(crystal, Beam(), detector, Sampling(oversample=1))
    np.testing.assert_allclose(
        simulate(experiment, "cpu").image, simulate(experiment, "reference").image, rtol=MAX_RELATIVE_DIFFERENCE
    )

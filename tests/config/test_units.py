"""Numbers in another unit than the one they are read in come with a hint at what was meant."""

from __future__ import annotations

import math

import pytest
from golden import golden_cases, interpret_case

from nbnumba.config import Background, Beam, Crystal, Detector, Experiment, RadialCurve, UnitCell
from nbnumba.config.constants import AVOGADRO, R_E_SQUARED
from nbnumba.config.units import unit_hints
from nbnumba.setup.lowering import lower


@pytest.mark.parametrize(("detector", "hint"), [
    (Detector(pixel_size=172), "{Detector.pixel_size=172} is read in mm: 172 µm would be 0.172"),
    (Detector(pixel_size=75e-6, pixels_fast=9, pixels_slow=9),
     "{Detector.pixel_size=7.5e-05} is read in mm: 7.5e-05 m would be 0.075"),
    (Detector(distance=0.1), "{Detector.distance=0.1} is read in mm: 0.1 m would be 100"),
    (Detector(close_distance=0.25), "{Detector.close_distance=0.25} is read in mm: 0.25 m would be 250"),
    (Detector(distance=-60), "{Detector.distance=-60}: the sign has no effect, as in nanoBragg; it counts as 60"),
    (Detector(beam_center=(1024, 51)), "{Detector.beam_center[0]=1024} is read in mm: 1024 pixels would be 102.4"),
    (Detector(beam_center=(None, 512)), "{Detector.beam_center[1]=512} is read in mm: 512 pixels would be 51.2"),
    (Detector(close_point=(512, None)), "{Detector.close_point[0]=512} is read in mm: 512 pixels would be 51.2"),
])  # fmt: skip
def test_a_number_in_another_unit_is_hinted_at_once(detector, hint):
    assert unit_hints(Experiment(detector=detector)) == [hint]


def test_a_wavelength_in_metres_is_hinted_at():
    assert unit_hints(Experiment(beam=Beam(wavelength=1e-10))) == [
        "{Beam.wavelength=1e-10} is read in Å: 1e-10 m would be 1"
    ]


@pytest.mark.parametrize(("wavelength", "hint"), [
    (1.5e-10, "{Beam.sources}: 1.5e-10 is read in Å: 1.5e-10 m would be 1.5"),
    (1.5e10,
     "{Beam.sources}: a source has a wavelength of 1.5e+10 Å: nanoBragg's lists state metres, 1.5e-10 for 1.5 Å"),
])  # fmt: skip
def test_wavelengths_of_sources_in_another_unit_are_hinted_at_once(wavelength, hint):
    sources = [[-10, 0, 0, 1, wavelength], [-10, 1, 0, 1, wavelength]]
    assert unit_hints(Experiment(beam=Beam(sources=sources))) == [hint]


def test_the_sign_of_a_distance_has_no_effect():
    crystal = Crystal(UnitCell(100), default_F=1)
    there, here = (lower(Experiment(crystal, detector=Detector(distance=d))).geometry for d in (-60, 60))
    assert there == here


def test_hints_come_with_the_models_warnings():
    model = lower(Experiment(Crystal(UnitCell(100), default_F=1), detector=Detector(pixel_size=20)))
    assert model.warnings[0].startswith("{Detector.pixel_size=20} is read in mm")


@pytest.mark.parametrize("detector", [
    Detector(), Detector(pixel_size=0.01), Detector(pixel_size=2), Detector(distance=5), Detector(distance=4000),
    Detector(beam_center=(0, 0)), Detector(beam_center=(-30, 200)), Detector(beam_center=(5000, 5000)),
    Detector(pixel_size=1, beam_center=(512, 512)), Detector(distance=0),
], ids=str)  # fmt: skip
def test_plausible_numbers_are_left_alone(detector):
    assert unit_hints(Experiment(detector=detector)) == []


@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case.name)
def test_no_golden_case_is_hinted_at(case, tmp_path):
    request = interpret_case(case, tmp_path)
    assert unit_hints(request.experiment) == []
    assert not any("is read in" in warning for warning in request.warnings)


def test_a_density_in_kilograms_is_hinted_at():
    flat = RadialCurve([0.0, 1.0], [2.0, 2.0])
    heavy = Experiment(beam=Beam(wavelength=1.0), background=Background(flat, 0.01, 1000.0, 18.0))
    assert unit_hints(heavy) == ["{Background.density} 1000 is read in g/cm³: 1000 kg/m³ would be 1"]


def test_a_sample_that_is_not_thin_is_hinted_at():
    (hint,) = unit_hints(Experiment(beam=Beam(wavelength=1.0), background=Background.water(100.0)))
    assert hint.startswith("{Background.thickness} 100 mm scatters ")
    assert unit_hints(Experiment(beam=Beam(wavelength=1.0), background=Background.water(1.0))) == []


def test_the_share_that_is_scattered_is_thomsons_cross_section_times_molecules():
    flat = RadialCurve([0.0, 1.0], [2.0, 2.0])
    expected = 8.0 / 3.0 * math.pi * R_E_SQUARED * 4.0 * 1e-4 * 1e6 / 18.0 * AVOGADRO
    # the midpoint rule of 1000 rings leaves (1/1000)² / 8 of the square
    assert Background(flat, 0.1, 1.0, 18.0).scattered_share(1.0) == pytest.approx(expected, rel=1e-6)

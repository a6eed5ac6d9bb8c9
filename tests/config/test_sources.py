"""Wavelengths of sources are in Å; those that a file states in metres reach the kernels without the loss of a bit."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from golden import input_file
from hypothesis import example, given
from hypothesis import strategies as st

from nbnumba.config import Beam, Crystal, Detector, Experiment, UnitCell
from nbnumba.config.sources import sources_from_metres, sources_in_metres
from nbnumba.flags import interpret
from nbnumba.setup.lowering import lower

NAN = math.nan
UNREACHABLE = 1.0577e-10
"""Å/10¹⁰ never gives this number of metres, whatever float64 the Å are."""


def table(*wavelengths: float) -> np.ndarray:
    """Sources with these wavelengths."""
    return np.array([[-10.0, 0.1 * i, 0.0, 1.0, value] for i, value in enumerate(wavelengths)])


def kernel_wavelengths(beam: Beam) -> np.ndarray:
    """Metres, as the kernels sum them."""
    crystal = Crystal(UnitCell(100), default_F=1)
    return lower(Experiment(crystal, beam, Detector(pixels_fast=1, pixels_slow=1))).params.sources.table[:, 3]


def test_some_wavelengths_in_metres_are_no_float_in_angstroms_divided():
    nearest = UNREACHABLE * 1e10
    candidates = [nearest]
    for direction in (-math.inf, math.inf):
        value = nearest
        for _ in range(5):
            value = math.nextafter(value, direction)
            candidates.append(value)
    assert all(value / 1e10 != UNREACHABLE for value in candidates)
    assert sources_from_metres(table(UNREACHABLE)).shape == (1, 6)


@given(metres=st.lists(st.floats(1e-25, 1e25) | st.floats(0.9e-10, 1.2e-10), min_size=1, max_size=9))
@example(metres=[UNREACHABLE, 1e-10])
def test_metres_come_back_to_the_bit_and_angstroms_are_the_nearest(metres):
    held = Beam(sources=sources_from_metres(table(*metres))).sources
    assert sources_in_metres(held)[:, 4].tolist() == metres
    # correctly rounded
    assert held[:, 4].tolist() == [float(Fraction(value) * 10**10) for value in metres]


def test_wavelengths_of_a_file_reach_the_kernels_to_the_bit(tmp_path):
    wavelengths = np.random.default_rng(5).uniform(0.9e-10, 1.2e-10, 300)
    path = tmp_path / "sources.txt"
    path.write_text("".join(f"-10 0 {i * 1e-3} 1 {value!r}\n" for i, value in enumerate(wavelengths.tolist())))
    request = interpret(["-cell", "100", "-default_F", "1", "-sourcefile", str(path), "-detpixels", "1"])
    assert kernel_wavelengths(request.experiment.beam).tolist() == wavelengths.tolist()


def test_the_golden_list_of_sources_reaches_the_kernels_to_the_bit():
    path = input_file("sources5.txt")
    metres = np.loadtxt(path, usecols=4)
    stated = ~np.isnan(metres)
    assert stated.any()
    beam = interpret(["-cell", "100", "-default_F", "1", "-sourcefile", str(path)]).experiment.beam
    assert np.array_equal(kernel_wavelengths(beam)[stated], metres[stated])


def test_wavelengths_in_angstroms_are_divided_as_the_beams_own_is():
    for value in np.random.default_rng(6).uniform(0.5, 7.0, 50).tolist():
        listed = Beam(wavelength=3.0, sources=[[-10.0, 0.0, 0.0, 1.0, value]])
        assert kernel_wavelengths(listed).tolist() == kernel_wavelengths(Beam(wavelength=value)).tolist()


def test_what_is_not_stated_takes_the_beams_wavelength():
    beam = Beam(wavelength=1.5, sources=sources_from_metres(table(UNREACHABLE, NAN)))
    assert kernel_wavelengths(beam).tolist() == [UNREACHABLE, 1.5 / 1e10]


@pytest.mark.parametrize("wavelength", [1.0, 1.54])
def test_a_list_of_one_source_on_the_axis_is_the_plain_beam(wavelength):
    crystal = Crystal(UnitCell(100), default_F=1)
    detector = Detector(pixels_fast=1, pixels_slow=1)
    plain = lower(Experiment(crystal, Beam(wavelength=wavelength), detector)).params.sources.table
    listed = Beam(wavelength=9.0, sources=[[-10.0, 0.0, 0.0, 1.0, wavelength]])
    assert np.array_equal(lower(Experiment(crystal, listed, detector)).params.sources.table, plain)

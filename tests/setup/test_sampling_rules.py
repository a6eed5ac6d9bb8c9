"""The sampling rules against nanoBragg's own, written out here sentence by sentence, for any count, range and step."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbnumba.config import Beam, Crystal, Detector, Experiment, Sampling, Sensor, Spread, UnitCell
from nbnumba.errors import UsageError
from nbnumba.setup.lowering import lower
from nbnumba.setup.model import StepCounts

DEGREES = 180.0 / math.pi

numbers = st.none() | st.just(0.0) | st.floats(-3.0, -0.01) | st.floats(0.01, 3.0)
counts = st.none() | st.integers(-3, 12)


def is_given(value: float | None) -> bool:
    """A negative number means: not given."""
    return value is not None and value >= 0.0


def spread_rule(count: int | None, width: float | None, step: float | None) -> tuple[float, float, int]:
    """Divergences and dispersion: range, step, count. A step or count of 0 is not given either."""
    has_step = step is not None and step > 0.0
    has_width = is_given(width)
    if count is None or count <= 0:
        rule = {
            (False, False): lambda: (0.0, 0.0, 1),  # neither range nor step: one step of zero range
            (False, True): lambda: (step, step, 2),  # a step only: the range is a step, two of them
            (True, False): lambda: (width, width, 2),  # a range only: its step is the range
            (True, True): lambda: (width, step, math.ceil(width / step)),
        }[has_width, has_step]
    else:
        rule = {
            (False, False): lambda: (1.0, 1.0 / count, count),  # a count only: a range of 1 rad, or of 100 %
            (False, True): lambda: (step, step, 2),
            (True, False): lambda: (width, width / (max(count, 2) - 1), max(count, 2)),  # from end to end
            (True, True): lambda: (width, step, count),  # all three are kept
        }[has_width, has_step]
    result = rule()
    # finally: whatever is not positive makes it one step of zero range
    return (0.0, 0.0, 1) if min(result) <= 0 else result


def spindle_rule(count: int | None, osc: float | None, step: float | None) -> tuple[float, float, int]:
    """Spindle: range, step, count."""
    has_osc = is_given(osc)
    if count is None or count < 0:
        has_step = step is not None and step > 0.0
        if not has_osc:
            return (step, step, 2) if has_step else (0.0, 0.0, 1)
        return (osc, step, math.ceil(osc / step)) if has_step else (osc, osc / 2.0, 2)
    count = max(count, 1)
    if not has_osc:
        if step is not None and step > 0.0:
            return step, step, 2
        return 1.0 / DEGREES, 1.0 / DEGREES / count, count  # one degree
    return osc, step if is_given(step) else osc / count, count  # a step of 0 is kept here


def sensor_rule(count: int | None, thickness: float) -> tuple[float, float, int]:
    """Sensor layers: range, step, count. The thickness counts as given, and so no rule makes one up."""
    if thickness == 0.0:
        return 0.0, 0.0, 1
    if count is None or count <= 0:
        return thickness, thickness / 2, 2
    return thickness, thickness / (max(count, 2) - 1), max(count, 2)


def mosaic_rule(count: int | None, spread: float | None) -> tuple[float, int]:
    """Mosaic: spread, domains."""
    if spread is None or spread <= 0.0:
        return 0.0, 1
    return spread, count if count is not None and count > 0 else 10


def model(**parts):
    """What becomes of an experiment with these parts."""
    crystal = Crystal(unit_cell=UnitCell(100.0), default_F=1.0)
    parts = {"crystal": crystal, "detector": Detector(pixels_fast=1, pixels_slow=1), **parts}
    return lower(Experiment(physics="nanobragg", **parts))


def as_tuple(samples: StepCounts) -> tuple[float, float, int]:
    return samples.range, samples.step, samples.steps


def si(value: float | None, divisor: float) -> float | None:
    return None if value is None else value / divisor


@given(count=counts, width=numbers, step=numbers)
@example(count=1, width=None, step=None)
@example(count=5, width=2.0, step=0.1)
def test_divergence_follows_nanobraggs_rule(count, width, step):
    spread = Spread(width, step, count)
    beam = Beam(horizontal_divergence=spread, vertical_divergence=spread, round_divergence=False)
    found = model(beam=beam)
    expected = spread_rule(count, si(width, 1000.0), si(step, 1000.0))
    assert as_tuple(found.horizontal_divergence) == as_tuple(found.vertical_divergence) == expected
    assert found.divergence_steps == len(found.source_weights) == expected[2] ** 2


@given(count=counts, width=st.just(0.0) | st.floats(-3.0, -0.01) | st.floats(0.01, 150.0))
@example(count=4, width=-1.0)
def test_dispersion_follows_nanobraggs_rule(count, width):
    # a dispersion of 0 counts as given, and there is no flag for its step
    found = model(beam=Beam(dispersion=Spread(range=width, steps=count)))
    assert as_tuple(found.dispersion) == spread_rule(count, width / 100.0, None)


@given(count=counts, osc=numbers, step=numbers)
@example(count=0, osc=1.0, step=None)
@example(count=3, osc=1.0, step=0.0)
@example(count=None, osc=0.0, step=1.0)
def test_spindle_follows_nanobraggs_rule(count, osc, step):
    sampling = Sampling(oscillation=osc, phi_step=step, phi_steps=count)
    expected = spindle_rule(count, si(osc, DEGREES), si(step, DEGREES))
    if expected[2] == 0:
        # nanoBragg divides by the number of steps
        with pytest.raises(UsageError, match=r"^Sampling\.oscillation=0 with a Sampling\.phi_step leaves no step"):
            model(sampling=sampling)
    else:
        assert as_tuple(model(sampling=sampling).phi) == expected


@given(count=counts, thickness=st.just(0.0) | st.floats(1.0, 1000.0))
def test_sensor_layers_follow_nanobraggs_rule(count, thickness):
    found = model(detector=Detector(sensor=Sensor(thickness=thickness, layers=count), pixels_fast=1, pixels_slow=1))
    assert as_tuple(found.thickness) == sensor_rule(count, thickness * 1e-6)


@given(count=counts, spread=numbers)
def test_mosaic_domains_follow_nanobraggs_rule(count, spread):
    crystal = Crystal(unit_cell=UnitCell(100.0), default_F=1.0, mosaic_spread=spread, mosaic_domains=count)
    found = model(crystal=crystal)
    assert (found.mosaic_spread, len(found.mosaic_umats)) == mosaic_rule(count, si(spread, DEGREES))


@pytest.mark.parametrize(("parts", "cause"), [
    ({"sampling": Sampling(phi_steps=2_000_000)}, "Sampling.phi_steps: 2000000 is too many"),
    ({"sampling": Sampling(oscillation=1.0, phi_step=1e-9)}, "Sampling.phi_step: such a step"),
    ({"beam": Beam(dispersion=Spread(1.0, None, 2_000_000))},
     "Beam.horizontal_divergence.steps x Beam.vertical_divergence.steps x Beam.dispersion.steps: 2000000 is too many"),
    ({"beam": Beam(horizontal_divergence=Spread(1.0, 1e-9))}, "Beam.horizontal_divergence.step: such a step"),
    ({"detector": Detector(sensor=Sensor(10.0, layers=2_000_000), pixels_fast=1, pixels_slow=1)},
     "Sensor.layers: 2000000 is too many"),
    ({"crystal": Crystal(UnitCell(100.0), mosaic_spread=1.0, mosaic_domains=2_000_000)},
     "Crystal.mosaic_domains: 2000000 is too many"),
    ({"sampling": Sampling(oversample=50_000)}, "Sampling.oversample=50000: with 1 source(s)"),
    ({"detector": Detector(distance=1e-30)}, "a distance of 1e-30 mm (Detector.distance) takes"),
    ({"detector": Detector(pixel_size=5e7, pixels_fast=1, pixels_slow=1)},
     "a pixel of 5e+07 mm (Detector.pixel_size) takes"),
    ({"crystal": Crystal(UnitCell(100.0), size=(0.0, 0.0, 5.0)), "beam": Beam(size=-1.0)},
     "a crystal of 5 mm along c (Crystal.size) takes 150000 x 150000 subpixels to resolve"),
    ({"crystal": Crystal(UnitCell(100.0), cells=(5, 10**6, 5))}, "a crystal of 10 mm along b (Crystal.cells) takes"),
    ({"beam": Beam(wavelength=1e-10)}, "a wavelength of 1e-10 Å (Beam.wavelength) takes"),
])  # fmt: skip
def test_more_samples_than_can_be_computed_are_refused_by_what_causes_them(parts, cause):
    with pytest.raises(UsageError, match=f"^{re.escape(cause)}"):
        model(**parts)


def test_a_dispersion_that_reaches_wavelength_zero_is_refused():
    with pytest.raises(UsageError, match=r"^Beam\.dispersion\.range: some wavelengths come out as zero or negative"):
        model(beam=Beam(dispersion=Spread(range=200.0, steps=3)))

"""Workloads and scaling series are what their names say."""

from __future__ import annotations

import pytest

from nbnumba.benchmark.scaling import STEP_PIXELS, ScalingPoint, scaling_laws
from nbnumba.benchmark.workloads import SCALING_STEPS, TABLE_FILE, WORKLOADS, scaling_arguments, write_inputs
from nbnumba.flags import interpret
from nbnumba.io.hkl import read_hkl
from nbnumba.setup.lowering import lower


def test_workloads_cover_every_target():
    targets = {name: workload.target for name, workload in WORKLOADS.items()}
    assert targets == {
        "W1": 16, "W2": 20, "W2-N30": 18, "W3": 24, "W3-N20": 40, "W3-tophat": 20, "W4": 18, "W5": 15,
        "W6": 18, "W7": 7,
    }  # fmt: skip


def test_the_size_of_the_detector_does_not_depend_on_its_number_of_pixels():
    for pixels in (100, 300):
        model = lower(interpret(WORKLOADS["W2"].arguments(pixels)).experiment)
        assert model.geometry.pixels_fast == pixels
        assert model.geometry.size_fast == pytest.approx(0.2048, rel=1e-12)  # the pixel size is typed with 12 digits


def test_the_table_is_the_same_every_time_and_covers_the_detector(tmp_path, monkeypatch):
    write_inputs(tmp_path)
    first = (tmp_path / TABLE_FILE).read_bytes()
    write_inputs(tmp_path)
    assert (tmp_path / TABLE_FILE).read_bytes() == first
    factors = read_hkl(tmp_path / TABLE_FILE)
    assert (factors.h_min, factors.h_range, factors.count) == (-40, 81, 81**3)
    monkeypatch.chdir(tmp_path)
    model = lower(interpret(WORKLOADS["W7"].arguments()).experiment)
    assert model.interpolation
    # no reflection beyond sin θ/λ of the corners, so |h| is at most 2 sin θ/λ a
    g = model.geometry
    corner = ((g.size_fast / 2) ** 2 + (g.size_slow / 2) ** 2) ** 0.5 / g.distance
    assert corner / model.wavelength * 1e-10 * max(model.lattice.lengths) < 38


@pytest.mark.parametrize("steps", SCALING_STEPS)
def test_scaling_flags_give_the_steps_that_they_promise(steps):
    assert lower(interpret(scaling_arguments(SCALING_STEPS[steps], 4)).experiment).params.scale.steps == steps
    assert steps in STEP_PIXELS


def test_scaling_laws_are_slopes_in_logarithms():
    points = [ScalingPoint("pixels", n, n, 3e-9 * n) for n in (100, 1000, 10000)]
    points += [ScalingPoint("threads", n, 1, 4.0 / n) for n in (1, 2, 4)]
    # images of different sizes: what counts is the time per pixel
    points += [ScalingPoint("steps per pixel", n, pixels, 1e-9 * n * pixels) for n, pixels in ((10, 64), (1000, 4))]
    laws = scaling_laws(points)
    slopes = {quantity: round(slope, 9) for quantity, (slope, _) in laws.items()}
    assert slopes == {"pixels": 1.0, "threads": -1.0, "steps per pixel": 1.0}
    assert all(factor == pytest.approx(1.0, rel=1e-12) for _, factor in laws.values())


def test_a_bent_line_is_told_from_a_straight_one():
    points = [ScalingPoint("domains", n, 1, seconds) for n, seconds in ((1, 1.0), (10, 20.0), (100, 100.0))]
    slope, factor = scaling_laws(points)["domains"]
    # the fit of 0, log 20, log 100 at 0, 1, 2 (decades) has the slope of its ends and leaves 2/3 log 2 in the middle
    assert slope == pytest.approx(1.0, rel=1e-12)
    assert factor == pytest.approx(2.0 ** (2 / 3), rel=1e-12)

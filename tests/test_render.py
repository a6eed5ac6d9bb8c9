"""The driver around the engines: order-dependent quirks, spans, threads, progress, interruption."""

from __future__ import annotations

import _thread
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from golden import MAX_RELATIVE_DIFFERENCE, RELATIVE_FLOOR

from nbnumba.config import Beam, Crystal, Detector, Experiment, Sampling, Spread, StructureFactors, UnitCell
from nbnumba.engine import scan as render_module
from nbnumba.engine.background import HostBackgrounds
from nbnumba.engine.registry import make_engine
from nbnumba.engine.scan import render, run_interruptible
from nbnumba.errors import UsageError
from nbnumba.kernels.params import PIXELS_PER_BLOCK, STATUS_EVALUATED, last_pixel
from nbnumba.setup.lowering import lower
from nbnumba.simulation import Renderer, simulate

DETECTOR = Detector(pixels_fast=40, pixels_slow=30, pixel_size=0.4, distance=60.0)


def random_factors(edge=12):
    amplitudes = np.random.default_rng(3).uniform(1.0, 300.0, (2 * edge + 1,) * 3)
    return StructureFactors(amplitudes, -edge, -edge, -edge)


CARRYOVER = Experiment(
    Crystal(unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), default_F=100.0, cells=(5, 5, 5)),
    Beam(), DETECTOR, Sampling(phi=0.0, oscillation=2.0, phi_steps=3, oversample=1), "nanobragg",
)  # fmt: skip
STICKY = Experiment(
    Crystal(unit_cell=UnitCell(50.0), structure_factors=random_factors(6), cells=(2, 2, 2), interpolate=True),
    Beam(wavelength=1.5), Detector(pixels_fast=40, pixels_slow=30, pixel_size=0.4, distance=45.0,
                                   beam_center=(0.0, 0.0)),
    Sampling(oversample=1), "nanobragg",
)  # fmt: skip
MANY_SOURCES = Experiment(
    Crystal(unit_cell=UnitCell(100.0), default_F=10.0, cells=(5, 5, 5)),
    Beam(horizontal_divergence=Spread(range=2.0, steps=3), kahn_factor=0.9), DETECTOR, Sampling(oversample=2),
)  # fmt: skip


@pytest.mark.parametrize("engine", ["reference", "cpu"])
@pytest.mark.parametrize("experiment", [CARRYOVER, STICKY, MANY_SOURCES], ids=["carryover", "sticky", "sources"])
def test_image_is_the_same_for_any_number_of_threads_to_the_bit(experiment, engine):
    one, two = (simulate(experiment, engine, threads=n).image for n in (1, 2))
    assert np.array_equal(one.view(np.uint32), two.view(np.uint32))


@pytest.mark.parametrize("dmin", [3.0, 6.0, 9.0, 12.0, 15.0, 18.0])
def test_the_image_opens_with_the_first_pixel_within_the_resolution_limit_not_with_its_neighbour(dmin):
    # the limit's circle is reached by the right subpixels of the first pixel last
    sampling = replace(CARRYOVER.sampling, dmin=dmin, oversample=3)
    images = [simulate(replace(CARRYOVER, sampling=sampling), engine).image for engine in ("cpu", "reference")]
    assert images[0].any()
    np.testing.assert_allclose(*images, rtol=MAX_RELATIVE_DIFFERENCE, atol=RELATIVE_FLOOR * images[0].max())


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_oversample_thick_without_thickness_is_dark(engine):
    # nanoBragg asks a layer of no thickness what it absorbs
    assert not simulate(replace(CARRYOVER, sampling=Sampling(oversample=2, oversample_thick=True)), engine).image.any()


@pytest.mark.parametrize("seconds", [0.0, 100.0])
@pytest.mark.parametrize("experiment", [CARRYOVER, STICKY], ids=["carryover", "sticky"])
def test_image_does_not_depend_on_how_it_is_cut_into_spans(experiment, seconds, monkeypatch):
    usual = simulate(experiment, "reference")
    monkeypatch.setattr(render_module, "FIRST_STEPS", 1)
    monkeypatch.setattr(render_module, "SPAN_SECONDS", seconds)
    other = simulate(experiment, "reference")
    assert np.array_equal(usual.image, other.image)
    assert other.solid_angle_sr == pytest.approx(usual.solid_angle_sr, rel=1e-13)
    assert other.scan == usual.scan


def test_only_the_first_pixel_sees_the_unrotated_crystal_at_spindle_angle_zero():
    result = simulate(CARRYOVER, "reference")
    params = result.model.params
    image = np.zeros_like(result.image)
    status, sums = np.zeros(image.size, dtype=np.uint8), np.zeros(-(-image.size // PIXELS_PER_BLOCK))
    make_engine("reference").render_range(params, 0, image.size, False, False, image, status, sums)
    assert np.flatnonzero(image != result.image).tolist() == [0]
    assert result.scan.opening_pixel == 0


def test_interpolation_stops_at_the_first_pixel_that_meets_the_edge_of_the_grid():
    result = simulate(STICKY, "reference")
    last = result.scan.last_interpolated_pixel
    assert 0 < last < result.image.size - 1
    nearest = simulate(
        Experiment(Crystal(unit_cell=UnitCell(50.0), structure_factors=random_factors(6), cells=(2, 2, 2),
                           interpolate=False), STICKY.beam, STICKY.detector, STICKY.sampling, STICKY.physics),
        "reference",
    ).image.ravel()  # fmt: skip
    ours = result.image.ravel()
    assert np.array_equal(ours[last + 1 :], nearest[last + 1 :])
    # at the beam centre every index is zero, and interpolation gives the very amplitude of 000
    assert np.count_nonzero(ours[:last] == nearest[:last]) <= 1


def test_pixels_outside_the_region_of_interest_stay_zero():
    image = simulate(Experiment(MANY_SOURCES.crystal, MANY_SOURCES.beam, DETECTOR, Sampling(roi=(5, 9, 7, 8)))).image
    inside = image[7:9, 5:10]
    assert np.all(inside > 0)
    assert image.sum() == pytest.approx(inside.sum())


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_every_pixel_reports_whether_it_was_evaluated(engine):
    mask = np.ones((30, 40), dtype=np.uint16)
    mask[3, 4:6] = 0
    params = lower(replace(CARRYOVER, detector=replace(DETECTOR, mask=mask))).params
    # memory that held other bits
    status, sums = np.full(mask.size, 255, dtype=np.uint8), np.zeros(-(-mask.size // PIXELS_PER_BLOCK))
    image = np.zeros(mask.shape, dtype=np.float32)
    make_engine(engine).render_range(params, 0, mask.size, False, False, image, status, sums)
    np.testing.assert_array_equal(status.reshape(mask.shape), mask * STATUS_EVALUATED)


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_pixels_come_out_the_same_where_nobody_asks_for_their_status(engine):
    params = lower(STICKY).params
    pixels = last_pixel(params.panels)
    results = []
    for room in (pixels, 0):
        image, status = np.zeros((30, 40), np.float32), np.zeros(room, np.uint8)
        sums = np.zeros(-(-pixels // PIXELS_PER_BLOCK))
        make_engine(engine).render_range(params, 0, pixels, False, True, image, status, sums)
        results.append((image, sums))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_masked_pixels_stay_zero():
    mask = np.ones((30, 40), dtype=np.uint16)
    mask[3, 4] = 0
    detector = Detector(pixels_fast=40, pixels_slow=30, pixel_size=0.4, distance=60.0, mask=mask)
    image = simulate(Experiment(MANY_SOURCES.crystal, MANY_SOURCES.beam, detector)).image
    assert np.flatnonzero(image == 0).tolist() == [3 * 40 + 4]


def test_compiling_does_not_count_as_rendering(monkeypatch):
    now = 0.0

    class FirstCallCompiles:
        """Ten minutes for the compiler, then a second for each range."""

        calls = 0
        threads = 1
        backgrounds = HostBackgrounds(threads=1)

        def load(self, *arguments):
            self.render_range()

        def render_range(self, *arguments):
            nonlocal now
            now += 1.0 if self.calls else 600.0
            self.calls += 1

    monkeypatch.setattr(render_module.time, "perf_counter", lambda: now)
    params = lower(MANY_SOURCES).params
    engine = FirstCallCompiles()
    seconds = render(params, engine, np.zeros((30, 40), dtype=np.float32)).seconds
    assert seconds == engine.calls - 1 > 0


def test_reported_solid_angle_is_that_of_the_rectangle():
    detector = Detector(pixels_fast=200, pixels_slow=100, pixel_size=0.5, distance=80.0)
    # MOSFLM's default beam centre lies one pixel off the middle: place it exactly with XDS's origin
    result = simulate(Experiment(MANY_SOURCES.crystal, Beam(), detector, Sampling(oversample=1)))
    g = result.model.geometry

    def corner(f, s):
        d = g.close_distance
        return np.arctan2(f * s, d * np.sqrt(f * f + s * s + d * d))

    f0, f1 = -g.f_close, g.size_fast - g.f_close
    s0, s1 = -g.s_close, g.size_slow - g.s_close
    exact = corner(f1, s1) - corner(f0, s1) - corner(f1, s0) + corner(f0, s0)
    # midpoint rule over 0.5 mm pixels at 80 mm: (p/d)²
    assert result.solid_angle_sr == pytest.approx(exact, rel=4e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_where_blocks_take_long_each_thread_gets_as_many(threads, monkeypatch):
    monkeypatch.setattr(render_module, "FIRST_STEPS", 1)
    monkeypatch.setattr(render_module, "SPAN_SECONDS", 1e-9)
    assert set(_spans(threads)[:-1]) == {threads * PIXELS_PER_BLOCK}


@pytest.mark.parametrize("threads", [1, 2])
def test_spans_have_a_largest_size_for_each_thread(threads, monkeypatch):
    monkeypatch.setattr(render_module, "FIRST_STEPS", 1)
    monkeypatch.setattr(render_module, "SPAN_SECONDS", 100.0)
    monkeypatch.setattr(render_module, "SPAN_PIXELS", 4 * PIXELS_PER_BLOCK)
    assert max(_spans(threads)) == 4 * threads * PIXELS_PER_BLOCK


def _spans(threads):
    """Pixels of each span."""
    seen = [0]
    simulate(MANY_SOURCES, "cpu", threads, progress=lambda done, total: seen.append(done))
    return list(np.diff(seen))


def test_progress_rises_to_the_number_of_pixels():
    seen = []
    simulate(MANY_SOURCES, "reference", progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (1200, 1200)


def test_rendering_can_stop_before_a_pixel():
    params = lower(MANY_SOURCES).params
    image = np.zeros((30, 40), dtype=np.float32)
    render(params, make_engine("reference"), image, last=50)
    assert np.all(image.ravel()[:50] > 0)
    assert np.all(image.ravel()[50:] == 0)


def test_interruption_reaches_the_caller_while_a_worker_computes():
    release = threading.Event()
    threading.Timer(0.2, _thread.interrupt_main).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_interruptible(release.wait, 30.0)
    release.set()
    assert time.monotonic() - began < 10.0


def test_errors_in_the_worker_reach_the_caller():
    with pytest.raises(ZeroDivisionError):
        run_interruptible(lambda: 1 / 0)


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_than_one_thread_is_refused(threads):
    with pytest.raises(UsageError, match="threads=.*: give at least 1"):
        simulate(MANY_SOURCES, "reference", threads=threads)


@pytest.mark.parametrize("threads", ["2", 1.5, True])
def test_a_number_of_threads_is_a_whole_number(threads):
    with pytest.raises(UsageError, match="threads must be a whole number, not "):
        simulate(MANY_SOURCES, "reference", threads=threads)


@pytest.mark.parametrize("experiments", [None, MANY_SOURCES])
def test_a_sequence_is_an_iterable_of_experiments(experiments):
    with Renderer("reference") as renderer, pytest.raises(UsageError, match="as a list or another iterable, not "):
        next(renderer.render_many(experiments))


def test_a_closed_renderer_is_not_entered_again():
    with Renderer("reference") as renderer:
        pass
    with pytest.raises(UsageError, match="this renderer is closed"), renderer:
        pass


def test_unknown_engine_is_refused_by_name():
    with pytest.raises(UsageError, match="unknown engine 'fpga'.*reference"):
        make_engine("fpga")

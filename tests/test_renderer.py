"""A renderer makes image after image; each is the image that it would be alone."""

from __future__ import annotations

import _thread
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from nbnumba import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    NbnumbaWarning,
    Renderer,
    Sampling,
    StructureFactors,
    UnitCell,
    UsageError,
    simulate,
)
from nbnumba.engine import scan
from nbnumba.kernels.params import PIXELS_PER_BLOCK

FACTORS = StructureFactors(np.random.default_rng(1).uniform(1.0, 300.0, (9, 9, 9)), -4, -4, -4)
BASE = Experiment(
    Crystal(unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), cells=(5, 5, 5), structure_factors=FACTORS,
            default_F=7.0, mosaic_spread=1.0, mosaic_domains=4),
    Beam(), Detector(pixels_fast=70, pixels_slow=50, pixel_size=0.5, distance=60.0), Sampling(oversample=1),
)  # fmt: skip


def turned(experiment: Experiment, angle: float) -> Experiment:
    """The same with another orientation of the crystal."""
    return replace(experiment, crystal=replace(experiment.crystal, misset=(angle, 0.0, 0.0)))


OTHERS = (
    turned(BASE, 10.0),
    replace(BASE, detector=Detector(pixels_fast=31, pixels_slow=17, pixel_size=0.5, distance=60.0)),
    replace(BASE, crystal=replace(BASE.crystal, shape="gauss")),
    replace(BASE, crystal=replace(BASE.crystal, interpolate=True), sampling=Sampling(oversample=2, dmin=3.0)),
    replace(BASE, detector=replace(BASE.detector, sensor=replace(BASE.detector.sensor, thickness=300.0))),
    BASE,
)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_images_do_not_depend_on_those_before(engine):
    with Renderer(engine, threads=2) as renderer:
        for experiment in OTHERS:
            ours, alone = renderer.render(experiment), simulate(experiment, engine, threads=1)
            assert np.array_equal(ours.image, alone.image)
            assert ours.solid_angle_sr == alone.solid_angle_sr


def test_threads_with_a_renderer_each_get_their_own_images():
    alone = {angle: simulate(turned(BASE, angle), "cpu").image for angle in range(8)}

    def images(first: int) -> bool:
        with Renderer("cpu", threads=1) as renderer:
            return all(
                np.array_equal(renderer.render(turned(BASE, angle)).image, alone[angle])
                for angle in (*range(first, 8), *range(first))
            )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(images, range(4)))


def test_threads_that_share_a_renderer_take_turns():
    with Renderer("cpu", threads=1) as renderer, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda angle: renderer.render(turned(BASE, angle)).image, range(8)))
    for angle, image in enumerate(results):
        assert np.array_equal(image, simulate(turned(BASE, angle), "cpu").image)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_an_image_of_float64_rounds_to_that_of_float32(engine):
    with Renderer(engine) as renderer:
        wide, narrow = (renderer.render(BASE, dtype=dtype).image for dtype in (np.float64, np.float32))
    assert wide.dtype == np.float64
    assert np.array_equal(wide.astype(np.float32), narrow)
    assert not np.array_equal(wide, narrow)


def test_other_types_of_images_are_refused():
    with pytest.raises(UsageError, match="dtype int32: an image is made of float32 or float64"):
        simulate(BASE, "cpu", dtype=np.int32)


def test_a_closed_renderer_says_so():
    with Renderer("cpu") as renderer:
        pass
    with pytest.raises(UsageError, match="this renderer is closed: make a new one"):
        renderer.render(BASE)


def test_what_the_command_line_warns_of_reaches_python():
    large = replace(BASE, crystal=replace(BASE.crystal, cells=(100, 5, 5)))
    with pytest.warns(NbnumbaWarning, match="the intensity may vary across a pixel; Sampling.oversample=") as caught:
        simulate(large, "cpu")
    assert {warning.filename for warning in caught} == {__file__}


def test_threads_stop_computing_soon_after_ctrl_c(monkeypatch):
    monkeypatch.setattr(scan, "FIRST_STEPS", 1)
    monkeypatch.setattr(scan, "SPAN_SECONDS", 0.01)
    spans = []

    def render_span(_scan, start, _stop):
        spans.append(start)
        time.sleep(0.01)
        return 0.0

    monkeypatch.setattr(scan._Scan, "render_span", render_span)
    long = replace(BASE, detector=Detector(pixels_fast=2000, pixels_slow=2000))
    threading.Timer(0.3, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        simulate(long, "cpu", threads=1)
    time.sleep(0.1)  # ten spans: what was under way has ended
    after = len(spans)
    time.sleep(0.3)
    assert len(spans) == after < 4e6 / PIXELS_PER_BLOCK

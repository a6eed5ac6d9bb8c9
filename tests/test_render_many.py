"""Sequences of images: in order, ahead of who takes them but not far, equal to images that are rendered alone."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import numpy as np
import pytest
from test_renderer import BASE, OTHERS, turned

from nbnumba import Detector, NbnumbaWarning, Renderer, UsageError, simulation
from nbnumba.engine import scan
from nbnumba.engine.sequence import AHEAD, Job, in_order


@pytest.mark.parametrize(("engine", "threads"), [("cpu", 1), ("cpu", 2), ("reference", 2)])
@pytest.mark.parametrize("small_steps", [0, 50_000, simulation.SMALL_STEPS], ids=["large", "both", "small"])
def test_a_sequence_equals_its_images_made_alone(engine, threads, small_steps, monkeypatch):
    # of the six images three have fewer than 50 000 steps: the middle case mixes small and large ones
    monkeypatch.setattr(simulation, "SMALL_STEPS", small_steps)
    with Renderer(engine, threads=threads) as renderer, Renderer(engine, threads=1) as alone:
        results = list(renderer.render_many(OTHERS * 2))
        assert len(results) == 2 * len(OTHERS)
        for ours, experiment in zip(results, OTHERS * 2, strict=True):
            expected = alone.render(experiment)
            assert ours.model.experiment == experiment
            assert ours.engine == engine
            assert np.array_equal(ours.image, expected.image)
            assert ours.solid_angle_sr == expected.solid_angle_sr
            assert ours.scan == expected.scan


def test_images_of_float64_come_as_such():
    with Renderer("cpu", threads=2) as renderer:
        (result,) = renderer.render_many([BASE], dtype=np.float64)
        assert result.image.dtype == np.float64
        assert np.array_equal(result.image, renderer.render(BASE, dtype=np.float64).image)


@pytest.mark.parametrize("threads", [1, 2])
def test_experiments_are_taken_as_they_are_needed(threads):
    taken = []

    def endless():
        for angle in itertools.count():
            taken.append(angle)
            yield turned(BASE, angle)

    with Renderer("cpu", threads=threads) as renderer:
        for number, result in enumerate(renderer.render_many(endless())):
            assert result.model.experiment.crystal.misset == (number, 0.0, 0.0)
            assert len(taken) <= number + 1 + AHEAD * threads
            if number == 5:
                break


def test_an_impossible_experiment_fails_after_the_images_before_it():
    broken = replace(BASE, detector=replace(BASE.detector, distance=0.0))
    with Renderer("cpu", threads=2) as renderer:
        images = renderer.render_many([BASE, OTHERS[0], broken, BASE])
        assert [next(images).image.shape for _ in range(2)] == [(50, 70), (50, 70)]
        with pytest.raises(UsageError, match=r"Detector\.distance"):
            next(images)
        assert list(images) == []


def test_warnings_come_with_each_image_and_name_the_line_of_the_caller():
    many, few = (replace(BASE, crystal=replace(BASE.crystal, cells=(cells, 5, 5))) for cells in (100, 30))
    with Renderer("cpu", threads=2) as renderer, pytest.warns(NbnumbaWarning) as caught:
        told = [len(caught) for _ in renderer.render_many([many, few, many])]
    assert told == [1, 2, 3]
    assert [str(warning.message).split(" but ")[0] for warning in caught] == [
        f"the crystal measures up to {edge} Å" for edge in (7000, 2100, 7000)
    ]
    assert {warning.filename for warning in caught} == {__file__}


def test_a_closed_renderer_makes_no_sequence():
    with Renderer("cpu", threads=2) as renderer:
        pass
    with pytest.raises(UsageError, match="this renderer is closed: make a new one"):
        list(renderer.render_many([BASE]))


def test_whoever_stops_early_does_not_wait_for_a_large_image(monkeypatch):
    """An image of 4·10¹¹ steps would take hours: it ends within a span."""
    monkeypatch.setattr(scan, "SPAN_SECONDS", 0.01)
    crystal = replace(BASE.crystal, mosaic_domains=1000)
    long = replace(BASE, crystal=crystal, detector=Detector(pixels_fast=20000, pixels_slow=20000))
    with Renderer("cpu", threads=2) as renderer:
        images = renderer.render_many([BASE, long])
        next(images)
        images.close()


class _Counted:
    """Small and large jobs that note how many are at work."""

    def __init__(self) -> None:
        self.at_work: list[str] = []
        self.together: list[tuple[str, ...]] = []
        self._lock = threading.Lock()

    def job(self, number: int, kind: str) -> Job[int]:
        def work() -> int:
            with self._lock:
                self.at_work.append(kind)
                self.together.append(tuple(self.at_work))
            threading.Event().wait(0.01)
            with self._lock:
                self.at_work.remove(kind)
            return number

        return Job(work, kind == "small")


@pytest.mark.parametrize("kinds", [("small",) * 12, ("large",) * 4, ("small", "small", "large", "small", "large") * 3])
def test_a_large_image_is_made_alone(kinds):
    counted = _Counted()
    jobs = (counted.job(number, kind) for number, kind in enumerate(kinds))
    assert list(in_order(jobs, 3)) == list(range(len(kinds)))
    assert len(counted.together) == len(kinds)
    for together in counted.together:
        assert len(together) <= 3
        assert together == ("large",) or "large" not in together
    if "large" not in kinds:
        assert max(map(len, counted.together)) == 3

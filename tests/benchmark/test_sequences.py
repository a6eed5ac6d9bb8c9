"""Images in a second are counted in sequences whose images are those made alone."""

from __future__ import annotations

import itertools

import pytest

from nbnumba import Renderer, simulate
from nbnumba.benchmark import sequences


@pytest.fixture
def short(monkeypatch):
    """Sequences that take no time."""
    monkeypatch.setattr(sequences, "SIZES", (16,))
    monkeypatch.setattr(sequences, "SECONDS", 0.0)


def test_the_crystal_turns_and_shares_its_table():
    one, other = itertools.islice(sequences.turning_crystal(16, "exact"), 2)
    assert (one.crystal.misset, other.crystal.misset) == ((0.0, 0.0, 0.0), (0.1, 0.0, 0.0))
    assert one.crystal.structure_factors is other.crystal.structure_factors
    assert one.physics.base == "exact"
    assert simulate(one, "cpu").image.max() > 0.0


def test_rates_are_measured_for_every_engine_size_and_physics(short):
    told = []
    one, two, reference = sequences.measure_sequences(["cpu"], ["nanobragg"], [1, 2], 1, told.append) + (
        sequences.measure_sequences(["reference"], ["exact"], [2], 1, told.append)
    )
    assert [(r.engine, r.threads, r.physics) for r in (one, two, reference)] == [
        ("cpu", 1, "nanobragg"), ("cpu", 2, "nanobragg"), ("reference", 2, "exact")
    ]  # fmt: skip
    for found in (one, two, reference):
        assert found.same_bits
        assert 0.0 < found.rates["min"] <= found.rates["max"]
        assert found.single_rates["min"] > 0.0
    # only several threads of the fast engine are compared with processes
    assert (one.of_processes, reference.of_processes) == (None, None)
    assert two.of_processes["median"] > 0.0
    assert told[0] == "sequences: cpu, double, 1 threads, 16x16, nanobragg physics"


def test_images_that_differ_are_noticed(monkeypatch):
    with Renderer("cpu", threads=2) as renderer:
        assert sequences._have_same_bits(renderer, 16, "exact")
        monkeypatch.setattr(renderer, "render_many", lambda experiments: map(renderer.render, experiments[::-1]))
        assert not sequences._have_same_bits(renderer, 16, "exact")

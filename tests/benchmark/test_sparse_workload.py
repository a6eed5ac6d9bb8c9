"""Sums with a cutoff beside full ones, as nbnumba bench tells of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nbnumba.benchmark import sparse
from nbnumba.benchmark.report import Results, summary_lines


@pytest.fixture
def rows(monkeypatch):
    monkeypatch.setattr(sparse, "STILLS", (("nanobragg", 30),))
    return sparse.measure_sparse("cpu", 1, 2, lambda _: None, edge=128)


def told(rows):
    return "\n".join(summary_lines({"processor": "any"}, Results([], {}, [], [], None, sparse=rows)))


def test_a_promise_that_holds_comes_with_a_ratio(rows):
    (row,) = rows
    assert (row.physics, row.cells, row.pixels) == ("nanobragg", 30, 128 * 128)
    assert row.agrees
    assert row.worst <= 1.0
    assert row.ratios == [full / cut for full, cut in zip(row.full_seconds, row.sparse_seconds, strict=True)]
    assert f"{np.median(row.ratios):.3g}" in told(rows)


def test_a_promise_that_breaks_comes_without(rows):
    broken = [replace(rows[0], agrees=False, worst=3.0)]
    assert "| DISAGREES | 3 |" in told(broken)

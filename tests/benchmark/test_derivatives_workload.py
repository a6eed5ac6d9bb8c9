"""What the benchmark says of photons with all sums behind derivatives against photons alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nbnumba.benchmark.derivatives import measure_derivatives
from nbnumba.benchmark.report import Results, summary_lines


@pytest.fixture(scope="module")
def rows():
    return measure_derivatives("cpu", 2, lambda _: None, edge=24)


def told(rows):
    return "\n".join(summary_lines({"processor": "any"}, Results([], {}, [], [], None, derivatives=rows)))


def test_equal_photons_come_with_a_ratio(rows):
    assert [row.shape for row in rows] == ["gauss", "round", "square"]
    for row in rows:
        assert row.terms == 24 * 24 * 200
        assert row.agrees
        assert row.ratios == [both / alone for both, alone in zip(row.basis_seconds, row.value_seconds, strict=True)]
        assert f"{np.median(row.ratios):.3g}" in told([row])


def test_other_photons_come_without(rows):
    assert "| DISAGREES |" in told([replace(rows[0], agrees=False)])

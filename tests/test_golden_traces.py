"""Every line of our traces equals the line that an instrumented nanoBragg.c printed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from golden import GoldenCase, golden_cases, interpret_case

from nbnumba.lowering import lower
from nbnumba.tracing import trace_pixels

RELATIVE_TOLERANCE = 1e-12
"""Host geometry equals C's to the bit; libm's sin and exp and the 15 printed digits cost a few 1e-16 each,
which the interference functions of up to 47 cells multiply by some hundreds."""

INTEGER = re.compile(r"-?\d+")

TRACED = [
    pytest.param(case, slow, fast, id=f"{case.name}-{slow}-{fast}")
    for case in golden_cases()
    for slow, fast in case.traced_pixels
]


def _split(line: str) -> tuple[str, list[str]]:
    """Key and values of a trace line."""
    _, key, *values = line.split()
    return key, values


def _values_agree(ours: list[str], reference: list[str]) -> bool:
    return len(ours) == len(reference) and all(map(_value_agrees, ours, reference))


def _value_agrees(ours: str, reference: str) -> bool:
    if ours == reference:
        return True
    if INTEGER.fullmatch(ours) and INTEGER.fullmatch(reference):
        return int(ours) == int(reference)
    return bool(np.isclose(float(ours), float(reference), rtol=RELATIVE_TOLERANCE, atol=0.0))


@pytest.mark.parametrize(("case", "slow", "fast"), TRACED)
def test_every_line_equals_nanobraggs(case: GoldenCase, slow: int, fast: int, tmp_path: Path):
    model = lower(interpret_case(case, tmp_path).experiment)
    ours = [_split(line) for line in trace_pixels(model, [(slow, fast)])]
    reference = [_split(line) for line in case.trace_file(slow, fast).read_text().splitlines()]
    assert [key for key, _ in ours] == [key for key, _ in reference]
    diverged = [
        f"line {number}: {key} {mine}, nanoBragg {theirs}"
        for number, ((key, mine), (_, theirs)) in enumerate(zip(ours, reference, strict=True), start=1)
        if not _values_agree(mine, theirs)
    ]
    assert diverged == []

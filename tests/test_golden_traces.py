"""Every line of our traces equals the line that an instrumented nanoBragg.c printed."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest
from golden import GoldenCase, golden_cases, interpret_case

from nbnumba.setup.lowering import lower
from nbnumba.setup.model import Model
from nbnumba.trace.record import PixelTrace, record_pixels, trace_lines

RELATIVE_TOLERANCE = 1e-12
"""Host geometry equals C's to the bit; libm's sin and exp and the 15 printed digits cost a few 1e-16 each,
which the interference functions of up to 47 cells multiply by some hundreds. No absolute floor: components near zero,
differences of large numbers, come out of C's order of operations with C's bits."""

INTEGER = re.compile(r"-?\d+")

TRACED = [
    pytest.param((case, slow, fast), id=f"{case.name}-{slow}-{fast}")
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


@dataclass(frozen=True)
class Traced:
    """A pixel of a golden case and our trace of it."""

    case: GoldenCase
    model: Model
    trace: PixelTrace


@pytest.fixture(scope="module", params=TRACED)
def traced(request, tmp_path_factory) -> Traced:
    case, slow, fast = request.param
    model = lower(interpret_case(case, tmp_path_factory.mktemp(case.name)).experiment)
    (trace,) = record_pixels(model, [(slow, fast)])
    return Traced(case, model, trace)


def test_every_line_equals_nanobraggs(traced: Traced):
    ours = [_split(line) for line in trace_lines(traced.model, [traced.trace])]
    log = traced.case.trace_file(traced.trace.slow, traced.trace.fast)
    reference = [_split(line) for line in log.read_text().splitlines()]
    assert [key for key, _ in ours] == [key for key, _ in reference]
    diverged = [
        f"line {number}: {key} {mine}, nanoBragg {theirs}"
        for number, ((key, mine), (_, theirs)) in enumerate(zip(ours, reference, strict=True), start=1)
        if not _values_agree(mine, theirs)
    ]
    assert diverged == []


def test_the_traced_value_is_that_of_nanobraggs_trace_to_the_bit(traced: Traced):
    log = traced.case.trace_file(traced.trace.slow, traced.trace.fast)
    key, (value,) = _split(log.read_text().splitlines()[-1])
    assert key == "floatimage_accumulated"
    # 15 digits tell every float32 from its neighbours
    assert traced.trace.photons.tobytes() == np.float32(value).tobytes()

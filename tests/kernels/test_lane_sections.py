"""Every pass over the lanes reads and assigns the sections of the scratch that it says, and no others."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = '''
import functools, json, sys
import numpy as np
from nbnumba.numerics import four, scratch

POISON = np.array([0x7FF8DEADBEEF0001]).view(np.float64)[0]
"""A NaN that no arithmetic makes."""

calls, wrong = {}, set()


def poisoned(values):
    return values.view(np.int64) == np.int64(0x7FF8DEADBEEF0001)


def touches(reads=(), writes=()):
    def decorate(function):
        @functools.wraps(function)
        def checked(*arguments):
            (s,) = [a for a in arguments if isinstance(a, np.ndarray) and a.shape == (scratch.SCRATCH,)]
            calls[function.__name__] = calls.get(function.__name__, 0) + 1
            before = s.copy()
            hidden = np.ones(scratch.SCRATCH, dtype=bool)
            for section in reads:
                hidden[section : section + scratch.LANES] = False
            s[hidden] = POISON
            result = function(*arguments)
            kept = s.copy()
            untouched = poisoned(s)
            s[untouched] = before[untouched]
            allowed = np.zeros(scratch.SCRATCH, dtype=bool)
            for section in writes:
                allowed[section : section + scratch.LANES] = True
            changed = (s != before) & ~(np.isnan(s) & np.isnan(before))
            if np.any(changed & ~allowed):
                sections = np.flatnonzero(changed & ~allowed) // scratch.LANES
                wrong.add(f"{function.__name__} assigns {sorted(set(sections.tolist()))}")
            return result
        checked.reads, checked.writes = reads, writes
        return checked
    return decorate


scratch.touches = touches
from nbnumba.physics import structure_factor
four.load_four, four.weighted_fours = structure_factor.row_at, structure_factor.weighted_rows
four.unpacked = lambda numbers: numbers
from nbnumba.flags import interpret
from nbnumba.setup.lowering import lower
from nbnumba.engine.registry import make_engine
from nbnumba.engine.scan import render

images = {}
for name, flags in json.loads(sys.argv[1]).items():
    params = lower(interpret(flags.split()).experiment).params
    rendered = []
    for engine in ("cpu", "reference"):
        image = np.zeros((7, 15), dtype=np.float32)
        with np.errstate(all="ignore"):
            render(params, make_engine(engine, threads=1), image)
        rendered.append(image)
    ours, plain = rendered
    images[name] = float(np.max(np.abs(ours - plain)) / plain.max())
print(json.dumps({"calls": calls, "wrong": sorted(wrong), "differences": images}))
'''

BASE = "-cell 70 80 90 75 85 95 -lambda 1 -N 3 -distance 60 -pixel 4 -detpixels_f 15 -detpixels_s 7 -default_F 10"
CASES = {
    "square": "-oversample 2 -mosaic 1 -mosaic_dom 2",
    "round": "-oversample 1 -round_xtal -hdivrange 4 -hdivsteps 2",
    "gauss": "-oversample 1 -gauss_xtal -oversample_omega -water 3",
    "tophat": "-oversample 1 -tophat_spots -dmin 2 -fudge 0.001",
    "table": "-oversample 1 -hkl {folder}/table.hkl -nointerpolate -polar 0.8",
    "interpolated": "-oversample 1 -hkl {folder}/table.hkl -interpolate -curved_det",
    "layers": "-oversample 1 -detector_thick 300 -detector_abs 200 -thicksteps 2 -oversample_thick -oversample_polar",
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lanes")
    indices = ((h - 5, k - 9, l - 9) for h, k, l in np.ndindex(11, 19, 19))  # noqa: E741
    (folder / "table.hkl").write_text("".join(f"{h} {k} {l} {50 + h * h + 2 * k + l}\n" for h, k, l in indices))  # noqa: E741
    cases = {name: f"{BASE} -dump {folder}/F.bin {flags.format(folder=folder)}" for name, flags in CASES.items()}
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, json.dumps(cases)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("case", CASES)
def test_no_pass_needs_a_section_that_it_does_not_read(checked, case):
    # plain Python fuses nothing, and sums the reference engine's way but for the reduced sines
    assert checked["differences"][case] < 1e-6


def test_no_pass_assigns_a_section_that_it_does_not_write(checked):
    assert checked["wrong"] == []


def test_every_pass_was_looked_at(checked):
    assert set(checked["calls"]) >= {
        "place_pixels", "place_subpixels", "absorb", "scatter", "limit_resolution", "polarize", "polarize_group",
        "index_lanes", "square_lanes", "round_lanes", "gauss_lanes", "tophat_lanes", "look_up", "interpolate",
        "add_terms", "add_to_running_sums", "weigh_subpixel", "weigh_source", "_scale_by", "_store",
    }  # fmt: skip

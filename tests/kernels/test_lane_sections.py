"""Every pass over the lanes reads and assigns the sections of the scratch that it says, and no others."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from golden import ROOT

PROGRAM = '''
import functools, inspect, json, sys
import numpy as np
from nbnumba.numerics import four, scratch

POISON = np.array([0x7FF8DEADBEEF0001]).view(np.float64)[0]
"""A NaN that no arithmetic makes."""

calls, wrong = {}, set()


def poisoned(values):
    return values.view(np.int64) == np.int64(0x7FF8DEADBEEF0001)


def is_scratch(argument):
    """That of images, or that of derivatives, which is longer by some columns."""
    return isinstance(argument, np.ndarray) and argument.ndim == 1 and argument.size >= scratch.SCRATCH


def touches(reads=(), writes=()):
    def decorate(function):
        names = tuple(inspect.signature(function).parameters)

        @functools.wraps(function)
        def checked(*arguments):
            (s,) = [a for a in arguments if is_scratch(a)]
            calls[function.__name__] = calls.get(function.__name__, 0) + 1
            before = s.copy()
            # a pass that is told a column reads and assigns it
            own = [value for name, value in zip(names, arguments) if name == "column"]
            hidden = np.ones(s.size, dtype=bool)
            for section in (*reads, *own):
                hidden[section : section + scratch.LANES] = False
            s[hidden] = POISON
            result = function(*arguments)
            kept = s.copy()
            untouched = poisoned(s)
            s[untouched] = before[untouched]
            allowed = np.zeros(s.size, dtype=bool)
            for section in (*writes, *own):
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

differences = {}
for name, flags in json.loads(sys.argv[1]).items():
    params = lower(interpret(flags.split()).experiment).params
    rendered = []
    for engine in ("cpu", "reference"):
        image = np.zeros((7, 15), dtype=np.float32)
        with np.errstate(all="ignore"):
            render(params, make_engine(engine, threads=1), image)
        rendered.append(image)
    ours, plain = rendered
    differences[name] = float(np.max(np.abs(ours - plain)) / plain.max())

from refine.experiments import experiment
from nbnumba.refine import PixelModel

PIXELS = [(panel, slow, fast) for panel in (0, 1) for slow in range(7) for fast in range(8)][::5]
for name, (parameters, fields) in json.loads(sys.argv[2]).items():
    start = experiment(**fields)
    ours, plain = (PixelModel(start, parameters, PIXELS, engine=engine, threads=1) for engine in ("cpu", "reference"))
    with np.errstate(all="ignore"):
        photons, jacobian = ours.value_and_jacobian(ours.start)
        (others, expected), alone = plain.value_and_jacobian(plain.start), ours(ours.start)
    pairs = [(photons, others), (alone, others), *zip(jacobian.T, expected.T)]
    differences[name] = max(float(np.max(np.abs(one - other)) / np.abs(other).max()) for one, other in pairs)
print(json.dumps({"calls": calls, "wrong": sorted(wrong), "differences": differences}))
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

ALL = ["scale", "orientation", "cell", "origin", "panel_rotation", "beam_direction", "wavelength_scale"]
DERIVATIVES = {
    "derivatives": (ALL, {}),
    "derivatives, round": (
        [*ALL, "N", "mosaic_spread", "B", "spectrum"], {"shape": "round", "dmin": 4.0, "water": 0.05}
    ),
    "derivatives, square": (
        [*ALL, "mosaic_spread", "B"], {"shape": "square", "interpolate": True, "polarization": False}
    ),
}  # fmt: skip
"""Parameters and fields of `refine.experiments.experiment`: with and without the passes that some of them need."""


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lanes")
    indices = ((h - 5, k - 9, l - 9) for h, k, l in np.ndindex(11, 19, 19))  # noqa: E741
    (folder / "table.hkl").write_text("".join(f"{h} {k} {l} {50 + h * h + 2 * k + l}\n" for h, k, l in indices))  # noqa: E741
    cases = {name: f"{BASE} -dump {folder}/F.bin {flags.format(folder=folder)}" for name, flags in CASES.items()}
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests"), environment.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, json.dumps(cases), json.dumps(DERIVATIVES)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("case", [*CASES, *DERIVATIVES])
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
        "add_slopes", "add_squares", "interpolate_slopes", "add_interpolated_slopes", "add_rate", "add_table",
        "absorb_slopes", "weigh_crystal", "close_photons", "close_sums", "close_ray", "close_line",
    }  # fmt: skip

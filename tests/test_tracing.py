"""Traces come from the code that renders, and that code pays nothing for them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest

from nbnumba.config import (
    Beam,
    Crystal,
    CrystalShape,
    Detector,
    Experiment,
    Sampling,
    Sensor,
    Spread,
    StructureFactors,
    UnitCell,
)  # fmt: skip
from nbnumba.errors import UsageError
from nbnumba.kernels import pixel as pixel_module
from nbnumba.kernels.events import EVENT_WIDTH
from nbnumba.kernels.panels import panel_plane
from nbnumba.setup.lowering import lower
from nbnumba.simulation import simulate_model
from nbnumba.trace.record import find_scan_state, record_pixels, trace_lines
from nbnumba.trace.taps import TAPS, check_taps, tap_pixel

FACTORS = StructureFactors(np.random.default_rng(1).uniform(1.0, 100.0, (25, 25, 25)), -12, -12, -12)
BASE = Experiment(
    Crystal(unit_cell=UnitCell(60.0, 70.0, 80.0), default_F=10.0, cells=(3, 4, 5), structure_factors=FACTORS),
    Beam(wavelength=1.2, kahn_factor=0.9),
    Detector(pixels_fast=24, pixels_slow=20, pixel_size=0.5, distance=50.0),
    Sampling(oversample=2),
    "nanobragg",
)
VARIANTS = {
    **{shape.name.lower(): replace(BASE, crystal=replace(BASE.crystal, shape=shape)) for shape in CrystalShape},
    "interpolation": replace(BASE, crystal=replace(BASE.crystal, interpolate=True)),
    "layers": replace(BASE, detector=replace(BASE.detector, sensor=Sensor(300.0, 200.0, 3)),
                      sampling=Sampling(oversample=2, oversample_thick=True)),
    "sources": replace(BASE, beam=replace(BASE.beam, horizontal_divergence=Spread(range=3.0, steps=3),
                                          dispersion=Spread(range=2.0, steps=3))),
    "resolution": replace(BASE, sampling=Sampling(oversample=2, dmin=9.0)),
    "spindle": replace(BASE, sampling=Sampling(oversample=1, oscillation=1.0, phi_steps=3),
                       crystal=replace(BASE.crystal, mosaic_spread=0.5, mosaic_domains=4)),
    "water": replace(BASE, sampling=Sampling(oversample=1, water=5.0)),
    "curved": replace(BASE, detector=replace(BASE.detector, curved=True)),
}  # fmt: skip
PIXELS = [(0, 0), (0, 1), (7, 13), (10, 12), (19, 23)]


@pytest.mark.parametrize("name", VARIANTS)
def test_traced_pixels_equal_rendered_ones_to_the_bit(name):
    model = lower(VARIANTS[name])
    image = simulate_model(model, "reference").image
    traced = np.array([trace.photons for trace in record_pixels(model, PIXELS)])
    rendered = np.array([image[pixel] for pixel in PIXELS])
    assert np.array_equal(traced.view(np.uint32), rendered.view(np.uint32))


def test_scan_state_of_a_trace_is_that_of_the_whole_image():
    model = lower(VARIANTS["interpolation"])
    assert find_scan_state(model, [(19, 23)]) == simulate_model(model, "reference").scan


def test_resolution_limit_shows_as_sources_without_a_polarization():
    model = lower(VARIANTS["resolution"])
    lines = list(trace_lines(model, record_pixels(model, [(0, 0)])))
    assert any("source_index" in line for line in lines)
    assert not any("polar_factor" in line for line in lines)


@pytest.mark.parametrize("pixel", [(20, 0), (0, 24), (-1, 3)])
def test_pixels_off_the_detector_are_refused(pixel):
    with pytest.raises(UsageError, match="outside the region of interest"):
        record_pixels(lower(BASE), [(0, 0), pixel])


def test_masked_pixels_are_refused():
    mask = np.ones((20, 24), dtype=np.uint16)
    mask[2, 3] = 0
    with pytest.raises(UsageError, match="masked"):
        record_pixels(lower(replace(BASE, detector=replace(BASE.detector, mask=mask))), [(2, 3)])


class _WithoutRecording(ast.NodeTransformer):
    """Takes every `if events is not None:` out of the source."""

    removed = 0

    def visit_If(self, node):
        if ast.unparse(node.test) == "events is not None":
            self.removed += 1
            return None
        return self.generic_visit(node)


INSTRUCTION = re.compile(r"^ +(?:%\S+ = )?(?:tail )?([a-z]+)\b", flags=re.M)
"""Opcode of a line of LLVM's assembly."""

LOG = (np.zeros((100, EVENT_WIDTH)), np.zeros(1, dtype=np.int64))


def _instructions(function, *arguments) -> Counter[str]:
    """How often each instruction stands in the optimized code of a function of the loop nest.

    Branches and selections count as one: which of them the compiler makes of a choice differs between Python versions.
    """

    @numba.njit(error_model="numpy")
    def kernel(params, *arguments):
        return function(params, *arguments)

    kernel(lower(BASE).params, *arguments)
    (code,) = kernel.inspect_llvm().values()
    counts = Counter(INSTRUCTION.findall(code))
    counts["choice"] = counts.pop("br") + counts.pop("select")
    return counts


def test_rendering_compiles_to_the_same_instructions_with_and_without_the_trace_hook():
    source = Path(pixel_module.__file__).read_text(encoding="utf-8")
    strip = _WithoutRecording()
    bare = strip.visit(ast.parse(source))
    assert strip.removed >= 8
    namespace = {"__name__": "bare_pixel"}
    exec(compile(ast.fix_missing_locations(bare), pixel_module.__file__, "exec"), namespace)
    # its panel, pixel, not the first, interpolating
    arguments = (panel_plane(lower(BASE).params.panels, 0), 3, 4, False, True)
    with_hook = _instructions(pixel_module.render_pixel, *arguments, pixel_module.add_crystal, None, None)
    assert with_hook["fmul"] > 100
    assert with_hook == _instructions(namespace["render_pixel"], *arguments, namespace["add_crystal"], None, None)


def test_recording_shows_in_the_instructions():
    domain = (0, 0, (1e8, 2e8, 3e8), 0.0, (1.0, 1.0, 1.0, 1.0), False, pixel_module.lattice_factor)
    recording = _instructions(pixel_module.add_domain, *domain, LOG)
    rendering = _instructions(pixel_module.add_domain, *domain, None)
    assert recording["store"] > rendering["store"] + 5


def _last_values(lines: list[str], key: str, stop_at: str) -> list[list[float]]:
    """The values that a key had whenever another key came by."""
    values, last = [], [float("nan")]
    for _, name, *words in map(str.split, lines):
        if name == key:
            last = [float(word) for word in words]
        if name == stop_at:
            values.append(last)
    return values


@pytest.mark.parametrize("name", VARIANTS)
def test_taps_of_a_pixel_are_the_values_of_its_trace(name):
    model = lower(VARIANTS[name])
    (trace,) = record_pixels(model, [(7, 13)])
    taps = tap_pixel(model, trace, list(TAPS))
    lines = list(trace_lines(model, [trace]))
    assert taps["pixel"] == [7, 13]

    def column(tap: str, field: str) -> list[list[float]]:
        return [np.ravel(entry[field]).tolist() for entry in taps[tap]]

    for tap, field, key in (
        ("hkl_subpixel", "hkl_frac", "hkl_frac"), ("hkl_subpixel", "hkl_rounded", "hkl_rounded"),
        ("hkl_subpixel", "F_cell", "F_cell"), ("accum", "hkl", "hkl_frac"), ("accum", "F_cell", "F_cell"),
        ("accum", "F_latt", "F_latt"), ("accum", "omega", "omega_pixel_sr"), ("accum", "polar", "polar_factor"),
        ("accum", "capture_fraction", "capture_fraction_layer"),
    ):  # fmt: skip
        # F_cell opens the lines of a completed evaluation; 15 digits are printed
        assert column(tap, field) == _approx(_last_values(lines, key, "F_cell"))
    for field in ("I_term", "I_accum"):
        assert column("accum", field) == _approx(_last_values(lines, field, "I_accum"))
    subpixels = [[e["layer"], e["s_sub"], e["f_sub"]] for e in taps["accum"]]
    assert subpixels == _last_values(lines, "subpixel", "F_cell")
    for field in ("I_before_scaling", "steps", "omega_pixel", "polar", "capture_fraction", "I_pixel_final"):
        assert [[taps["intensity"][field]]] == _approx(_last_values(lines, field, "floatimage_accumulated"))
    assert np.float32(taps["intensity"]["floatimage"]) == trace.photons


def _approx(rows: list[list[float]]) -> list[object]:
    return [pytest.approx(row, rel=1e-14) for row in rows]


def test_taps_summarize_the_lookups_of_a_pixel():
    model = lower(VARIANTS["sources"])
    (trace,) = record_pixels(model, [(7, 13)])
    taps = tap_pixel(model, trace, ["f_cell", "hkl_subpixel", "hkl_bounds"])
    rounded = np.array([e["hkl_rounded"] for e in taps["hkl_subpixel"]])
    amplitudes = [e["F_cell"] for e in taps["hkl_subpixel"]]
    touched = {axis: [low, high] for axis, low, high in zip("hkl", rounded.min(0), rounded.max(0), strict=True)}
    assert taps["f_cell"]["lookups"] == len(amplitudes) == model.params.scale.steps
    assert taps["f_cell"]["mean"] == pytest.approx(np.mean(amplitudes), rel=1e-14)
    assert taps["f_cell"]["hkl_touched"] == taps["hkl_bounds"]["pixel"] == touched
    assert taps["hkl_bounds"]["grid"] == {"h": [-12, 12], "k": [-12, 12], "l": [-12, 12]}
    assert taps["f_cell"]["out_of_range"] == 0


def test_taps_count_lookups_off_the_grid_and_zero_amplitudes():
    factors = StructureFactors(np.zeros((3, 3, 3)), 0, 0, 0)
    crystal = replace(BASE.crystal, structure_factors=factors, interpolate=False)
    model = lower(replace(BASE, crystal=crystal))
    pixels = [(slow, fast) for slow in range(0, 20, 3) for fast in range(0, 24, 3)]
    found = set()
    for trace in record_pixels(model, pixels):
        taps = tap_pixel(model, trace, ["f_cell", "hkl_subpixel", "hkl_bounds"])
        # three reflections along each axis, 0 to 2; elsewhere the default of 10 electrons holds
        outside = [not all(0 <= index <= 2 for index in e["hkl_rounded"]) for e in taps["hkl_subpixel"]]
        assert [e["out_of_bounds"] for e in taps["hkl_subpixel"]] == outside
        assert [e["F_cell"] for e in taps["hkl_subpixel"]] == [10.0 if out else 0.0 for out in outside]
        assert (taps["f_cell"]["out_of_range"], taps["f_cell"]["zeros"]) == (sum(outside), 4 - sum(outside))
        found.update(outside)
    assert found == {False, True}


def test_a_pixel_beyond_the_resolution_limit_has_no_lookups():
    model = lower(VARIANTS["resolution"])
    (trace,) = record_pixels(model, [(0, 0)])
    taps = tap_pixel(model, trace, list(TAPS))
    assert taps["f_cell"] == {"lookups": 0, "out_of_range": 0, "zeros": 0, "mean": None, "hkl_touched": None}
    assert (taps["hkl_subpixel"], taps["accum"], taps["hkl_bounds"]["pixel"]) == ([], [], None)


def test_unknown_tap_names_the_known_ones():
    with pytest.raises(UsageError, match="unknown tap 'F'.*f_cell, hkl_subpixel"):
        check_taps(["accum", "F"])

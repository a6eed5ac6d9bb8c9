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
from nbnumba.lowering import lower
from nbnumba.simulation import simulate_model
from nbnumba.taps import TAPS, tap_pixel
from nbnumba.tracing import find_scan_state, record_pixel, trace_pixels

FACTORS = StructureFactors(np.random.default_rng(1).uniform(1.0, 100.0, (26, 26, 26)), -12, -12, -12)
BASE = Experiment(
    Crystal(unit_cell=UnitCell(60.0, 70.0, 80.0), default_F=10.0, cells=(3, 4, 5), structure_factors=FACTORS),
    Beam(wavelength=1.2, kahn_factor=0.9),
    Detector(pixels_fast=24, pixels_slow=20, pixel_size=0.5, distance=50.0),
    Sampling(oversample=2),
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
    scan = find_scan_state(model, PIXELS)
    traced = np.array([record_pixel(model, slow, fast, scan).photons for slow, fast in PIXELS])
    rendered = np.array([image[pixel] for pixel in PIXELS])
    assert np.array_equal(traced.view(np.uint32), rendered.view(np.uint32))


def test_scan_state_of_a_trace_is_that_of_the_whole_image():
    model = lower(VARIANTS["interpolation"])
    assert find_scan_state(model, [(19, 23)]) == simulate_model(model, "reference").scan


def test_resolution_limit_shows_as_sources_without_a_polarization():
    lines = trace_pixels(lower(VARIANTS["resolution"]), [(0, 0)])
    assert any("source_index" in line for line in lines)
    assert not any("polar_factor" in line for line in lines)


@pytest.mark.parametrize("pixel", [(20, 0), (0, 24), (-1, 3)])
def test_pixels_off_the_detector_are_refused(pixel):
    with pytest.raises(UsageError, match="outside the region of interest"):
        trace_pixels(lower(BASE), [pixel])


def test_masked_pixels_are_refused():
    mask = np.ones((20, 24), dtype=np.uint16)
    mask[2, 3] = 0
    with pytest.raises(UsageError, match="masked"):
        trace_pixels(lower(replace(BASE, detector=replace(BASE.detector, mask=mask))), [(2, 3)])


class _WithoutRecording(ast.NodeTransformer):
    """Takes every `if events is not None:` out of the source."""

    removed = 0

    def visit_If(self, node):
        if ast.unparse(node.test) == "events is not None":
            self.removed += 1
            return None
        return self.generic_visit(node)


COSTLY = re.compile(r"^\t(v?(?:mul|div|sqrt|round|cvt)\w*|call\w*)", flags=re.M)
"""Additions are left out: LLVM repeats one or two of them in both arms of a branch, as it sees fit."""


def _work(render_pixel):
    """How often each costly instruction and each call stands in the machine code of one pixel."""

    @numba.njit(error_model="numpy")
    def kernel(params, slow, fast):
        return render_pixel(params, slow, fast, False, True, None)

    kernel(lower(BASE).params, 3, 4)
    (assembly,) = kernel.inspect_asm().values()
    return Counter(COSTLY.findall(assembly))


def test_rendering_compiles_to_the_same_arithmetic_with_and_without_the_trace_hook():
    source = Path(pixel_module.__file__).read_text(encoding="utf-8")
    strip = _WithoutRecording()
    bare = strip.visit(ast.parse(source))
    assert strip.removed >= 8
    namespace = {"__name__": "bare_pixel"}
    exec(compile(ast.fix_missing_locations(bare), pixel_module.__file__, "exec"), namespace)
    assert _work(pixel_module.render_pixel) == _work(namespace["render_pixel"])


def test_taps_of_a_pixel_agree_with_its_trace():
    model = lower(VARIANTS["interpolation"])
    scan = find_scan_state(model, [(7, 13)])
    trace = record_pixel(model, 7, 13, scan)
    taps = tap_pixel(model, trace, list(TAPS))
    assert taps["pixel"] == [7, 13]
    assert taps["f_cell"]["lookups"] == len(taps["accum"]) == len(taps["hkl_subpixel"]) == model.params.steps
    assert taps["f_cell"]["mean"] == pytest.approx(np.mean([e["F_cell"] for e in taps["hkl_subpixel"]]), rel=1e-14)
    assert taps["hkl_bounds"]["grid"] == {"h": [-12, 12], "k": [-12, 12], "l": [-12, 12]}
    assert taps["accum"][-1]["I_accum"] == taps["intensity"]["I_before_scaling"]
    assert [e["subpixel_idx"] for e in taps["accum"]] == [0, 1, 2, 3]
    assert np.float32(taps["intensity"]["I_pixel_final"]) == trace.photons


def test_unknown_tap_names_the_known_ones():
    model = lower(BASE)
    with pytest.raises(UsageError, match="unknown tap 'F'.*f_cell, hkl_subpixel"):
        tap_pixel(model, record_pixel(model, 0, 0, find_scan_state(model, [(0, 0)])), ["F"])

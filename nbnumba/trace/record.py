"""Traces: every intermediate number of chosen pixels, recorded by the loop nest that renders them.

The lines compare one by one with those of an instrumented nanoBragg.c; `taps` are named selections of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config.constants import R_E_METRES
from nbnumba.engine.registry import DEFAULT_ENGINE, make_engine
from nbnumba.engine.scan import ScanState, pixel_number, render, run_interruptible
from nbnumba.io.atomic import write_lines
from nbnumba.kernels import events as ev
from nbnumba.kernels.params import PIXELS_PER_BLOCK, Plane
from nbnumba.shapes.registry import SHAPES
from nbnumba.trace.nest import render_pixel_recorded

if TYPE_CHECKING:
    from nbnumba.kernels.params import KernelParams
    from nbnumba.setup.model import Model

PREFIX = "TRACE_PY: "

@dataclass(frozen=True)
class PixelTrace:
    """What the loop nest recorded for one pixel.

    Attributes
    ----------
    slow, fast : int
        Pixel.
    events : tuple of Event
        Named tuples, in the order of evaluation.
    photons : float32
        The rendered pixel value.
    panel : int
        On which the pixel lies.
    """

    slow: int
    fast: int
    events: tuple[ev.Event, ...]
    photons: np.float32
    panel: int = 0


def _pixel_number(params: KernelParams, slow: int, fast: int, panel: int) -> int:
    """Number of a pixel to be traced."""
    return pixel_number(params, slow, fast, f"trace pixel {slow} {fast} (slow fast)", panel)


def _is_settled(params: KernelParams, scan: ScanState) -> bool:
    """Whether later pixels can't change the states that nanoBragg carries along its scan."""
    opened = scan.opening_pixel is not None or not np.any(params.lattice.phi_rows[0] != params.lattice.phi_rows[1])
    sticky = params.factors.interpolate and params.factors.sticky
    return opened and (scan.last_interpolated_pixel is not None or not sticky)


def find_scan_state(
    model: Model, pixels: Iterable[tuple[int, int]], engine: str = DEFAULT_ENGINE, panel: int = 0
) -> ScanState:
    """Render earlier pixels if they decide how the chosen ones are evaluated, and only as far as they do.

    Parameters
    ----------
    model : Model
        The simulation, from `nbnumba.lower`.
    pixels : iterable of (slow, fast)
        Pixels to be traced.
    engine : str
        Engine for the earlier pixels.
    panel : int
        On which the pixels lie.

    Returns
    -------
    ScanState
        Where the states that nanoBragg carries along its scan changed, up to the last of these pixels.

    Raises
    ------
    UsageError
        If a pixel is not rendered.
    """
    params, kernel = model.params, make_engine(engine)
    last = max(_pixel_number(params, slow, fast, panel) for slow, fast in pixels) + 1
    scan, stop = ScanState(), PIXELS_PER_BLOCK
    while not _is_settled(params, scan):
        image = np.zeros(sum(slow * fast for slow, fast in model.shapes), dtype=np.float32)
        scan = run_interruptible(render, params, kernel, image, None, min(stop, last)).scan
        if stop >= last:
            break
        stop *= 8
    return scan


def record_pixel(model: Model, slow: int, fast: int, scan: ScanState, panel: int = 0) -> PixelTrace:
    """Evaluate one pixel with recording switched on.

    Parameters
    ----------
    model : Model
        The simulation, from `nbnumba.lower`.
    slow, fast : int
        Pixel on the detector.
    scan : ScanState
        From a rendering or from `find_scan_state`.
    panel : int
        On which the pixel lies.

    Returns
    -------
    PixelTrace

    Raises
    ------
    UsageError
        If the pixel is not rendered.
    """
    params = model.params
    number = _pixel_number(params, slow, fast, panel)
    opening = scan.opening_pixel is not None and number <= scan.opening_pixel
    off = scan.last_interpolated_pixel
    interpolating = params.factors.interpolate and (off is None or number <= off)
    cursor = np.zeros(1, dtype=np.int64)
    rows = np.zeros((0, ev.EVENT_WIDTH))
    # the first pass only counts the events
    for _ in range(2):
        rows = np.zeros((int(cursor[0]), ev.EVENT_WIDTH))
        cursor[0] = 0
        photons = run_interruptible(
            render_pixel_recorded, params, number, slow, fast, opening, interpolating, rows, cursor
        )
    return PixelTrace(slow, fast, tuple(ev.read_events(rows)), np.float32(photons), panel)


def record_pixels(
    model: Model, pixels: Sequence[tuple[int, int]], scan: ScanState | None = None, panel: int = 0
) -> Iterator[PixelTrace]:
    """Evaluate chosen pixels one after the other with recording switched on.

    Parameters
    ----------
    model : Model
        The simulation, from `nbnumba.lower`.
    pixels : sequence of (slow, fast)
        Pixels on the detector.
    scan : ScanState or None
        From a rendering; None finds it.
    panel : int
        On which the pixels lie.

    Returns
    -------
    iterator of PixelTrace
        One for each pixel.

    Raises
    ------
    UsageError
        If a pixel is not rendered.
    """
    state = find_scan_state(model, pixels, panel=panel) if scan is None else scan
    return (record_pixel(model, slow, fast, state, panel) for slow, fast in pixels)


def trace_lines(model: Model, traces: Iterable[PixelTrace]) -> Iterator[str]:
    """The trace of one or more pixels of an image as text.

    Parameters
    ----------
    model : Model
        The simulation, from `nbnumba.lower`.
    traces : iterable of PixelTrace
        From `record_pixels`.

    Yields
    ------
    str
        Lines ``TRACE_PY: key values``, floats as %.15g: what holds for the image once, then the pixels.
    """
    for key, values in _facts(model, traces):
        yield f"{PREFIX}{key} {' '.join(map(_text, values))}"


def write_trace(path: str | os.PathLike[str], model: Model, traces: Iterable[PixelTrace]) -> None:
    """Write the trace of one or more pixels as text.

    Parameters
    ----------
    path : path
        File to write.
    model : Model
        The simulation, from `nbnumba.lower`.
        The simulation, from `nbnumba.lower`.
    traces : iterable of PixelTrace
        From `record_pixels`.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    write_lines(path, trace_lines(model, traces))


def _text(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


Fact = tuple[str, tuple[object, ...]]


def _detector_facts(model: Model) -> Iterator[Fact]:
    g = model.geometry
    subpixel = float(model.params.panels.planes[0, _SUBPIXEL])
    yield "detector_convention", (g.convention.name,)
    yield "detector_pivot", (g.pivot.name,)
    for key, vector in (
        ("beam_vector", g.beam), ("polar_vector", g.polar), ("spindle_vector", g.spindle),
        ("twotheta_axis", g.twotheta_axis), ("fdet_vec", g.fdet), ("sdet_vec", g.sdet), ("odet_vec", g.odet),
        ("pix0_vector_meters", g.pix0),
    ):  # fmt: skip
        yield key, vector
    for key, value in (
        ("pixel_size_meters", g.pixel_size), ("subpixel_size_meters", subpixel),
        ("distance_meters", g.distance), ("close_distance_meters", g.close_distance),
        ("Xbeam_meters", g.x_beam), ("Ybeam_meters", g.y_beam), ("Fbeam_meters", g.f_beam),
        ("Sbeam_meters", g.s_beam), ("Fclose_meters", g.f_close), ("Sclose_meters", g.s_close),
        ("ORGX_pixels", g.org_x), ("ORGY_pixels", g.org_y),
    ):  # fmt: skip
        yield key, (float(value),)
    yield "dials_origin_mm", g.dials_origin


_SUBPIXEL = 8 + Plane._fields.index("subpixel_fast")
"""Column of `Panels.planes`: the four vectors before it take three each."""


def _crystal_facts(model: Model) -> Iterator[Fact]:
    lattice = model.lattice
    degrees = tuple(np.degrees(angle).item() for angle in lattice.angles)
    yield "cell_angstrom_deg", (*lattice.lengths, *degrees)
    yield "V_cell_A3", (lattice.volume,)
    yield "a_star_A_inv", lattice.a_star
    yield "b_star_A_inv", lattice.b_star
    yield "c_star_A_inv", lattice.c_star
    yield "a0_angstroms", lattice.a
    yield "b0_angstroms", lattice.b
    yield "c0_angstroms", lattice.c
    yield "N_cells", tuple(float(n) for n in model.cells)


def _sampling_facts(model: Model) -> Iterator[Fact]:
    p = model.params
    factors = model.experiment.crystal.structure_factors
    yield "oversample", (p.sampling.oversample,)
    yield "detector_thicksteps", (p.sampling.layers,)
    yield "detector_thickstep_meters", (model.thickness.step,)
    yield "detector_mu_per_meter", (model.mu,)
    yield "phisteps", (len(p.lattice.phi),)
    yield "phi_start_rad", (model.phi_start,)
    yield "phistep_rad", (model.phi.step,)
    yield "mosaic_domains", (len(model.mosaic_umats),)
    yield "mosaic_spread_rad", (model.mosaic_spread,)
    yield "sources", (len(p.sources.table),)
    yield "interpolate", (int(p.factors.interpolate),)
    yield "hkls", (factors.count if factors is not None else 0,)
    yield "default_F", (p.factors.default_F,)
    yield "kahn_factor", (p.sources.kahn_factor,)


def _setup_facts(model: Model) -> Iterator[Fact]:
    """Part 1 of a trace: what holds for the whole image."""
    p, physics = model.params, model.experiment.physics
    if not physics.is_nanobraggs:
        yield "physics", (physics,)
    yield from _detector_facts(model)
    yield from _crystal_facts(model)
    yield from _sampling_facts(model)
    for i, (source, weight) in enumerate(zip(p.sources.table.tolist(), model.source_weights.tolist(), strict=True)):
        yield "source", (i, *source[:3], weight, source[3])
    for i, matrix in enumerate(model.mosaic_umats.tolist()):
        yield "mosaic_umat", (i, *matrix)
    yield "fluence_photons_per_m2", (p.scale.fluence,)
    yield "r_e_sqr", (p.scale.r_e_squared,)
    yield "steps", (p.scale.steps,)
    yield "I_background", (p.scale.background,)


def _angstroms(vector: Sequence[float]) -> tuple[float, ...]:
    return tuple(1e10 * x for x in vector)


def _subpixel_facts(e: ev.Subpixel) -> Iterator[Fact]:
    yield "subpixel", (int(e.layer), int(e.sub_slow), int(e.sub_fast))
    yield "Fdet_meters", (e.fast,)
    yield "Sdet_meters", (e.slow,)
    yield "Odet_meters", (e.depth,)
    yield "pixel_pos_meters", (e.x, e.y, e.z)
    yield "R_distance_meters", (e.airpath,)
    yield "diffracted_vec", (e.dx, e.dy, e.dz)
    yield "omega_pixel_sr", (e.omega,)
    yield "obliquity_factor", (e.obliquity,)
    yield "capture_fraction_layer", (e.capture,)


def _source_facts(e: ev.Source) -> Iterator[Fact]:
    yield "source_index", (int(e.number),)
    yield "incident_vec", (e.ix, e.iy, e.iz)
    yield "lambda_meters", (e.wavelength,)
    yield "scattering_vec_m_inv", (e.qx, e.qy, e.qz)
    yield "stol_m_inv", (e.stol,)


def _domain_facts(e: ev.Domain) -> Iterator[Fact]:
    yield "mos_tic", (int(e.number),)
    yield "rot_a_angstroms", _angstroms((e.ax, e.ay, e.az))
    yield "rot_b_angstroms", _angstroms((e.bx, e.by, e.bz))
    yield "rot_c_angstroms", _angstroms((e.cx, e.cy, e.cz))
    yield "hkl_frac", (e.h, e.k, e.l)
    yield "hkl_rounded", (int(e.h0), int(e.k0), int(e.l0))


def _spindle_facts(params: KernelParams, e: ev.SpindleStep) -> Iterator[Fact]:
    vectors = params.lattice.phi_vectors[int(e.row)].tolist()
    yield "phi_tic", (int(e.number),)
    yield "phi_rad", (params.lattice.phi[int(e.number)].item(),)
    yield "ap_angstroms", _angstroms(vectors[0:3])
    yield "bp_angstroms", _angstroms(vectors[3:6])
    yield "cp_angstroms", _angstroms(vectors[6:9])


def _shape_facts(params: KernelParams, e: ev.Shape) -> Iterator[Fact]:
    for key, part in zip(SHAPES[params.lattice.shape].trace_keys, (e.part0, e.part1, e.part2), strict=False):
        yield key, (part,)
    yield "F_latt", (e.factor,)


def _term_facts(e: ev.Term) -> Iterator[Fact]:
    yield "F_cell", (e.amplitude,)
    yield "I_term", (e.term,)
    yield "I_accum", (e.accumulated,)


def _group_facts(e: ev.Group) -> Iterator[Fact]:
    yield "group_weight", (e.weight,)
    yield "I_groups", (e.accumulated,)


def _final_facts(model: Model, e: ev.Final, cos_2theta: float, photons: np.float32) -> Iterator[Fact]:
    scale, sampling = model.params.scale, model.experiment.sampling
    yield "I_before_scaling", (e.intensity,)
    yield "r_e_meters", (R_E_METRES,)
    yield "r_e_sqr", (scale.r_e_squared,)
    yield "fluence_photons_per_m2", (scale.fluence,)
    yield "steps", (scale.steps,)
    yield "oversample_thick", (int(sampling.oversample_thick),)
    yield "oversample_polar", (int(sampling.oversample_polar),)
    yield "oversample_omega", (int(sampling.oversample_omega),)
    yield "capture_fraction", (e.capture,)
    yield "polar", (e.polarization,)
    yield "omega_pixel", (e.omega,)
    yield "cos_2theta", (cos_2theta,)
    yield "I_pixel_final", (e.photons,)
    yield "floatimage_accumulated", (float(photons),)


def _facts(model: Model, traces: Iterable[PixelTrace]) -> Iterator[Fact]:
    """Everything, in order."""
    yield from _setup_facts(model)
    for trace in traces:
        if len(model.panels) > 1:
            yield "panel", (trace.panel,)
        yield "pixel", (trace.slow, trace.fast)
        yield from _pixel_facts(model, trace)


def _pixel_facts(model: Model, trace: PixelTrace) -> Iterator[Fact]:
    """Parts 2 to 6 of a trace: what the loop nest recorded."""
    params, cos_2theta = model.params, 0.0
    for event in trace.events:
        match event:
            case ev.Subpixel():
                yield from _subpixel_facts(event)
            case ev.Source():
                cos_2theta = event.cos_2theta
                yield from _source_facts(event)
            case ev.Polarization():
                yield "polar_factor", (event.factor,)
            case ev.SpindleStep():
                yield from _spindle_facts(params, event)
            case ev.Domain():
                yield from _domain_facts(event)
            case ev.Shape():
                yield from _shape_facts(params, event)
            case ev.Term():
                yield from _term_facts(event)
            case ev.Group():
                yield from _group_facts(event)
            case ev.Final():
                yield from _final_facts(model, event, cos_2theta, trace.photons)

"""Traces: every intermediate number of chosen pixels, recorded by the loop nest that renders them.

The lines compare one by one with those of an instrumented nanoBragg.c; `taps` are named selections of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.registry import DEFAULT_ENGINE, get_engine
from nbnumba.engine.scan import ScanState, pixel_number, render, run_interruptible
from nbnumba.kernels import events as ev
from nbnumba.kernels.params import PIXELS_PER_BLOCK, SHAPE_ROUND, SHAPE_SQUARE
from nbnumba.trace.nest import render_pixel_recorded

if TYPE_CHECKING:
    from nbnumba.kernels.params import KernelParams
    from nbnumba.setup.model import Model

PREFIX = "TRACE_PY: "
R_E_METERS = 2.81794117756025e-15
"""Classical electron radius with nanoBragg's digits, m (reported only)."""


@dataclass(frozen=True)
class PixelTrace:
    """What the loop nest recorded for one pixel.

    Attributes
    ----------
    slow, fast : int
        Pixel.
    events : ndarray, shape (n, EVENT_WIDTH), float64
        Rows ``[code, values…]`` of `nbnumba.kernels.events`, in the order of evaluation.
    photons : float32
        The rendered pixel value.
    """

    slow: int
    fast: int
    events: np.ndarray
    photons: np.float32


def _pixel_number(params: KernelParams, slow: int, fast: int) -> int:
    """Number of a pixel to be traced."""
    return pixel_number(params, slow, fast, f"trace pixel {slow} {fast} (slow fast)")


def _is_settled(params: KernelParams, scan: ScanState) -> bool:
    """Whether later pixels can't change the states that nanoBragg carries along its scan."""
    opened = scan.opening_pixel is not None or not np.any(params.phi_rows[0] != params.phi_rows[1])
    return opened and (scan.last_interpolated_pixel is not None or not params.interpolate)


def find_scan_state(model: Model, pixels: Iterable[tuple[int, int]], engine: str = DEFAULT_ENGINE) -> ScanState:
    """Render earlier pixels if they decide how the chosen ones are evaluated, and only as far as they do.

    Parameters
    ----------
    model : Model
    pixels : iterable of (slow, fast)
        Pixels to be traced.
    engine : str
        Engine for the earlier pixels.

    Returns
    -------
    ScanState
        Where the states that nanoBragg carries along its scan changed, up to the last of these pixels.

    Raises
    ------
    UsageError
        If a pixel is not rendered.
    """
    params, kernel = model.params, get_engine(engine)
    last = max(_pixel_number(params, slow, fast) for slow, fast in pixels) + 1
    scan, stop = ScanState(), PIXELS_PER_BLOCK
    while not _is_settled(params, scan):
        image = np.zeros((model.geometry.pixels_slow, model.geometry.pixels_fast), dtype=np.float32)
        scan = run_interruptible(render, params, kernel, image, None, min(stop, last)).scan
        if stop >= last:
            break
        stop *= 8
    return scan


def record_pixel(model: Model, slow: int, fast: int, scan: ScanState) -> PixelTrace:
    """Evaluate one pixel with recording switched on.

    Parameters
    ----------
    model : Model
    slow, fast : int
        Pixel on the detector.
    scan : ScanState
        From a rendering or from `find_scan_state`.

    Returns
    -------
    PixelTrace

    Raises
    ------
    UsageError
        If the pixel is not rendered.
    """
    params = model.params
    number = _pixel_number(params, slow, fast)
    opening = scan.opening_pixel is not None and number <= scan.opening_pixel
    off = scan.last_interpolated_pixel
    interpolating = params.interpolate and (off is None or number <= off)
    cursor = np.zeros(1, dtype=np.int64)
    rows = np.zeros((0, ev.EVENT_WIDTH))
    # the first pass only counts the events
    for _ in range(2):
        rows = np.zeros((int(cursor[0]), ev.EVENT_WIDTH))
        cursor[0] = 0
        photons = run_interruptible(render_pixel_recorded, params, slow, fast, opening, interpolating, rows, cursor)
    return PixelTrace(slow, fast, rows, np.float32(photons))


def record_pixels(
    model: Model, pixels: Sequence[tuple[int, int]], scan: ScanState | None = None
) -> Iterator[PixelTrace]:
    """Evaluate chosen pixels one after the other with recording switched on.

    Parameters
    ----------
    model : Model
    pixels : sequence of (slow, fast)
        Pixels on the detector.
    scan : ScanState or None
        From a rendering; None finds it.

    Returns
    -------
    iterator of PixelTrace
        One for each pixel.

    Raises
    ------
    UsageError
        If a pixel is not rendered.
    """
    state = find_scan_state(model, pixels) if scan is None else scan
    return (record_pixel(model, slow, fast, state) for slow, fast in pixels)


def trace_lines(model: Model, traces: Iterable[PixelTrace]) -> Iterator[str]:
    """The trace of one or more pixels of an image as text.

    Parameters
    ----------
    model : Model
    traces : iterable of PixelTrace

    Yields
    ------
    str
        Lines ``TRACE_PY: key values``, floats as %.15g: what holds for the image once, then the pixels.
    """
    for key, values in _facts(model, traces):
        yield f"{PREFIX}{key} {' '.join(map(_text, values))}"


def _text(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


Fact = tuple[str, tuple[object, ...]]


def _detector_facts(model: Model) -> Iterator[Fact]:
    g, p = model.geometry, model.params
    yield "detector_convention", (g.convention.name,)
    yield "detector_pivot", (g.pivot.name,)
    for key, vector in (
        ("beam_vector", g.beam), ("polar_vector", g.polar), ("spindle_vector", g.spindle),
        ("twotheta_axis", g.twotheta_axis), ("fdet_vec", g.fdet), ("sdet_vec", g.sdet), ("odet_vec", g.odet),
        ("pix0_vector_meters", g.pix0),
    ):  # fmt: skip
        yield key, vector
    for key, value in (
        ("pixel_size_meters", g.pixel_size), ("subpixel_size_meters", p.subpixel_size),
        ("distance_meters", g.distance), ("close_distance_meters", g.close_distance),
        ("Xbeam_meters", g.x_beam), ("Ybeam_meters", g.y_beam), ("Fbeam_meters", g.f_beam),
        ("Sbeam_meters", g.s_beam), ("Fclose_meters", g.f_close), ("Sclose_meters", g.s_close),
        ("ORGX_pixels", g.org_x), ("ORGY_pixels", g.org_y),
    ):  # fmt: skip
        yield key, (float(value),)
    yield "dials_origin_mm", g.dials_origin


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
    yield "oversample", (p.oversample,)
    yield "detector_thicksteps", (p.thick_steps,)
    yield "detector_thickstep_meters", (p.thick_step,)
    yield "detector_mu_per_meter", (p.mu,)
    yield "phisteps", (p.phi_steps,)
    yield "phi_start_rad", (model.phi_start,)
    yield "phistep_rad", (model.phi.step,)
    yield "mosaic_domains", (p.domains,)
    yield "mosaic_spread_rad", (model.mosaic_spread,)
    yield "sources", (len(p.sources),)
    yield "interpolate", (int(p.interpolate),)
    yield "hkls", (factors.count if factors is not None else 0,)
    yield "default_F", (p.default_F,)
    yield "kahn_factor", (p.kahn_factor,)


def _setup_facts(model: Model) -> Iterator[Fact]:
    """Part 1 of a trace: what holds for the whole image."""
    p = model.params
    yield from _detector_facts(model)
    yield from _crystal_facts(model)
    yield from _sampling_facts(model)
    for i, (source, weight) in enumerate(zip(p.sources.tolist(), model.source_weights.tolist(), strict=True)):
        yield "source", (i, *source[:3], weight, source[3])
    for i, matrix in enumerate(model.mosaic_umats.tolist()):
        yield "mosaic_umat", (i, *matrix)
    yield "fluence_photons_per_m2", (p.fluence,)
    yield "r_e_sqr", (p.r_e_squared,)
    yield "steps", (p.steps,)
    yield "I_background", (p.background,)


def _angstroms(vector: Sequence[float]) -> tuple[float, ...]:
    return tuple(1e10 * x for x in vector)


def _subpixel_facts(v: list[float]) -> Iterator[Fact]:
    yield "subpixel", (int(v[0]), int(v[1]), int(v[2]))
    yield "Fdet_meters", (v[3],)
    yield "Sdet_meters", (v[4],)
    yield "Odet_meters", (v[5],)
    yield "pixel_pos_meters", tuple(v[6:9])
    yield "R_distance_meters", (v[9],)
    yield "diffracted_vec", tuple(v[10:13])
    yield "omega_pixel_sr", (v[13],)
    yield "obliquity_factor", (v[14],)
    yield "capture_fraction_layer", (v[15],)


def _source_facts(v: list[float]) -> Iterator[Fact]:
    yield "source_index", (int(v[0]),)
    yield "incident_vec", tuple(v[1:4])
    yield "lambda_meters", (v[4],)
    yield "scattering_vec_m_inv", tuple(v[5:8])
    yield "stol_m_inv", (v[8],)


def _domain_facts(v: list[float]) -> Iterator[Fact]:
    yield "mos_tic", (int(v[0]),)
    yield "rot_a_angstroms", _angstroms(v[1:4])
    yield "rot_b_angstroms", _angstroms(v[4:7])
    yield "rot_c_angstroms", _angstroms(v[7:10])
    yield "hkl_frac", tuple(v[10:13])
    yield "hkl_rounded", tuple(int(x) for x in v[13:16])


def _phi_facts(params: KernelParams, v: list[float]) -> Iterator[Fact]:
    vectors = params.phi_vectors[int(v[1])].tolist()
    yield "phi_tic", (int(v[0]),)
    yield "phi_rad", (params.phi[int(v[0])].item(),)
    yield "ap_angstroms", _angstroms(vectors[0:3])
    yield "bp_angstroms", _angstroms(vectors[3:6])
    yield "cp_angstroms", _angstroms(vectors[6:9])


def _lattice_facts(params: KernelParams, v: list[float]) -> Iterator[Fact]:
    if params.shape == SHAPE_SQUARE:
        yield "F_latt_a", (v[0],)
        yield "F_latt_b", (v[1],)
        yield "F_latt_c", (v[2],)
    else:
        yield ("hrad_sqr" if params.shape == SHAPE_ROUND else "rad_star_sqr"), (v[0],)


def _term_facts(v: list[float]) -> Iterator[Fact]:
    yield "F_cell", (v[0],)
    yield "I_term", (v[1],)
    yield "I_accum", (v[2],)


def _final_facts(params: KernelParams, v: list[float], cos_2theta: float, photons: np.float32) -> Iterator[Fact]:
    yield "I_before_scaling", (v[0],)
    yield "r_e_meters", (R_E_METERS,)
    yield "r_e_sqr", (params.r_e_squared,)
    yield "fluence_photons_per_m2", (params.fluence,)
    yield "steps", (params.steps,)
    yield "oversample_thick", (int(params.oversample_thick),)
    yield "oversample_polar", (int(params.oversample_polar),)
    yield "oversample_omega", (int(params.oversample_omega),)
    yield "capture_fraction", (v[1],)
    yield "polar", (v[2],)
    yield "omega_pixel", (v[3],)
    yield "cos_2theta", (cos_2theta,)
    yield "I_pixel_final", (v[4],)
    yield "floatimage_accumulated", (float(photons),)


def _facts(model: Model, traces: Iterable[PixelTrace]) -> Iterator[Fact]:
    """Everything, in order."""
    yield from _setup_facts(model)
    for trace in traces:
        yield from _pixel_facts(model, trace)


def _pixel_facts(model: Model, trace: PixelTrace) -> Iterator[Fact]:
    """The pixel's name and parts 2 to 6 of a trace: what the loop nest recorded."""
    params, cos_2theta = model.params, 0.0
    yield "pixel", (trace.slow, trace.fast)
    for row in trace.events:
        code, *v = row.tolist()
        if code == ev.SUBPIXEL:
            yield from _subpixel_facts(v)
        elif code == ev.SOURCE:
            cos_2theta = v[9]
            yield from _source_facts(v)
        elif code == ev.POLARIZATION:
            yield "polar_factor", (v[0],)
        elif code == ev.PHI:
            yield from _phi_facts(params, v)
        elif code == ev.DOMAIN:
            yield from _domain_facts(v)
        elif code == ev.LATTICE_PARTS:
            yield from _lattice_facts(params, v)
        elif code == ev.LATTICE_FACTOR:
            yield "F_latt", (v[0],)
        elif code == ev.TERM:
            yield from _term_facts(v)
        elif code == ev.FINAL:
            yield from _final_facts(params, v, cos_2theta, trace.photons)

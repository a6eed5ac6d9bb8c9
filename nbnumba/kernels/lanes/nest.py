"""The loop nest in nanoBragg's order with a block of pixels as its innermost loop."""

from __future__ import annotations

from nbnumba.kernels.lanes.beam import limit_resolution, polarize, scatter
from nbnumba.kernels.lanes.detector import absorb, place_pixels, place_subpixels
from nbnumba.kernels.lanes.intensity import add_terms, interpolate, look_up, weight_sums
from nbnumba.kernels.lanes.lattice import index_lanes, shape_lanes
from nbnumba.kernels.lanes.layout import (
    ACTIVE,
    EVALUATED,
    INTENSITY,
    INTERPOLATING,
    KEPT,
    OMEGA_SUM,
    POLARIZATION,
)
from nbnumba.numerics.jit import nest_jit


@nest_jit
def fill(section, value, lanes, s):
    """Give every lane of a section the same value.

    Parameters
    ----------
    section : int
        Offset in the scratch.
    value : float64
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        s[section + i] = value


@nest_jit
def add_domain(params, axes, interpolating, lanes, s):
    """Add one mosaic domain at one spindle angle to the running sums.

    Parameters
    ----------
    params : KernelParams
    axes : tuple of 9 float64
        a, b, c of the domain, m, lab frame.
    interpolating : bool
        Whether any lane may interpolate.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    index_lanes(axes, lanes, s)
    weighted = params.oversample_thick or params.oversample_polar or params.oversample_omega
    if shape_lanes(params, interpolating or weighted or params.water, lanes, s):
        if interpolating:
            interpolate(params, lanes, s)
        elif params.has_amplitudes:
            look_up(params, lanes, s)
        add_terms(params, lanes, s)
        if weighted:
            weight_sums(params, lanes, s)


@nest_jit
def add_crystal(params, row_set, interpolating, lanes, s):
    """Add every spindle step and mosaic domain.

    Parameters
    ----------
    params : KernelParams
    row_set : int
        0 in the image's first evaluation, 1 ever after (quirk `phi-carryover`).
    interpolating, lanes, s
        As in `add_domain`.
    """
    for tic in range(params.phi_steps):
        row = params.phi_rows[row_set, tic]
        for domain in range(params.domains):
            v = params.lattice[row, domain]
            axes = (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8])
            add_domain(params, axes, interpolating, lanes, s)


@nest_jit
def add_sources(params, opening, interpolating, unpolarized, lanes, s):
    """Add every source for one subpixel of each pixel.

    Parameters
    ----------
    params : KernelParams
    opening : bool
        Whether no earlier pixel of the image reached the spindle loop.
    interpolating : bool
        Whether any lane may interpolate.
    unpolarized : int
        Lanes that don't know their polarization factor.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    opening : bool
        Whether still no pixel has reached the spindle loop.
    unpolarized : int
        Lanes that don't know their polarization factor yet.
    """
    for source in range(params.sources.shape[0]):
        beam = params.sources[source]
        incident = (-beam[0], -beam[1], -beam[2])
        scatter(incident, beam[3], lanes, s)
        active = limit_resolution(params.dmin, lanes, s)
        if active == 0:
            continue
        if params.oversample_polar or unpolarized > 0:
            everywhere = active == lanes and (params.oversample_polar or unpolarized == lanes)
            unpolarized = polarize(params, incident, everywhere, lanes, s)
        if active < lanes:
            for i in range(lanes):
                s[KEPT + i] = s[INTENSITY + i]
        add_crystal(params, 0 if opening else 1, interpolating, lanes, s)
        # it is lane 0 alone that opens the image; its neighbours only fill the vector
        opening = opening and s[ACTIVE] == 0.0
        if active < lanes:
            for i in range(lanes):
                s[INTENSITY + i] = s[INTENSITY + i] if s[ACTIVE + i] != 0.0 else s[KEPT + i]
        if params.dmin > 0.0:
            for i in range(lanes):
                s[EVALUATED + i] = max(s[EVALUATED + i], s[ACTIVE + i])
    return opening, unpolarized


@nest_jit
def evaluation_varies(params):
    """Whether some pixels may never reach the spindle loop.

    Parameters
    ----------
    params : KernelParams
    """
    return params.dmin > 0.0 or params.has_mask


@nest_jit
def render_block(params, first, lanes, opening, interpolating, s):
    """Sum the intensity of every pixel of a block.

    Parameters
    ----------
    params : KernelParams
    first : int
        Pixel number of lane 0.
    lanes : int
        Lanes in use, a multiple of VECTOR.
    opening : bool
        Whether no earlier pixel of the image reached the spindle loop (quirk `phi-carryover`; one pixel only).
    interpolating : bool
        Whether interpolation is still on when these pixels are reached (quirk `interp-sticky`).
    s : ndarray, shape (SCRATCH,), float64
        Scratch, in which ACTIVE and CAPTURE were 1 before the first block. On return INTENSITY, CAPTURE, POLARIZATION
        and OMEGA hold results, where they vary so do OMEGA_SUM, INTERPOLATING and EVALUATED.
    """
    place_pixels(params, first, lanes, s)
    fill(INTENSITY, params.background, lanes, s)
    if params.dmin > 0.0 or not params.polarization:
        fill(POLARIZATION, 0.0 if params.polarization else 1.0, lanes, s)
    if params.oversample_omega:
        fill(OMEGA_SUM, 0.0, lanes, s)
    if evaluation_varies(params):
        fill(EVALUATED, 0.0 if params.dmin > 0.0 else 1.0, lanes, s)
    if interpolating:
        fill(INTERPOLATING, 1.0, lanes, s)
    unpolarized = lanes if params.polarization else 0
    for layer in range(params.thick_steps):
        for sub_slow in range(params.oversample):
            for sub_fast in range(params.oversample):
                first_here = sub_slow == 0 and sub_fast == 0
                omega_afresh = params.oversample_omega or (layer == 0 and first_here)
                depth = layer * params.thick_step
                place_subpixels(params, float(sub_fast), float(sub_slow), depth, omega_afresh, lanes, s)
                if params.oversample_thick or (params.thickness != 0.0 and first_here):
                    absorb(params, layer, lanes, s)
                opening, unpolarized = add_sources(params, opening, interpolating, unpolarized, lanes, s)

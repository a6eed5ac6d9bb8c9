"""The loop nest in nanoBragg's order with a block of pixels as its innermost loop."""

from __future__ import annotations

from nbnumba.kernels.lanes.beam import limit_resolution, polarize, polarize_group, scatter
from nbnumba.kernels.lanes.detector import absorb, place_pixels, place_subpixels
from nbnumba.kernels.lanes.intensity import (
    add_background,
    add_terms,
    add_to_running_sums,
    close_group,
    index_lanes,
    interpolate,
    leave_out_inactive,
    look_up,
    weigh_source,
    weigh_subpixel,
)
from nbnumba.kernels.lanes.spots import add_spots
from nbnumba.numerics.jit import nest_jit
from nbnumba.numerics.scratch import (
    ACTIVE,
    CAPTURE,
    EVALUATED,
    INTENSITY,
    INTERPOLATING,
    KEPT,
    OMEGA_SUM,
    POLARIZATION,
)
from nbnumba.shapes.registry import lattice_factor_lanes


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
    running, water = params.weighting.running, params.scale.water
    if lattice_factor_lanes(params.lattice, interpolating or running or water, lanes, s):
        if interpolating:
            interpolate(params.factors, water, lanes, s)
        elif params.factors.has_amplitudes:
            look_up(params.factors, lanes, s)
        if running:
            add_to_running_sums(params, lanes, s)
        else:
            add_terms(params.factors, lanes, s)


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
    lattice = params.lattice
    for tic in range(lattice.phi_rows.shape[1]):
        row = lattice.phi_rows[row_set, tic]
        for domain in range(lattice.vectors.shape[1]):
            v = lattice.vectors[row, domain]
            axes = (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8])
            add_domain(params, axes, interpolating, lanes, s)


@nest_jit
def add_source(params, source, opening, interpolating, active, listed, lanes, s):
    """Add the crystal for one source, where it is within the resolution limit.

    Parameters
    ----------
    params : KernelParams
    source : int
    opening : bool
        Whether no earlier pixel of the image reached the spindle loop.
    interpolating : bool
        Whether any lane may interpolate.
    active : int
        Lanes within the resolution limit.
    listed : tuple or None
        See `render_block`.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    bool
        Whether still no pixel has reached the spindle loop.
    """
    skips = active < lanes and not params.weighting.grouped
    if skips:
        for i in range(lanes):
            s[KEPT + i] = s[INTENSITY + i]
    if listed is None:
        add_crystal(params, 0 if opening else 1, interpolating, lanes, s)
    else:
        add_spots(params, listed, source, lanes, s)
    if skips:
        for i in range(lanes):
            s[INTENSITY + i] = s[INTENSITY + i] if s[ACTIVE + i] != 0.0 else s[KEPT + i]
    if params.sampling.dmin > 0.0:
        for i in range(lanes):
            s[EVALUATED + i] = max(s[EVALUATED + i], s[ACTIVE + i])
    # it is lane 0 alone that opens the image; its neighbours only fill the vector
    return opening and s[ACTIVE] == 0.0


@nest_jit
def add_sources(params, opening, interpolating, unpolarized, listed, lanes, s):
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
    listed : tuple or None
        See `render_block`.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    opening : bool
        Whether still no pixel has reached the spindle loop.
    unpolarized : int
        Lanes that don't know their polarization factor yet.
    """
    sources, weighting = params.sources, params.weighting
    fresh = weighting.fresh_polarization
    if weighting.grouped:
        weigh_subpixel(weighting, lanes, s)
    for source in range(sources.table.shape[0]):
        beam = sources.table[source]
        incident = (-beam[0], -beam[1], -beam[2])
        scatter(incident, beam[3], lanes, s)
        active = limit_resolution(params.sampling.dmin, lanes, s)
        if active == 0 and weighting.water == 0.0:
            continue
        if weighting.group_polarization:
            polarize_group(sources, incident, lanes, s)
        elif fresh or unpolarized > 0:
            everywhere = (active == lanes or weighting.water != 0.0) and (fresh or unpolarized == lanes)
            unpolarized = polarize(sources, fresh, incident, everywhere, lanes, s)
        if weighting.running:
            weigh_subpixel(weighting, lanes, s)
            weigh_source(weighting, beam[4], lanes, s)
            if weighting.water != 0.0:
                add_background(weighting.water, lanes, s)
        if active > 0:
            opening = add_source(params, source, opening, interpolating, active, listed, lanes, s)
        if weighting.grouped:
            if active < lanes:
                leave_out_inactive(weighting.water, lanes, s)
            close_group(weighting, beam[4], lanes, s)
    return opening, unpolarized


@nest_jit
def evaluation_varies(params):
    """Whether some pixels may never reach the spindle loop.

    Parameters
    ----------
    params : KernelParams
    """
    return params.sampling.dmin > 0.0 or params.panels.has_mask


@nest_jit
def begin_block(params, plane, interpolating, lanes, s):
    """Give the sections that are carried from step to step their first values.

    Parameters
    ----------
    params, plane, interpolating, lanes, s
        As in `render_block`.
    """
    limited, polarization = params.sampling.dmin > 0.0, params.sources.polarization
    if params.weighting.grouped:
        fill(KEPT, params.scale.background, lanes, s)
        fill(INTENSITY, params.weighting.water, lanes, s)
    else:
        fill(INTENSITY, params.scale.background, lanes, s)
    if limited or not polarization:
        fill(POLARIZATION, 0.0 if polarization else 1.0, lanes, s)
    if plane.thickness == 0.0 and params.panels.planes.shape[0] > 1:
        # the block before may have been on a panel that absorbs
        fill(CAPTURE, 1.0, lanes, s)
    if params.weighting.fresh_omega:
        fill(OMEGA_SUM, 0.0, lanes, s)
    if evaluation_varies(params):
        fill(EVALUATED, 0.0 if limited else 1.0, lanes, s)
    if interpolating:
        fill(INTERPOLATING, 1.0, lanes, s)


@nest_jit
def render_block(params, window, plane, first, lanes, opening, interpolating, listed, s):
    """Sum the intensity of every pixel of a block.

    Parameters
    ----------
    params : KernelParams
    window : PanelWindow
    plane : Plane
        The panel.
    first : int
        Pixel number of lane 0.
    lanes : int
        Lanes in use, a multiple of VECTOR.
    opening : bool
        Whether no earlier pixel of the image reached the spindle loop (quirk `phi-carryover`; one pixel only).
    interpolating : bool
        Whether interpolation is still on when these pixels are reached (quirk `interp-sticky`).
    listed : tuple or None
        For `nbnumba.kernels.lanes.spots.add_spots`, whose sums take the place of those over every lattice; None, which
        the compiler sees, for these.
    s : ndarray, shape (SCRATCH,), float64
        Scratch, in which ACTIVE and CAPTURE were 1 before the first block. On return INTENSITY, CAPTURE, POLARIZATION
        and OMEGA hold results, where they vary so do OMEGA_SUM, INTERPOLATING and EVALUATED.
    """
    sampling, weighting = params.sampling, params.weighting
    place_pixels(window, first, lanes, s)
    begin_block(params, plane, interpolating, lanes, s)
    unpolarized = lanes if params.sources.polarization else 0
    for layer in range(sampling.layers):
        for sub_slow in range(sampling.oversample):
            for sub_fast in range(sampling.oversample):
                first_here = sub_slow == 0 and sub_fast == 0
                omega_afresh = weighting.fresh_omega or (layer == 0 and first_here)
                depth = layer * plane.layer_step + plane.first_depth
                sub = (float(sub_fast), float(sub_slow))
                place_subpixels(params, plane, sub, depth, omega_afresh, lanes, s)
                if weighting.fresh_capture or (plane.thickness != 0.0 and first_here):
                    absorb(params.panels, plane, layer, lanes, s)
                opening, unpolarized = add_sources(params, opening, interpolating, unpolarized, listed, lanes, s)
    if weighting.grouped:
        for i in range(lanes):
            s[INTENSITY + i] = s[KEPT + i]


@nest_jit
def measure_block(params, window, plane, first, lanes, s):
    """Solid angles of a block that nothing reaches: OMEGA, and OMEGA_SUM where it varies.

    Parameters
    ----------
    params, window, plane, first, lanes, s
        As in `render_block`.
    """
    sampling, afresh = params.sampling, params.weighting.fresh_omega
    place_pixels(window, first, lanes, s)
    if afresh:
        fill(OMEGA_SUM, 0.0, lanes, s)
    subpixels = sampling.oversample if afresh else 1
    for layer in range(sampling.layers if afresh else 1):
        depth = layer * plane.layer_step + plane.first_depth
        for place in range(subpixels * subpixels):
            sub = (float(place % subpixels), float(place // subpixels))
            place_subpixels(params, plane, sub, depth, True, lanes, s)

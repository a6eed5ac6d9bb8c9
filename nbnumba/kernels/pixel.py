"""The loop nest of one pixel, in nanoBragg's order: layer, subpixel, source, spindle step, mosaic domain.

Every engine that renders pixel by pixel and every trace runs this code. `events` is None when rendering (numba then
leaves the recording out) or a log of `kernels.events`.
"""

from __future__ import annotations

import math

from nbnumba.kernels.events import (
    DOMAIN,
    FINAL,
    GROUP,
    POLARIZATION,
    SHAPE,
    SOURCE,
    SPINDLE_STEP,
    SUBPIXEL,
    TERM,
    Domain,
    Final,
    Group,
    Polarization,
    Shape,
    Source,
    SpindleStep,
    Subpixel,
    Term,
    record,
)
from nbnumba.kernels.params import CURVED, CURVED_AS_C, STATUS_EVALUATED, STATUS_OUT_OF_RANGE
from nbnumba.numerics.jit import device_jit
from nbnumba.numerics.vectors import direction, dot, load, magnitude, quotient, unit_again
from nbnumba.physics.absorption import captured_fraction
from nbnumba.physics.polarization import kahn_polarization
from nbnumba.physics.scattering import (
    arc_position,
    beyond_resolution,
    curved_position,
    detector_coordinate,
    flat_position,
    miller_index,
    nearest_index,
    scattering_vector,
    sine_theta_over_lambda,
)
from nbnumba.physics.solid_angle import pixel_solid_angle
from nbnumba.physics.structure_factor import interpolation_in_range, nearest_amplitude, tricubic_amplitude
from nbnumba.shapes.registry import lattice_factor


@device_jit
def subpixel_position(panels, plane, fast_coordinate, slow_coordinate, depth):
    """Lab position of a point of the sensor, m.

    Parameters
    ----------
    panels : Panels
    plane : Plane
        The panel.
    fast_coordinate, slow_coordinate, depth : float64
        As in `flat_position`.
    """
    flat = flat_position(fast_coordinate, slow_coordinate, depth, plane.fdet, plane.sdet, plane.odet, plane.pix0)
    if panels.curved == CURVED_AS_C:
        return curved_position(flat, plane.distance, load(panels.beam), plane.fdet, plane.sdet)
    if panels.curved == CURVED:
        return arc_position(flat, plane.distance + depth, load(panels.beam), plane.fdet, plane.sdet)
    return flat


@device_jit
def tangent_distance(panels, plane, position, airpath):
    """Distance from the sample to the plane of a pixel, m: over the air path it is the obliquity.

    Parameters
    ----------
    panels : Panels
    plane : Plane
        The panel.
    position : tuple of 3 float64
        Point of the sensor, m, lab frame.
    airpath : float64
        Its distance from the sample, m.
    """
    if panels.curved == CURVED:
        # pixels of equal arcs along fast become narrower towards the poles, by the cosine of the latitude
        along = dot(position, plane.fdet)
        return math.sqrt(airpath * airpath - along * along)
    return plane.close_distance


@device_jit
def parallax(panels, plane, diffracted):
    """Cosine between a ray and the normal of the sensor.

    Parameters
    ----------
    panels : Panels
    plane : Plane
        The panel.
    diffracted : tuple of 3 float64
        Unit vector along the ray, lab frame.
    """
    return 1.0 if panels.curved == CURVED else dot(diffracted, plane.odet)


@device_jit
def structure_factor(factors, h, k, l, h0, k0, l0, interpolating):  # noqa: E741
    """F_cell, and whether interpolation is still on (quirk `interp-sticky`).

    Parameters
    ----------
    factors : Factors
    h, k, l, h0, k0, l0 : float64
        Fractional and nearest Miller indices.
    interpolating : bool
        Whether no earlier evaluation met the edge of the grid.

    Returns
    -------
    amplitude : float64
        Electrons.
    interpolating : bool
        False once the edge has been met, if that turns interpolation off.
    """
    if interpolating:
        if interpolation_in_range(factors, h, k, l):
            return tricubic_amplitude(factors, h, k, l), True
        return nearest_amplitude(factors, h0, k0, l0), not factors.sticky
    return nearest_amplitude(factors, h0, k0, l0), False


@device_jit
def add_to_running_sum(weighting, intensity, term, weight):
    """Add a term where factors multiply the *running* sum (quirk `oversample-compound`).

    Parameters
    ----------
    weighting : Weighting
    intensity, term : float64
        The sum so far, what is added.
    weight : tuple of 4 float64
        As in `add_domain`.
    """
    intensity += term * weight[3]
    if weighting.running_capture:
        intensity *= weight[0]
    if weighting.running_polarization:
        intensity *= weight[1]
    if weighting.running_omega:
        intensity *= weight[2]
    return intensity


@device_jit
def add_domain(params, row, domain, q, intensity, weight, interpolating, shape_transform, events):
    """Add |F_cell·F_latt|² of one mosaic domain at one spindle angle.

    Parameters
    ----------
    params : KernelParams
    row, domain : int
        Which rotated lattice.
    q : tuple of 3 float64
        Scattering vector, 1/m.
    intensity : float64
        The running sum.
    weight : tuple of 4 float64
        Capture fraction, polarization, solid angle, for those that multiply the *running* sum (quirk
        `oversample-compound`), and what the term is multiplied by before it enters that sum.
    interpolating : bool
        Whether interpolation is still on.
    shape_transform : compiled function
        Of the lattice and the indices: F_latt or -F_latt, and the numbers that it is made of.
    events : log or None

    Returns
    -------
    intensity : float64
    interpolating : bool
    """
    lattice = params.lattice
    v = lattice.vectors[row, domain]
    h = miller_index(v[0], v[1], v[2], q)
    k = miller_index(v[3], v[4], v[5], q)
    l = miller_index(v[6], v[7], v[8], q)  # noqa: E741
    h0, k0, l0 = nearest_index(h), nearest_index(k), nearest_index(l)
    factor, parts = shape_transform(lattice, h, k, l, h0, k0, l0)
    if events is not None:
        record(events, DOMAIN, Domain(
            float(domain), v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], h, k, l, h0, k0, l0,
        ))  # fmt: skip
        record(events, SHAPE, Shape(factor, parts[0], parts[1], parts[2]))
    if factor == 0.0 and not params.scale.water:
        return intensity, interpolating
    amplitude, interpolating = structure_factor(params.factors, h, k, l, h0, k0, l0, interpolating)
    term = amplitude * amplitude * factor * factor
    if params.weighting.running:
        intensity = add_to_running_sum(params.weighting, intensity, term, weight)
    else:
        intensity += term
    if events is not None:
        record(events, TERM, Term(amplitude, term, intensity))
    return intensity, interpolating


def crystal_sum(shape_transform):
    """The sum over spindle steps and mosaic domains with one way to compute shape transforms.

    Parameters
    ----------
    shape_transform : compiled function
        As in `add_domain`.

    Returns
    -------
    compiled function
        ``add_crystal(params, which, q, intensity, weight, interpolating, events)`` adds what the crystal scatters for
        one scattering vector and gives the intensity and whether interpolation is still on; `which` is a list of spots
        or None, the source, and 0 in the image's first evaluation, 1 ever after (quirk `phi-carryover`); the others are
        as in `add_domain`.
    """

    @device_jit
    def add_crystal(params, which, q, intensity, weight, interpolating, events):
        lattice, row_set = params.lattice, which[2]
        for tic in range(lattice.phi_rows.shape[1]):
            row = lattice.phi_rows[row_set, tic]
            if events is not None:
                record(events, SPINDLE_STEP, SpindleStep(float(tic), float(row)))
            for domain in range(lattice.vectors.shape[1]):
                intensity, interpolating = add_domain(
                    params, row, domain, q, intensity, weight, interpolating, shape_transform, events
                )
        return intensity, interpolating

    return add_crystal


add_crystal = crystal_sum(lattice_factor)


@device_jit
def group_weight(weighting, source_weight, capture, polar, omega):
    """What the crystal's sum of one layer, subpixel and source is multiplied by.

    Parameters
    ----------
    weighting : Weighting
    source_weight : float64
        Of the source, 1 on average.
    capture, polar, omega : float64
        Capture fraction, polarization, solid angle (steradian).
    """
    weight = source_weight
    if weighting.group_capture:
        weight *= capture
    if weighting.group_polarization:
        weight *= polar
    if weighting.group_omega:
        weight *= omega
    return weight


@device_jit
def add_sources(
    params, diffracted, intensity, capture, polar, omega, opening, evaluated, interpolating, crystal, listed, events
):
    """Add every source for one subpixel.

    Parameters
    ----------
    params : KernelParams
    diffracted : tuple of 3 float64
        Unit vector from the sample to the subpixel, lab frame.
    intensity : float64
        The running sum.
    capture, polar, omega : float64
        Capture fraction, polarization (0 while it is unknown) and solid angle.
    opening : bool
        Whether no earlier pixel of the image reached the spindle loop.
    evaluated : bool
        Whether this pixel already has.
    interpolating : bool
        Whether interpolation is still on.
    crystal : compiled function
        From `crystal_sum`; with a list, `kernels.cuda_spots.add_spots`.
    listed : tuple or None
        Spots that may reach the pixel, in place of every lattice.
    events : log or None

    Returns
    -------
    intensity, polar : float64
    evaluated, interpolating : bool
    """
    weighting, sources = params.weighting, params.sources
    for source in range(sources.table.shape[0]):
        beam = sources.table[source]
        incident = (-beam[0], -beam[1], -beam[2])
        q = scattering_vector(diffracted, incident, beam[3])
        stol = sine_theta_over_lambda(q)
        if events is not None:
            record(events, SOURCE, Source(
                float(source), incident[0], incident[1], incident[2], beam[3], q[0], q[1], q[2], stol,
                dot(incident, diffracted),
            ))  # fmt: skip
        beyond = beyond_resolution(stol, params.sampling.dmin)
        if beyond and weighting.water == 0.0:
            continue
        if polar == 0.0 or weighting.fresh_polarization:
            if not weighting.group_polarization:
                # nanoBragg normalises these vectors once more here, and later sources see the result
                incident, diffracted = unit_again(incident), unit_again(diffracted)
            polar = kahn_polarization(sources.kahn_factor, incident, diffracted, load(sources.polar_axis))
        if events is not None:
            record(events, POLARIZATION, Polarization(polar))
        weight = group_weight(weighting, beam[4], capture, polar, omega)
        before = intensity
        if weighting.grouped:
            intensity = weighting.water
        elif weighting.running:
            intensity += weighting.water * weight
        if not beyond:
            row_set = 0 if opening and not evaluated else 1
            intensity, interpolating = crystal(
                params, (listed, source, row_set), q, intensity, (capture, polar, omega, weight), interpolating, events
            )
            evaluated = True
        if weighting.grouped:
            intensity = before + intensity * weight
            if events is not None:
                record(events, GROUP, Group(weight, intensity))
    return intensity, polar, evaluated, interpolating


@device_jit
def photons_per_pixel(scale, weighting, steps, intensity, capture, polar, omega):
    """Scale the sum to photons; factors that were not applied inside the sum are applied here.

    Parameters
    ----------
    scale : Scale
    weighting : Weighting
    steps : float64
        Number of steps; a literal 1 lets the compiler drop the division.
    intensity : float64
        Sum of |F_cell·F_latt|² over all steps.
    capture, polar, omega : float64
        The values last computed (quirk `last-layer`).
    """
    total = scale.r_e_squared * scale.fluence * intensity
    # a sum that overflowed stays infinite: its quotient would be NaN
    value = total if steps == 1.0 or total == math.inf else quotient(total, steps, 1.0 / steps)
    if weighting.final_capture:
        value *= capture
    if weighting.final_polarization:
        value *= polar
    if weighting.final_omega:
        value *= omega
    # nanoBragg adds it to a pixel of zero, so that no zero is negative
    return 0.0 + value


@device_jit
def render_pixel(params, plane, slow, fast, opening, interpolating, crystal, listed, events):
    """Photons in one pixel.

    Parameters
    ----------
    params : KernelParams
    plane : Plane
        Its panel.
    slow, fast : int
        Pixel on the panel.
    opening : bool
        Whether no earlier pixel of the image reached the spindle loop (quirk `phi-carryover`).
    interpolating : bool
        Whether interpolation is still on when this pixel is reached (quirk `interp-sticky`).
    crystal : compiled function
        From `crystal_sum`, or another with its arguments; with a list, `kernels.cuda_spots.add_spots`.
    listed : tuple or None
        Spots that may reach the pixel, in place of every lattice.
    events : log or None
        None when rendering; a log of `kernels.events` when tracing.

    Returns
    -------
    photons : float64
        Pixel value before it is rounded to the type of the image.
    omega_sum : float64
        Solid angle summed over layers and subpixels, steradian.
    status : int
        STATUS_ bits of `kernels.params`.
    """
    panels, sampling, weighting = params.panels, params.sampling, params.weighting
    oversample = sampling.oversample
    intensity = params.scale.background
    polar = 0.0 if params.sources.polarization else 1.0
    omega = 0.0
    omega_sum = 0.0
    capture = 0.0
    evaluated = False
    interpolated_before = interpolating
    for layer in range(sampling.layers):
        depth = layer * plane.layer_step + plane.first_depth
        capture = 1.0 if plane.thickness == 0.0 else 0.0
        for sub_slow in range(oversample):
            for sub_fast in range(oversample):
                fast_coordinate = detector_coordinate(fast, sub_fast, oversample, plane.subpixel_fast)
                slow_coordinate = detector_coordinate(slow, sub_slow, oversample, plane.subpixel_slow)
                position = subpixel_position(panels, plane, fast_coordinate, slow_coordinate, depth)
                airpath = magnitude(position)
                inverse = 1.0 / airpath
                diffracted = direction(position, airpath, inverse)
                close_distance = tangent_distance(panels, plane, position, airpath)
                if omega == 0.0 or weighting.fresh_omega:
                    omega = pixel_solid_angle(plane.area, airpath, inverse, close_distance, panels.point_pixel)
                omega_sum += omega
                if capture == 0.0 or weighting.fresh_capture:
                    cosine = parallax(panels, plane, diffracted)
                    capture = captured_fraction(layer, plane.layer_step, plane.mu, cosine)
                if events is not None:
                    record(events, SUBPIXEL, Subpixel(
                        float(layer), float(sub_slow), float(sub_fast), fast_coordinate, slow_coordinate, depth,
                        position[0], position[1], position[2], airpath, diffracted[0], diffracted[1], diffracted[2],
                        omega, close_distance / airpath, capture,
                    ))  # fmt: skip
                intensity, polar, evaluated, interpolating = add_sources(
                    params, diffracted, intensity, capture, polar, omega, opening, evaluated, interpolating, crystal,
                    listed, events,
                )
    steps = float(params.scale.steps)
    photons = photons_per_pixel(params.scale, weighting, steps, intensity, capture, polar, omega)
    if events is not None:
        record(events, FINAL, Final(intensity, capture, polar, omega, photons))
    status = STATUS_OUT_OF_RANGE if interpolated_before and not interpolating else 0
    return photons, omega_sum, status | (STATUS_EVALUATED if evaluated else 0)

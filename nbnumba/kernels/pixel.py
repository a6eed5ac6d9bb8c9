"""The loop nest of one pixel, in nanoBragg's order: layer, subpixel, source, spindle step, mosaic domain.

Every engine that renders pixel by pixel and every trace runs this code. `events` is None when rendering (numba then
leaves the recording out) or a log of `kernels.events`.
"""

from __future__ import annotations

import math

from nbnumba.kernels.events import (
    DOMAIN,
    FINAL,
    LATTICE_FACTOR,
    LATTICE_PARTS,
    PHI,
    POLARIZATION,
    SOURCE,
    SUBPIXEL,
    TERM,
    record,
)
from nbnumba.kernels.params import SHAPE_GAUSS, SHAPE_ROUND, SHAPE_SQUARE, STATUS_EVALUATED, STATUS_OUT_OF_RANGE
from nbnumba.numerics.jit import device_jit
from nbnumba.numerics.vectors import direction, dot, load, magnitude, quotient, unit_again
from nbnumba.physics.absorption import captured_fraction
from nbnumba.physics.lattice_factor import (
    gauss_factor,
    index_radius_squared,
    reciprocal_radius_squared,
    round_factor,
    square_axis_factor,
    tophat_factor,
)
from nbnumba.physics.polarization import kahn_polarization
from nbnumba.physics.scattering import (
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


@device_jit
def subpixel_position(params, fast_coordinate, slow_coordinate, depth):
    """Lab position of a point of the sensor, m.

    Parameters
    ----------
    params : KernelParams
        Detector.
    fast_coordinate, slow_coordinate, depth : float64
        As in `flat_position`.
    """
    fdet, sdet = load(params.fdet), load(params.sdet)
    flat = flat_position(fast_coordinate, slow_coordinate, depth, fdet, sdet, load(params.odet), load(params.pix0))
    if params.curved:
        return curved_position(flat, params.distance, load(params.beam), fdet, sdet)
    return flat


@device_jit
def lattice_factor(params, h, k, l, h0, k0, l0, events):  # noqa: E741
    """F_latt: the shape transform around the nearest reflection.

    Parameters
    ----------
    params : KernelParams
        Shape, cells, fudge, reciprocal axes.
    h, k, l, h0, k0, l0 : float64
        Fractional and nearest Miller indices.
    events : log or None
        Records the axis factors (SQUARE) or the squared radius, then F_latt.
    """
    cells = params.cells
    if params.shape == SHAPE_SQUARE:
        along_a = square_axis_factor(h, cells[0])
        along_b = square_axis_factor(k, cells[1])
        along_c = square_axis_factor(l, cells[2])
        factor = along_a * along_b * along_c
        if events is not None:
            record(events, LATTICE_PARTS, (along_a, along_b, along_c))
    else:
        if params.shape == SHAPE_ROUND:
            radius_squared = index_radius_squared(h - h0, k - k0, l - l0, cells)
            factor = round_factor(radius_squared, params.fudge, cells)
        else:
            radius_squared = reciprocal_radius_squared(h - h0, k - k0, l - l0, params.reciprocal, cells)
            if params.shape == SHAPE_GAUSS:
                factor = gauss_factor(radius_squared, params.fudge, cells)
            else:
                factor = tophat_factor(radius_squared, params.fudge, cells)
        if events is not None:
            record(events, LATTICE_PARTS, (radius_squared,))
    if events is not None:
        record(events, LATTICE_FACTOR, (factor,))
    return factor


@device_jit
def structure_factor(params, h, k, l, h0, k0, l0, interpolating):  # noqa: E741
    """F_cell, and whether interpolation is still on (quirk `interp-sticky`).

    Parameters
    ----------
    params : KernelParams
        Structure-factor grid.
    h, k, l, h0, k0, l0 : float64
        Fractional and nearest Miller indices.
    interpolating : bool
        Whether no earlier evaluation met the edge of the grid.

    Returns
    -------
    amplitude : float64
        Electrons.
    interpolating : bool
        False once the edge has been met.
    """
    if interpolating:
        if interpolation_in_range(params, h, k, l):
            return tricubic_amplitude(params, h, k, l), True
        return nearest_amplitude(params, h0, k0, l0), False
    return nearest_amplitude(params, h0, k0, l0), False


@device_jit
def add_domain(params, row, domain, q, intensity, weight, interpolating, shape_transform, events):
    """Add |F_cell·F_latt|² of one mosaic domain at one spindle angle.

    Parameters
    ----------
    params : KernelParams
        Lattice, shape, structure factors.
    row, domain : int
        Which rotated lattice.
    q : tuple of 3 float64
        Scattering vector, 1/m.
    intensity : float64
        The running sum.
    weight : tuple of 3 float64
        Capture fraction, polarization, solid angle: they multiply the *running* sum when their oversample flag is set
        (quirk `oversample-compound`).
    interpolating : bool
        Whether interpolation is still on.
    shape_transform : compiled function
        `lattice_factor`, or another with its arguments that gives F_latt or -F_latt.
    events : log or None

    Returns
    -------
    intensity : float64
    interpolating : bool
    """
    lattice = params.lattice[row, domain]
    h = miller_index(lattice[0], lattice[1], lattice[2], q)
    k = miller_index(lattice[3], lattice[4], lattice[5], q)
    l = miller_index(lattice[6], lattice[7], lattice[8], q)  # noqa: E741
    h0, k0, l0 = nearest_index(h), nearest_index(k), nearest_index(l)
    if events is not None:
        record(events, DOMAIN, (
            float(domain), lattice[0], lattice[1], lattice[2], lattice[3], lattice[4], lattice[5],
            lattice[6], lattice[7], lattice[8], h, k, l, h0, k0, l0,
        ))  # fmt: skip
    factor = shape_transform(params, h, k, l, h0, k0, l0, events)
    if factor == 0.0 and not params.water:
        return intensity, interpolating
    amplitude, interpolating = structure_factor(params, h, k, l, h0, k0, l0, interpolating)
    term = amplitude * amplitude * factor * factor
    intensity += term
    if params.oversample_thick:
        intensity *= weight[0]
    if params.oversample_polar:
        intensity *= weight[1]
    if params.oversample_omega:
        intensity *= weight[2]
    if events is not None:
        record(events, TERM, (amplitude, term, intensity))
    return intensity, interpolating


@device_jit
def add_crystal(params, row_set, q, intensity, weight, interpolating, events):
    """Add every spindle step and mosaic domain for one scattering vector.

    Parameters
    ----------
    params : KernelParams
    row_set : int
        0 in the image's first evaluation, 1 ever after (quirk `phi-carryover`).
    q, intensity, weight, interpolating, events
        As in `add_domain`.

    Returns
    -------
    intensity : float64
    interpolating : bool
    """
    for tic in range(params.phi_steps):
        row = params.phi_rows[row_set, tic]
        if events is not None:
            record(events, PHI, (float(tic), float(row)))
        for domain in range(params.domains):
            intensity, interpolating = add_domain(
                params, row, domain, q, intensity, weight, interpolating, lattice_factor, events
            )
    return intensity, interpolating


@device_jit
def add_sources(
    params, diffracted, intensity, capture, polar, omega, opening, evaluated, interpolating, crystal, events
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
    interpolating, events
        As in `add_crystal`.
    crystal : compiled function
        `add_crystal`, or another with its arguments.

    Returns
    -------
    intensity, polar : float64
    evaluated, interpolating : bool
    """
    for source in range(params.sources.shape[0]):
        beam = params.sources[source]
        incident = (-beam[0], -beam[1], -beam[2])
        q = scattering_vector(diffracted, incident, beam[3])
        stol = sine_theta_over_lambda(q)
        if events is not None:
            record(events, SOURCE, (
                float(source), incident[0], incident[1], incident[2], beam[3], q[0], q[1], q[2], stol,
                dot(incident, diffracted),
            ))  # fmt: skip
        if beyond_resolution(stol, params.dmin):
            continue
        if polar == 0.0 or params.oversample_polar:
            # nanoBragg normalises these vectors once more here, and later sources see the result
            incident, diffracted = unit_again(incident), unit_again(diffracted)
            polar = kahn_polarization(params.kahn_factor, incident, diffracted, load(params.polar_axis))
        if events is not None:
            record(events, POLARIZATION, (polar,))
        row_set = 0 if opening and not evaluated else 1
        intensity, interpolating = crystal(
            params, row_set, q, intensity, (capture, polar, omega), interpolating, events
        )
        evaluated = True
    return intensity, polar, evaluated, interpolating


@device_jit
def photons_per_pixel(params, steps, intensity, capture, polar, omega):
    """Scale the sum to photons; factors that were not applied inside the sum are applied here.

    Parameters
    ----------
    params : KernelParams
    steps : float64
        Number of steps; a literal 1 lets the compiler drop the division.
    intensity : float64
        Sum of |F_cell·F_latt|² over all steps.
    capture, polar, omega : float64
        The values last computed (quirk `last-layer`).
    """
    total = params.r_e_squared * params.fluence * intensity
    # a sum that overflowed stays infinite: its quotient would be NaN
    value = total if steps == 1.0 or total == math.inf else quotient(total, steps, 1.0 / steps)
    if not params.oversample_thick:
        value *= capture
    if not params.oversample_polar:
        value *= polar
    if not params.oversample_omega:
        value *= omega
    # nanoBragg adds it to a pixel of zero, so that no zero is negative
    return 0.0 + value


@device_jit
def render_pixel(params, slow, fast, opening, interpolating, crystal, events):
    """Photons in one pixel.

    Parameters
    ----------
    params : KernelParams
    slow, fast : int
        Pixel on the detector.
    opening : bool
        Whether no earlier pixel of the image reached the spindle loop (quirk `phi-carryover`).
    interpolating : bool
        Whether interpolation is still on when this pixel is reached (quirk `interp-sticky`).
    crystal : compiled function
        Adds what the crystal scatters for one scattering vector: `add_crystal`, or another with its arguments.
    events : log or None
        None when rendering; a log of `kernels.events` when tracing.

    Returns
    -------
    photons : float64
        Pixel value before it is rounded to float32.
    omega_sum : float64
        Solid angle summed over layers and subpixels, steradian.
    status : int
        STATUS_ bits of `kernel_params`.
    """
    intensity = params.background
    polar = 0.0 if params.polarization else 1.0
    omega = 0.0
    omega_sum = 0.0
    capture = 0.0
    evaluated = False
    interpolated_before = interpolating
    for layer in range(params.thick_steps):
        depth = layer * params.thick_step
        capture = 1.0 if params.thickness == 0.0 else 0.0
        for sub_slow in range(params.oversample):
            for sub_fast in range(params.oversample):
                fast_coordinate = detector_coordinate(fast, sub_fast, params.oversample, params.subpixel_size)
                slow_coordinate = detector_coordinate(slow, sub_slow, params.oversample, params.subpixel_size)
                position = subpixel_position(params, fast_coordinate, slow_coordinate, depth)
                airpath = magnitude(position)
                inverse = 1.0 / airpath
                diffracted = direction(position, airpath, inverse)
                if omega == 0.0 or params.oversample_omega:
                    omega = pixel_solid_angle(
                        params.pixel_size, airpath, inverse, params.close_distance, params.point_pixel
                    )
                omega_sum += omega
                if capture == 0.0 or params.oversample_thick:
                    parallax = dot(diffracted, load(params.odet))
                    capture = captured_fraction(layer, params.thick_step, params.mu, parallax)
                if events is not None:
                    record(events, SUBPIXEL, (
                        float(layer), float(sub_slow), float(sub_fast), fast_coordinate, slow_coordinate, depth,
                        position[0], position[1], position[2], airpath, diffracted[0], diffracted[1], diffracted[2],
                        omega, params.close_distance / airpath, capture,
                    ))  # fmt: skip
                intensity, polar, evaluated, interpolating = add_sources(
                    params, diffracted, intensity, capture, polar, omega, opening, evaluated, interpolating, crystal,
                    events,
                )
    photons = photons_per_pixel(params, float(params.steps), intensity, capture, polar, omega)
    if events is not None:
        record(events, FINAL, (intensity, capture, polar, omega, photons))
    status = STATUS_OUT_OF_RANGE if interpolated_before and not interpolating else 0
    return photons, omega_sum, status | (STATUS_EVALUATED if evaluated else 0)

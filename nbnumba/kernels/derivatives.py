"""The sums from which every derivative of a pixel follows by the chain rule, in exact physics.

All but the structure factors enter a term through three Miller indices and the direction of the ray, so that a few sums
serve any number of parameters. With T for a term, g for its derivatives by the indices (through shape and interpolated
F), v for the rotated cell vectors and D = g·v, the inner loop adds T, g_i·h_k, g_i·Δ_i and D. What belongs to the ray
follows from them once for each layer, subpixel and source: a *group*.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nbnumba.kernels.params import Factors
from nbnumba.kernels.pixel import group_weight, parallax, subpixel_position, tangent_distance
from nbnumba.numerics.jit import device_jit
from nbnumba.numerics.vectors import cross, direction, dot, load, magnitude
from nbnumba.physics.absorption import captured_fraction, captured_slope
from nbnumba.physics.polarization import kahn_polarization, polarization_slope
from nbnumba.physics.scattering import (
    beyond_resolution,
    detector_coordinate,
    miller_index,
    nearest_index,
    scattering_vector,
    sine_theta_over_lambda,
)
from nbnumba.physics.solid_angle import pixel_solid_angle
from nbnumba.physics.structure_factor import amplitude_slope
from nbnumba.shapes.registry import lattice_slope

PHOTONS = 0
"""Column of a pixel's basis: the pixel itself."""

INDICES = 1
"""Nine columns, Σ g_i·h_k: with the inverse lattice the derivatives by the cell vectors at spindle angle zero."""

CELLS = 10
"""Three columns: derivatives by the logarithms of the numbers of cells, Σ 2T + g_i·Δ_i of the shape alone."""

TRANSLATION = 13
"""Three columns: derivatives by a shift of the panel, per m."""

ROTATION = 16
"""Three columns: derivatives by a rotation of the panel about the sample, per radian."""

BEAM = 19
"""Three columns: derivatives by a rotation of the beam and its E-vector, per radian."""

WAVELENGTH = 22
"""Two columns: derivatives by a wavelength that is added to all, per m, and by a factor of all."""

BASIS = 24
"""Columns that there always are; those of `Extras` follow."""

class Extras(NamedTuple):
    """Sums that only some parameters need; each has columns behind BASIS, in this order."""

    rates: np.ndarray  # float64[domains, n, 3]: how mosaic domains turn with a parameter, rotation vectors
    tables: np.ndarray  # float64[n, table]: derivatives of the table of structure factors
    lines: np.ndarray  # int64[sources]: to which column of `line_count` a source adds; below zero to none
    line_count: int


def no_extras(domains: int, sources: int) -> Extras:
    """Nothing but the basis.

    Parameters
    ----------
    domains, sources : int
        Of the kernels' argument.
    """
    return Extras(np.zeros((domains, 0, 3)), np.zeros((0, 1)), np.full(sources, -1, np.int64), 0)


def column_count(extras: Extras) -> int:
    """Columns of a pixel's basis.

    Parameters
    ----------
    extras : Extras
    """
    return BASIS + extras.rates.shape[1] + len(extras.tables) + extras.line_count


@device_jit
def slope_of_term(squared, shape_slope, amplitude, amplitude_slopes):
    """T = F²·L² and its derivatives by the indices: all of them, and those of the shape.

    Parameters
    ----------
    squared, shape_slope : float64, tuple of 3 float64
        From `Shape.slope`.
    amplitude, amplitude_slopes : float64, tuple of 3 float64
        From `amplitude_slope`.

    Returns
    -------
    term : float64
    slope, of_shape : tuple of 3 float64
    """
    intensity, rest = amplitude * amplitude, 2.0 * amplitude * squared
    of_shape = (intensity * shape_slope[0], intensity * shape_slope[1], intensity * shape_slope[2])
    slope = (
        of_shape[0] + rest * amplitude_slopes[0],
        of_shape[1] + rest * amplitude_slopes[1],
        of_shape[2] + rest * amplitude_slopes[2],
    )
    return intensity * squared, slope, of_shape


@device_jit
def table_of(factors, table):
    """The structure factors with another table of the same indices, and zero outside.

    Parameters
    ----------
    factors : Factors
    table : ndarray, shape (n,), float64
    """
    return Factors(
        table, True, factors.h_size, factors.k_size, factors.l_size, factors.h_min, factors.k_min, factors.l_min, 0.0,
        factors.interpolate, False,
    )  # fmt: skip


@device_jit
def drawn(force, axes):
    """Σ g_i·v_i: how a term changes with the scattering vector, m.

    Parameters
    ----------
    force : tuple of 3 float64
        Derivatives by the indices.
    axes : tuple of 9 float64
        Rotated cell vectors, m.
    """
    return (
        force[0] * axes[0] + force[1] * axes[3] + force[2] * axes[6],
        force[0] * axes[1] + force[1] * axes[4] + force[2] * axes[7],
        force[0] * axes[2] + force[1] * axes[5] + force[2] * axes[8],
    )


@device_jit
def add_extras(extras, factors, domain, indices, nearest, squared, amplitude, pull, q, weight, basis):
    """Add what one domain gives to the columns of mosaic rates and of tables.

    Parameters
    ----------
    extras : Extras
    factors : Factors
    domain : int
    indices, nearest : tuple of 3 float64
        Fractional and nearest Miller indices.
    squared, amplitude : float64
        F_latt² and F_cell.
    pull : tuple of 3 float64
        From `drawn`.
    q : tuple of 3 float64
        Scattering vector, 1/m.
    weight : float64
        Of the group.
    basis : ndarray, shape (columns,), float64
        Changed.
    """
    column = BASIS
    if extras.rates.shape[1] > 0:
        torque = cross(pull, q)
        for n in range(extras.rates.shape[1]):
            basis[column] += weight * dot(torque, load(extras.rates[domain, n]))
            column += 1
    for n in range(extras.tables.shape[0]):
        change, _ = amplitude_slope(
            table_of(factors, extras.tables[n]), indices[0], indices[1], indices[2], nearest[0], nearest[1], nearest[2]
        )
        basis[column] += weight * 2.0 * amplitude * change * squared
        column += 1


@device_jit
def crystal_sums(params, extras, q, weight, basis):
    """The sums of the inner loop: over spindle steps and mosaic domains for one scattering vector.

    Parameters
    ----------
    params : KernelParams
    extras : Extras
    q : tuple of 3 float64
        Scattering vector, 1/m.
    weight : float64
        Of the group, for the columns of `extras`.
    basis : ndarray, shape (columns,), float64
        Changed in those columns.

    Returns
    -------
    term : float64
    indices : tuple of 9 float64
    distances : tuple of 3 float64
    pull : tuple of 3 float64
    """
    lattice = params.lattice
    total, i0, i1, i2, i3, i4, i5, i6, i7, i8 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    d0, d1, d2, p0, p1, p2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for tic in range(lattice.phi_rows.shape[1]):
        row = lattice.phi_rows[1, tic]
        for domain in range(lattice.vectors.shape[1]):
            v = lattice.vectors[row, domain]
            axes = (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8])
            h = miller_index(axes[0], axes[1], axes[2], q)
            k = miller_index(axes[3], axes[4], axes[5], q)
            l = miller_index(axes[6], axes[7], axes[8], q)  # noqa: E741
            h0, k0, l0 = nearest_index(h), nearest_index(k), nearest_index(l)
            squared, by_distance = lattice_slope(lattice, h - h0, k - k0, l - l0)
            amplitude, by_index = amplitude_slope(params.factors, h, k, l, h0, k0, l0)
            term, g, s = slope_of_term(squared, by_distance, amplitude, by_index)
            pull = drawn(g, axes)
            total += term
            i0, i1, i2 = i0 + g[0] * h, i1 + g[0] * k, i2 + g[0] * l
            i3, i4, i5 = i3 + g[1] * h, i4 + g[1] * k, i5 + g[1] * l
            i6, i7, i8 = i6 + g[2] * h, i7 + g[2] * k, i8 + g[2] * l
            d0, d1, d2 = d0 + s[0] * (h - h0), d1 + s[1] * (k - k0), d2 + s[2] * (l - l0)
            p0, p1, p2 = p0 + pull[0], p1 + pull[1], p2 + pull[2]
            add_extras(
                extras, params.factors, domain, (h, k, l), (h0, k0, l0), squared, amplitude, pull, q, weight, basis
            )
    return total, (i0, i1, i2, i3, i4, i5, i6, i7, i8), (d0, d1, d2), (p0, p1, p2)


@device_jit
def ray_slopes(ray, pull, incident, wavenumber, term, weight, by_direction, by_shift):
    """What a group gives to the columns from TRANSLATION on.

    Parameters
    ----------
    ray : tuple of (tuple of 3 float64, float64)
        Unit vector from the sample to the subpixel, lab frame, and 1 / distance, 1/m.
    pull : tuple of 3 float64
        Sum from `crystal_sums`.
    incident : tuple of 3 float64
        Unit vector along the beam, lab frame.
    wavenumber : float64
        1 / wavelength, 1/m.
    term, weight : float64
        The crystal's sum and what it is multiplied by.
    by_direction : tuple of 3 float64
        Derivative of `weight` by the direction of the ray, through the polarization.
    by_shift : tuple of 3 float64
        Derivative of `weight` by a shift of the panel, but for the polarization.

    Returns
    -------
    tuple of 11 float64
    """
    diffracted, inverse = ray
    along = weight * wavenumber
    force = (along * pull[0], along * pull[1], along * pull[2])
    polar = (term * by_direction[0], term * by_direction[1], term * by_direction[2])
    both = (force[0] + polar[0], force[1] + polar[1], force[2] + polar[2])
    radial = dot(both, diffracted)
    turn, turn_polar, turn_beam = cross(diffracted, both), cross(diffracted, polar), cross(incident, force)
    stretch = dot(force, diffracted) - dot(force, incident)
    return (
        (both[0] - radial * diffracted[0]) * inverse + term * by_shift[0],
        (both[1] - radial * diffracted[1]) * inverse + term * by_shift[1],
        (both[2] - radial * diffracted[2]) * inverse + term * by_shift[2],
        turn[0], turn[1], turn[2],
        -turn_beam[0] - turn_polar[0], -turn_beam[1] - turn_polar[1], -turn_beam[2] - turn_polar[2],
        -stretch * wavenumber, -stretch,
    )  # fmt: skip


@device_jit
def shift_slope(normal, closeness, diffracted, inverse, weight, weight_slope):
    """Derivative of a group's weight by a shift of the panel, through solid angle and absorption, 1/m.

    Parameters
    ----------
    normal : tuple of 3 float64
        Outward axis of a flat panel.
    closeness : float64
        1 / its distance from the sample, 1/m; zero where the solid angle is without the obliquity.
    diffracted : tuple of 3 float64
        Unit vector along the ray, lab frame.
    inverse : float64
        1 / distance to the subpixel, 1/m.
    weight, weight_slope : float64
        Of the group, and its derivative by the parallax through the captured fraction.

    Returns
    -------
    tuple of 3 float64
    """
    powers = 2.0 if closeness == 0.0 else 3.0
    outward = weight_slope * inverse + weight * closeness
    along = (weight_slope * dot(diffracted, normal) + powers * weight) * inverse
    return (
        outward * normal[0] - along * diffracted[0],
        outward * normal[1] - along * diffracted[1],
        outward * normal[2] - along * diffracted[2],
    )


@device_jit
def weigh_group(params, plane, source, ray, absorbed, omega):
    """What one layer, subpixel and source is multiplied by, and how that changes with the panel.

    Parameters
    ----------
    params : KernelParams
    plane : Plane
        The panel.
    source : int
    ray : tuple of (tuple of 3 float64, float64)
        As in `ray_slopes`.
    absorbed : tuple of 2 float64
        Captured fraction and its derivative by the parallax.
    omega : float64
        Solid angle, steradian.

    Returns
    -------
    incident : tuple of 3 float64
        Unit vector along the beam, lab frame.
    weight : float64
    by_direction, by_shift : tuple of 3 float64
        As in `ray_slopes`.
    """
    sources, weighting, diffracted = params.sources, params.weighting, ray[0]
    beam, axis = sources.table[source], load(sources.polar_axis)
    incident = (-beam[0], -beam[1], -beam[2])
    polar, by_direction = 1.0, (0.0, 0.0, 0.0)
    if sources.polarization:
        polar = kahn_polarization(sources.kahn_factor, incident, diffracted, axis)
        slope = polarization_slope(sources.kahn_factor, incident, diffracted, axis)
        rest = group_weight(weighting, beam[4], absorbed[0], 1.0, omega)
        by_direction = (rest * slope[0], rest * slope[1], rest * slope[2])
    weight = group_weight(weighting, beam[4], absorbed[0], polar, omega)
    by_parallax = group_weight(weighting, beam[4], 1.0, polar, omega) * absorbed[1]
    closeness = 0.0 if params.panels.point_pixel else 1.0 / plane.close_distance
    return incident, weight, by_direction, shift_slope(plane.odet, closeness, diffracted, ray[1], weight, by_parallax)


@device_jit
def close_group(params, extras, source, ray, group, term, pull, basis):
    """Add a group to the photons, the columns of the ray and that of its line.

    Parameters
    ----------
    params : KernelParams
    extras : Extras
    source : int
    ray : tuple of (tuple of 3 float64, float64)
        As in `ray_slopes`.
    group : tuple
        From `weigh_group`.
    term : float64
        What is multiplied by the group's weight.
    pull : tuple of 3 float64
        Its derivative by the scattering vector.
    basis : ndarray, shape (columns,), float64
        Changed.
    """
    beam, line = params.sources.table[source], extras.lines[source]
    incident, weight, by_direction, by_shift = group
    basis[PHOTONS] += weight * term
    slopes = ray_slopes(ray, pull, incident, 1.0 / beam[3], term, weight, by_direction, by_shift)
    for n in range(11):
        basis[TRANSLATION + n] += slopes[n]
    if line >= 0:
        basis[BASIS + extras.rates.shape[1] + extras.tables.shape[0] + line] += term * weight / beam[4]


@device_jit
def add_group(params, which, plane, source, ray, absorbed, omega, basis):
    """Add the crystal's sum of one layer, subpixel and source.

    Parameters
    ----------
    params : KernelParams
    which : tuple of Extras
        One.
    plane, source, ray, absorbed, omega
        As in `weigh_group`.
    basis : ndarray, shape (columns,), float64
        Changed.
    """
    extras = which[0]
    group = weigh_group(params, plane, source, ray, absorbed, omega)
    weight = group[1]
    q = scattering_vector(ray[0], group[0], params.sources.table[source, 3])
    term, pull = params.weighting.water, (0.0, 0.0, 0.0)
    if not beyond_resolution(sine_theta_over_lambda(q), params.sampling.dmin):
        crystal, indices, distances, pull = crystal_sums(params, extras, q, weight, basis)
        term += crystal
        for n in range(9):
            basis[INDICES + n] += weight * indices[n]
        for n in range(3):
            basis[CELLS + n] += weight * (2.0 * crystal + distances[n])
    close_group(params, extras, source, ray, group, term, pull, basis)


@device_jit
def add_rays(params, add, which, plane, slow, fast, basis):
    """Add every layer, subpixel and source of one pixel.

    Parameters
    ----------
    params : KernelParams
        Of exact physics.
    add : compiled function
        `add_group`, or what has its arguments.
    which : tuple
        Handed to it.
    plane : Plane
        Its panel.
    slow, fast : int
        Pixel on the panel.
    basis : ndarray, shape (columns,), float64
        Changed.
    """
    panels, sampling = params.panels, params.sampling
    oversample = sampling.oversample
    for layer in range(sampling.layers):
        depth = layer * plane.layer_step + plane.first_depth
        for subpixel in range(oversample * oversample):
            position = subpixel_position(
                panels, plane,
                detector_coordinate(fast, subpixel % oversample, oversample, plane.subpixel_fast),
                detector_coordinate(slow, subpixel // oversample, oversample, plane.subpixel_slow), depth,
            )  # fmt: skip
            airpath = magnitude(position)
            inverse = 1.0 / airpath
            diffracted = direction(position, airpath, inverse)
            close_distance = tangent_distance(panels, plane, position, airpath)
            omega = pixel_solid_angle(plane.area, airpath, inverse, close_distance, panels.point_pixel)
            absorbed = (1.0, 0.0)
            if plane.thickness != 0.0:
                cosine = parallax(panels, plane, diffracted)
                absorbed = (
                    captured_fraction(layer, plane.layer_step, plane.mu, cosine),
                    captured_slope(layer, plane.layer_step, plane.mu, cosine),
                )
            for source in range(params.sources.table.shape[0]):
                add(params, which, plane, source, (diffracted, inverse), absorbed, omega, basis)


@device_jit
def pixel_basis(params, extras, plane, slow, fast, basis):
    """The basis of one pixel, photons and photons per unit of what each column stands for.

    Parameters
    ----------
    params : KernelParams
        Of exact physics.
    extras : Extras
    plane : Plane
        Its panel.
    slow, fast : int
        Pixel on the panel.
    basis : ndarray, shape (columns,), float64
        Assigned.
    """
    for n in range(basis.shape[0]):
        basis[n] = 0.0
    add_rays(params, add_group, (extras,), plane, slow, fast, basis)
    scale = params.scale.r_e_squared * params.scale.fluence / params.scale.steps
    for n in range(basis.shape[0]):
        basis[n] *= scale

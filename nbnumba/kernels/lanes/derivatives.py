"""The sums of `kernels.derivatives` over a block of pixels: the same nest with its innermost loop over the lanes."""

from __future__ import annotations

from nbnumba.kernels.derivatives import (
    BASIS,
    CELLS,
    INDICES,
    PHOTONS,
    TRANSLATION,
    drawn,
    ray_slopes,
    shift_slope,
    table_of,
)
from nbnumba.kernels.lanes.beam import limit_resolution, polarize_group, scatter
from nbnumba.kernels.lanes.detector import absorb, place_subpixels
from nbnumba.kernels.lanes.intensity import index_lanes, look_up, weigh_subpixel
from nbnumba.kernels.lanes.nest import fill
from nbnumba.numerics.jit import nest_jit, pass_jit
from nbnumba.numerics.scratch import (
    ABSORBED,
    ACTIVE,
    AIRPATH,
    CAPTURE,
    CELL,
    COLUMNS,
    FACTOR,
    LANES,
    OMEGA_SUM,
    POLARIZATION,
    PULL_X,
    PULL_Y,
    PULL_Z,
    QX,
    QY,
    QZ,
    SLOPE_H,
    SLOPE_K,
    SLOPE_L,
    SQUARED,
    SUMS,
    WEIGHT,
    H,
    K,
    L,
    X,
    Y,
    Z,
    touches,
)
from nbnumba.numerics.vectors import cross, dot, load
from nbnumba.physics.absorption import captured_slope
from nbnumba.physics.polarization import polarization_slope
from nbnumba.physics.scattering import nearest
from nbnumba.physics.structure_factor import amplitude_slope
from nbnumba.shapes.registry import SHAPES
from nbnumba.shapes.shape import by_shape, size_and_fudge

_SUM_INDICES, _SUM_CELLS, _SUM_PULL = SUMS + LANES, SUMS + 10 * LANES, SUMS + 13 * LANES

_ALL_SUMS = tuple(SUMS + n * LANES for n in range(16))
_RAY_COLUMNS = tuple(COLUMNS + n * LANES for n in range(BASIS))


def _slope_pass(shape_slope, keep):
    """The pass over the lanes that adds one domain's terms and slopes, for one shape.

    Whether to `keep` what further passes read is known when it is compiled: every store counts here.
    """

    @touches(reads=(H, K, L, CELL, *_ALL_SUMS), writes=(SQUARED, PULL_X, PULL_Y, PULL_Z, *_ALL_SUMS))
    @pass_jit
    def add_slopes(lattice, axes, lanes, s):
        size = size_and_fudge(lattice)
        for i in range(lanes):
            h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
            dh, dk, dl = h - nearest(h), k - nearest(k), l - nearest(l)
            squared, slope = shape_slope(size, dh, dk, dl)
            intensity = s[CELL + i] * s[CELL + i]
            a, b, c = intensity * slope[0], intensity * slope[1], intensity * slope[2]
            term = intensity * squared
            s[SUMS + i] += term
            s[_SUM_INDICES + i] += a * h
            s[_SUM_INDICES + LANES + i] += a * k
            s[_SUM_INDICES + 2 * LANES + i] += a * l
            s[_SUM_INDICES + 3 * LANES + i] += b * h
            s[_SUM_INDICES + 4 * LANES + i] += b * k
            s[_SUM_INDICES + 5 * LANES + i] += b * l
            s[_SUM_INDICES + 6 * LANES + i] += c * h
            s[_SUM_INDICES + 7 * LANES + i] += c * k
            s[_SUM_INDICES + 8 * LANES + i] += c * l
            s[_SUM_CELLS + i] += a * dh
            s[_SUM_CELLS + LANES + i] += b * dk
            s[_SUM_CELLS + 2 * LANES + i] += c * dl
            pull = drawn((a, b, c), axes)
            if keep:
                s[SQUARED + i] = squared
                s[PULL_X + i], s[PULL_Y + i], s[PULL_Z + i] = pull
            s[_SUM_PULL + i] += pull[0]
            s[_SUM_PULL + LANES + i] += pull[1]
            s[_SUM_PULL + 2 * LANES + i] += pull[2]

    return add_slopes


def _term_pass(shape_slope):
    """The pass over the lanes that adds one domain's terms alone, for one shape."""

    @touches(reads=(H, K, L, CELL, SUMS), writes=(SUMS,))
    @pass_jit
    def add_squares(lattice, lanes, s):
        size = size_and_fudge(lattice)
        for i in range(lanes):
            h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
            squared, _ = shape_slope(size, h - nearest(h), k - nearest(k), l - nearest(l))
            s[SUMS + i] += s[CELL + i] * s[CELL + i] * squared

    return add_squares


add_slopes = by_shape([_slope_pass(shape.slope, False) for shape in SHAPES], pass_jit)
add_kept_slopes = by_shape([_slope_pass(shape.slope, True) for shape in SHAPES], pass_jit)
add_squares = by_shape([_term_pass(shape.slope) for shape in SHAPES], pass_jit)


@touches(reads=(H, K, L), writes=(CELL, SLOPE_H, SLOPE_K, SLOPE_L))
@pass_jit
def interpolate_slopes(factors, lanes, s):
    """Interpolated amplitudes and their derivatives by the indices.

    Parameters
    ----------
    factors : Factors
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        amplitude, slope = amplitude_slope(factors, h, k, l, nearest(h), nearest(k), nearest(l))
        s[CELL + i] = amplitude
        s[SLOPE_H + i], s[SLOPE_K + i], s[SLOPE_L + i] = slope


@touches(
    reads=(H, K, L, CELL, SQUARED, SLOPE_H, SLOPE_K, SLOPE_L, PULL_X, PULL_Y, PULL_Z, *_ALL_SUMS[1:10],
           *_ALL_SUMS[13:]),
    writes=(PULL_X, PULL_Y, PULL_Z, *_ALL_SUMS[1:10], *_ALL_SUMS[13:]),
)  # fmt: skip
@pass_jit
def add_interpolated_slopes(axes, lanes, s):
    """Add what the slopes of interpolated amplitudes give.

    Parameters
    ----------
    axes : tuple of 9 float64
        a, b, c of the domain, m, lab frame.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        rest = 2.0 * s[CELL + i] * s[SQUARED + i]
        force = (rest * s[SLOPE_H + i], rest * s[SLOPE_K + i], rest * s[SLOPE_L + i])
        for n in range(3):
            s[_SUM_INDICES + 3 * n * LANES + i] += force[n] * h
            s[_SUM_INDICES + (3 * n + 1) * LANES + i] += force[n] * k
            s[_SUM_INDICES + (3 * n + 2) * LANES + i] += force[n] * l
        pull = drawn(force, axes)
        for n in range(3):
            s[PULL_X + n * LANES + i] += pull[n]
            s[_SUM_PULL + n * LANES + i] += pull[n]


@touches(reads=(PULL_X, PULL_Y, PULL_Z, QX, QY, QZ, FACTOR))
@pass_jit
def add_rate(rate, column, lanes, s):
    """Add one domain to a column of mosaic rates.

    Parameters
    ----------
    rate : tuple of 3 float64
        How the domain turns.
    column : int
        Offset of the column's section.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        torque = cross((s[PULL_X + i], s[PULL_Y + i], s[PULL_Z + i]), (s[QX + i], s[QY + i], s[QZ + i]))
        s[column + i] += s[FACTOR + i] * dot(torque, rate)


@touches(reads=(H, K, L, CELL, SQUARED, FACTOR))
@pass_jit
def add_table(factors, column, lanes, s):
    """Add one domain to a column of a table's derivative.

    Parameters
    ----------
    factors : Factors
        With the derivative in place of the table.
    column : int
        Offset of the column's section.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        h, k, l = s[H + i], s[K + i], s[L + i]  # noqa: E741
        change, _ = amplitude_slope(factors, h, k, l, nearest(h), nearest(k), nearest(l))
        s[column + i] += s[FACTOR + i] * 2.0 * s[CELL + i] * change * s[SQUARED + i]


@touches(reads=(X, Y, Z, CAPTURE), writes=(ABSORBED,))
@pass_jit
def absorb_slopes(plane, layer, lanes, s):
    """Derivative of the captured fraction's logarithm by the parallax.

    Parameters
    ----------
    plane : Plane
        A flat panel.
    layer : int
        Layer, 0 at the surface.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    normal, step, mu = plane.odet, plane.layer_step, plane.mu
    for i in range(lanes):
        slope = captured_slope(layer, step, mu, dot((s[X + i], s[Y + i], s[Z + i]), normal))
        s[ABSORBED + i] = slope / s[CAPTURE + i] if s[CAPTURE + i] > 0.0 else 0.0


@touches(reads=(WEIGHT, POLARIZATION, ACTIVE), writes=(FACTOR,))
@pass_jit
def weigh_crystal(source_weight, lanes, s):
    """What the crystal's sum is multiplied by: zero beyond the resolution limit.

    Parameters
    ----------
    source_weight : float64
        Of the source, 1 on average.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        s[FACTOR + i] = s[WEIGHT + i] * source_weight * s[POLARIZATION + i] * s[ACTIVE + i]


@touches(reads=(WEIGHT, POLARIZATION, FACTOR, SUMS, COLUMNS), writes=(COLUMNS,))
@pass_jit
def close_photons(water, source_weight, lanes, s):
    """Add a group's photons to those of the pixels.

    Parameters
    ----------
    water : float64
        Background of the group, electrons².
    source_weight, lanes, s
        As in `weigh_crystal`.
    """
    for i in range(lanes):
        background = water * s[WEIGHT + i] * source_weight * s[POLARIZATION + i]
        s[COLUMNS + PHOTONS + i] += s[FACTOR + i] * s[SUMS + i] + background


@touches(reads=(FACTOR, *_ALL_SUMS, *_RAY_COLUMNS[1:13]), writes=_RAY_COLUMNS[1:13])
@pass_jit
def close_sums(lanes, s):
    """Add a group's sums over indices and cells to the columns.

    Parameters
    ----------
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for n in range(9):
        for i in range(lanes):
            s[COLUMNS + (INDICES + n) * LANES + i] += s[FACTOR + i] * s[_SUM_INDICES + n * LANES + i]
    for n in range(3):
        for i in range(lanes):
            both = 2.0 * s[SUMS + i] + s[_SUM_CELLS + n * LANES + i]
            s[COLUMNS + (CELLS + n) * LANES + i] += s[FACTOR + i] * both


@touches(
    reads=(X, Y, Z, AIRPATH, WEIGHT, POLARIZATION, ACTIVE, ABSORBED, SUMS, *_ALL_SUMS[13:],
           *_RAY_COLUMNS[TRANSLATION:]),
    writes=_RAY_COLUMNS[TRANSLATION:],
)  # fmt: skip
@pass_jit
def close_ray(params, plane, source, lanes, s):
    """Add a group to the columns of the ray: see `kernels.derivatives.ray_slopes`.

    Parameters
    ----------
    params : KernelParams
    plane : Plane
        The panel.
    source : int
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    sources, water, normal = params.sources, params.weighting.water, plane.odet
    closeness = 0.0 if params.panels.point_pixel else 1.0 / plane.close_distance
    beam, axis = sources.table[source], load(sources.polar_axis)
    incident, wavenumber, source_weight = (-beam[0], -beam[1], -beam[2]), 1.0 / beam[3], beam[4]
    kahn_factor, polarized = sources.kahn_factor, 1.0 if sources.polarization else 0.0
    for i in range(lanes):
        diffracted, inverse, active = (s[X + i], s[Y + i], s[Z + i]), 1.0 / s[AIRPATH + i], s[ACTIVE + i]
        rest = s[WEIGHT + i] * source_weight
        weight, polar = rest * s[POLARIZATION + i], rest * polarized
        slope = polarization_slope(kahn_factor, incident, diffracted, axis)
        by_direction = (polar * slope[0], polar * slope[1], polar * slope[2])
        by_shift = shift_slope(normal, closeness, diffracted, inverse, weight, weight * s[ABSORBED + i])
        pull = (
            active * s[_SUM_PULL + i], active * s[_SUM_PULL + LANES + i], active * s[_SUM_PULL + 2 * LANES + i]
        )
        term = water + active * s[SUMS + i]
        slopes = ray_slopes((diffracted, inverse), pull, incident, wavenumber, term, weight, by_direction, by_shift)
        s[COLUMNS + 13 * LANES + i] += slopes[0]
        s[COLUMNS + 14 * LANES + i] += slopes[1]
        s[COLUMNS + 15 * LANES + i] += slopes[2]
        s[COLUMNS + 16 * LANES + i] += slopes[3]
        s[COLUMNS + 17 * LANES + i] += slopes[4]
        s[COLUMNS + 18 * LANES + i] += slopes[5]
        s[COLUMNS + 19 * LANES + i] += slopes[6]
        s[COLUMNS + 20 * LANES + i] += slopes[7]
        s[COLUMNS + 21 * LANES + i] += slopes[8]
        s[COLUMNS + 22 * LANES + i] += slopes[9]
        s[COLUMNS + 23 * LANES + i] += slopes[10]


@touches(reads=(WEIGHT, POLARIZATION, ACTIVE, SUMS))
@pass_jit
def close_line(water, column, lanes, s):
    """Add a group to the column of its line of the spectrum.

    Parameters
    ----------
    water : float64
        Background of the group, electrons².
    column : int
        Offset of the column's section.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        term = water + s[ACTIVE + i] * s[SUMS + i]
        s[column + i] += s[WEIGHT + i] * s[POLARIZATION + i] * term


@nest_jit
def find_amplitudes(factors, lanes, s):
    """Amplitudes of the lanes, with their slopes where they are interpolated.

    Parameters
    ----------
    factors : Factors
    lanes, s
        As in `block_basis`.
    """
    if factors.interpolate:
        interpolate_slopes(factors, lanes, s)
    elif factors.has_amplitudes:
        look_up(factors, lanes, s)


@nest_jit
def add_domain_slopes(params, extras, axes, domain, slopes, lanes, s):
    """Add one mosaic domain at one spindle angle.

    Parameters
    ----------
    params : KernelParams
    extras : Extras
    axes : tuple of 9 float64
        a, b, c of the domain, m, lab frame.
    domain : int
    slopes, lanes, s
        As in `block_basis`.
    """
    factors = params.factors
    index_lanes(axes, lanes, s)
    find_amplitudes(factors, lanes, s)
    if not slopes:
        add_squares(params.lattice, lanes, s)
        return
    rates, tables = extras.rates.shape[1], extras.tables.shape[0]
    if not factors.interpolate and rates + tables == 0:
        add_slopes(params.lattice, axes, lanes, s)
        return
    add_kept_slopes(params.lattice, axes, lanes, s)
    if factors.interpolate:
        add_interpolated_slopes(axes, lanes, s)
    column = COLUMNS + BASIS * LANES
    for n in range(rates):
        add_rate(load(extras.rates[domain, n]), column, lanes, s)
        column += LANES
    for n in range(tables):
        add_table(table_of(factors, extras.tables[n]), column, lanes, s)
        column += LANES


@nest_jit
def add_source_slopes(params, extras, plane, source, slopes, lanes, s):
    """Add one source.

    Parameters
    ----------
    params : KernelParams
    extras : Extras
    plane : Plane
        The panel.
    source : int
    slopes, lanes, s
        As in `block_basis`.
    """
    sources, lattice, water = params.sources, params.lattice, params.weighting.water
    beam = sources.table[source]
    incident = (-beam[0], -beam[1], -beam[2])
    scatter(incident, beam[3], lanes, s)
    active = limit_resolution(params.sampling.dmin, lanes, s)
    if active > 0 or water != 0.0:
        if sources.polarization:
            polarize_group(sources, incident, lanes, s)
        weigh_crystal(beam[4], lanes, s)
        for n in range(16 if slopes else 1):
            fill(SUMS + n * LANES, 0.0, lanes, s)
        if active > 0:
            for tic in range(lattice.phi_rows.shape[1]):
                row = lattice.phi_rows[1, tic]
                for domain in range(lattice.vectors.shape[1]):
                    v = lattice.vectors[row, domain]
                    axes = (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8])
                    add_domain_slopes(params, extras, axes, domain, slopes, lanes, s)
        close_photons(water, beam[4], lanes, s)
        if slopes:
            close_sums(lanes, s)
            close_ray(params, plane, source, lanes, s)
            if extras.lines[source] >= 0:
                column = BASIS + extras.rates.shape[1] + extras.tables.shape[0] + extras.lines[source]
                close_line(water, COLUMNS + column * LANES, lanes, s)


@nest_jit
def block_basis(params, extras, plane, columns, slopes, lanes, s):
    """The basis of a block of pixels, before it is scaled to photons.

    Parameters
    ----------
    params : KernelParams
        Of exact physics.
    extras : Extras
    plane : Plane
        The panel.
    columns : int
        Columns of the basis.
    slopes : bool
        Whether anything but photons is asked for.
    lanes : int
        Lanes in use, a multiple of VECTOR.
    s : ndarray, shape (COLUMNS + columns · LANES,), float64
        Scratch, in which SLOW and FAST hold pixels and ACTIVE and CAPTURE were 1 before the first block; the columns
        hold results.
    """
    sampling, oversample = params.sampling, params.sampling.oversample
    for n in range(columns if slopes else 1):
        fill(COLUMNS + n * LANES, 0.0, lanes, s)
    fill(OMEGA_SUM, 0.0, lanes, s)
    fill(ABSORBED, 0.0, lanes, s)
    fill(CELL, params.factors.default_F, lanes, s)
    if not params.sources.polarization:
        fill(POLARIZATION, 1.0, lanes, s)
    for layer in range(sampling.layers):
        depth = layer * plane.layer_step + plane.first_depth
        for subpixel in range(oversample * oversample):
            sub = (float(subpixel % oversample), float(subpixel // oversample))
            place_subpixels(params, plane, sub, depth, True, lanes, s)
            if plane.thickness != 0.0:
                absorb(params.panels, plane, layer, lanes, s)
                if slopes:
                    absorb_slopes(plane, layer, lanes, s)
            weigh_subpixel(params.weighting, lanes, s)
            for source in range(params.sources.table.shape[0]):
                add_source_slopes(params, extras, plane, source, slopes, lanes, s)

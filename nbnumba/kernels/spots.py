"""Which pixels each reflection of each lattice reaches: reflections near the Ewald sphere, and boxes of pixels.

A *lattice* is one source, spindle step and mosaic domain; it is numbered in nanoBragg's order, sources slowest. A spot
reaches as far as its term may matter: over an ellipsoid of reciprocal space whose size follows from the reflection's
own F. The ellipsoid meets the Ewald sphere in a cut that a ball holds, in the coordinates in which the ellipsoid is a
ball, too; the quotients of linear functions that are the coordinates on a plane have their extremes over it in closed
form.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nbnumba.kernels.panels import panel_plane, panel_window
from nbnumba.kernels.params import CURVED
from nbnumba.numerics.jit import device_jit, lean_jit
from nbnumba.numerics.scratch import LANES
from nbnumba.numerics.vectors import cross, dot, load, magnitude
from nbnumba.physics.structure_factor import nearest_amplitude

SPOT = np.dtype([
    ("amplitude", np.float64),  # F_cell, electrons
    ("lattice", np.int32),
    ("h", np.int16), ("k", np.int16), ("l", np.int16),
    ("panel", np.int16),
    ("fast_first", np.uint16), ("fast_stop", np.uint16),  # pixels that it may reach
    ("slow_first", np.uint16), ("slow_stop", np.uint16),
], align=True)  # fmt: skip
"""What is kept of a spot: half of a cache line."""

FARTHEST_INDEX, FARTHEST_PIXEL, MOST_PANELS = 32767, 65535, 32767
"""What the numbers of a spot can hold."""

TILE_ROWS = 16
"""Rows of pixels of a tile, which is as wide as a block has lanes."""

SLACK = 1e-9
"""Relative size of what rounding may take from a bound."""


class Search(NamedTuple):
    """Which reflections are looked for, and how far each one's spot reaches."""

    widths: np.ndarray  # float64[3, 3]: from the unit sphere of spot radii to differences of Miller indices
    order: np.ndarray  # int64[3]: axes from the outer loop to the inner one
    first: np.ndarray  # int64[3]: lowest Miller index of each axis
    last: np.ndarray  # int64[3]: highest
    longest: np.ndarray  # float64[sources]: longest scattering vector that a pixel sees, 1/m
    stretch: float  # largest length that `widths` and any lattice make of the unit sphere, 1/m
    cap: float  # largest spot radius: that of a corner of the region nearest to a reflection
    height: float  # photons of a term of amplitude 1 at most, over the cutoff; infinite for a cutoff of 0
    radius_squared: float  # of spots whose size does not depend on F; 0 for Gaussian ones
    decay: float  # of Gaussian spots: F_latt² falls as exp(-decay·ρ²)
    inverses: np.ndarray  # float64[panels, 9]: dual vectors of the panel's axes; zeros where a panel can't be projected
    cones: np.ndarray  # float64[panels, 5]: unit vector to the middle of a panel, cosine and sine of its angular radius


class Ellipsoid(NamedTuple):
    """Where around a reflection scattering vectors still matter: centre + `axes`·u, |u| <= radius; 1/m."""

    centre: tuple[float, float, float]  # seen from the centre of the Ewald sphere
    axes: tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]  # columns
    radius: float
    bound: float  # no point is farther from the centre


@device_jit
def _combined(m, x, y, z):
    """x, y and z times the three vectors of m."""
    return (
        m[0][0] * x + m[1][0] * y + m[2][0] * z,
        m[0][1] * x + m[1][1] * y + m[2][1] * z,
        m[0][2] * x + m[1][2] * y + m[2][2] * z,
    )


@device_jit
def _components(m, v):
    """Inner products of a vector with the three of m."""
    return (dot(m[0], v), dot(m[1], v), dot(m[2], v))


@device_jit
def dual_vectors(a, b, c):
    """a*, b*, c* of three vectors.

    Parameters
    ----------
    a, b, c : tuple of 3 float64
    """
    bc, ca, ab = cross(b, c), cross(c, a), cross(a, b)
    inverse = 1.0 / dot(a, bc)
    return (
        (bc[0] * inverse, bc[1] * inverse, bc[2] * inverse),
        (ca[0] * inverse, ca[1] * inverse, ca[2] * inverse),
        (ab[0] * inverse, ab[1] * inverse, ab[2] * inverse),
    )


@device_jit
def spot_radius(search, amplitude):
    """Spot radius ρ beyond which no term of a reflection matters; negative where none does.

    Parameters
    ----------
    search : Search
    amplitude : float64
        F_cell, electrons.
    """
    if amplitude == 0.0:
        return -1.0
    photons = amplitude * amplitude * search.height
    if photons <= 1.0:
        return -1.0
    if search.radius_squared > 0.0:
        return min(math.sqrt(search.radius_squared), search.cap)
    if photons == math.inf:
        return search.cap
    return min(math.sqrt(math.log(photons) / search.decay), search.cap)


@device_jit
def cut(s, axes, radius, bound, inverse_wavelength):
    """The part of an ellipsoid that the Ewald sphere passes through.

    The sphere's points in it have components along `s` between two bounds; the slice of the ellipsoid between them is
    held by a smaller ball of u.

    Parameters
    ----------
    s : tuple of 3 float64
        The reflection seen from the centre of the Ewald sphere, 1/m.
    axes, radius, bound
        As in `Ellipsoid`.
    inverse_wavelength : float64
        1/m.

    Returns
    -------
    Ellipsoid
        Of negative radius where they don't meet.
    """
    length = magnitude(s)
    reach = radius * bound
    if length <= 2.0 * reach or reach >= 0.5 * inverse_wavelength:
        return Ellipsoid(s, axes, radius, bound)
    inverse = 1.0 / length
    normal = (s[0] * inverse, s[1] * inverse, s[2] * inverse)
    w = _components(axes, normal)
    extent = magnitude(w)
    excitation = inverse_wavelength - length
    bent = reach / inverse_wavelength
    sag = 0.5 * reach * bent * (1.0 + bent * bent)
    slack = SLACK * inverse_wavelength
    per_extent = 1.0 / extent
    low = max((excitation - sag - slack) * per_extent, -radius)
    high = min((excitation + slack) * per_extent, radius)
    if low > high:
        return Ellipsoid(s, axes, -1.0, bound)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    nearest = 0.0 if low <= 0.0 <= high else min(abs(low), abs(high))
    smaller = math.sqrt(max(radius * radius - nearest * nearest, 0.0) + half * half)
    if smaller >= radius:
        return Ellipsoid(s, axes, radius, bound)
    along = middle * per_extent
    shift = _combined(axes, w[0] * along, w[1] * along, w[2] * along)
    return Ellipsoid((s[0] + shift[0], s[1] + shift[1], s[2] + shift[2]), axes, smaller, bound)


@device_jit
def quotient_range(ellipsoid, f, o):
    """Extremes of f·x / o·x over the points x of an ellipsoid.

    Parameters
    ----------
    ellipsoid : Ellipsoid
    f, o : tuple of 3 float64

    Returns
    -------
    low, high : float64
    side : int
        1 if o·x is positive everywhere, -1 if it is negative everywhere, else 0: there are no bounds.
    """
    fs, os = dot(f, ellipsoid.centre), dot(o, ellipsoid.centre)
    mf, mo = _components(ellipsoid.axes, f), _components(ellipsoid.axes, o)
    square = ellipsoid.radius * ellipsoid.radius
    # the extremes are the roots of (f·s - x·o·s)² = ρ²·|axes·(f - x·o)|²
    a = os * os - square * dot(mo, mo)
    if a <= 1e-6 * os * os:
        return 0.0, 0.0, 0
    b = fs * os - square * dot(mf, mo)
    c = fs * fs - square * dot(mf, mf)
    root, inverse = math.sqrt(max(b * b - a * c, 0.0)), 1.0 / a
    return (b - root) * inverse, (b + root) * inverse, 1 if os > 0.0 else -1


@device_jit
def _subpixels(low, high, step, oversample, first, count):
    """The pixels, of `count` from `first` on, one of whose subpixels lies between two coordinates (m)."""
    scale = 1.0 / step
    slack = SLACK * (abs(low) + abs(high)) * scale + 1e-6
    lowest = max(math.ceil(low * scale - 0.5 - slack), first * oversample * 1.0)
    highest = min(math.floor(high * scale - 0.5 + slack), (first + count) * oversample - 1.0)
    if lowest > highest:
        return 0, 0
    if oversample == 1:
        return int(lowest), int(highest) + 1
    return int(lowest) // oversample, int(highest) // oversample + 1


@device_jit
def _flat_coordinates(params, plane, inverse, ellipsoid):
    """Ranges of the coordinates (m) of an ellipsoid's rays on a plane, through all layers, and their side."""
    depths = (plane.first_depth, plane.first_depth + (params.sampling.layers - 1) * plane.layer_step)
    f, s, o = (inverse[0], inverse[1], inverse[2]), (inverse[3], inverse[4], inverse[5]), (
        inverse[6], inverse[7], inverse[8])  # fmt: skip
    height = dot(o, plane.pix0)
    near, far = height + depths[0], height + depths[1]
    if near * far <= 0.0:
        return 0.0, 0.0, 0.0, 0.0, 0
    fast_low, fast_high, side = quotient_range(ellipsoid, f, o)
    slow_low, slow_high, _ = quotient_range(ellipsoid, s, o)
    if near < 0.0:
        side = -side
    # near and far have one sign, so that a product with either is an extreme
    fast, slow = dot(f, plane.pix0), dot(s, plane.pix0)
    return (
        min(min(near * fast_low, far * fast_low), min(near * fast_high, far * fast_high)) - fast,
        max(max(near * fast_low, far * fast_low), max(near * fast_high, far * fast_high)) - fast,
        min(min(near * slow_low, far * slow_low), min(near * slow_high, far * slow_high)) - slow,
        max(max(near * slow_low, far * slow_low), max(near * slow_high, far * slow_high)) - slow,
        side,
    )


@device_jit
def _curved_coordinates(params, plane, ellipsoid, inverse_wavelength):
    """Ranges of the coordinates (m) of an ellipsoid's rays on a curved sensor (`physics.scattering.arc_position`)."""
    near = plane.distance + plane.first_depth
    far = near + (params.sampling.layers - 1) * plane.layer_step
    if near <= 0.0 or far <= 0.0:
        return 0.0, 0.0, 0.0, 0.0, 0
    extent = ellipsoid.radius * magnitude(_components(ellipsoid.axes, plane.fdet))
    middle = dot(plane.fdet, ellipsoid.centre)
    low = math.asin(max(min((middle - extent) / inverse_wavelength, 1.0), -1.0))
    high = math.asin(max(min((middle + extent) / inverse_wavelength, 1.0), -1.0))
    slow_low, slow_high, side = quotient_range(ellipsoid, plane.sdet, load(params.panels.beam))
    slow_low, slow_high = math.atan(slow_low), math.atan(slow_high)
    fast, slow = dot(plane.fdet, plane.pix0), dot(plane.sdet, plane.pix0)
    return (
        min(near * low, far * low) - fast, max(near * high, far * high) - fast,
        min(near * slow_low, far * slow_low) - slow, max(near * slow_high, far * slow_high) - slow,
        # behind the sample the arcs go on
        1 if side == 1 else 0,
    )  # fmt: skip


@device_jit
def _box(params, search, panel, ellipsoid, inverse_wavelength):
    """The pixels of a panel's region of interest that may see an ellipsoid: fast first, stop, slow first, stop."""
    window, plane = panel_window(params.panels, panel), panel_plane(params.panels, panel)
    whole = (
        window.fast_min, window.fast_min + window.width, window.slow_min, window.slow_min + window.height,
    )  # fmt: skip
    inverse = search.inverses[panel]
    if inverse[6] == 0.0 and inverse[7] == 0.0 and inverse[8] == 0.0:
        return whole
    if params.panels.curved == CURVED:
        fast_low, fast_high, slow_low, slow_high, side = _curved_coordinates(
            params, plane, ellipsoid, inverse_wavelength
        )
    else:
        fast_low, fast_high, slow_low, slow_high, side = _flat_coordinates(params, plane, inverse, ellipsoid)
    if side == 0:
        return whole
    if side < 0:
        return 0, 0, 0, 0
    oversample = params.sampling.oversample
    fast_first, fast_stop = _subpixels(
        fast_low, fast_high, plane.subpixel_fast, oversample, window.fast_min, window.width
    )
    slow_first, slow_stop = _subpixels(
        slow_low, slow_high, plane.subpixel_slow, oversample, window.slow_min, window.height
    )
    return fast_first, fast_stop, slow_first, slow_stop


@device_jit
def _misses(cone, ellipsoid):
    """Whether no ray of an ellipsoid can meet what a cone holds."""
    distance = magnitude(ellipsoid.centre)
    reach = ellipsoid.radius * ellipsoid.bound
    if reach >= distance:
        return False
    sine = reach / distance
    cosine = math.sqrt(1.0 - sine * sine)
    # the sum of the two angular radii, unless it goes all around
    if cone[3] * sine + cone[4] * cosine <= 0.0 or cone[3] <= -0.99:
        return False
    along = cone[0] * ellipsoid.centre[0] + cone[1] * ellipsoid.centre[1] + cone[2] * ellipsoid.centre[2]
    return along < (cone[3] * cosine - cone[4] * sine - SLACK) * distance


@device_jit
def _record(params, search, lattice, index, amplitude, ellipsoid, inverse_wavelength, count, spots):
    """Append a spot for each panel that it may reach; how many there are then, stored or not."""
    for panel in range(params.panels.planes.shape[0]):
        if params.panels.planes.shape[0] > 1 and _misses(search.cones[panel], ellipsoid):
            continue
        box = _box(params, search, panel, ellipsoid, inverse_wavelength)
        if box[0] < box[1] and box[2] < box[3]:
            if count < spots.shape[0]:
                spot = spots[count]
                spot.amplitude, spot.lattice, spot.panel = amplitude, lattice, panel
                spot.h, spot.k, spot.l = index
                spot.fast_first, spot.fast_stop, spot.slow_first, spot.slow_stop = box
            count += 1
    return count


@device_jit
def _line_range(base, step, along, radius):
    """Numbers n for which the line base + n·step, seen along a third vector, passes a ball at the origin."""
    square = dot(along, along)
    p = dot(base, along) / square
    q = dot(step, along) / square
    b = (base[0] - p * along[0], base[1] - p * along[1], base[2] - p * along[2])
    t = (step[0] - q * along[0], step[1] - q * along[1], step[2] - q * along[2])
    return _chord(b, t, radius)


@device_jit
def _chord(base, step, radius):
    """Numbers n for which base + n·step lies in a ball at the origin; the first is larger where there are none."""
    square = dot(step, step)
    middle = -dot(base, step) / square
    inside = middle * middle - (dot(base, base) - radius * radius) / square
    if inside < 0.0:
        return 1.0, -1.0
    root = math.sqrt(inside)
    return middle - root, middle + root


@device_jit
def _indices(low, high, first, last):
    """Whole numbers between two bounds and two limits: the first, and one past the last."""
    start = max(math.ceil(max(low, -2e9) - 1e-6), first * 1.0)
    end = min(math.floor(min(high, 2e9) + 1e-6), last * 1.0)
    return int(start), int(end) + 1


@device_jit
def _visit(params, search, lattice, axes, starred, incident, n, wave, count, spots):
    """Look at one point of a lattice: append its spots if there are any."""
    order = search.order
    h, k, l = _natural(order, n)  # noqa: E741
    amplitude = nearest_amplitude(params.factors, float(h), float(k), float(l))
    radius = spot_radius(search, amplitude)
    if radius < 0.0:
        return count
    g = _combined(starred, float(h), float(k), float(l))
    s = (g[0] + incident[0], g[1] + incident[1], g[2] + incident[2])
    ellipsoid = cut(s, axes, radius * (1.0 + SLACK), search.stretch, wave)
    if ellipsoid.radius < 0.0:
        return count
    return _record(params, search, lattice, (h, k, l), amplitude, ellipsoid, wave, count, spots)


@device_jit
def _natural(order, n):
    """h, k, l of numbers in the order of the loops."""
    h = n[0] if order[0] == 0 else (n[1] if order[1] == 0 else n[2])
    k = n[0] if order[0] == 1 else (n[1] if order[1] == 1 else n[2])
    l = n[0] if order[0] == 2 else (n[1] if order[1] == 2 else n[2])  # noqa: E741
    return h, k, l


@device_jit
def _chosen(vectors, axis):
    """One of three vectors."""
    return vectors[0] if axis == 0 else (vectors[1] if axis == 1 else vectors[2])


@device_jit
def lattice_axes(params, search, lattice):
    """The vectors of a lattice and of the beam that it sees.

    Parameters
    ----------
    params : KernelParams
    search : Search
    lattice : int
        Its number.

    Returns
    -------
    source : int
    direct : tuple of 3 vectors
        a, b, c, m.
    starred : tuple of 3 vectors
        a*, b*, c*, 1/m.
    axes : tuple of 3 vectors
        See `Ellipsoid`.
    incident : tuple of 3 float64
        From the centre of the Ewald sphere to the origin of reciprocal space, 1/m.
    """
    tics, domains = params.lattice.phi_rows.shape[1], params.lattice.vectors.shape[1]
    source, rest = lattice // (tics * domains), lattice % (tics * domains)
    v = params.lattice.vectors[params.lattice.phi_rows[1, rest // domains], rest % domains]
    direct = (v[0], v[1], v[2]), (v[3], v[4], v[5]), (v[6], v[7], v[8])
    starred = dual_vectors(direct[0], direct[1], direct[2])
    w = search.widths
    axes = (
        _combined(starred, w[0, 0], w[1, 0], w[2, 0]),
        _combined(starred, w[0, 1], w[1, 1], w[2, 1]),
        _combined(starred, w[0, 2], w[1, 2], w[2, 2]),
    )
    beam = params.sources.table[source]
    incident = (-beam[0] / beam[3], -beam[1] / beam[3], -beam[2] / beam[3])
    return source, direct, starred, axes, incident


@device_jit
def _search_column(params, search, lattice, axes, starred, incident, n0, n1, base, step, radii, wave, count, spots):
    """Look along one row of reciprocal lattice points, where it passes the shell about the Ewald sphere."""
    first, last = search.first[search.order[2]], search.last[search.order[2]]
    g = _chord((base[0] - incident[0], base[1] - incident[1], base[2] - incident[2]), step, radii[2])
    outer = _chord(base, step, radii[1])
    inner = _chord(base, step, radii[0])
    low, high = max(g[0], outer[0]), min(g[1], outer[1])
    if low > high:
        return count
    hollow = inner[0] <= inner[1]
    start, stop = _indices(low, min(high, inner[0]) if hollow else high, first, last)
    for n2 in range(start, stop):
        count = _visit(params, search, lattice, axes, starred, incident, (n0, n1, n2), wave, count, spots)
    if hollow:
        again, end = _indices(max(low, inner[1]), high, first, last)
        for n2 in range(max(again, stop), end):
            count = _visit(params, search, lattice, axes, starred, incident, (n0, n1, n2), wave, count, spots)
    return count


@device_jit
def _search_lattice(params, search, lattice, count, spots):
    """Append the spots of a lattice; how many there are then, stored or not."""
    source, direct, starred, axes, incident = lattice_axes(params, search, lattice)
    wave = magnitude(incident)
    thickness = search.cap * search.stretch * (1.0 + SLACK)
    # shell about the Ewald sphere, and the ball that the detector sees
    radii = (max(wave - thickness, 0.0), wave + thickness, search.longest[source] + thickness)
    order = search.order
    b0, b1, b2 = _chosen(starred, order[0]), _chosen(starred, order[1]), _chosen(starred, order[2])
    a0 = _chosen(direct, order[0])
    length, middle = magnitude(a0), -dot(a0, incident)
    start, stop = _indices(
        max(middle - length * radii[1], -length * radii[2]), min(middle + length * radii[1], length * radii[2]),
        search.first[order[0]], search.last[order[0]],
    )  # fmt: skip
    for n0 in range(start, stop):
        g = (n0 * b0[0], n0 * b0[1], n0 * b0[2])
        s = (g[0] + incident[0], g[1] + incident[1], g[2] + incident[2])
        near, shell = _line_range(g, b1, b2, radii[2]), _line_range(s, b1, b2, radii[1])
        begin, end = _indices(
            max(near[0], shell[0]), min(near[1], shell[1]), search.first[order[1]], search.last[order[1]]
        )
        for n1 in range(begin, end):
            base = (s[0] + n1 * b1[0], s[1] + n1 * b1[1], s[2] + n1 * b1[2])
            count = _search_column(
                params, search, lattice, axes, starred, incident, n0, n1, base, b2, radii, wave, count, spots
            )
    return count


@lean_jit
def find_spots(params, search, first, stop, step, spots):
    """The spots of some lattices, in their order.

    Parameters
    ----------
    params : KernelParams
    search : Search
    first, stop, step : int
        Which lattices.
    spots : ndarray of SPOT
        Filled from the beginning.

    Returns
    -------
    count : int
        Spots that were found of whole lattices; if that is 0 and there was no room for the first one, minus its spots.
    following : int
        The lattice to go on with.
    """
    count = 0
    for lattice in range(first, stop, step):
        found = _search_lattice(params, search, lattice, count, spots)
        if found > spots.shape[0]:
            return (count if count > 0 else -found), lattice
        count = found
    return count, stop


class Layout(NamedTuple):
    """Tiles of the panels' regions of interest, numbered panel after panel, along the rows of tiles."""

    first: np.ndarray  # int64[panels + 1]: number of a panel's first tile
    columns: np.ndarray  # int64[panels]: tiles in a row of tiles
    tiles: np.ndarray  # int64[n, 5]: panel, first fast pixel, width, first slow pixel, height


@lean_jit
def count_in_tiles(spots, layout, windows, counts):
    """Count the spots that reach each tile.

    Parameters
    ----------
    spots : ndarray of SPOT
    layout : Layout
    windows : ndarray, shape (panels, 7), int64
        `Panels.windows`.
    counts : ndarray, shape (tiles,), int64
        Added to.
    """
    for n in range(spots.shape[0]):
        spot = spots[n]
        panel = spot.panel
        fast, slow = windows[panel, 1], windows[panel, 2]
        for row in range((spot.slow_first - slow) // TILE_ROWS, (spot.slow_stop - 1 - slow) // TILE_ROWS + 1):
            start = layout.first[panel] + row * layout.columns[panel]
            for column in range((spot.fast_first - fast) // LANES, (spot.fast_stop - 1 - fast) // LANES + 1):
                counts[start + column] += 1


@lean_jit
def sort_into_tiles(spots, layout, windows, cursors, sorted_spots):
    """Put spots behind those that their tiles have already.

    Parameters
    ----------
    spots, layout, windows
        As in `count_in_tiles`.
    cursors : ndarray, shape (tiles,), int64
        Where the next spot of each tile goes; moved on.
    sorted_spots : ndarray of SPOT
    """
    for n in range(spots.shape[0]):
        spot = spots[n]
        panel = spot.panel
        fast, slow = windows[panel, 1], windows[panel, 2]
        for row in range((spot.slow_first - slow) // TILE_ROWS, (spot.slow_stop - 1 - slow) // TILE_ROWS + 1):
            start = layout.first[panel] + row * layout.columns[panel]
            for column in range((spot.fast_first - fast) // LANES, (spot.fast_stop - 1 - fast) // LANES + 1):
                tile = start + column
                sorted_spots[cursors[tile]] = spot
                cursors[tile] += 1

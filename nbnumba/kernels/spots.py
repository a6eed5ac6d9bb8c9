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
from nbnumba.kernels.pixel import parallax, subpixel_position, tangent_distance
from nbnumba.numerics.jit import device_jit, lean_jit, pass_jit
from nbnumba.numerics.scratch import LANES
from nbnumba.numerics.vectors import cross, dot, load, magnitude
from nbnumba.physics.absorption import captured_fraction
from nbnumba.physics.polarization import kahn_polarization
from nbnumba.physics.solid_angle import pixel_solid_angle
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

ROWS_AT_ONCE = 64
"""Rows of reciprocal lattice points that are looked at side by side."""

INDEX_SLACK = 1e-4
"""What rounding may take from a Miller index, where a row just touches a sphere."""

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
def _positive(c):
    """Where c0 + c1·n + c2·n² is positive, for a negative c2; the first bound is larger if nowhere."""
    middle = -0.5 * c[1] / c[2]
    square = middle * middle - c[0] / c[2]
    if square < 0.0:
        return 1.0, -1.0
    root = math.sqrt(square)
    return middle - root, middle + root


@device_jit
def _indices(low, high, first, last):
    """Whole numbers between two bounds and two limits: the first, and one past the last."""
    start = max(math.ceil(max(low, -2e9) - 1e-6), first * 1.0)
    end = min(math.floor(min(high, 2e9) + 1e-6), last * 1.0)
    return int(start), int(end) + 1


@device_jit
def _visit(params, search, view, n, count, spots):
    """Look at one point of a lattice: append its spots if there are any."""
    h, k, l = _natural(search.order, n)  # noqa: E741
    amplitude = nearest_amplitude(params.factors, float(h), float(k), float(l))
    radius = spot_radius(search, amplitude)
    if radius < 0.0:
        return count
    g = _combined(view.starred, float(h), float(k), float(l))
    s = (g[0] + view.incident[0], g[1] + view.incident[1], g[2] + view.incident[2])
    ellipsoid = cut(s, view.axes, radius * (1.0 + SLACK), search.stretch, view.wave)
    if ellipsoid.radius < 0.0:
        return count
    return _record(params, search, view.lattice, (h, k, l), amplitude, ellipsoid, view.wave, count, spots)


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


class View(NamedTuple):
    """A lattice and the beam that it sees."""

    lattice: int
    source: int
    direct: tuple[tuple[float, float, float], ...]  # a, b, c, m
    starred: tuple[tuple[float, float, float], ...]  # a*, b*, c*, 1/m
    axes: tuple[tuple[float, float, float], ...]  # see `Ellipsoid`
    incident: tuple[float, float, float]  # from the centre of the Ewald sphere to the origin, 1/m
    wave: float  # radius of the Ewald sphere, 1/m


@device_jit
def lattice_view(params, search, lattice):
    """The vectors of a lattice and of the beam that it sees.

    Parameters
    ----------
    params : KernelParams
    search : Search
    lattice : int
        Its number.

    Returns
    -------
    View
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
    return View(lattice, source, direct, starred, axes, incident, magnitude(incident))


class _Rows(NamedTuple):
    """Rows of reciprocal lattice points side by side: points base + n1·step + n2·along, seen from two places.

    What is left of the squared radius of a ball behind the distance of a row from its centre is a quadratic in n1.
    """

    middle: tuple[float, float]  # n2 next to the centre of the Ewald sphere: the constant, and times n1
    outer: tuple[float, float, float]  # squared half chord in the outer sphere of the shell, in n2: 1, n1, n1²
    hollow: float  # what the inner one takes from it
    seen_middle: tuple[float, float]  # the same for the ball that the detector sees
    seen: tuple[float, float, float]


@device_jit
def _chords(base, step, along, inverse, radius, slack):
    """Middles and squared halves of the chords that a ball at the origin cuts from rows, as in `_Rows`."""
    p, q = -dot(base, along) * inverse, -dot(step, along) * inverse
    b = (base[0] + p * along[0], base[1] + p * along[1], base[2] + p * along[2])
    t = (step[0] + q * along[0], step[1] + q * along[1], step[2] + q * along[2])
    square = radius * radius * (1.0 + slack)
    return (p, q), ((square - dot(b, b)) * inverse, -2.0 * dot(b, t) * inverse, -dot(t, t) * inverse)


@pass_jit
def _bound_rows(rows, begin, count, bounds):
    """Where each row runs through the shell, in front of its hollow and behind it: two ranges of whole n2."""
    for i in range(count):
        n = float(begin + i)
        middle = rows.middle[0] + rows.middle[1] * n
        outer = rows.outer[0] + (rows.outer[1] + rows.outer[2] * n) * n
        inner = outer - rows.hollow
        seen = rows.seen[0] + (rows.seen[1] + rows.seen[2] * n) * n
        seen_middle = rows.seen_middle[0] + rows.seen_middle[1] * n
        reach, gap = math.sqrt(max(outer, 0.0)), math.sqrt(max(inner, 0.0))
        view = math.sqrt(max(seen, 0.0))
        low, high = max(middle - reach, seen_middle - view), min(middle + reach, seen_middle + view)
        missed = (outer < 0.0) | (seen < 0.0)
        start = np.ceil(low - INDEX_SLACK)
        end = np.floor(high + INDEX_SLACK)
        # without a hollow the first range is all, and the second one empty
        first_end = np.floor(min(high, middle - gap) + INDEX_SLACK) if inner > 0.0 else end
        bounds[i] = start
        bounds[ROWS_AT_ONCE + i] = -math.inf if missed else first_end
        bounds[2 * ROWS_AT_ONCE + i] = max(np.ceil(max(low, middle + gap) - INDEX_SLACK), first_end + 1.0)
        bounds[3 * ROWS_AT_ONCE + i] = -math.inf if missed else end


@device_jit
def _search_rows(params, search, view, n0, begin, end, rows, count, spots, bounds):
    """Look along some rows of reciprocal lattice points."""
    first, last = search.first[search.order[2]], search.last[search.order[2]]
    for start in range(begin, end, ROWS_AT_ONCE):
        some = min(ROWS_AT_ONCE, end - start)
        _bound_rows(rows, start, some, bounds)
        for i in range(some):
            for part in range(0, 4 * ROWS_AT_ONCE, 2 * ROWS_AT_ONCE):
                if bounds[part + i] <= bounds[part + ROWS_AT_ONCE + i]:
                    low = max(int(bounds[part + i]), first)
                    high = min(int(bounds[part + ROWS_AT_ONCE + i]), last)
                    for n2 in range(low, high + 1):
                        count = _visit(params, search, view, (n0, start + i, n2), count, spots)
    return count


@device_jit
def _search_lattice(params, search, lattice, count, spots, bounds):
    """Append the spots of a lattice; how many there are then, stored or not."""
    view = lattice_view(params, search, lattice)
    thickness = search.cap * search.stretch * (1.0 + SLACK)
    # shell about the Ewald sphere, and the ball that the detector sees
    inner, outer = max(view.wave - thickness, 0.0), view.wave + thickness
    seen = search.longest[view.source] + thickness
    order = search.order
    b0, b1, b2 = _chosen(view.starred, order[0]), _chosen(view.starred, order[1]), _chosen(view.starred, order[2])
    a0 = _chosen(view.direct, order[0])
    length, middle = magnitude(a0), -dot(a0, view.incident)
    inverse = 1.0 / dot(b2, b2)
    start, stop = _indices(
        max(middle - length * outer, -length * seen), min(middle + length * outer, length * seen),
        search.first[order[0]], search.last[order[0]],
    )  # fmt: skip
    for n0 in range(start, stop):
        g = (n0 * b0[0], n0 * b0[1], n0 * b0[2])
        s = (g[0] + view.incident[0], g[1] + view.incident[1], g[2] + view.incident[2])
        middles, outers = _chords(s, b1, b2, inverse, outer, SLACK)
        seen_middles, seens = _chords(g, b1, b2, inverse, seen, SLACK)
        hollow = (outer * outer - inner * inner) * inverse * (1.0 + SLACK) + 4.0 * SLACK * outer * outer * inverse
        near, shell = _positive(seens), _positive(outers)
        begin, end = _indices(
            max(near[0], shell[0]), min(near[1], shell[1]), search.first[order[1]], search.last[order[1]]
        )
        rows = _Rows(middles, outers, hollow, seen_middles, seens)
        count = _search_rows(params, search, view, n0, begin, end, rows, count, spots, bounds)
    return count


@lean_jit
def find_spots(params, search, first, stop, step, spots, bounds):
    """The spots of some lattices, in their order.

    Parameters
    ----------
    params : KernelParams
    search : Search
    first, stop, step : int
        Which lattices.
    spots : ndarray of SPOT
        Filled from the beginning.
    bounds : ndarray, shape (4 · ROWS_AT_ONCE,), float64
        Scratch.

    Returns
    -------
    count : int
        Spots that were found of whole lattices; if that is 0 and there was no room for the first one, minus its spots.
    following : int
        The lattice to go on with.
    """
    count = 0
    for lattice in range(first, stop, step):
        found = _search_lattice(params, search, lattice, count, spots, bounds)
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


class Ray(NamedTuple):
    """Where a spot is brightest, and what its pixels get."""

    direction: tuple[float, float, float]  # unit vector, lab frame
    steradian: float  # what F_latt² adds up to over all directions, steradian


@device_jit
def spot_ray(search, view, h, k, l):  # noqa: E741
    """The middle of the cut that the Ewald sphere makes through a spot, and the integral of F_latt² over it.

    The sphere is taken for a plane; in the plane a Gaussian spot is a Gaussian, a top-hat spot an ellipse.

    Parameters
    ----------
    search : Search
    view : View
    h, k, l : int
        Miller indices.

    Returns
    -------
    Ray
        For a peak of F_latt of 1.
    """
    g = _combined(view.starred, float(h), float(k), float(l))
    s = (g[0] + view.incident[0], g[1] + view.incident[1], g[2] + view.incident[2])
    inverse = 1.0 / magnitude(s)
    w = _components(view.axes, (s[0] * inverse, s[1] * inverse, s[2] * inverse))
    extent = magnitude(w)
    excitation = (view.wave - 1.0 / inverse) / extent
    along = excitation / extent
    shift = _combined(view.axes, w[0] * along, w[1] * along, w[2] * along)
    middle = (s[0] + shift[0], s[1] + shift[1], s[2] + shift[2])
    inverse = 1.0 / magnitude(middle)
    volume = abs(dot(view.axes[0], cross(view.axes[1], view.axes[2])))
    # the area of the cut through the middle of a unit sphere of radii, as seen from the sample
    area = math.pi * volume / extent / (view.wave * view.wave)
    if search.radius_squared > 0.0:
        weight = max(search.radius_squared - excitation * excitation, 0.0)
    else:
        weight = math.exp(-search.decay * excitation * excitation) / search.decay
    return Ray((middle[0] * inverse, middle[1] * inverse, middle[2] * inverse), area * weight)


@device_jit
def _meeting_point(params, plane, inverse, ray, depth):
    """Coordinates (m) of the point where a ray passes a depth of the sensor, and whether it does."""
    if params.panels.curved == CURVED:
        beam, radius = load(params.panels.beam), plane.distance + depth
        fast = math.asin(max(min(dot(ray, plane.fdet), 1.0), -1.0)) * radius
        slow = math.atan2(dot(ray, plane.sdet), dot(ray, beam)) * radius
        return fast - dot(plane.fdet, plane.pix0), slow - dot(plane.sdet, plane.pix0), True
    f, s, o = (inverse[0], inverse[1], inverse[2]), (inverse[3], inverse[4], inverse[5]), (
        inverse[6], inverse[7], inverse[8])  # fmt: skip
    along = dot(o, ray)
    if along == 0.0:
        return 0.0, 0.0, False
    path = (dot(o, plane.pix0) + depth) / along
    return dot(f, ray) * path - dot(f, plane.pix0), dot(s, ray) * path - dot(s, plane.pix0), path > 0.0


@device_jit
def _seen_share(params, plane, point, depth):
    """Solid angle that a pixel is given, over the one that it has."""
    position = subpixel_position(params.panels, plane, point[0], point[1], depth)
    airpath = magnitude(position)
    distance = tangent_distance(params.panels, plane, position, airpath)
    given = pixel_solid_angle(plane.area, airpath, 1.0 / airpath, distance, params.panels.point_pixel)
    oversample = params.sampling.oversample
    edges = plane.subpixel_fast * plane.subpixel_slow * oversample * oversample
    return given * airpath * airpath * airpath / (edges * distance)


@device_jit
def _through_layers(params, plane, inverse, ray):
    """Fast, slow (pixels) of the middle of a spot, what the layers weigh together, and whether it meets the sensor."""
    fast, slow, total, meets = 0.0, 0.0, 0.0, True
    for layer in range(params.sampling.layers):
        depth = layer * plane.layer_step + plane.first_depth
        x, y, here = _meeting_point(params, plane, inverse, ray, depth)
        cosine = parallax(params.panels, plane, ray)
        captured = 1.0
        if plane.thickness > 0.0:
            # nanoBragg weighs all layers as the last one
            which = layer if params.weighting.group_capture else params.sampling.layers - 1
            captured = captured_fraction(which, plane.layer_step, plane.mu, cosine)
        weight = captured * _seen_share(params, plane, (x, y), depth)
        fast, slow, total, meets = fast + weight * x, slow + weight * y, total + weight, meets and here
    oversample = params.sampling.oversample
    scale = 1.0 / total if total != 0.0 else 0.0
    edges = (plane.subpixel_fast * oversample, plane.subpixel_slow * oversample)
    return fast * scale / edges[0], slow * scale / edges[1], total, meets


@lean_jit
def predict_spots(params, search, spots, predicted):
    """Where the middles of spots lie on their panels, and how many photons each has in all.

    Parameters
    ----------
    params : KernelParams
    search : Search
        With which they were found.
    spots : ndarray of SPOT
    predicted : ndarray, shape (n, 3), float64
        Fast and slow coordinates in pixels, whole at the edges of pixels, and photons; -1 photons where the middle is
        not in the panel's region of interest. Assigned.
    """
    scale, cells, sources = params.scale, params.lattice.cells, params.sources
    lattices = sources.table.shape[0] * params.lattice.phi_rows.shape[1] * params.lattice.vectors.shape[1]
    height = cells[0] * cells[1] * cells[2]
    for n in range(spots.shape[0]):
        spot = spots[n]
        view = lattice_view(params, search, spot.lattice)
        ray = spot_ray(search, view, spot.h, spot.k, spot.l)
        plane, window = panel_plane(params.panels, spot.panel), panel_window(params.panels, spot.panel)
        fast, slow, share, meets = _through_layers(params, plane, search.inverses[spot.panel], ray.direction)
        inside = (fast >= window.fast_min) & (fast < window.fast_min + window.width)
        inside &= (slow >= window.slow_min) & (slow < window.slow_min + window.height)
        photons = scale.r_e_squared * scale.fluence * share * ray.steradian / lattices
        photons *= spot.amplitude * spot.amplitude * height * height
        beam = sources.table[view.source]
        if params.weighting.grouped:
            photons *= beam[4]
        if sources.polarization:
            incident = (-beam[0], -beam[1], -beam[2])
            photons *= kahn_polarization(sources.kahn_factor, incident, ray.direction, load(sources.polar_axis))
        predicted[n, 0], predicted[n, 1] = fast, slow
        predicted[n, 2] = photons if inside & meets else -1.0

"""How far spots reach: what the search for spots goes by, from the kernels' argument and a cutoff."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.scan import stop_if_abandoned
from nbnumba.engine.threads import share_out
from nbnumba.kernels.params import CURVED, CURVED_AS_C, PanelWindow, Plane
from nbnumba.kernels.spots import (
    FARTHEST_INDEX,
    FARTHEST_PIXEL,
    MOST_PANELS,
    ROWS_AT_ONCE,
    SPOT,
    Search,
    find_spots,
)
from nbnumba.shapes.gauss import GAUSS, GAUSSIAN_WIDTH
from nbnumba.shapes.registry import SHAPES
from nbnumba.shapes.tophat import TOPHAT, TOPHAT_RADIUS_SQUARED

if TYPE_CHECKING:
    from nbnumba.kernels.params import Factors, KernelParams

SPOTS_AT_ONCE = 1 << 15
"""Spots that a thread finds before they are put away."""

_SOME = 4096
"""Amplitudes that tell what is usual."""

_LOOKS = 4
"""Points along each edge of a panel that stand for its pixels."""

_STRETCH = 1.00001
"""Matrices of mosaic domains count as rotations up to a millionth."""


def build_search(params: KernelParams, cutoff: float) -> Search | None:
    """What the search for spots goes by.

    A pixel is K·(1/steps)·Σ F²·F_latt². A term with K·F²·F_latt² below the cutoff may be left out: the mean of what is
    left out stays below it.

    Parameters
    ----------
    params : KernelParams
        Of a Gaussian or top-hat crystal, without interpolation.
    cutoff : float
        By how much any pixel may differ from the full sum, photons.

    Returns
    -------
    Search or None
        None where spots have no end, or nothing bounds what a term adds.
    """
    lattice = params.lattice
    if any(_seen_from_behind(params, panel) for panel in range(len(params.panels.planes))) or _is_too_large(params):
        return None
    is_tophat = SHAPES[lattice.shape] is TOPHAT
    if not (is_tophat or SHAPES[lattice.shape] is GAUSS) or lattice.fudge <= 0.0 or (cutoff == 0.0 and not is_tophat):
        return None
    peak = float(np.prod(lattice.cells)) ** 2 * brightest_term(params)
    if not 0.0 < peak < math.inf:
        return None
    height = peak / cutoff if cutoff > 0.0 else math.inf
    widths = _widths(params)
    radius_squared = TOPHAT_RADIUS_SQUARED / lattice.fudge if is_tophat else 0.0
    decay = 2.0 * lattice.fudge / GAUSSIAN_WIDTH
    strongest = _strongest(params.factors) ** 2 * height
    radius = math.sqrt(radius_squared if is_tophat else max(math.log(max(strongest, 1.0)), 0.0) / decay)
    first, last = _index_limits(params.factors)
    return Search(
        widths=widths, order=_order(params), first=first, last=last, longest=_longest(params),
        stretch=_stretch(params, widths), cap=min(radius, _corner(widths)), height=height,
        radius_squared=radius_squared, decay=decay, inverses=_inverses(params),
        cones=np.array([_cone(params, panel) for panel in range(len(params.panels.planes))]),
    )  # fmt: skip


def lattice_count(params: KernelParams) -> int:
    """Sources times spindle steps times mosaic domains.

    Parameters
    ----------
    params : KernelParams
    """
    return len(params.sources.table) * params.lattice.phi_rows.shape[1] * params.lattice.vectors.shape[1]


def spots_of(params: KernelParams, search: Search, threads: int) -> list[np.ndarray]:
    """The spots of all lattices, in their order.

    Parameters
    ----------
    params : KernelParams
    search : Search
    threads : int

    Returns
    -------
    list of ndarray of SPOT
    """
    found: dict[int, list[np.ndarray]] = {}

    def find(first: int, stop: int) -> None:
        found[first] = list(found_spots(params, search, first, stop, 1))

    share_out(find, lattice_count(params), threads)
    return [spots for _, some in sorted(found.items()) for spots in some]


def found_spots(params: KernelParams, search: Search, first: int, stop: int, step: int) -> Iterator[np.ndarray]:
    """The spots of some lattices, array by array.

    Parameters
    ----------
    params : KernelParams
    search : Search
    first, stop, step : int
        Which lattices.

    Yields
    ------
    ndarray of SPOT
        Of whole lattices, in their order.
    """
    room, bounds = np.empty(SPOTS_AT_ONCE, dtype=SPOT), np.empty(4 * ROWS_AT_ONCE)
    while first < stop:
        stop_if_abandoned()
        count, first = find_spots(params, search, first, stop, step, room, bounds)
        if count < 0:
            room = np.empty(2 * -count, dtype=SPOT)
        elif count > 0:
            yield room[:count].copy()


def expected_spots(params: KernelParams, search: Search) -> float:
    """About how many spots a search finds: reflections so near the Ewald sphere that their spots reach it.

    A sphere of radius 1/wavelength meets as many as its area times the spots' extent across it holds cells.

    Parameters
    ----------
    params : KernelParams
    search : Search
    """
    edges = params.lattice.vectors[-1, 0].reshape(3, 3)
    volume = abs(float(np.linalg.det(edges)))
    axes = np.linalg.inv(edges) @ search.widths * _usual_radius(params.factors, search)
    directions, steradian, pixel = _looks(params)
    source, wavelength = params.sources.table[0, :3], float(params.sources.table[0, 3])
    q = (directions + source) / wavelength
    indices = q @ edges.T
    listed = np.all((indices >= search.first) & (indices <= search.last), axis=1)
    resolved = np.linalg.norm(q, axis=1) * params.sampling.dmin <= 1.0
    across = np.minimum(2.0 * np.linalg.norm(directions @ axes, axis=1), volume ** (-1.0 / 3.0))
    # spots smaller than a pixel may lie between the centres of all
    seen = np.minimum(across * wavelength / pixel, 1.0) ** 2 * (listed & resolved)
    return lattice_count(params) * volume / wavelength**2 * float(np.sum(steradian * across * seen))


def _usual_radius(factors: Factors, search: Search) -> float:
    """Mean radius of spots; 0 of those that nobody can see."""
    amplitudes = np.array([factors.default_F])
    if factors.has_amplitudes:
        amplitudes = factors.amplitudes[:: max(factors.amplitudes.size // _SOME, 1)]
    squares = np.square(amplitudes)
    if search.radius_squared > 0.0:
        return math.sqrt(search.radius_squared) * float(np.mean(squares > 1.0 / search.height))
    return float(np.mean(np.sqrt(np.log(np.maximum(squares * search.height, 1.0)) / search.decay)))


def _looks(params: KernelParams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A few points of the regions of interest: unit vectors, solid angles around, and the width of a subpixel, rad."""
    directions, steradian, widths = [], [], []
    steps = (np.arange(_LOOKS) + 0.5) / _LOOKS
    for panel in range(len(params.panels.planes)):
        plane = plane_of(params, panel)
        f, s, pix0 = (np.array(v) for v in (plane.fdet, plane.sdet, plane.pix0))
        low_fast, high_fast, low_slow, high_slow = _edges(params, panel)
        fast, slow = low_fast + (high_fast - low_fast) * steps, low_slow + (high_slow - low_slow) * steps
        points = (pix0 + fast[:, None, None] * f + slow[None, :, None] * s).reshape(-1, 3)
        distance = np.linalg.norm(points, axis=1)
        area = (high_fast - low_fast) * (high_slow - low_slow) / _LOOKS**2
        directions.append(points / distance[:, None])
        facing = np.abs(directions[-1] @ np.cross(f, s)) / distance**2
        steradian.append(area * facing)
        widths.append(np.sqrt(plane.subpixel_fast * plane.subpixel_slow * facing))
    return np.concatenate(directions), np.concatenate(steradian), np.concatenate(widths)


def brightest_term(params: KernelParams) -> float:
    """Photons that a term of F²·F_latt² = 1 can add to a pixel of one step.

    Parameters
    ----------
    params : KernelParams
    """
    scale, weighting, kahn = params.scale, params.weighting, abs(params.sources.kahn_factor)
    # where each layer has its own share of the photons, they add up to one
    layers = 1 if weighting.group_capture else params.sampling.layers
    polarization = max(1.0, 0.5 * (1.0 + kahn)) if params.sources.polarization else 1.0
    angle = max(_largest_solid_angle(params, panel) for panel in range(len(params.panels.planes)))
    return scale.r_e_squared * scale.fluence * layers * polarization * angle * (1.0 + 1e-9)


def plane_of(params: KernelParams, panel: int) -> Plane:
    """The plane of a panel.

    Parameters
    ----------
    params : KernelParams
    panel : int
    """
    fdet, sdet, odet, pix0 = (tuple(v) for v in params.panels.planes[panel, :12].reshape(4, 3).tolist())
    return Plane(fdet, sdet, odet, pix0, *params.panels.planes[panel, 12:].tolist())


def _depths(params: KernelParams, plane: Plane) -> tuple[float, float]:
    """Depth of the first and of the last layer, m."""
    return plane.first_depth, plane.first_depth + (params.sampling.layers - 1) * plane.layer_step


def _is_too_large(params: KernelParams) -> bool:
    """Whether a spot could have numbers that `kernels.spots.SPOT` does not hold."""
    windows = params.panels.windows
    pixels = max((windows[:, 1] + windows[:, 3]).max(), (windows[:, 2] + windows[:, 4]).max())
    edges = np.linalg.norm(params.lattice.vectors[-1, 0].reshape(3, 3), axis=1)
    index = 2.0 * float(edges.max() / params.sources.table[:, 3].min()) + 1.0
    return bool(pixels > FARTHEST_PIXEL or len(windows) > MOST_PANELS or index > FARTHEST_INDEX)


def _seen_from_behind(params: KernelParams, panel: int) -> bool:
    """Whether rays enter a sensor through its back, where the fraction that it captures has no bounds."""
    plane = plane_of(params, panel)
    if plane.thickness == 0.0 or params.panels.curved == CURVED:
        return False
    height = float(np.dot(plane.odet, plane.pix0))
    return params.panels.curved == CURVED_AS_C or height + min(_depths(params, plane)) <= 0.0


def _largest_solid_angle(params: KernelParams, panel: int) -> float:
    """That of the pixel that is nearest to the sample, steradian."""
    plane = plane_of(params, panel)
    if params.panels.curved in (CURVED, CURVED_AS_C):
        nearest = min(abs(plane.distance + depth) for depth in (0.0, *_depths(params, plane)))
    else:
        nearest = min(_nearest(params, panel, depth) for depth in _depths(params, plane))
    if nearest <= 0.0:
        return math.inf
    seen = 1.0 if params.panels.point_pixel or params.panels.curved == CURVED else abs(plane.close_distance) / nearest
    # a plane is nowhere nearer than its foot point, but for a pixel's own layer
    return plane.area * seen / nearest**2


def _nearest(params: KernelParams, panel: int, depth: float) -> float:
    """Distance of the nearest point of a panel's region of interest, m."""
    plane = plane_of(params, panel)
    f, s, o, pix0 = (np.array(v) for v in (plane.fdet, plane.sdet, plane.odet, plane.pix0))
    if abs(f @ s) > 1e-9 or abs(f @ o) > 1e-9 or abs(s @ o) > 1e-9:
        normal = np.cross(f, s)
        return float(abs((pix0 + depth * o) @ normal) / np.linalg.norm(normal))
    low_fast, high_fast, low_slow, high_slow = _edges(params, panel)
    fast = min(max(float(-pix0 @ f), low_fast), high_fast)
    slow = min(max(float(-pix0 @ s), low_slow), high_slow)
    return float(np.linalg.norm(pix0 + fast * f + slow * s + depth * o))


def _edges(params: KernelParams, panel: int) -> tuple[float, float, float, float]:
    """Of a panel's region of interest: lowest and highest coordinates along fast and slow, m."""
    plane, window = plane_of(params, panel), PanelWindow(*params.panels.windows[panel].tolist())
    fast, slow = (params.sampling.oversample * size for size in (plane.subpixel_fast, plane.subpixel_slow))
    return (
        window.fast_min * fast, (window.fast_min + window.width) * fast,
        window.slow_min * slow, (window.slow_min + window.height) * slow,
    )  # fmt: skip


def _corners(params: KernelParams, panel: int) -> np.ndarray:
    """Corners of a flat panel's region of interest, of its first and last layer, m; shape (8, 3)."""
    plane = plane_of(params, panel)
    f, s, o, pix0 = (np.array(v) for v in (plane.fdet, plane.sdet, plane.odet, plane.pix0))
    low_fast, high_fast, low_slow, high_slow = _edges(params, panel)
    return np.array([
        pix0 + fast * f + slow * s + depth * o
        for fast in (low_fast, high_fast) for slow in (low_slow, high_slow) for depth in _depths(params, plane)
    ])  # fmt: skip


def _widths(params: KernelParams) -> np.ndarray:
    """From the unit sphere of spot radii to differences of Miller indices."""
    lattice = params.lattice
    if lattice.index_radius:
        return np.diag(1.0 / lattice.cells)
    return np.linalg.inv(lattice.reciprocal.reshape(3, 3).T) / float(np.prod(lattice.cells))


def _corner(widths: np.ndarray) -> float:
    """Spot radius of the farthest point that a reflection is the nearest one of."""
    corners = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))
    return float(np.linalg.norm(np.linalg.inv(widths) @ corners.T, axis=0).max()) * (1.0 + 1e-9)


def _stretch(params: KernelParams, widths: np.ndarray) -> float:
    """Largest length that a spot of radius 1 has in reciprocal space, 1/m."""
    reciprocal = np.linalg.inv(params.lattice.vectors[-1, 0].reshape(3, 3))
    return float(np.linalg.norm(reciprocal @ widths, 2)) * _STRETCH


def _order(params: KernelParams) -> np.ndarray:
    """Axes by the length of their cell edges: along the longest one the most reflections lie."""
    lengths = np.linalg.norm(params.lattice.vectors[-1, 0].reshape(3, 3), axis=1)
    return np.argsort(lengths, kind="stable").astype(np.int64)


def _strongest(factors: Factors) -> float:
    """Largest amplitude, electrons."""
    default = abs(factors.default_F)
    return max(default, float(np.abs(factors.amplitudes).max())) if factors.has_amplitudes else default


def _index_limits(factors: Factors) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest Miller indices of reflections that may scatter."""
    if factors.has_amplitudes and factors.default_F == 0.0:
        first = np.array([factors.h_min, factors.k_min, factors.l_min], dtype=np.int64)
        return first, first + np.array([factors.h_size, factors.k_size, factors.l_size]) - 2
    return np.full(3, -FARTHEST_INDEX), np.full(3, FARTHEST_INDEX)


def _longest(params: KernelParams) -> np.ndarray:
    """Longest scattering vector that any pixel sees of each source, 1/m."""
    table = params.sources.table
    everything = 2.0 / table[:, 3]
    if params.panels.curved in (CURVED, CURVED_AS_C):
        return np.ascontiguousarray(everything)
    corners = np.concatenate([_corners(params, panel) for panel in range(len(params.panels.planes))])
    rays = corners / np.linalg.norm(corners, axis=1, keepdims=True)
    cosines = np.array([float((-(rays @ source)).min()) for source in table[:, :3]])
    # what lies within a right angle of the beam lies farthest out in a corner
    reach = np.where(cosines > 0.0, np.sqrt(np.maximum(2.0 - 2.0 * cosines, 0.0)) / table[:, 3], everything)
    return np.ascontiguousarray(reach * (1.0 + 1e-9))


def _inverses(params: KernelParams) -> np.ndarray:
    """Dual vectors of each panel's axes; zeros where no box can be told."""
    inverses = np.zeros((len(params.panels.planes), 9))
    if params.panels.curved == CURVED_AS_C:
        return inverses
    for panel in range(len(inverses)):
        plane = plane_of(params, panel)
        axes = np.array([plane.fdet, plane.sdet, plane.odet])
        if abs(np.linalg.det(axes)) > 1e-6:
            inverses[panel] = np.linalg.inv(axes).T.reshape(9)
    return inverses


def _cone(params: KernelParams, panel: int) -> tuple[float, ...]:
    """A cone that holds a panel's region of interest: its axis, cosine and sine of its angular radius."""
    everything = (1.0, 0.0, 0.0, -1.0, 0.0)
    if params.panels.curved in (CURVED, CURVED_AS_C):
        return everything
    corners = _corners(params, panel)
    rays = corners / np.linalg.norm(corners, axis=1, keepdims=True)
    axis = rays.sum(axis=0)
    axis /= np.linalg.norm(axis)
    cosine = float((rays @ axis).min()) - 1e-9
    # a cone wider than a half-space need not hold what lies between the corners
    return (*axis.tolist(), cosine, math.sqrt(1.0 - cosine**2)) if cosine > 0.0 else everything

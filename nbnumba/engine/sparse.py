"""Renders an image from the pixels that its spots reach, where that takes less than the full sum.

The spots of all lattices are found, sorted into tiles of the detector in the order of their lattices, and each tile
adds its own: the sums do not depend on the number of threads. Where there are too many spots for the memory that is
allowed, they are found again for each band of tiles.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nbnumba.engine.background import add_backgrounds
from nbnumba.engine.choice import is_small, spots_if_cheaper
from nbnumba.engine.scan import Progress, Rendering, ScanState, opening_matters, render, stop_if_abandoned
from nbnumba.engine.search import build_search, spots_of
from nbnumba.engine.threads import share_out
from nbnumba.kernels.params import PIXELS_PER_BLOCK, STATUS_EVALUATED, PanelWindow, last_pixel
from nbnumba.kernels.spots import SPOT, TILE_ROWS, Layout, count_in_tiles, sort_into_tiles
from nbnumba.numerics.scratch import LANES

if TYPE_CHECKING:
    from nbnumba.engine.registry import Engine
    from nbnumba.kernels.params import KernelParams, Scatterer
    from nbnumba.kernels.spots import Search

SPARSE, FULL = "sparse", "full"
"""How an image was summed."""

BAND_BYTES = 256 * 1024**2
"""Memory for the spots of a band of tiles."""

PIECES = 16
"""Parts of an image between which the progress is told and Ctrl-C is heard."""

class SparseEngine(Protocol):
    """An engine that renders tiles from lists of spots, too."""

    name: str
    threads: int
    renders_spots: bool

    def render_tiles(
        self,
        params: KernelParams,
        tiles: np.ndarray,
        starts: np.ndarray,
        spots: np.ndarray,
        image: np.ndarray,
        omega_sums: np.ndarray,
    ) -> None:
        """Render some tiles.

        Parameters
        ----------
        params : KernelParams
            SI units.
        tiles : ndarray, shape (n, 5), int64
            See `kernels.spots.Layout`.
        starts : ndarray, shape (n + 1,), int64
            Where the spots of each tile begin.
        spots : ndarray of SPOT
            Tile after tile, in the order of their lattices.
        image : ndarray, float32 or float64, C-contiguous
            All panels, photons; pixels of the tiles that anything reaches are assigned.
        omega_sums : ndarray, shape (n,), float64
            Solid angle of each tile, summed over layers and subpixels; assigned.
        """


def render_cut_off(
    params: KernelParams,
    cutoff: float,
    engine: Engine,
    image: np.ndarray,
    progress: Progress | None = None,
    scatterers: Sequence[Scatterer] = (),
) -> Rendering:
    """Render an image in which no pixel differs from the full sum by more than a cutoff.

    Parameters
    ----------
    params : KernelParams
        SI units.
    cutoff : float
        Photons.
    engine, image, progress, scatterers
        As in `nbnumba.engine.scan.render`.

    Returns
    -------
    Rendering
    """
    way = _plan(params, cutoff, engine)
    if isinstance(way, str):
        full = render(params, engine, image, progress, scatterers=scatterers)
        return replace(full, full_because=way)
    _load(params, engine, image, scatterers)
    began = time.perf_counter()
    omega_sum = _render_bands(params, *way, engine, image, progress)
    state = _mend_opening(params, engine, image) if opening_matters(params) else ScanState()
    _add_materials(params, engine, image, scatterers)
    return Rendering(image, omega_sum, time.perf_counter() - began, state, SPARSE)


def _plan(params: KernelParams, cutoff: float, engine: Engine) -> tuple[Search, float] | str:
    """How to search for spots, and about how many there are; or why every term is added in spite of a cutoff."""
    if not getattr(engine, "renders_spots", False):
        return f"the {engine.name} engine takes every term"
    if is_small(params):
        return "there are so few terms that a search for spots takes longer"
    search = build_search(params, cutoff)
    if search is None:
        return "nothing bounds what the spots reach"
    spots = spots_if_cheaper(params, search)
    return "the spots reach so many pixels that every term takes less" if spots is None else (search, spots)


def _render_bands(
    params: KernelParams, search: Search, spots: float, engine: Engine, image: np.ndarray, progress: Progress | None
) -> float:
    """Render everything from spots; the whole solid angle."""
    omega_sum = 0.0
    done, total = 0, int((params.panels.windows[:, 3] * params.panels.windows[:, 4]).sum())
    for band in _bands(params, spots):
        for tiles, starts, sorted_spots in _pieces(band, search, engine.threads):
            stop_if_abandoned()
            omega_sums = np.zeros(len(tiles))
            engine.render_tiles(band, tiles, starts, sorted_spots, image, omega_sums)  # type: ignore[attr-defined]
            omega_sum += float(omega_sums.sum())
            done += int((tiles[:, 2] * tiles[:, 4]).sum())
            if progress is not None:
                progress(done, total)
    return omega_sum


def _add_materials(params: KernelParams, engine: Engine, image: np.ndarray, scatterers: Sequence[Scatterer]) -> None:
    """Add the photons of amorphous materials to all pixels."""
    added = engine.backgrounds.on_host(engine.backgrounds.take(params, scatterers))
    total, pixels = last_pixel(params.panels), image.reshape(-1)

    def add(first: int, end: int) -> None:
        add_backgrounds(added, params.panels, 0, total, (first, end), pixels)

    if added:
        share_out(add, -(-total // PIXELS_PER_BLOCK), engine.threads)


def _load(params: KernelParams, engine: Engine, image: np.ndarray, scatterers: Sequence[Scatterer]) -> None:
    """Compile or load the kernels: none of them finds anything to do."""
    none = np.zeros(0, dtype=SPOT)
    nowhere, tiles = np.zeros(1, dtype=np.int64), np.zeros((0, 5), dtype=np.int64)
    layout = Layout(nowhere, nowhere, tiles)
    count_in_tiles(none, layout, params.panels.windows, nowhere)
    sort_into_tiles(none, layout, params.panels.windows, nowhere, none)
    engine.render_tiles(params, tiles, nowhere, none, image, np.zeros(0))  # type: ignore[attr-defined]
    if scatterers:
        engine.backgrounds.load(params, scatterers[0].curve, image)


def _bands(params: KernelParams, spots: float) -> Iterator[KernelParams]:
    """The same with regions of interest whose spots the allowed memory holds, one after the other."""
    count = max(math.ceil(spots * 2.0 * SPOT.itemsize / BAND_BYTES), 1)
    if count == 1:
        yield params
        return
    rows = [
        (panel, row) for panel, window in enumerate(params.panels.windows) for row in range(0, window[4], TILE_ROWS)
    ]
    for part in np.array_split(np.array(rows), min(count, len(rows))):
        windows = params.panels.windows.copy()
        for panel in range(len(windows)):
            mine = part[part[:, 0] == panel, 1]
            height = int(windows[panel, 4])
            windows[panel, 4] = min(mine[-1] + TILE_ROWS, height) - mine[0] if len(mine) else 0
            windows[panel, 2] += mine[0] if len(mine) else 0
        yield params._replace(panels=params.panels._replace(windows=windows))


def build_layout(params: KernelParams) -> Layout:
    """Tiles of the regions of interest.

    Parameters
    ----------
    params : KernelParams
    """
    tiles = [_tiles_of(panel, PanelWindow(*values)) for panel, values in enumerate(params.panels.windows.tolist())]
    first = np.cumsum([0, *map(len, tiles)])
    columns = -(-params.panels.windows[:, 3] // LANES)
    return Layout(first.astype(np.int64), columns, np.concatenate(tiles))


def _tiles_of(panel: int, window: PanelWindow) -> np.ndarray:
    """Rows of `Layout.tiles`."""
    fast, slow = np.arange(0, window.width, LANES), np.arange(0, window.height, TILE_ROWS)
    tiles = np.empty((len(slow), len(fast), 5), dtype=np.int64)
    tiles[:, :, 0] = panel
    tiles[:, :, 1], tiles[:, :, 2] = window.fast_min + fast, np.minimum(LANES, window.width - fast)
    tiles[:, :, 3] = (window.slow_min + slow)[:, None]
    tiles[:, :, 4] = np.minimum(TILE_ROWS, window.height - slow)[:, None]
    return tiles.reshape(-1, 5)


def _pieces(
    params: KernelParams, search: Search, threads: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Tiles, where the spots of each begin, and the spots: part of a band after the other."""
    found = spots_of(params, search, threads)
    layout = build_layout(params)
    counts = np.zeros(len(layout.tiles), dtype=np.int64)
    for some in found:
        count_in_tiles(some, layout, params.panels.windows, counts)
    starts = np.concatenate([[0], np.cumsum(counts)])
    cursors, spots = starts[:-1].copy(), np.empty(int(starts[-1]), dtype=SPOT)
    while found:
        sort_into_tiles(found.pop(0), layout, params.panels.windows, cursors, spots)
    at_once = -(-len(layout.tiles) // PIECES)
    for tile in range(0, len(layout.tiles), at_once):
        yield layout.tiles[tile : tile + at_once], starts[tile : tile + at_once + 1], spots


def _mend_opening(params: KernelParams, engine: Engine, image: np.ndarray) -> ScanState:
    """Render the image's first evaluated pixel as the full sum does, which sees other lattices there."""
    bare = params._replace(lattice=params.lattice._replace(phi_rows=np.zeros((2, 0), dtype=np.int64)))
    aside = np.zeros_like(image)
    span, total = 1024 * PIXELS_PER_BLOCK, last_pixel(params.panels)
    for start in range(0, total, span):
        stop = min(start + span, total)
        status = np.zeros(stop - start, dtype=np.uint8)
        blocks = -(-(stop - start) // PIXELS_PER_BLOCK)
        engine.render_range(bare, start, stop, False, False, aside, status, np.zeros(blocks))
        hits = np.flatnonzero(status & STATUS_EVALUATED)
        if hits.size:
            number = start + int(hits[0])
            engine.render_range(params, number, number + 1, True, False, image, np.zeros(1, np.uint8), np.zeros(1))
            return ScanState(opening_pixel=number)
    return ScanState()

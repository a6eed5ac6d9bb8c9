"""The fast CPU engine: blocks of neighbouring pixels through vector instructions, parallel over blocks."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.background import Added, HostBackgrounds, add_backgrounds
from nbnumba.engine.threads import share_out, thread_count
from nbnumba.kernels.lanes.nest import evaluation_varies, measure_block, render_block
from nbnumba.kernels.panels import panel_of, panel_plane, panel_window
from nbnumba.kernels.params import PIXELS_PER_BLOCK, STATUS_EVALUATED, STATUS_OUT_OF_RANGE, PanelWindow
from nbnumba.kernels.pixel import photons_per_pixel
from nbnumba.numerics.jit import lean_jit, pass_jit, sum_jit
from nbnumba.numerics.scratch import (
    ACTIVE,
    CAPTURE,
    EVALUATED,
    FAST,
    GAUSSIAN_CONSTANTS,
    INTENSITY,
    INTERPOLATING,
    LANES,
    OMEGA,
    OMEGA_SUM,
    POLARIZATION,
    RAMP,
    SCRATCH,
    SLOW,
    VECTOR,
    touches,
)
from nbnumba.shapes.gauss import gaussian_constants

if TYPE_CHECKING:
    from nbnumba.engine.background import Backgrounds
    from nbnumba.engine.registry import Engine
    from nbnumba.kernels.params import KernelParams

CACHE_LINE = 64
"""Bytes."""

SMALLEST_STEPS = 1 << 18
"""Steps of the smallest piece of an image: about a millisecond, beside which it takes no time to begin one."""

assert LANES == PIXELS_PER_BLOCK


@touches(reads=(INTENSITY, CAPTURE, POLARIZATION, OMEGA), writes=(INTENSITY,))
@pass_jit
def _scale_by(params, steps, lanes, s):
    for i in range(lanes):
        s[INTENSITY + i] = photons_per_pixel(
            params.scale, params.weighting, steps, s[INTENSITY + i], s[CAPTURE + i], s[POLARIZATION + i], s[OMEGA + i]
        )


@pass_jit
def _scale(params, lanes, s):
    """Scale the sums of a block to photons."""
    if params.scale.steps == 1:
        _scale_by(params, 1.0, lanes, s)
    else:
        _scale_by(params, float(params.scale.steps), lanes, s)


@touches(reads=(SLOW, FAST), writes=(INTENSITY, OMEGA, OMEGA_SUM, EVALUATED, INTERPOLATING))
@pass_jit
def _hide_masked(panels, window, count, s):
    """Mark the masked pixels of a block as never evaluated, dark and without solid angle."""
    for i in range(count):
        if panels.mask[window.offset + int(s[SLOW + i]) * window.stride + int(s[FAST + i])] == 0:
            s[INTENSITY + i], s[OMEGA + i], s[OMEGA_SUM + i] = 0.0, 0.0, 0.0
            s[EVALUATED + i], s[INTERPOLATING + i] = 0.0, 1.0


@touches(reads=(SLOW, FAST, INTENSITY))
@pass_jit
def _store(window, count, s, image):
    """Put the pixels of a block in their places, row by row."""
    end = window.fast_min + window.width
    done = 0
    while done < count:
        fast = int(s[FAST + done])
        # unsigned: numba checks signed positions for counting from the end
        place = np.uint64(window.offset + int(s[SLOW + done]) * window.stride + fast)
        here = min(count - done, end - fast)
        for i in range(here):
            image[place + np.uint64(i)] = s[np.uint64(INTENSITY + done) + np.uint64(i)]
        done += here


@touches(reads=(EVALUATED, INTERPOLATING))
@pass_jit
def _report(params, count, offset, interpolating, s, status):
    """Change the status bits of the pixels of a block that are not STATUS_EVALUATED alone."""
    if evaluation_varies(params):
        for i in range(count):
            if s[EVALUATED + i] == 0.0:
                status[offset + i] = 0
    if interpolating:
        for i in range(count):
            status[offset + i] |= STATUS_OUT_OF_RANGE if s[INTERPOLATING + i] == 0.0 else 0


@sum_jit
def _sum(section, count, s):
    """Sum over the lanes of a section."""
    total = 0.0
    for i in range(count):
        total += s[section + i]
    return total


@pass_jit
def _solid_angle(params, count, s):
    """Solid angle of a block, summed over layers and subpixels."""
    sampling = params.sampling
    if params.weighting.fresh_omega:
        return _sum(OMEGA_SUM, count, s)
    return _sum(OMEGA, count, s) * (sampling.layers * sampling.oversample * sampling.oversample)


@lean_jit
def _render(params, start, stop, opening, interpolating, blocks, s, image, status, omega_sums):
    for block in range(blocks[0], blocks[1]):
        first = start + block * PIXELS_PER_BLOCK
        panel = panel_of(params.panels, first)
        window, plane = panel_window(params.panels, panel), panel_plane(params.panels, panel)
        end = min(stop, window.first + window.width * window.height)
        count = min(PIXELS_PER_BLOCK, end - first)
        lanes = (count + VECTOR - 1) // VECTOR * VECTOR
        render_block(params, window, plane, first, lanes, opening, interpolating, None, s)
        _scale(params, lanes, s)
        if params.panels.has_mask:
            _hide_masked(params.panels, window, count, s)
        _store(window, count, s, image)
        if status.size > 0:
            for i in range(count, min(PIXELS_PER_BLOCK, stop - first)):
                status[first - start + i] = 0
            _report(params, count, first - start, interpolating, s, status)
        omega_sums[block] = _solid_angle(params, count, s)


@pass_jit
def _spots_reach(spots, start, stop, slow):
    """Whether one of some spots reaches a row of pixels."""
    n = start
    while n < stop and not (spots[n].slow_first <= slow < spots[n].slow_stop):
        n += 1
    return n < stop


@lean_jit
def _render_tiles(params, tiles, starts, spots, part, s, image, omega_sums):
    dark = params.scale.background == 0.0 and params.weighting.water == 0.0
    for number in range(part[0], part[1]):
        tile = tiles[number]
        panel, fast, width, first_row, rows = tile[0], tile[1], tile[2], tile[3], tile[4]
        whole, plane = panel_window(params.panels, panel), panel_plane(params.panels, panel)
        start, stop = starts[number], starts[number + 1]
        lanes = (width + VECTOR - 1) // VECTOR * VECTOR
        total = 0.0
        for slow in range(first_row, first_row + rows):
            window = PanelWindow(0, fast, slow, width, 1, whole.offset, whole.stride)
            if dark and not _spots_reach(spots, start, stop, slow):
                measure_block(params, window, plane, 0, lanes, s)
                if params.panels.has_mask:
                    _hide_masked(params.panels, window, width, s)
            else:
                render_block(params, window, plane, 0, lanes, False, False, (spots, start, stop), s)
                _scale(params, lanes, s)
                if params.panels.has_mask:
                    _hide_masked(params.panels, window, width, s)
                _store(window, width, s, image)
            total += _solid_angle(params, width, s)
        omega_sums[number] = total


def _scratch() -> np.ndarray:
    """A scratch array that begins at a cache line: vectors across two lines cost a third of the speed."""
    padding = CACHE_LINE // 8
    array = np.empty(SCRATCH + padding)
    offset = -array.ctypes.data % CACHE_LINE // 8
    scratch = array[offset : offset + SCRATCH]
    scratch[RAMP : RAMP + LANES] = np.arange(LANES)
    return scratch


def _prepare(scratch: np.ndarray, cells: np.ndarray) -> None:
    """Give a scratch array what `render_block` expects of it before the first block of an image."""
    for section in (ACTIVE, CAPTURE):
        scratch[section : section + LANES] = 1.0
    constants = gaussian_constants(cells)
    scratch[GAUSSIAN_CONSTANTS : GAUSSIAN_CONSTANTS + len(constants)] = constants


class CpuEngine:
    """The engine with its threads and their scratch; see `nbnumba.engine.registry.Engine`.

    Parameters
    ----------
    threads : int or None
        CPU threads; None takes all cores.
    """

    name = "cpu"

    renders_spots = True

    def __init__(self, threads: int | None = None) -> None:
        self.threads = thread_count(threads)
        self.backgrounds: Backgrounds = HostBackgrounds(self.threads)
        self._idle: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()

    def side_by_side(self) -> list[Engine]:
        """An engine for each thread, with the same scratch and backgrounds."""
        engines = [CpuEngine(1) for _ in range(self.threads)]
        for engine in engines:
            engine._idle, engine.backgrounds = self._idle, self.backgrounds
        return list(engines)

    def _borrow(self) -> np.ndarray:
        """A scratch array that no other thread uses."""
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return _scratch()

    def load(self, params: KernelParams, interpolating: bool, image: np.ndarray) -> None:
        """Render no pixel: numba compiles or loads the kernel all the same."""
        self.render_range(params, 0, 0, False, interpolating, image, np.zeros(0, np.uint8), np.zeros(0))

    def release(self) -> None:
        """Give the scratch and the backgrounds back."""
        self.backgrounds.release()
        self._idle = queue.SimpleQueue()

    def render_range(
        self,
        params: KernelParams,
        start: int,
        stop: int,
        opening: bool,
        interpolating: bool,
        image: np.ndarray,
        status: np.ndarray,
        omega_sums: np.ndarray,
        added: Added = (),
    ) -> None:
        """Render pixels `start` to `stop` - 1; see `nbnumba.engine.registry.Engine`."""
        pixels = image.reshape(-1)

        def render_blocks(first: int, end: int) -> None:
            # nothing where nobody asks
            status[first * PIXELS_PER_BLOCK : end * PIXELS_PER_BLOCK] = STATUS_EVALUATED
            scratch = self._borrow()
            _prepare(scratch, params.lattice.cells)
            _render(params, start, stop, opening, interpolating, (first, end), scratch, pixels, status, omega_sums)
            self._idle.put(scratch)
            add_backgrounds(added, params.panels, start, stop, (first, end), pixels)

        steps = PIXELS_PER_BLOCK * params.scale.steps * params.sampling.layers
        share_out(render_blocks, len(omega_sums), self.threads, SMALLEST_STEPS // steps)

    def render_tiles(
        self,
        params: KernelParams,
        tiles: np.ndarray,
        starts: np.ndarray,
        spots: np.ndarray,
        image: np.ndarray,
        omega_sums: np.ndarray,
    ) -> None:
        """Render tiles from the spots that reach them; see `nbnumba.engine.sparse.SparseEngine`."""
        pixels = image.reshape(-1)

        def render_some(first: int, end: int) -> None:
            scratch = self._borrow()
            _prepare(scratch, params.lattice.cells)
            _render_tiles(params, tiles, starts, spots, (first, end), scratch, pixels, omega_sums)
            self._idle.put(scratch)

        share_out(render_some, len(tiles), self.threads)

"""The fast CPU engine: blocks of neighbouring pixels through vector instructions, parallel over blocks.

The threads are Python's and the kernel holds no GIL. numba's own parallel loops compile their body four times over,
which doubles the time of the first run, and their threading layers forbid forks or concurrent callers.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numba
import numpy as np

from nbnumba._jit import lean_jit, pass_jit, sum_jit
from nbnumba.kernel_params import PIXELS_PER_BLOCK, STATUS_EVALUATED, STATUS_OUT_OF_RANGE
from nbnumba.kernels.lanes.layout import (
    ACTIVE,
    CAPTURE,
    EVALUATED,
    EXPONENTIAL_CONSTANTS,
    INTENSITY,
    INTERPOLATING,
    LANES,
    OMEGA,
    OMEGA_SUM,
    POLARIZATION,
    RAMP,
    SCRATCH,
    VECTOR,
)
from nbnumba.kernels.lanes.nest import render_block
from nbnumba.kernels.pixel import photons_per_pixel
from nbnumba.physics.elementary import EXPONENTIAL

if TYPE_CHECKING:
    from nbnumba.kernel_params import KernelParams


CACHE_LINE = 64
"""Bytes."""

TASKS_PER_THREAD = 8
"""A thread whose core does something else meanwhile leaves its next tasks to the others."""


@pass_jit
def _scale_by(params, steps, lanes, s):
    for i in range(lanes):
        s[INTENSITY + i] = photons_per_pixel(
            params, steps, s[INTENSITY + i], s[CAPTURE + i], s[POLARIZATION + i], s[OMEGA + i]
        )


@pass_jit
def _scale(params, lanes, s):
    """Scale the sums of a block to photons."""
    if params.steps == 1:
        _scale_by(params, 1.0, lanes, s)
    else:
        _scale_by(params, float(params.steps), lanes, s)


@pass_jit
def _hide_masked(params, first, count, s):
    """Mark the masked pixels of a block as never evaluated, dark and without solid angle."""
    row, column = first // params.roi_width + params.roi_slow_min, first % params.roi_width
    for i in range(count):
        if params.mask[row, column + params.roi_fast_min] == 0:
            s[INTENSITY + i], s[OMEGA_SUM + i], s[EVALUATED + i], s[INTERPOLATING + i] = 0.0, 0.0, 0.0, 1.0
        column += 1
        if column == params.roi_width:
            row, column = row + 1, 0


@pass_jit
def _store(params, first, count, s, image):
    """Put the pixels of a block in their places, row by row."""
    row, column = first // params.roi_width + params.roi_slow_min, first % params.roi_width
    done = 0
    while done < count:
        here = min(count - done, params.roi_width - column)
        slow, fast = np.uint64(row), np.uint64(params.roi_fast_min + column)
        for i in range(here):
            # unsigned: numba checks signed positions for counting from the end
            image[slow, fast + np.uint64(i)] = np.float32(s[np.uint64(INTENSITY + done) + np.uint64(i)])
        done, row, column = done + here, row + 1, 0


@pass_jit
def _report(count, offset, interpolating, s, status):
    """Status bits of the pixels of a block."""
    for i in range(count):
        status[offset + i] = np.uint8(s[EVALUATED + i]) * STATUS_EVALUATED
    if interpolating:
        for i in range(count):
            status[offset + i] |= STATUS_OUT_OF_RANGE if s[INTERPOLATING + i] == 0.0 else 0


@sum_jit
def _sum_solid_angles(count, s):
    """Solid angle of a block."""
    total = 0.0
    for i in range(count):
        total += s[OMEGA_SUM + i]
    return total


@lean_jit
def _render(params, start, stop, opening, interpolating, blocks, s, image, status, omega_sums):
    for block in range(blocks[0], blocks[1]):
        first = start + block * PIXELS_PER_BLOCK
        count = min(PIXELS_PER_BLOCK, stop - first)
        lanes = (count + VECTOR - 1) // VECTOR * VECTOR
        render_block(params, first, lanes, opening, interpolating, s)
        _scale(params, lanes, s)
        if params.has_mask:
            _hide_masked(params, first, count, s)
        _store(params, first, count, s, image)
        _report(count, first - start, interpolating, s, status)
        omega_sums[block] = _sum_solid_angles(count, s)


def _scratch() -> np.ndarray:
    """A scratch array that begins at a cache line: vectors across two lines cost a third of the speed."""
    padding = CACHE_LINE // 8
    array = np.empty(SCRATCH + padding)
    offset = -array.ctypes.data % CACHE_LINE // 8
    scratch = array[offset : offset + SCRATCH]
    scratch[RAMP : RAMP + LANES] = np.arange(LANES)
    for section in (ACTIVE, CAPTURE, EVALUATED):
        scratch[section : section + LANES] = 1.0
    scratch[EXPONENTIAL_CONSTANTS : EXPONENTIAL_CONSTANTS + len(EXPONENTIAL)] = EXPONENTIAL
    return scratch


@functools.cache
def _threads(count: int) -> ThreadPoolExecutor:
    """Threads that live as long as the process."""
    return ThreadPoolExecutor(count, thread_name_prefix="nbnumba")


def render_range(
    params: KernelParams,
    start: int,
    stop: int,
    opening: bool,
    interpolating: bool,
    image: np.ndarray,
    status: np.ndarray,
    omega_sums: np.ndarray,
) -> None:
    """Render pixels `start` to `stop` - 1 of the region of interest; see `nbnumba.engines.Engine`."""
    blocks = len(omega_sums)
    threads = min(numba.get_num_threads(), blocks)

    def render_blocks(first: int, end: int) -> None:
        _render(params, start, stop, opening, interpolating, (first, end), _scratch(), image, status, omega_sums)

    if threads == 1:
        render_blocks(0, blocks)
    else:
        tasks = min(threads * TASKS_PER_THREAD, blocks)
        bounds = [blocks * task // tasks for task in range(tasks + 1)]
        list(_threads(threads).map(render_blocks, bounds[:-1], bounds[1:]))

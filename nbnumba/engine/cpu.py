"""The fast CPU engine: blocks of neighbouring pixels through vector instructions, parallel over blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from nbnumba.engine.threads import share_out
from nbnumba.kernels.lanes.lattice import gaussian_constants
from nbnumba.kernels.lanes.layout import (
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
)
from nbnumba.kernels.lanes.nest import evaluation_varies, render_block
from nbnumba.kernels.params import PIXELS_PER_BLOCK, STATUS_EVALUATED, STATUS_OUT_OF_RANGE
from nbnumba.kernels.pixel import photons_per_pixel
from nbnumba.numerics.jit import lean_jit, pass_jit, sum_jit

if TYPE_CHECKING:
    from nbnumba.kernels.params import KernelParams


CACHE_LINE = 64
"""Bytes."""


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
def _hide_masked(params, count, s):
    """Mark the masked pixels of a block as never evaluated, dark and without solid angle."""
    for i in range(count):
        if params.mask[int(s[SLOW + i]), int(s[FAST + i])] == 0:
            s[INTENSITY + i], s[OMEGA + i], s[OMEGA_SUM + i] = 0.0, 0.0, 0.0
            s[EVALUATED + i], s[INTERPOLATING + i] = 0.0, 1.0


@pass_jit
def _store(params, count, s, image):
    """Put the pixels of a block in their places, row by row."""
    end = params.roi_fast_min + params.roi_width
    done = 0
    while done < count:
        # unsigned: numba checks signed positions for counting from the end
        slow, fast = np.uint64(s[SLOW + done]), np.uint64(s[FAST + done])
        here = min(count - done, end - int(fast))
        for i in range(here):
            image[slow, fast + np.uint64(i)] = np.float32(s[np.uint64(INTENSITY + done) + np.uint64(i)])
        done += here


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
    if params.oversample_omega:
        return _sum(OMEGA_SUM, count, s)
    return _sum(OMEGA, count, s) * (params.thick_steps * params.oversample * params.oversample)


@lean_jit
def _render(params, start, stop, opening, interpolating, blocks, s, image, status, omega_sums):
    for block in range(blocks[0], blocks[1]):
        first = start + block * PIXELS_PER_BLOCK
        count = min(PIXELS_PER_BLOCK, stop - first)
        lanes = (count + VECTOR - 1) // VECTOR * VECTOR
        render_block(params, first, lanes, opening, interpolating, s)
        _scale(params, lanes, s)
        if params.has_mask:
            _hide_masked(params, count, s)
        _store(params, count, s, image)
        if status.size > 0:
            _report(params, count, first - start, interpolating, s, status)
        omega_sums[block] = _solid_angle(params, count, s)


def _scratch(cells: np.ndarray) -> np.ndarray:
    """A scratch array that begins at a cache line: vectors across two lines cost a third of the speed."""
    padding = CACHE_LINE // 8
    array = np.empty(SCRATCH + padding)
    offset = -array.ctypes.data % CACHE_LINE // 8
    scratch = array[offset : offset + SCRATCH]
    scratch[RAMP : RAMP + LANES] = np.arange(LANES)
    for section in (ACTIVE, CAPTURE):
        scratch[section : section + LANES] = 1.0
    constants = gaussian_constants(cells)
    scratch[GAUSSIAN_CONSTANTS : GAUSSIAN_CONSTANTS + len(constants)] = constants
    return scratch


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
    """Render pixels `start` to `stop` - 1 of the region of interest; see `nbnumba.engine.registry.Engine`."""

    def render_blocks(first: int, end: int) -> None:
        # nothing where nobody asks
        status[first * PIXELS_PER_BLOCK : end * PIXELS_PER_BLOCK] = STATUS_EVALUATED
        scratch = _scratch(params.cells)
        _render(params, start, stop, opening, interpolating, (first, end), scratch, image, status, omega_sums)

    share_out(render_blocks, len(omega_sums), numba.get_num_threads())

"""The reference CPU engine: the loop nest in C order, parallel over blocks of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from nbnumba.kernels.params import PIXELS_PER_BLOCK
from nbnumba.kernels.pixel import add_crystal, render_pixel
from nbnumba.numerics.jit import parallel_jit

if TYPE_CHECKING:
    from nbnumba.kernels.params import KernelParams


@parallel_jit
def _render(params, start, stop, opening, interpolating, image, status, omega_sums):
    asked = status.size > 0
    for block in numba.prange(omega_sums.shape[0]):
        total = 0.0
        first = start + block * PIXELS_PER_BLOCK
        for n in range(first, min(first + PIXELS_PER_BLOCK, stop)):
            slow = params.roi_slow_min + n // params.roi_width
            fast = params.roi_fast_min + n % params.roi_width
            if params.has_mask and params.mask[slow, fast] == 0:
                if asked:
                    status[n - start] = 0
                continue
            photons, omega_sum, bits = render_pixel(params, slow, fast, opening, interpolating, add_crystal, None)
            image[slow, fast] = np.float32(photons)
            if asked:
                status[n - start] = bits
            total += omega_sum
        omega_sums[block] = total


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
    _render(params, start, stop, opening, interpolating, image, status, omega_sums)

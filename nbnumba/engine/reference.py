"""The reference CPU engine: the loop nest in C order, parallel over blocks of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.background import Added, HostBackgrounds, add_backgrounds
from nbnumba.engine.threads import share_out, thread_count
from nbnumba.kernels.panels import panel_of, panel_plane, panel_window
from nbnumba.kernels.params import PIXELS_PER_BLOCK
from nbnumba.kernels.pixel import add_crystal, render_pixel
from nbnumba.numerics.jit import jit

if TYPE_CHECKING:
    from nbnumba.engine.background import Backgrounds
    from nbnumba.engine.registry import Engine
    from nbnumba.kernels.params import KernelParams


@jit
def _render(params, start, stop, opening, interpolating, blocks, image, status, omega_sums):
    panels = params.panels
    asked = status.size > 0
    for block in range(blocks[0], blocks[1]):
        total = 0.0
        first = start + block * PIXELS_PER_BLOCK
        panel = panel_of(panels, first)
        window, plane = panel_window(panels, panel), panel_plane(panels, panel)
        for n in range(first, min(first + PIXELS_PER_BLOCK, stop)):
            row, column = (n - window.first) // window.width, (n - window.first) % window.width
            slow, fast = window.slow_min + row, window.fast_min + column
            place = window.offset + slow * window.stride + fast
            if row >= window.height or (panels.has_mask and panels.mask[place] == 0):
                if asked:
                    status[n - start] = 0
                continue
            photons, omega_sum, bits = render_pixel(
                params, plane, slow, fast, opening, interpolating, add_crystal, None, None
            )
            image[place] = photons
            if asked:
                status[n - start] = bits
            total += omega_sum
        omega_sums[block] = total


class ReferenceEngine:
    """The engine with its threads; see `nbnumba.engine.registry.Engine`.

    Parameters
    ----------
    threads : int or None
        CPU threads; None takes all cores.
    """

    name = "reference"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = thread_count(threads)
        self.backgrounds: Backgrounds = HostBackgrounds(self.threads)

    def side_by_side(self) -> list[Engine]:
        """An engine for each thread, with the same backgrounds."""
        engines = [ReferenceEngine(1) for _ in range(self.threads)]
        for engine in engines:
            engine.backgrounds = self.backgrounds
        return list(engines)

    def load(self, params: KernelParams, interpolating: bool, image: np.ndarray) -> None:
        """Render no pixel: numba compiles or loads the kernel all the same."""
        self.render_range(params, 0, 0, False, interpolating, image, np.zeros(0, np.uint8), np.zeros(0))

    def release(self) -> None:
        """Give the backgrounds back."""
        self.backgrounds.release()

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
            _render(params, start, stop, opening, interpolating, (first, end), pixels, status, omega_sums)
            add_backgrounds(added, params.panels, start, stop, (first, end), pixels)

        share_out(render_blocks, len(omega_sums), self.threads)

"""The whole region of interest, shared out among threads, with sums in nonBragg's order."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.background.pixels import LANES, REACH, LastEvaluation, add_in_order, new_scratch, render_four_point
from nbnumba.engine.threads import share_out

if TYPE_CHECKING:
    from nbnumba.background.pixels import AmorphousParams

SPAN_EVALUATIONS = 1 << 19
"""Solid angles of a span: they stay in the processor's cache until they are added up."""

Progress = Callable[[int, int], None]
"""Called with the number of pixels done and the number in all."""


class Scan:
    """An image in the making.

    Parameters
    ----------
    params : AmorphousParams
    image : ndarray, shape (slow, fast), float32 or float64
        Zeros, to be filled.
    pixels : int
        Pixels of the region of interest.
    threads : int
        CPU threads.
    in_order : bool
        Whether what is looked up depends on all look-ups before, as in a table that does not ascend: pixel after pixel
        on one thread.
    keeps_last : bool
        Whether `spans` gives more than numbers of pixels.

    Attributes
    ----------
    omega_sum : float
        Solid angle summed over pixels and subpixels so far, steradian.
    reach : tuple of 2 float
        Smallest and largest sin(θ)/λ so far, 1/m.
    """

    def __init__(
        self,
        params: AmorphousParams,
        image: np.ndarray,
        pixels: int,
        threads: int,
        in_order: bool = False,
        keeps_last: bool = False,
    ) -> None:
        self.omega_sum = 0.0
        self.reach = (math.inf, -math.inf)
        self._params, self._image, self._pixels = params, image, pixels
        self._threads, self._lanes = (1, 1) if in_order else (threads, LANES)
        self._keeps_last = keeps_last
        self._place = params.lowest_place
        self._lock = threading.Lock()
        self._evaluations = params.oversample**2
        self._span = max(SPAN_EVALUATIONS // self._evaluations, 1)
        self._omegas = np.empty(min(self._span, pixels) * self._evaluations)
        # compiles or loads the kernels
        self._work(0, 0, 0, LastEvaluation.of(0))
        add_in_order(0.0, self._omegas[:0])

    def spans(self, progress: Progress | None = None, first: int = 0) -> Iterator[tuple[int, int, LastEvaluation]]:
        """Render one span of pixels after the other.

        Parameters
        ----------
        progress : callable or None
            Called with the pixels done and the pixels in all.
        first : int
            Pixel to begin with.

        Yields
        ------
        start, stop : int
            Numbers of the first pixel and the one behind the last.
        last : LastEvaluation
            Of these pixels; empty unless it is kept.
        """
        for start in range(first, self._pixels, self._span):
            stop = min(start + self._span, self._pixels)
            yield start, stop, self._span_from(start, stop)
            if progress is not None:
                progress(stop, self._pixels)

    def _span_from(self, start: int, stop: int) -> LastEvaluation:
        """Render the span that follows the one before."""
        last = LastEvaluation.of(stop - start if self._keeps_last else 0)

        def work(begin: int, end: int) -> None:
            self._work(start, begin, end, last)

        share_out(work, stop - start, self._threads)
        self.omega_sum = add_in_order(self.omega_sum, self._omegas[: (stop - start) * self._evaluations])
        return last

    def _work(self, start: int, begin: int, end: int, last: LastEvaluation) -> None:
        """Render a piece of the span that begins at `start`."""
        omegas = self._omegas[begin * self._evaluations :]
        here = LastEvaluation(*(array[begin:] for array in last))
        scratch = new_scratch()
        place = render_four_point(
            self._params, start + begin, start + end, self._lanes, self._place, self._image, omegas, here, scratch
        )
        lowest, highest = scratch[REACH:].tolist()
        with self._lock:
            self._place = place
            self.reach = min(self.reach[0], lowest), max(self.reach[1], highest)

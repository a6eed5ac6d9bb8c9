"""Renders an image with any engine: spans of pixels, the two order-dependent quirks, progress and interruption.

nanoBragg carries two states from pixel to pixel in scan order: the lattice of the last spindle step, and whether
interpolation is still on. Spans are rendered in order with the state that holds almost everywhere; the few pixels for
which it does not hold are rendered again. The result equals the single-threaded scan for any number of threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from nbnumba.errors import UsageError
from nbnumba.kernels.params import PIXELS_PER_BLOCK, STATUS_EVALUATED, STATUS_OUT_OF_RANGE

if TYPE_CHECKING:
    from nbnumba.engine.registry import Engine
    from nbnumba.kernels.params import KernelParams

SPAN_SECONDS = 0.2
"""Time that one span should take: short enough for a lively progress bar and a prompt Ctrl-C."""

FIRST_STEPS = 1 << 20
"""Steps of the first span, for each thread: some hundredths of a second on a processor."""

SPAN_PIXELS = 1 << 22
"""Pixels of a span at most, for each thread: what is kept of each besides the image does not grow with the image."""

Progress = Callable[[int, int], None]
"""Called with the number of pixels done and the number in all."""


@dataclass
class ScanState:
    """Which pixels mark a change of the states that nanoBragg carries along its scan.

    Attributes
    ----------
    opening_pixel : int or None
        Number of the first pixel that reached the spindle loop, None while there is none.
    last_interpolated_pixel : int or None
        Number of the pixel in which interpolation met the edge of the grid, None while none has.
    """

    opening_pixel: int | None = None
    last_interpolated_pixel: int | None = None


@dataclass
class Rendering:
    """A rendered image.

    Attributes
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons per pixel of the whole detector.
    omega_sum : float
        Solid angle summed over the evaluated pixels, layers and subpixels, steradian.
    seconds : float
        Wall time, without what it takes to compile or load the kernels and to upload the parameters to a GPU.
    scan : ScanState
        Where the carried states changed.
    """

    image: np.ndarray
    omega_sum: float
    seconds: float
    scan: ScanState = field(default_factory=ScanState)


def run_interruptible(function: Callable[..., Any], *args: Any) -> Any:
    """Run compiled code in a worker thread, so that Ctrl-C reaches the main thread at once.

    Parameters
    ----------
    function : callable
        Releases the GIL while it computes.
    *args
        Its arguments.
    """
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(function(*args))
        except BaseException as error:
            failure.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(0.1)
    if failure:
        raise failure[0]
    return outcome[0]


def pixel_number(params: KernelParams, slow: int, fast: int, asker: str) -> int:
    """Number of a pixel in scan order.

    Parameters
    ----------
    params : KernelParams
        Region of interest and mask.
    slow, fast : int
        Pixel on the detector.
    asker : str
        Who wants to know, for the error's message.

    Raises
    ------
    UsageError
        If the pixel is not rendered.
    """
    row, column = slow - params.roi_slow_min, fast - params.roi_fast_min
    if not (0 <= row < params.roi_height and 0 <= column < params.roi_width):
        slow_max, fast_max = params.roi_slow_min + params.roi_height - 1, params.roi_fast_min + params.roi_width - 1
        raise UsageError(
            f"{asker}: this pixel lies outside the region of interest, slow {params.roi_slow_min} to {slow_max}, "
            f"fast {params.roi_fast_min} to {fast_max}"
        )
    if params.has_mask and params.mask[slow, fast] == 0:
        raise UsageError(f"{asker}: this pixel is masked, nothing is computed there")
    return row * params.roi_width + column


def _opening_matters(params: KernelParams) -> bool:
    """Whether the image's first evaluation sees another lattice than all later ones."""
    return bool(np.any(params.phi_rows[0] != params.phi_rows[1]))


def _first_with(status: np.ndarray, bit: int) -> int | None:
    """Position of the first pixel with a status bit set."""
    hits = np.flatnonzero(status & bit)
    return int(hits[0]) if hits.size else None


class _Scan:
    """The rendering in progress: the image and the carried states."""

    def __init__(self, params: KernelParams, engine: Engine, image: np.ndarray) -> None:
        self.params = params
        self.engine = engine
        self.image = image
        self.state = ScanState()
        self.opened = not _opening_matters(params)
        self.interpolating = bool(params.interpolate)
        self._room = np.empty(0, dtype=np.uint8)

    def _status(self, pixels: int) -> np.ndarray:
        """Room for the status bits of some pixels, in memory that was used before: its first use takes time."""
        if pixels > self._room.size:
            self._room = np.empty(pixels, dtype=np.uint8)
        return self._room[:pixels]

    def load_kernels(self) -> None:
        """Render no pixels: numba compiles or loads the kernels all the same."""
        # with False also where an image begins with interpolation: it may meet the edge of the grid
        for interpolating in {self.interpolating, False}:
            nothing = self._status(0), np.zeros(0)
            self.engine.render_range(self.params, 0, 0, False, interpolating, self.image, *nothing)

    def _call_engine(self, start: int, stop: int, opening: bool, status: np.ndarray) -> float:
        """Render a range, and assign its status unless that is empty; the sum of solid angles."""
        omega_sums = np.zeros(-(-(stop - start) // PIXELS_PER_BLOCK))
        self.engine.render_range(self.params, start, stop, opening, self.interpolating, self.image, status, omega_sums)
        return float(omega_sums.sum())

    def render_span(self, start: int, stop: int) -> float:
        """Render a range and mend the pixels whose carried states were others; the range's solid angle."""
        asked = self.interpolating or not self.opened
        status = self._status(stop - start if asked else 0)
        omega_sum = self._call_engine(start, stop, False, status)
        if not self.opened:
            self._mend_opening(start, status)
        if self.interpolating:
            self._mend_interpolation(start, status)
        return omega_sum

    def _mend_opening(self, start: int, status: np.ndarray) -> None:
        first = _first_with(status, STATUS_EVALUATED)
        if first is not None:
            self._call_engine(start + first, start + first + 1, True, status[first : first + 1])
            self.opened = True
            self.state.opening_pixel = start + first

    def _mend_interpolation(self, start: int, status: np.ndarray) -> None:
        first = _first_with(status, STATUS_OUT_OF_RANGE)
        if first is not None:
            self.interpolating = False
            self.state.last_interpolated_pixel = start + first
            if first + 1 < status.size:
                self._call_engine(start + first + 1, start + status.size, False, status[:0])


def render(
    params: KernelParams, engine: Engine, image: np.ndarray, progress: Progress | None = None, last: int | None = None
) -> Rendering:
    """Render the region of interest.

    Parameters
    ----------
    params : KernelParams
        SI units.
    engine : Engine
        Which kernel computes.
    image : ndarray, shape (slow, fast), float32
        Zeros of the detector's shape; filled in place.
    progress : callable or None
        Called after each span with the pixels done and the pixels in all.
    last : int or None
        Stop before this pixel number; None renders everything.

    Returns
    -------
    Rendering
    """
    scan = _Scan(params, engine, image)
    total = params.roi_width * params.roi_height if last is None else last
    try:
        scan.load_kernels()
        began = time.perf_counter()
        omega_sum = _render_spans(scan, total, progress)
        seconds = time.perf_counter() - began
    finally:
        getattr(engine, "release", _keep_nothing)()
    return Rendering(image, omega_sum, seconds, scan.state)


def _render_spans(scan: _Scan, total: int, progress: Progress | None) -> float:
    """Render in spans that take SPAN_SECONDS each, but keep the engine busy; the whole solid angle."""
    threads = numba.get_num_threads()
    # as many blocks for each thread: where blocks take long, none may wait for another's
    share = threads * PIXELS_PER_BLOCK
    smallest = max(getattr(scan.engine, "SMALLEST_SPAN", 0), share)
    largest = threads * SPAN_PIXELS
    first_steps = getattr(scan.engine, "FIRST_STEPS", threads * FIRST_STEPS)
    steps = scan.params.steps * scan.params.thick_steps

    def bounded(pixels: int) -> int:
        return max(min(pixels // share * share, largest), smallest)

    done, span, omega_sum = 0, bounded(first_steps // steps), 0.0
    while done < total:
        stop = min(done + span, total)
        began = time.perf_counter()
        omega_sum += scan.render_span(done, stop)
        elapsed = time.perf_counter() - began
        span = bounded(_next_span(stop - done, elapsed))
        done = stop
        if progress is not None:
            progress(done, total)
    return omega_sum


def _keep_nothing() -> None:
    """Stands for the `release` of an engine that keeps nothing between ranges."""


def _next_span(pixels: int, elapsed: float) -> int:
    """Pixels that should take about SPAN_SECONDS, at most 8 times as many as the last ones."""
    return int(pixels * min(SPAN_SECONDS / max(elapsed, 1e-9), 8.0))

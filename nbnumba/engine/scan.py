"""Renders an image with any engine: spans of pixels, the two order-dependent quirks, progress and interruption.

nanoBragg carries two states from pixel to pixel in scan order: the lattice of the last spindle step, and whether
interpolation is still on. Spans are rendered in order with the state that holds almost everywhere; the few pixels for
which it does not hold are rendered again. The result equals the single-threaded scan for any number of threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.errors import UsageError
from nbnumba.kernels.params import (
    PIXELS_PER_BLOCK,
    STATUS_EVALUATED,
    STATUS_OUT_OF_RANGE,
    PanelWindow,
    last_pixel,
)

if TYPE_CHECKING:
    from nbnumba.engine.background import Added
    from nbnumba.engine.registry import Engine
    from nbnumba.kernels.params import KernelParams, Scatterer

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
    image : ndarray
        Photons per pixel of the whole detector.
    omega_sum : float
        Solid angle summed over the evaluated pixels, layers and subpixels, steradian.
    seconds : float
        Wall time, without what it takes to compile or load the kernels and to upload the parameters to a GPU.
    scan : ScanState
        Where the carried states changed.
    summed : str
        "full", or "sparse": over the spots that reach each pixel.
    full_because : str
        Why the sum is full in spite of a cutoff.
    """

    image: np.ndarray
    omega_sum: float
    seconds: float
    scan: ScanState = field(default_factory=ScanState)
    summed: str = "full"
    full_because: str = ""


class _Abandoned(BaseException):
    """Ends work whose result nobody waits for any more."""


_WORK = threading.local()
"""What a thread that works for another one knows of it."""


def work_for(abandoned: threading.Event) -> None:
    """Let work of this thread end, where it calls `stop_if_abandoned`, once nobody waits for it.

    Parameters
    ----------
    abandoned : Event
        Set by who gives up waiting.
    """
    _WORK.abandoned = abandoned


def stop_if_abandoned() -> None:
    """End the work of this thread if its caller was interrupted; to be called now and then in long work."""
    abandoned = getattr(_WORK, "abandoned", None)
    if abandoned is not None and abandoned.is_set():
        raise _Abandoned


class _Worker(threading.Thread):
    """Runs a function for a caller that may give up waiting."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        super().__init__(daemon=True)
        self._function = function
        self._args = args
        self._abandoned = threading.Event()
        self.outcome: Any = None
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Keep what the function gives or raises."""
        work_for(self._abandoned)
        try:
            self.outcome = self._function(*self._args)
        except BaseException as error:
            self.failure = error

    def wait(self) -> None:
        """Wait for the end; whoever is interrupted meanwhile leaves word that nobody waits."""
        try:
            while self.is_alive():
                self.join(0.1)
                stop_if_abandoned()
        except BaseException:
            self._abandoned.set()
            raise


def run_interruptible(function: Callable[..., Any], *args: Any) -> Any:
    """Run compiled code in a worker thread, so that Ctrl-C reaches the main thread at once.

    After it, work that calls `stop_if_abandoned` ends there.

    Parameters
    ----------
    function : callable
        Releases the GIL while it computes.
    *args
        Its arguments.
    """
    worker = _Worker(function, args)
    worker.start()
    worker.wait()
    if worker.failure is not None:
        raise worker.failure
    return worker.outcome


def pixel_number(params: KernelParams, slow: int, fast: int, asker: str, panel: int = 0) -> int:
    """Number of a pixel in scan order.

    Parameters
    ----------
    params : KernelParams
        Regions of interest and mask.
    slow, fast : int
        Pixel on its panel.
    asker : str
        Who wants to know, for the error's message.
    panel : int
        Row of `Panels.windows`.

    Raises
    ------
    UsageError
        If the pixel is not rendered.
    """
    if not 0 <= panel < len(params.panels.windows):
        raise UsageError(f"{asker}: there is no panel {panel}; the detector has {len(params.panels.windows)}")
    window = PanelWindow(*params.panels.windows[panel].tolist())
    row, column = slow - window.slow_min, fast - window.fast_min
    if not (0 <= row < window.height and 0 <= column < window.width):
        slow_max, fast_max = window.slow_min + window.height - 1, window.fast_min + window.width - 1
        raise UsageError(
            f"{asker}: this pixel lies outside the region of interest, slow {window.slow_min} to {slow_max}, "
            f"fast {window.fast_min} to {fast_max}"
        )
    if params.panels.has_mask and params.panels.mask[window.offset + slow * window.stride + fast] == 0:
        raise UsageError(f"{asker}: this pixel is masked, nothing is computed there")
    return window.first + row * window.width + column


def opening_matters(params: KernelParams) -> bool:
    """Whether the image's first evaluation sees another lattice than all later ones.

    Parameters
    ----------
    params : KernelParams
    """
    return bool(np.any(params.lattice.phi_rows[0] != params.lattice.phi_rows[1]))


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
        self.opened = not opening_matters(params)
        self.interpolating = bool(params.factors.interpolate)
        self.added: Added = ()
        self._room = np.empty(0, dtype=np.uint8)

    def _status(self, pixels: int) -> np.ndarray:
        """Room for the status bits of some pixels, in memory that was used before: its first use takes time."""
        if pixels > self._room.size:
            self._room = np.empty(pixels, dtype=np.uint8)
        return self._room[:pixels]

    def load_kernels(self) -> None:
        """Let the engine get ready: its kernels are compiled or loaded, the parameters where it needs them."""
        # with False also where an image begins with interpolation: it may meet the edge of the grid
        for interpolating in {self.interpolating, self.interpolating and not self.params.factors.sticky}:
            self.engine.load(self.params, interpolating, self.image)

    def _call_engine(self, start: int, stop: int, opening: bool, status: np.ndarray) -> float:
        """Render a range, and assign its status unless that is empty; the sum of solid angles."""
        omega_sums = np.zeros(-(-(stop - start) // PIXELS_PER_BLOCK))
        self.engine.render_range(
            self.params, start, stop, opening, self.interpolating, self.image, status, omega_sums, self.added
        )
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
            self._render_again(start + first + 1, start + status.size)

    def _render_again(self, start: int, stop: int) -> None:
        """Render a range whose carried state was another one; its blocks end where those of the image do."""
        aligned = min(-(-start // PIXELS_PER_BLOCK) * PIXELS_PER_BLOCK, stop)
        for first, end in ((start, aligned), (aligned, stop)):
            if first < end:
                self._call_engine(first, end, False, self._room[:0])


def render(
    params: KernelParams,
    engine: Engine,
    image: np.ndarray,
    progress: Progress | None = None,
    last: int | None = None,
    scatterers: Sequence[Scatterer] = (),
) -> Rendering:
    """Render the regions of interest of all panels.

    Parameters
    ----------
    params : KernelParams
        SI units.
    engine : Engine
        Which kernel computes.
    image : ndarray, float32 or float64, C-contiguous
        Zeros, of the whole detector; filled in place.
    progress : callable or None
        Called after each span with the pixels done and the pixels in all.
    last : int or None
        Stop before this pixel number; None renders everything.
    scatterers : sequence of Scatterer
        Amorphous materials whose photons are added.

    Returns
    -------
    Rendering
    """
    scan = _Scan(params, engine, image)
    total = last_pixel(params.panels) if last is None else last
    scan.load_kernels()
    if scatterers:
        engine.backgrounds.load(params, scatterers[0].curve, image)
    began = time.perf_counter()
    scan.added = engine.backgrounds.take(params, scatterers)
    omega_sum = _render_spans(scan, total, progress)
    return Rendering(image, omega_sum, time.perf_counter() - began, scan.state)


def _render_spans(scan: _Scan, total: int, progress: Progress | None) -> float:
    """Render in spans that take SPAN_SECONDS each, but keep the engine busy; the whole solid angle."""
    threads = scan.engine.threads
    # as many blocks for each thread: where blocks take long, none may wait for another's
    share = threads * PIXELS_PER_BLOCK
    smallest = max(getattr(scan.engine, "SMALLEST_SPAN", 0), share)
    largest = threads * SPAN_PIXELS
    first_steps = getattr(scan.engine, "FIRST_STEPS", threads * FIRST_STEPS)
    steps = scan.params.scale.steps * scan.params.sampling.layers

    def bounded(pixels: int) -> int:
        return max(min(pixels // share * share, largest), smallest)

    done, span, omega_sum = 0, bounded(first_steps // steps), 0.0
    while done < total:
        stop_if_abandoned()
        stop = min(done + span, total)
        began = time.perf_counter()
        omega_sum += scan.render_span(done, stop)
        elapsed = time.perf_counter() - began
        span = bounded(_next_span(stop - done, elapsed))
        done = stop
        if progress is not None:
            progress(done, total)
    return omega_sum


def _next_span(pixels: int, elapsed: float) -> int:
    """Pixels that should take about SPAN_SECONDS, at most 8 times as many as the last ones."""
    return int(pixels * min(SPAN_SECONDS / max(elapsed, 1e-9), 8.0))

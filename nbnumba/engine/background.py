"""The images of amorphous materials, made once for each geometry, and how they are added to those of the crystal."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbnumba.engine.scan import stop_if_abandoned
from nbnumba.engine.threads import share_out
from nbnumba.errors import UsageError
from nbnumba.kernels.background import background_pixel
from nbnumba.kernels.panels import panel_of, panel_plane, panel_window
from nbnumba.kernels.params import PIXELS_PER_BLOCK, last_pixel
from nbnumba.numerics.jit import jit

if TYPE_CHECKING:
    from nbnumba.engine.derivatives import PixelList
    from nbnumba.kernels.params import Curve, KernelParams, Panels, Scatterer

SPAN_BLOCKS = 1 << 12
"""Blocks of pixels between two looks at whether anybody still waits."""


@jit
def _scatter(panels, sampling, sources, curve, first_block, end_block, molecule):
    for block in range(first_block, end_block):
        first = block * PIXELS_PER_BLOCK
        panel = panel_of(panels, first)
        window, plane = panel_window(panels, panel), panel_plane(panels, panel)
        for n in range(first, min(first + PIXELS_PER_BLOCK, molecule.size)):
            row, column = (n - window.first) // window.width, (n - window.first) % window.width
            slow, fast = window.slow_min + row, window.fast_min + column
            place = window.offset + slow * window.stride + fast
            if row < window.height and not (panels.has_mask and panels.mask[place] == 0):
                molecule[n] = background_pixel(panels, sampling, sources, curve, plane, slow, fast)


@jit
def _add(panels, start, stop, molecule, scale, pixels):
    n = start
    while n < stop:
        window = panel_window(panels, panel_of(panels, n))
        row, column = (n - window.first) // window.width, (n - window.first) % window.width
        end = min(n + window.width - column, stop)
        if row < window.height:
            place = window.offset + (window.slow_min + row) * window.stride + window.fast_min + column
            for i in range(end - n):
                pixels[place + i] += scale * molecule[n + i]
            n = end
        else:
            # between two panels some numbers belong to no pixel
            n += 1


@jit
def _scatter_into(panels, sampling, sources, curve, slow, fast, blocks, molecule):
    for block in range(blocks.shape[0]):
        first, count, panel = blocks[block]
        plane = panel_plane(panels, panel)
        for n in range(first, first + count):
            molecule[n] = background_pixel(panels, sampling, sources, curve, plane, slow[n], fast[n])


Added = Sequence[tuple[Any, float]]
"""Images of one molecule by pixel number, in whatever memory an engine adds them from, and the factor for each."""


class _Kept(NamedTuple):
    """An image of one molecule, and all that it depends on."""

    geometry: tuple[Any, ...]
    image: Any


class Backgrounds(ABC):
    """The amorphous materials of an engine's images; those of the one before are kept. Threads may share them."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self._making = threading.Lock()

    @abstractmethod
    def load(self, params: KernelParams, curve: Curve, image: np.ndarray) -> None:
        """Compile or load the kernels that an image needs.

        Parameters
        ----------
        params : KernelParams
        curve : Curve
        image : ndarray, float32 or float64
        """

    @abstractmethod
    def make(self, params: KernelParams, curve: Curve) -> Any:
        """What one molecule scatters, by pixel number, in whatever memory the engine adds it from.

        Parameters
        ----------
        params : KernelParams
            Panels, sampling and sources count.
        curve : Curve
            The molecule's.
        """

    def take(self, params: KernelParams, scatterers: Sequence[Scatterer]) -> Added:
        """What the materials of an image add to each of its pixels.

        What the image before has made is used again if panels, sampling, sources and curve are the same, whatever the
        crystal, the fluence and the thicknesses are.

        Parameters
        ----------
        params : KernelParams
        scatterers : sequence of Scatterer

        Returns
        -------
        sequence of (image, float)
            What `make` made, and the factor for it.
        """
        if not scatterers:
            return ()
        with self._making:
            wanted: list[_Kept] = []
            for scatterer in scatterers:
                geometry = (params.panels, params.sampling, params.sources, scatterer.curve)
                known = next((kept for kept in (*self._kept, *wanted) if _same(kept.geometry, geometry)), None)
                wanted.append(known or _Kept(geometry, self.make(params, scatterer.curve)))
            self._kept = wanted
        return [(kept.image, scatterer.scale) for kept, scatterer in zip(wanted, scatterers, strict=True)]

    def on_host(self, added: Added) -> Added:
        """What `take` gave, as arrays of the host.

        Parameters
        ----------
        added : sequence of (image, float)
        """
        return added

    def release(self) -> None:
        """Keep nothing."""
        self._kept = []


class HostBackgrounds(Backgrounds):
    """Those of the CPU engines.

    Parameters
    ----------
    threads : int
        CPU threads.
    """

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._threads = threads

    def load(self, params: KernelParams, curve: Curve, image: np.ndarray) -> None:
        """Make and add no pixel; see `Backgrounds`."""
        nothing = np.zeros(0)
        _scatter(params.panels, params.sampling, params.sources, curve, 0, 0, nothing)
        _add(params.panels, 0, 0, nothing, 1.0, image.reshape(-1))

    def make(self, params: KernelParams, curve: Curve) -> np.ndarray:
        """What one molecule scatters, electrons²·steradian; 0 where masked. See `Backgrounds`."""
        molecule = np.zeros(last_pixel(params.panels))
        blocks = -(-molecule.size // PIXELS_PER_BLOCK)
        for start in range(0, blocks, SPAN_BLOCKS):
            stop_if_abandoned()
            self._make_blocks(params, curve, start, min(start + SPAN_BLOCKS, blocks), molecule)
        refuse_beyond(params, curve, molecule)
        return molecule

    def _make_blocks(self, params: KernelParams, curve: Curve, start: int, stop: int, molecule: np.ndarray) -> None:
        """Some blocks of pixels, shared out among threads."""

        def work(first: int, end: int) -> None:
            _scatter(params.panels, params.sampling, params.sources, curve, start + first, start + end, molecule)

        share_out(work, stop - start, self._threads)


def scattered_into(params: KernelParams, curve: Curve, pixels: PixelList, threads: int) -> np.ndarray:
    """What one molecule scatters into a list of pixels, electrons²·steradian.

    Parameters
    ----------
    params : KernelParams
    curve : Curve
        The molecule's.
    pixels : PixelList
    threads : int

    Returns
    -------
    ndarray, shape (n,), float64
        In the order in which the pixels were given.

    Raises
    ------
    UsageError
        If a curve that ends does so before a pixel.
    """
    ordered, molecule = np.empty(len(pixels.slow)), np.empty(len(pixels.slow))

    def compute(first: int, end: int) -> None:
        blocks = pixels.blocks[first:end]
        _scatter_into(params.panels, params.sampling, params.sources, curve, pixels.slow, pixels.fast, blocks, ordered)

    share_out(compute, len(pixels.blocks), threads)
    unknown = np.flatnonzero(np.isnan(ordered))
    if unknown.size:
        n = int(unknown[0])
        raise _beyond(unknown.size, f"panel {pixels.panel[n]}, slow {pixels.slow[n]}, fast {pixels.fast[n]}")
    molecule[pixels.place] = ordered
    return molecule


def add_backgrounds(
    added: Added, panels: Panels, start: int, stop: int, blocks: tuple[int, int], pixels: np.ndarray
) -> None:
    """Add what is on the host to some blocks of a range of pixels.

    Parameters
    ----------
    added : sequence of (image, float)
        From `HostBackgrounds.take`.
    panels : Panels
    start, stop : int
        The range of pixel numbers.
    blocks : tuple of 2 int
        The first block of the range, and the one behind the last.
    pixels : ndarray, shape (n,), float32 or float64
        The image; changed.
    """
    first, end = (min(start + block * PIXELS_PER_BLOCK, stop) for block in blocks)
    for molecule, scale in added:
        _add(panels, first, end, molecule, scale, pixels)


def _same(old: Any, new: Any) -> bool:
    """Whether two arguments of kernels hold the same numbers."""
    if isinstance(old, tuple):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, np.ndarray):
        return old is new or bool(np.array_equal(old, new))
    return bool(old == new)


def refuse_beyond(params: KernelParams, curve: Curve, image: np.ndarray) -> None:
    """Refuse an image of which a curve leaves pixels unknown.

    Parameters
    ----------
    params : KernelParams
    curve : Curve
    image : ndarray, shape (n,), float64
        From `Backgrounds.make`, on the host.

    Raises
    ------
    UsageError
        If a pixel is NaN.
    """
    unknown = np.flatnonzero(np.isnan(image)) if curve.ends else np.empty(0)
    if unknown.size == 0:
        return
    first = int(unknown[0])
    panel = int(np.searchsorted(params.panels.windows[:, 0], first, side="right")) - 1
    start, fast_min, slow_min, width = params.panels.windows[panel, :4].tolist()
    slow, fast = slow_min + (first - start) // width, fast_min + (first - start) % width
    where = f"panel {panel}, " if len(params.panels.windows) > 1 else ""
    raise _beyond(unknown.size, f"{where}slow {slow}, fast {fast}")


def _beyond(count: int, first: str) -> UsageError:
    """That some pixels lie where a curve has ended."""
    return UsageError(
        f"{{RadialCurve.stol}}: {count} pixels lie beyond the curve of a background, the first at {first}; "
        "extend the curve, or leave {RadialCurve.beyond=refuse} out: then its ends hold"
    )

"""Engines for the derivatives of pixels: the basis of `kernels.derivatives` for a list of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.threads import share_out, thread_count
from nbnumba.errors import UsageError
from nbnumba.kernels.derivatives import pixel_basis
from nbnumba.kernels.panels import panel_plane
from nbnumba.kernels.params import PIXELS_PER_BLOCK
from nbnumba.kernels.pixel import add_crystal, render_pixel
from nbnumba.numerics.jit import jit

if TYPE_CHECKING:
    from nbnumba.kernels.derivatives import Extras
    from nbnumba.kernels.params import KernelParams


@dataclass(frozen=True)
class PixelList:
    """Pixels in blocks of neighbours, each on one panel.

    Attributes
    ----------
    slow, fast : ndarray, shape (n,), int64
        Pixels on their panels, sorted by panel, then slow, then fast.
    panel : ndarray, shape (n,), int64
    place : ndarray, shape (n,), int64
        Where each stood before it was sorted.
    blocks : ndarray, shape (m, 3), int64
        First pixel, number of pixels and panel of each block.
    """

    slow: np.ndarray
    fast: np.ndarray
    panel: np.ndarray
    place: np.ndarray
    blocks: np.ndarray

    @classmethod
    def of(cls, panel: np.ndarray, slow: np.ndarray, fast: np.ndarray) -> PixelList:
        """Sort pixels and cut them into blocks.

        Parameters
        ----------
        panel, slow, fast : ndarray, shape (n,), int64
        """
        order = np.lexsort((fast, slow, panel))
        panel, slow, fast = (np.ascontiguousarray(array[order], dtype=np.int64) for array in (panel, slow, fast))
        numbers, firsts, counts = np.unique(panel, return_index=True, return_counts=True)
        blocks = [
            (first + offset, min(PIXELS_PER_BLOCK, count - offset), number)
            for number, first, count in zip(numbers.tolist(), firsts.tolist(), counts.tolist(), strict=True)
            for offset in range(0, count, PIXELS_PER_BLOCK)
        ]
        return cls(slow, fast, panel, order, np.array(blocks, dtype=np.int64).reshape(-1, 3))


@jit
def _reference_basis(params, extras, slow, fast, blocks, offset, basis):
    for block in range(blocks.shape[0]):
        first, count, panel = blocks[block]
        plane = panel_plane(params.panels, panel)
        for n in range(first, first + count):
            pixel_basis(params, extras, plane, slow[n], fast[n], basis[n - offset])


@jit
def _reference_photons(params, slow, fast, blocks, offset, photons):
    for block in range(blocks.shape[0]):
        first, count, panel = blocks[block]
        plane = panel_plane(params.panels, panel)
        for n in range(first, first + count):
            photons[n - offset] = render_pixel(
                params, plane, slow[n], fast[n], False, params.factors.interpolate, add_crystal, None
            )[0]


class ReferenceDerivatives:
    """Pixel after pixel, in the order of the reference engine.

    Parameters
    ----------
    threads : int or None
        CPU threads; None takes all cores.
    """

    name = "reference"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = thread_count(threads)

    def photons(self, params: KernelParams, pixels: PixelList, first: int, end: int, photons: np.ndarray) -> None:
        """Compute pixels alone.

        Parameters
        ----------
        params : KernelParams
        pixels : PixelList
        first, end : int
            Range of its blocks.
        photons : ndarray, shape (n,), float64
            Of the pixels of these blocks, in the order of `pixels`; assigned.
        """
        offset = pixels.blocks[first, 0]

        def compute(start: int, stop: int) -> None:
            blocks = pixels.blocks[first + start : first + stop]
            _reference_photons(params, pixels.slow, pixels.fast, blocks, offset, photons)

        share_out(compute, end - first, self.threads)

    def basis(
        self, params: KernelParams, extras: Extras, pixels: PixelList, first: int, end: int, basis: np.ndarray
    ) -> None:
        """Compute the basis of pixels.

        Parameters
        ----------
        params : KernelParams
            Of exact physics.
        extras : Extras
        pixels, first, end
            As in `photons`.
        basis : ndarray, shape (n, columns), float64
            Of the pixels of these blocks, in the order of `pixels`; assigned.
        """
        offset = pixels.blocks[first, 0]

        def compute(start: int, stop: int) -> None:
            blocks = pixels.blocks[first + start : first + stop]
            _reference_basis(params, extras, pixels.slow, pixels.fast, blocks, offset, basis)

        share_out(compute, end - first, self.threads)


def derivative_engine(name: str, threads: int | None = None) -> ReferenceDerivatives:
    """A new engine of that name.

    Parameters
    ----------
    name : str
        "reference".
    threads : int or None
        CPU threads; None takes all cores.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name != ReferenceDerivatives.name:
        raise UsageError(f"unknown engine '{name}': choose reference")
    return ReferenceDerivatives(threads)

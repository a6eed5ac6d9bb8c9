"""Engines for the derivatives of pixels: the basis of `kernels.derivatives` for a list of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nbnumba.engine.registry import check_engine
from nbnumba.errors import UsageError
from nbnumba.kernels.derivatives import no_extras, pixel_basis
from nbnumba.kernels.lanes.derivatives import block_basis
from nbnumba.kernels.panels import panel_plane
from nbnumba.kernels.params import PIXELS_PER_BLOCK
from nbnumba.kernels.pixel import add_crystal, render_pixel
from nbnumba.numerics.jit import jit, lean_jit, pass_jit, reordering_jit
from nbnumba.numerics.scratch import ACTIVE, CAPTURE, COLUMNS, FAST, LANES, SLOW, VECTOR

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
                params, plane, slow[n], fast[n], False, params.factors.interpolate, add_crystal, None, None
            )[0]


@reordering_jit
def apply_chain(basis, chain, place, scales, photons, jacobian):
    """Photons and derivatives by parameters from the basis.

    Not a product of matrices by NumPy: BLAS would start threads of its own inside each of ours.

    Parameters
    ----------
    basis : ndarray, shape (n, columns), float64
    chain : ndarray, shape (parameters, columns), float64
    place : ndarray, shape (n,), int64
        Row of each pixel in what is assigned.
    scales : ndarray, shape (parameters,), float64
        Derivatives are multiplied by them.
    photons : ndarray, shape (pixels,), float64
        Assigned.
    jacobian : ndarray, shape (pixels, parameters or more), float64
        Assigned.
    """
    for row in range(basis.shape[0]):
        photons[place[row]] = basis[row, 0]
        for parameter in range(chain.shape[0]):
            total = 0.0
            for column in range(chain.shape[1]):
                total += basis[row, column] * chain[parameter, column]
            jacobian[place[row], parameter] = total * scales[parameter]


@reordering_jit
def add_weighted(basis, weights, place, total):
    """Add weighted rows of the basis.

    Parameters
    ----------
    basis : ndarray, shape (n, columns), float64
    weights : ndarray, shape (pixels,), float64
    place : ndarray, shape (n,), int64
        Which weight is that of a row.
    total : ndarray, shape (columns,), float64
        Changed.
    """
    for row in range(basis.shape[0]):
        weight = weights[place[row]]
        for column in range(basis.shape[1]):
            total[column] += weight * basis[row, column]


@pass_jit
def _load_pixels(slow, fast, first, count, lanes, s):
    """Put pixels into the lanes; what is left of the last vector repeats the last pixel."""
    for i in range(lanes):
        n = first + min(i, count - 1)
        s[SLOW + i], s[FAST + i] = float(slow[n]), float(fast[n])


@lean_jit
def _lanes_basis(params, extras, slow, fast, blocks, offset, slopes, s, basis):
    scale = params.scale.r_e_squared * params.scale.fluence / params.scale.steps
    columns = basis.shape[1]
    for block in range(blocks.shape[0]):
        first, count = blocks[block, 0], blocks[block, 1]
        lanes = (count + VECTOR - 1) // VECTOR * VECTOR
        _load_pixels(slow, fast, first, count, lanes, s)
        block_basis(params, extras, panel_plane(params.panels, blocks[block, 2]), columns, slopes, lanes, s)
        for i in range(count):
            for column in range(columns):
                basis[first - offset + i, column] = s[COLUMNS + column * LANES + i] * scale


def _scratch(columns: int) -> np.ndarray:
    """A scratch array for one thread that begins at a cache line."""
    size = COLUMNS + columns * LANES
    array = np.zeros(size + 8)
    offset = -array.ctypes.data % 64 // 8
    scratch = array[offset : offset + size]
    for section in (ACTIVE, CAPTURE):
        scratch[section : section + LANES] = 1.0
    return scratch


class CpuDerivatives:
    """Blocks of neighbouring pixels through vector instructions.

    Attributes
    ----------
    name : str
    blocks_at_once : int
        Blocks whose basis is made at a time: on a processor it stays in a core's cache.
    several_threads : bool
        Whether threads may share it.
    """

    name = "cpu"
    blocks_at_once = 32
    several_threads = True

    def photons(self, params: KernelParams, pixels: PixelList, first: int, end: int, photons: np.ndarray) -> None:
        """Compute pixels alone.

        Parameters
        ----------
        params : KernelParams
            Of exact physics.
        pixels : PixelList
        first, end : int
            Range of its blocks.
        photons : ndarray, shape (n,), float64
            Of the pixels of these blocks, in the order of `pixels`; assigned.
        """
        extras = no_extras(params.lattice.vectors.shape[1], len(params.sources.table))
        self._compute(params, extras, pixels, first, end, False, photons[:, None])

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
        self._compute(params, extras, pixels, first, end, True, basis)

    def _compute(
        self, params: KernelParams, extras: Extras, pixels: PixelList, first: int, end: int, slopes: bool,
        basis: np.ndarray,
    ) -> None:  # fmt: skip
        blocks, scratch = pixels.blocks[first:end], _scratch(basis.shape[1])
        _lanes_basis(params, extras, pixels.slow, pixels.fast, blocks, blocks[0, 0], slopes, scratch, basis)


class ReferenceDerivatives:
    """Pixel after pixel, in the order of the reference engine; see `CpuDerivatives`."""

    name = "reference"
    blocks_at_once = 8
    several_threads = True

    def photons(self, params: KernelParams, pixels: PixelList, first: int, end: int, photons: np.ndarray) -> None:
        """Compute pixels alone; see `CpuDerivatives.photons`."""
        blocks = pixels.blocks[first:end]
        _reference_photons(params, pixels.slow, pixels.fast, blocks, blocks[0, 0], photons)

    def basis(
        self, params: KernelParams, extras: Extras, pixels: PixelList, first: int, end: int, basis: np.ndarray
    ) -> None:
        """Compute the basis of pixels; see `CpuDerivatives.basis`."""
        blocks = pixels.blocks[first:end]
        _reference_basis(params, extras, pixels.slow, pixels.fast, blocks, blocks[0, 0], basis)


class DerivativeEngine(Protocol):
    """What makes photons and the basis of pixels: see `CpuDerivatives`."""

    name: str
    blocks_at_once: int
    several_threads: bool

    def photons(self, params: KernelParams, pixels: PixelList, first: int, end: int, photons: np.ndarray) -> None:
        """See `CpuDerivatives.photons`."""

    def basis(
        self, params: KernelParams, extras: Extras, pixels: PixelList, first: int, end: int, basis: np.ndarray
    ) -> None:
        """See `CpuDerivatives.basis`."""


ENGINES = ("cpu", "reference", "cuda")
"""Names of the engines."""


def derivative_engine(name: str) -> DerivativeEngine:
    """A new engine of that name.

    Parameters
    ----------
    name : str
        One of ENGINES.

    Raises
    ------
    UsageError
        If there is none.
    EngineUnavailableError
        If it can't run here.
    """
    if name == "cuda":
        check_engine(name)
        from nbnumba.engine.cuda_derivatives import CudaDerivatives

        return CudaDerivatives()
    if name not in ENGINES:
        raise UsageError(f"unknown engine '{name}': choose one of {', '.join(ENGINES)}")
    return CpuDerivatives() if name == "cpu" else ReferenceDerivatives()

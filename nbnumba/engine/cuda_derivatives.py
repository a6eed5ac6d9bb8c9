"""Derivatives of pixels on a GPU: every thread makes the basis of one pixel with the functions of the CPU engines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import cuda

from nbnumba.engine.cuda import CudaEngine, failures_in_one_line
from nbnumba.engine.cuda_launch import Launch, kernel_on_disk
from nbnumba.kernels.cuda_crystal import add_crystal
from nbnumba.kernels.derivatives import pixel_basis
from nbnumba.kernels.panels import panel_plane
from nbnumba.kernels.params import Factors, KernelParams, Lattice
from nbnumba.kernels.pixel import render_pixel

if TYPE_CHECKING:
    from nbnumba.engine.derivatives import PixelList
    from nbnumba.kernels.derivatives import Extras

_LATTICE, _SHAPE = KernelParams._fields.index("lattice"), Lattice._fields.index("shape")
_FACTORS, _INTERPOLATE = KernelParams._fields.index("factors"), Factors._fields.index("interpolate")


def basis_function(shape: int, interpolate: bool) -> Callable[..., None]:
    """The uncompiled kernel for one crystal shape, with or without interpolation.

    Parameters
    ----------
    shape : int
        As in `Lattice.shape`; it takes the place of that field, so that the other shapes' code is never made.
    interpolate : bool
        The same for `Factors.interpolate`.

    Returns
    -------
    callable
        ``fill_basis(params, extras, slow, fast, panel, basis)``: thread n assigns column n of `basis`, shape (columns,
        pixels), so that neighbours write side by side.
    """

    above, below = _LATTICE, _FACTORS + 1
    before, after = _SHAPE, _SHAPE + 1
    first, last = _INTERPOLATE, _INTERPOLATE + 1

    def fill_basis(params, extras, slow, fast, panel, basis):
        n = cuda.grid(1)
        if n < basis.shape[1]:
            lattice = Lattice(*(params.lattice[:before] + (shape,) + params.lattice[after:]))
            factors = Factors(*(params.factors[:first] + (interpolate,) + params.factors[last:]))
            constant = KernelParams(*(params[:above] + (lattice, factors) + params[below:]))
            plane = panel_plane(params.panels, panel[n])
            pixel_basis(constant, extras, plane, slow[n], fast[n], basis[:, n])

    return fill_basis


def photons_function(shape: int, interpolate: bool) -> Callable[..., None]:
    """The uncompiled kernel of pixels alone.

    Parameters
    ----------
    shape, interpolate
        As in `basis_function`.

    Returns
    -------
    callable
        ``fill_photons(params, slow, fast, panel, photons)``: thread n assigns column n of `photons`, shape (1, pixels).
    """

    above, below = _LATTICE, _LATTICE + 1
    before, after = _SHAPE, _SHAPE + 1

    def fill_photons(params, slow, fast, panel, photons):
        n = cuda.grid(1)
        if n < photons.shape[1]:
            lattice = Lattice(*(params.lattice[:before] + (shape,) + params.lattice[after:]))
            constant = KernelParams(*(params[:above] + (lattice,) + params[below:]))
            plane = panel_plane(params.panels, panel[n])
            photons[0, n] = render_pixel(
                constant, plane, slow[n], fast[n], False, interpolate, add_crystal, None, None
            )[0]

    return fill_photons


@functools.cache
def _basis_kernel(shape: int, interpolate: bool) -> Any:
    return kernel_on_disk(basis_function(shape, interpolate))


@functools.cache
def _photons_kernel(shape: int, interpolate: bool) -> Any:
    return kernel_on_disk(photons_function(shape, interpolate))


assert _FACTORS == _LATTICE + 1


class CudaDerivatives:
    """Every thread of the GPU makes one pixel; see `nbnumba.engine.derivatives.CpuDerivatives`.

    The parameters of an image stay on the device from call to call, as in `CudaEngine`.
    """

    name = "cuda"
    blocks_at_once = 4096
    several_threads = False

    def __init__(self) -> None:
        self._engine = CudaEngine(1)
        self._pixels: tuple[PixelList, tuple[Any, Any, Any]] | None = None

    def _on_device(self, pixels: PixelList) -> tuple[Any, Any, Any]:
        """Slow, fast and panel of all pixels in device memory."""
        if self._pixels is None or self._pixels[0] is not pixels:
            slow, fast, panel = (cuda.to_device(array) for array in (pixels.slow, pixels.fast, pixels.panel))
            self._pixels = pixels, (slow, fast, panel)
        return self._pixels[1]

    def _launch(self, kernel: Any, pixels: PixelList, blocks: tuple[int, int], before: tuple[Any, ...], columns: int
                ) -> np.ndarray:  # fmt: skip
        """What a kernel makes of the pixels of some blocks, shape (columns, pixels)."""
        begin, stop = int(pixels.blocks[blocks[0], 0]), int(pixels.blocks[blocks[1] - 1, :2].sum())
        chosen = (array[begin:stop] for array in self._on_device(pixels))
        values = cuda.device_array((columns, stop - begin), np.float64)
        Launch(kernel, stop - begin, *before, *chosen, values).on(self._engine.stream)
        self._engine.stream.synchronize()
        return np.asarray(values.copy_to_host())

    def photons(self, params: KernelParams, pixels: PixelList, first: int, end: int, photons: np.ndarray) -> None:
        """Compute pixels alone; see `CpuDerivatives.photons`."""
        with failures_in_one_line():
            kernel = _photons_kernel(int(params.lattice.shape), bool(params.factors.interpolate))
            values = self._launch(kernel, pixels, (first, end), (self._engine.resident(params),), 1)
            photons[: values.shape[1]] = values[0]

    def basis(
        self, params: KernelParams, extras: Extras, pixels: PixelList, first: int, end: int, basis: np.ndarray
    ) -> None:
        """Compute the basis of pixels; see `CpuDerivatives.basis`."""
        with failures_in_one_line():
            kernel = _basis_kernel(int(params.lattice.shape), bool(params.factors.interpolate))
            # an array of no elements has no place on a device: one that is not read stands for it
            rates, tables = (cuda.to_device(array) if array.size else cuda.device_array(array.shape, np.float64)
                             for array in (extras.rates, extras.tables))  # fmt: skip
            more = extras._replace(rates=rates, tables=tables, lines=cuda.to_device(extras.lines))
            before = (self._engine.resident(params), more)
            values = self._launch(kernel, pixels, (first, end), before, basis.shape[1])
            basis[: values.shape[1]] = values.T

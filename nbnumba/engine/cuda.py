"""The CUDA engine: every thread runs the loop nest of one pixel, the functions that the CPU engines run.

Without constants the compiler would give every thread the registers of the tricubic interpolation, although most runs
never interpolate. So there is one kernel per crystal shape and precision, with and without interpolation, compiled when
it is needed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import cuda

from nbnumba.errors import EngineFailedError, EngineUnavailableError
from nbnumba.kernels.cuda_crystal import add_crystal, add_crystal_single, single_params
from nbnumba.kernels.params import PIXELS_PER_BLOCK, KernelParams
from nbnumba.kernels.pixel import render_pixel
from nbnumba.numerics.jit import cache_folder

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

THREADS_PER_BLOCK = 64
"""Small blocks waste fewest registers of a multiprocessor: see the table of registers in docs/cuda.md."""

TILE_PIXELS = PIXELS_PER_BLOCK << 15
"""Pixels rendered by one launch, whatever the image."""

BYTES_PER_PIXEL = 13
"""What a launch needs on the device for each of its pixels."""

_SHAPE_POSITION = KernelParams._fields.index("shape")


def pixel_function(shape: int, interpolating: bool, single: bool) -> Callable[..., None]:
    """The uncompiled kernel for one crystal shape and precision, with or without interpolation.

    Parameters
    ----------
    shape : int
        Code as in `KernelParams.shape`; it takes the place of that field.
    interpolating : bool
        Whether each pixel starts with interpolation on.
    single : bool
        Whether the sum over the crystal is taken in float32.

    Returns
    -------
    callable
        ``render_pixels(params, start, opening, photons, omegas, status)``: thread n renders pixel ``start + n`` and
        assigns element n of the arrays, float32 photons, float64 solid angles (steradian) and uint8 STATUS_ bits.
    """
    before, after = _SHAPE_POSITION, _SHAPE_POSITION + 1
    def render_pixels(params, start, opening, photons, omegas, status):
        n = cuda.grid(1)
        if n < status.shape[0]:
            slow = params.roi_slow_min + (start + n) // params.roi_width
            fast = params.roi_fast_min + (start + n) % params.roi_width
            if params.has_mask and params.mask[slow, fast] == 0:
                photons[n], omegas[n], status[n] = 0.0, 0.0, 0
            else:
                # rebuilt around the constant, so that the other shapes' code is never made
                constant = KernelParams(*(params[:before] + (shape,) + params[after:]))
                if single:
                    value, omegas[n], status[n] = render_pixel(
                        constant, slow, fast, opening, interpolating, add_crystal_single, None
                    )
                else:
                    value, omegas[n], status[n] = render_pixel(
                        constant, slow, fast, opening, interpolating, add_crystal, None
                    )
                photons[n] = value

    return render_pixels


def sum_blocks(omegas, sums):
    """Uncompiled kernel: each thread adds PIXELS_PER_BLOCK solid angles in the order of the CPU engines.

    Parameters
    ----------
    omegas : ndarray, shape (n,), float64
        Solid angle of each pixel, steradian.
    sums : ndarray, shape (ceil(n / PIXELS_PER_BLOCK),), float64
        Sum of each block; assigned.
    """
    block = cuda.grid(1)
    if block < sums.shape[0]:
        total = 0.0
        first = block * PIXELS_PER_BLOCK
        for n in range(first, min(first + PIXELS_PER_BLOCK, omegas.shape[0])):
            total += omegas[n]
        sums[block] = total


@contextmanager
def _setting(name: str, value: Any) -> Iterator[None]:
    """A setting of numba-cuda that holds for a moment."""
    previous = getattr(cuda.config, name)
    setattr(cuda.config, name, value)
    try:
        yield
    finally:
        setattr(cuda.config, name, previous)


def _kernel(function: Callable[..., None]) -> Any:
    """A kernel, kept on disk beside those of the CPU.

    Without link-time optimisation, a GPU runs the PTX that the tests run.
    """
    options = {} if cuda.config.ENABLE_CUDASIM else {"lto": False}
    folder = cache_folder()
    if folder is None:
        return cuda.jit(function, **options)
    with _setting("CACHE_DIR", str(folder)):
        return cuda.jit(function, cache=True, **options)


@functools.cache
def _pixel_kernel(shape: int, interpolating: bool, single: bool) -> Any:
    return _kernel(pixel_function(shape, interpolating, single))


@functools.cache
def _sum_kernel() -> Any:
    return _kernel(sum_blocks)


def _launch(kernel: Any, threads: int, *args: Any) -> None:
    # the first span of an image is small on purpose: no need for numba-cuda to warn of it
    with _setting("CUDA_LOW_OCCUPANCY_WARNINGS", 0):
        configured = kernel[max(-(-threads // THREADS_PER_BLOCK), 1), THREADS_PER_BLOCK]
    configured(*args)


def _uploaded(params: KernelParams) -> KernelParams:
    """The same parameters with their arrays in device memory."""
    pixels = min(TILE_PIXELS, params.roi_width * params.roi_height)
    needed = sum(field.nbytes for field in params if isinstance(field, np.ndarray)) + BYTES_PER_PIXEL * pixels
    free, _ = cuda.current_context().get_memory_info()
    if needed > free:
        raise EngineUnavailableError(
            f"{{engine=cuda}}: this run needs {needed / 1e9:.1f} GB of GPU memory and {free / 1e9:.1f} GB are free; "
            "use {engine=cpu}"
        )
    return KernelParams._make(
        cuda.to_device(np.ascontiguousarray(field)) if isinstance(field, np.ndarray) else field for field in params
    )


@contextmanager
def _failures_in_one_line() -> Iterator[None]:
    """Name what the driver or a compiler of CUDA reports, and what to do."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("cuda.", "numba.cuda.")):
            raise
        raise EngineFailedError(f"{{engine=cuda}}: the GPU failed ({error}); use {{engine=cpu}}") from error


def _empty(shape: int, dtype: DTypeLike) -> Any:
    return cuda.device_array(shape, dtype=dtype)


def _store(params: KernelParams, image: np.ndarray, start: int, photons: Any) -> None:
    """Copy consecutive pixels of the region of interest from the device to their places."""
    rows = slice(params.roi_slow_min, params.roi_slow_min + params.roi_height)
    columns = slice(params.roi_fast_min, params.roi_fast_min + params.roi_width)
    region = image[rows, columns]
    pixels = slice(start, start + photons.size)
    if region.flags.c_contiguous:
        photons.copy_to_host(region.reshape(-1)[pixels])
    else:
        region.flat[pixels] = photons.copy_to_host()


class CudaEngine:
    """The engine in one precision; see `nbnumba.engine.registry.Engine`.

    Parameters
    ----------
    single : bool
        Whether the sum over the crystal is taken in float32.
    """

    SMALLEST_SPAN = 1 << 15
    """Pixels that keep a large GPU busy: fewer take hardly less time."""

    FIRST_STEPS = 1 << 28
    """Steps of the first span: some milliseconds of a large GPU."""

    def __init__(self, single: bool) -> None:
        self._single = single
        self._source: KernelParams | None = None
        self._resident: KernelParams | None = None

    def _on_device(self, params: KernelParams) -> KernelParams:
        """The parameters in device memory, uploaded when they are new."""
        if self._resident is None or self._source is not params:
            self.release()
            self._resident = _uploaded(single_params(params) if self._single else params)
            self._source = params
        return self._resident

    def release(self) -> None:
        """Free the device's memory."""
        self._source = self._resident = None

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
    ) -> None:
        """Render pixels `start` to `stop` - 1 of the region of interest; see `nbnumba.engine.registry.Engine`.

        Raises
        ------
        UsageError
            If float32 can't hold what is asked.
        EngineUnavailableError
            If the structure factors and lattices don't fit in the GPU's memory.
        EngineFailedError
            If the driver reports a failure.
        """
        with _failures_in_one_line():
            resident = self._on_device(params)
            kernel = _pixel_kernel(int(params.shape), bool(interpolating), self._single)
            # an empty range is launched too: that compiles the kernels or loads them
            for first in range(start, max(stop, start + 1), TILE_PIXELS):
                end = min(first + TILE_PIXELS, stop)
                part = slice(first - start, end - start)
                blocks = slice((first - start) // PIXELS_PER_BLOCK, -(-(end - start) // PIXELS_PER_BLOCK))
                _render_tile(kernel, resident, (first, end), opening, image, status[part], omega_sums[blocks])


def _render_tile(
    kernel: Any,
    resident: KernelParams,
    pixels: tuple[int, int],
    opening: bool,
    image: np.ndarray,
    status: np.ndarray,
    omega_sums: np.ndarray,
) -> None:
    """Render the pixels from one number to before another with one launch."""
    start, count = pixels[0], pixels[1] - pixels[0]
    photons, omegas = _empty(count, np.float32), _empty(count, np.float64)
    bits, sums = _empty(count, np.uint8), _empty(len(omega_sums), np.float64)
    _launch(kernel, count, resident, start, opening, photons, omegas, bits)
    _launch(_sum_kernel(), len(omega_sums), omegas, sums)
    _store(resident, image, start, photons)
    if status.size:
        bits.copy_to_host(status)
    sums.copy_to_host(omega_sums)


_ENGINES = {"double": CudaEngine(single=False), "single": CudaEngine(single=True)}


def with_precision(precision: str) -> CudaEngine:
    """The engine in one of the precisions of `nbnumba.engine.registry.PRECISIONS`."""
    return _ENGINES[precision]

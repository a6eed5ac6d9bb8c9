"""The CUDA engine: every thread runs the loop nest of one pixel, the functions that the CPU engines run.

Without constants the compiler would give every thread the registers of the tricubic interpolation, although most runs
never interpolate. So there is one kernel per crystal shape and precision, with and without interpolation, compiled when
it is needed.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from nbnumba.engine.background import Added, Backgrounds, refuse_beyond
from nbnumba.engine.scan import stop_if_abandoned
from nbnumba.engine.threads import thread_count
from nbnumba.errors import EngineFailedError, EngineUnavailableError
from nbnumba.kernels.background import background_pixel
from nbnumba.kernels.cuda_crystal import SINGLE_FORMS, add_crystal, add_crystal_single, check_single
from nbnumba.kernels.panels import panel_of, panel_plane, panel_window
from nbnumba.kernels.params import (
    PIXELS_PER_BLOCK,
    Curve,
    KernelParams,
    Lattice,
    Panels,
    PanelWindow,
    Plane,
    last_pixel,
)
from nbnumba.kernels.pixel import render_pixel
from nbnumba.numerics.jit import cache_folder

THREADS_PER_BLOCK = 64
"""Small blocks waste fewest registers of a multiprocessor: see the table of registers in docs/cuda.md."""

TILE_PIXELS = PIXELS_PER_BLOCK << 15
"""Pixels rendered by one launch, whatever the image."""

BYTES_PER_PIXEL = 17
"""What a launch needs on the device for each of its pixels, at most."""

COMPARED_BYTES = 1 << 16
"""Arrays of at most this size are compared with those on the device; larger ones are the same if they are one."""

_LATTICE_POSITION = KernelParams._fields.index("lattice")
_SHAPE_POSITION = Lattice._fields.index("shape")


def pixel_function(shape: int, interpolating: bool, single: bool, many: bool) -> Callable[..., None]:
    """The uncompiled kernel for one crystal shape and precision, with or without interpolation.

    Parameters
    ----------
    shape : int
        As in `Lattice.shape`; it takes the place of that field.
    interpolating : bool
        Whether each pixel starts with interpolation on.
    single : bool
        Whether the sum over the crystal is taken in float32.
    many : bool
        Whether there are several panels. The plane of a single one is an argument: it stays in constant memory, and
        leaves each thread some 40 registers more.

    Returns
    -------
    callable
        ``render_pixels(params, only, start, opening, photons, omegas, status)``: thread n renders pixel ``start + n``
        and assigns element n of the arrays, photons, float64 solid angles (steradian) and uint8 STATUS_ bits.
    """
    above, below = _LATTICE_POSITION, _LATTICE_POSITION + 1
    before, after = _SHAPE_POSITION, _SHAPE_POSITION + 1

    def render_pixels(params, only, start, opening, photons, omegas, status):
        n = cuda.grid(1)
        if n < status.shape[0]:
            panels = params.panels
            panel = panel_of(panels, start + n) if many else 0
            window = panel_window(panels, panel)
            number = start + n - window.first
            row = number // window.width
            slow, fast = window.slow_min + row, window.fast_min + number % window.width
            place = window.offset + slow * window.stride + fast
            if row >= window.height or (panels.has_mask and panels.mask[place] == 0):
                photons[n], omegas[n], status[n] = 0.0, 0.0, 0
            else:
                # rebuilt around the constant, so that the other shapes' code is never made
                lattice = Lattice(*(params.lattice[:before] + (shape,) + params.lattice[after:]))
                constant = KernelParams(*(params[:above] + (lattice,) + params[below:]))
                plane = panel_plane(panels, panel) if many else only
                if single:
                    value, omegas[n], status[n] = render_pixel(
                        constant, plane, slow, fast, opening, interpolating, add_crystal_single, None
                    )
                else:
                    value, omegas[n], status[n] = render_pixel(
                        constant, plane, slow, fast, opening, interpolating, add_crystal, None
                    )
                photons[n] = value

    return render_pixels


def scatter_molecule(panels, sampling, sources, curve, first, molecule):
    """Uncompiled kernel: thread n assigns what one molecule scatters into pixel ``first + n``.

    Parameters
    ----------
    panels : Panels
    sampling : Sampling
    sources : Sources
    curve : Curve
    first : int
        Pixel number.
    molecule : ndarray, shape (n,), float64
        By pixel number less `first`, electrons²·steradian; 0 where masked.
    """
    n = cuda.grid(1)
    if n < molecule.shape[0]:
        number = first + n
        panel = panel_of(panels, number)
        window = panel_window(panels, panel)
        row, column = (number - window.first) // window.width, (number - window.first) % window.width
        slow, fast = window.slow_min + row, window.fast_min + column
        place = window.offset + slow * window.stride + fast
        if row >= window.height or (panels.has_mask and panels.mask[place] == 0):
            molecule[n] = 0.0
        else:
            plane = panel_plane(panels, panel)
            molecule[n] = background_pixel(panels, sampling, sources, curve, plane, slow, fast)


def add_scaled(molecule, scale, photons):
    """Uncompiled kernel: each thread adds a multiple of what a molecule scatters to a pixel.

    Parameters
    ----------
    molecule : ndarray, shape (n,), float64
        Electrons²·steradian.
    scale : float64
        Photons for each of them.
    photons : ndarray, shape (n,), float32 or float64
        Changed.
    """
    n = cuda.grid(1)
    if n < photons.shape[0]:
        photons[n] += scale * molecule[n]


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
def _pixel_kernel(shape: int, interpolating: bool, single: bool, many: bool) -> Any:
    return _kernel(pixel_function(shape, interpolating, single, many))


@functools.cache
def _sum_kernel() -> Any:
    return _kernel(sum_blocks)


@functools.cache
def _scatter_kernel() -> Any:
    return _kernel(scatter_molecule)


@functools.cache
def _add_kernel() -> Any:
    return _kernel(add_scaled)


_SETTINGS = threading.Lock()
"""Whoever changes numba-cuda's settings for a moment holds it."""


def _launch(kernel: Any, threads: int, *args: Any) -> None:
    # the first span of an image is small on purpose: no need for numba-cuda to warn of it
    with _SETTINGS, _setting("CUDA_LOW_OCCUPANCY_WARNINGS", 0):
        configured = kernel[max(-(-threads // THREADS_PER_BLOCK), 1), THREADS_PER_BLOCK]
    configured(*args)


@contextmanager
def _failures_in_one_line() -> Iterator[None]:
    """Name what the driver or a compiler of CUDA reports, and what to do."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("cuda.", "numba.cuda.")):
            raise
        raise EngineFailedError(f"{{engine=cuda}}: the GPU failed ({error}); use {{engine=cpu}}") from error


def _check_room(needed: int) -> None:
    """Refuse what the device has no room for."""
    free, _ = cuda.current_context().get_memory_info()
    if needed > free:
        raise EngineUnavailableError(
            f"{{engine=cuda}}: this run needs {needed / 1e9:.1f} GB of GPU memory and {free / 1e9:.1f} GB are "
            "free; use {engine=cpu}"
        )


class _Resident(NamedTuple):
    """An array on the device, and the host's array that it was made from."""

    host: np.ndarray
    device: Any


def _is_the_same(old: np.ndarray, new: np.ndarray) -> bool:
    """Whether an array need not be uploaded again; the bytes of large ones are not compared."""
    alike = old.shape == new.shape and old.dtype == new.dtype
    if alike and old.ctypes.data == new.ctypes.data:
        # the same memory: `old` still holds it, and nobody changes arrays of a description or a model
        return True
    return alike and new.nbytes <= COMPARED_BYTES and bool(np.array_equal(old, new, equal_nan=True))


class CudaBackgrounds(Backgrounds):
    """Those of the CUDA engine: they stay in the GPU's memory.

    Parameters
    ----------
    engine : CudaEngine
        Whose parameters they share.
    """

    def __init__(self, engine: CudaEngine) -> None:
        super().__init__()
        self._engine = engine
        self._loaded: set[type] = set()

    def load(self, params: KernelParams, curve: Curve, image: np.ndarray) -> None:
        """Launch the kernels on no pixel; see `Backgrounds`."""
        if image.dtype.type in self._loaded:
            return
        self._loaded.add(image.dtype.type)
        with _failures_in_one_line():
            nothing = self._engine.buffer("no background", 0, np.float64)
            self._scatter(params, curve, 0, nothing)
            _launch(_add_kernel(), 0, nothing, 1.0, self._engine.buffer("photons", 0, image.dtype.type))

    def make(self, params: KernelParams, curve: Curve) -> Any:
        """What one molecule scatters, on the GPU; see `Backgrounds`."""
        with _failures_in_one_line():
            count = last_pixel(params.panels)
            _check_room(8 * count)
            molecule = cuda.device_array(count, np.float64)
            for first in range(0, count, TILE_PIXELS):
                stop_if_abandoned()
                self._scatter(params, curve, first, molecule[first : first + TILE_PIXELS])
            if curve.ends:
                refuse_beyond(params, curve, molecule.copy_to_host())
            return molecule

    def _scatter(self, params: KernelParams, curve: Curve, first: int, molecule: Any) -> None:
        """Launch the kernel on consecutive pixels."""
        resident, on_device = self._engine.uploaded(params, curve)
        arguments = (resident.panels, resident.sampling, resident.sources, on_device, first, molecule)
        _launch(_scatter_kernel(), molecule.size, *arguments)


class CudaEngine:
    """The engine in one precision; see `nbnumba.engine.registry.Engine`.

    What is on the device stays there until `release`: an array is uploaded when it is another one than that of the
    image before, and into the memory of that one if it has its size.

    Parameters
    ----------
    threads : int or None
        CPU threads; None takes all cores.
    precision : str
        "single" takes the sum over the crystal in float32.
    """

    name = "cuda"

    SMALLEST_SPAN = 342 * PIXELS_PER_BLOCK
    """Pixels that keep a large GPU busy: fewer take hardly less time."""

    FIRST_STEPS = 1 << 28
    """Steps of the first span: some milliseconds of a large GPU."""

    def __init__(self, threads: int | None = None, precision: str = "double") -> None:
        self.threads = thread_count(threads)
        self._single = precision == "single"
        self._source: KernelParams | None = None
        self._params: KernelParams | None = None
        self._arrays: dict[str, _Resident] = {}
        self._buffers: dict[tuple[str, type], Any] = {}
        self._loaded: set[tuple[object, ...]] = set()
        self.backgrounds = CudaBackgrounds(self)

    def on_one_thread(self) -> None:
        """A GPU makes one image after the other."""

    def _on_device(self, params: KernelParams) -> KernelParams:
        """The parameters with their arrays in device memory."""
        if self._params is None or self._source is not params:
            if self._single:
                check_single(params)
            self._make_room(params)
            self._params = self._uploaded(params, "")
            self._source = params
        return self._params

    def _make_room(self, params: KernelParams) -> None:
        """Refuse what the device has no room for."""
        pixels = min(TILE_PIXELS, last_pixel(params.panels))
        arrays = _arrays_of(params)
        needed = sum(array.nbytes for name, array in arrays.items() if name not in self._arrays)
        if not self._buffers:
            needed += BYTES_PER_PIXEL * pixels
        _check_room(needed)

    def uploaded(self, params: KernelParams, curve: Curve) -> tuple[KernelParams, Curve]:
        """Parameters and a curve with their arrays in device memory.

        Parameters
        ----------
        params : KernelParams
            Of the image.
        curve : Curve
            Of a background.
        """
        return self._on_device(params), self._uploaded(curve, "curve.")

    def _uploaded(self, section: Any, path: str) -> Any:
        """A topic of the parameters as the device sees it."""
        entries = {
            name: self._uploaded_entry(value, f"{path}{name}")
            for name, value in zip(section._fields, section, strict=True)
        }
        return type(section)(**entries)

    def _uploaded_entry(self, value: Any, path: str) -> Any:
        if hasattr(value, "_fields"):
            return self._uploaded(value, f"{path}.")
        form = SINGLE_FORMS.get(path) if self._single else None
        if not isinstance(value, np.ndarray):
            return value if form is None else form(value)
        known = self._arrays.get(path)
        if known is None or not _is_the_same(known.host, value):
            known = _Resident(value, _copy(value if form is None else form(value), known))
            self._arrays[path] = known
        return known.device

    def buffer(self, name: str, size: int, kind: type) -> Any:
        """Device memory of at least this size that is kept from launch to launch.

        Parameters
        ----------
        name : str
            What it is for.
        size : int
            Elements.
        kind : type
            Of an element.
        """
        kept = self._buffers.get((name, kind))
        if kept is None or kept.size < size:
            kept = self._buffers[name, kind] = cuda.device_array(max(size, 1), kind)
        return kept[:size]

    def release(self) -> None:
        """Free the device's memory."""
        self._source = self._params = None
        self.backgrounds.release()
        self._arrays.clear()
        self._buffers.clear()

    def load(self, params: KernelParams, interpolating: bool, image: np.ndarray) -> None:
        """Upload the parameters; launch kernels that are new on no pixel, which compiles or loads them."""
        with _failures_in_one_line():
            self._on_device(params)
            key = (params.lattice.shape, interpolating, len(params.panels.planes) > 1, image.dtype.type)
            if key not in self._loaded:
                self._render_tile(params, (0, 0), False, interpolating, image, np.zeros(0, np.uint8), np.zeros(0))
                self._loaded.add(key)

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
        """Render pixels `start` to `stop` - 1; see `nbnumba.engine.registry.Engine`.

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
            for first in range(start, stop, TILE_PIXELS):
                end = min(first + TILE_PIXELS, stop)
                part = slice(first - start, end - start)
                blocks = slice((first - start) // PIXELS_PER_BLOCK, -(-(end - start) // PIXELS_PER_BLOCK))
                sums = omega_sums[blocks]
                self._render_tile(params, (first, end), opening, interpolating, image, status[part], sums, added)

    def _render_tile(
        self,
        params: KernelParams,
        pixels: tuple[int, int],
        opening: bool,
        interpolating: bool,
        image: np.ndarray,
        status: np.ndarray,
        omega_sums: np.ndarray,
        added: Added = (),
    ) -> None:
        """Render the pixels from one number to before another with one launch."""
        resident = self._on_device(params)
        start, count = pixels[0], pixels[1] - pixels[0]
        many = len(params.panels.planes) > 1
        kernel = _pixel_kernel(int(params.lattice.shape), bool(interpolating), self._single, many)
        photons = self.buffer("photons", count, image.dtype.type)
        omegas = self.buffer("solid angles", count, np.float64)
        bits = self.buffer("status", count, np.uint8)
        sums = self.buffer("sums", len(omega_sums), np.float64)
        _launch(kernel, count, resident, plane_of(params.panels), start, opening, photons, omegas, bits)
        _launch(_sum_kernel(), len(omega_sums), omegas, sums)
        if count == 0:
            return
        for molecule, scale in added:
            _launch(_add_kernel(), count, molecule[start : start + count], scale, photons)
        _store(params.panels, image, start, photons)
        if status.size:
            bits.copy_to_host(status)
        sums.copy_to_host(omega_sums)


def _arrays_of(section: Any, path: str = "") -> dict[str, np.ndarray]:
    """Every array of the parameters, by its name."""
    found: dict[str, np.ndarray] = {}
    for name, value in zip(section._fields, section, strict=True):
        if hasattr(value, "_fields"):
            found |= _arrays_of(value, f"{path}{name}.")
        elif isinstance(value, np.ndarray):
            found[f"{path}{name}"] = value
    return found


def _copy(array: np.ndarray, known: _Resident | None) -> Any:
    """An array in device memory, in that of the one whose place it takes if it fits."""
    if known is not None and known.device.shape == array.shape and known.device.dtype == array.dtype:
        known.device.copy_to_device(array)
        return known.device
    return cuda.to_device(array)


def plane_of(panels: Panels) -> Plane:
    """The plane of the first panel, as numbers.

    Parameters
    ----------
    panels : Panels
    """
    row = panels.planes[0].tolist()
    fdet, sdet, odet, pix0 = (tuple(row[first : first + 3]) for first in (0, 3, 6, 9))
    return Plane(fdet, sdet, odet, pix0, *row[12:])


def _store(panels: Panels, image: np.ndarray, start: int, photons: Any) -> None:
    """Copy consecutive pixels from the device to their places."""
    flat, stop = image.reshape(-1), start + photons.size
    windows = [PanelWindow(*row) for row in panels.windows.tolist()]
    for window in windows:
        first = max(start, window.first)
        end = min(stop, window.first + window.width * window.height)
        if first >= end:
            continue
        values = photons[first - start : end - start]
        pixels = slice(first - window.first, end - window.first)
        region = _region(flat, window)
        if region.flags.c_contiguous:
            values.copy_to_host(region.reshape(-1)[pixels])
        else:
            region.flat[pixels] = values.copy_to_host()


def _region(flat: np.ndarray, window: PanelWindow) -> np.ndarray:
    """The region of interest of a panel as a view of the image."""
    corner = window.offset + window.slow_min * window.stride + window.fast_min
    step = flat.itemsize
    return np.lib.stride_tricks.as_strided(
        flat[corner:], (window.height, window.width), (window.stride * step, step)
    )

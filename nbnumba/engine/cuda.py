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

from nbnumba.engine.background import Added, Backgrounds, refuse_beyond
from nbnumba.engine.cuda_launch import Launch, kernel_on_disk
from nbnumba.engine.cuda_memory import ResidentParameters, Results, SharedArrays
from nbnumba.engine.scan import stop_if_abandoned
from nbnumba.engine.threads import thread_count
from nbnumba.errors import EngineFailedError, EngineUnavailableError
from nbnumba.kernels.background import background_pixel
from nbnumba.kernels.cuda_crystal import FORMS, add_crystal, add_crystal_mixed, add_crystal_single, check_precision
from nbnumba.kernels.cuda_spots import SpotColumns, add_spots
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
from nbnumba.kernels.spots import SPOT, TILE_ROWS
from nbnumba.numerics.jit import jit
from nbnumba.numerics.scratch import LANES

if TYPE_CHECKING:
    from nbnumba.engine.registry import Engine

TILE_PIXELS = PIXELS_PER_BLOCK << 15
"""Pixels rendered by one launch, whatever the image."""

BYTES_PER_PIXEL = 17
"""What a launch needs on the device for each of its pixels, at most."""

MIXED_REGISTERS = 80
"""Of a thread of the mixed kernel at most, where a pixel has many steps: room for more warps on a multiprocessor."""

MANY_STEPS = 256
"""Steps of a pixel from which more warps gain more than what a pixel costs with fewer registers."""

KEPT_LAUNCHES = 16
"""Launches that stay prepared: those of an image of many spans are different ones each time."""

_LATTICE_POSITION = KernelParams._fields.index("lattice")
_SHAPE_POSITION = Lattice._fields.index("shape")


def pixel_function(shape: int, interpolating: bool, precision: str, many: bool) -> Callable[..., None]:
    """The uncompiled kernel for one crystal shape and precision, with or without interpolation.

    Parameters
    ----------
    shape : int
        As in `Lattice.shape`; it takes the place of that field.
    interpolating : bool
        Whether each pixel starts with interpolation on.
    precision : str
        Of the sum over the crystal.
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
    # facts that numba knows when it compiles
    single, mixed = precision == "single", precision == "mixed"
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
                        constant, plane, slow, fast, opening, interpolating, add_crystal_single, None, None
                    )
                elif mixed:
                    value, omegas[n], status[n] = render_pixel(
                        constant, plane, slow, fast, opening, interpolating, add_crystal_mixed, None, None
                    )
                else:
                    value, omegas[n], status[n] = render_pixel(
                        constant, plane, slow, fast, opening, interpolating, add_crystal, None, None
                    )
                photons[n] = value

    return render_pixels


def tile_function(shape: int) -> Callable[..., None]:
    """The uncompiled kernel that renders tiles from spots, for one crystal shape.

    Parameters
    ----------
    shape : int
        As in `Lattice.shape`; it takes the place of that field.

    Returns
    -------
    callable
        ``render_tiles(params, tiles, starts, columns, photons, omegas)``: thread n renders pixel n of the tiles, each
        of which has TILE_ROWS rows of LANES pixels, and assigns element n of the arrays; 0 where there is no pixel.
    """
    above, below = _LATTICE_POSITION, _LATTICE_POSITION + 1
    before, after = _SHAPE_POSITION, _SHAPE_POSITION + 1

    def render_tiles(params, tiles, starts, columns, photons, omegas):
        n = cuda.grid(1)
        if n < photons.shape[0]:
            number, row, lane = n // (TILE_ROWS * LANES), n // LANES % TILE_ROWS, n % LANES
            panels, panel = params.panels, tiles[number, 0]
            fast, slow = tiles[number, 1] + lane, tiles[number, 3] + row
            window = panel_window(panels, panel)
            place = window.offset + slow * window.stride + fast
            inside = lane < tiles[number, 2] and row < tiles[number, 4]
            photons[n], omegas[n] = 0.0, 0.0
            if inside and not (panels.has_mask and panels.mask[place] == 0):
                # rebuilt around the constant, so that the other shapes' code is never made
                lattice = Lattice(*(params.lattice[:before] + (shape,) + params.lattice[after:]))
                constant = KernelParams(*(params[:above] + (lattice,) + params[below:]))
                listed = (columns, starts[number], starts[number + 1], fast, slow)
                photons[n], omegas[n], _ = render_pixel(
                    constant, panel_plane(panels, panel), slow, fast, False, False, add_spots, listed, None
                )

    return render_tiles


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


@functools.cache
def _pixel_kernel(shape: int, interpolating: bool, precision: str, many: bool, registers: int | None = None) -> Any:
    return kernel_on_disk(pixel_function(shape, interpolating, precision, many), registers)


@functools.cache
def _tile_kernel(shape: int) -> Any:
    return kernel_on_disk(tile_function(shape))


@functools.cache
def _sum_kernel() -> Any:
    return kernel_on_disk(sum_blocks)


@functools.cache
def _scatter_kernel() -> Any:
    return kernel_on_disk(scatter_molecule)


@functools.cache
def _add_kernel() -> Any:
    return kernel_on_disk(add_scaled)


@contextmanager
def failures_in_one_line() -> Iterator[None]:
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


class CudaBackgrounds(Backgrounds):
    """Those of the CUDA engine: they stay in the GPU's memory.

    Parameters
    ----------
    engine : CudaEngine
        Whose parameters and stream they share.
    """

    def __init__(self, engine: CudaEngine) -> None:
        super().__init__()
        self._engine = engine
        self._loaded: set[type] = set()

    def load(self, params: KernelParams, curve: Curve, image: np.ndarray) -> None:
        """Compile or load the kernels; see `Backgrounds`."""
        if image.dtype.type in self._loaded:
            return
        self._loaded.add(image.dtype.type)
        with failures_in_one_line():
            nothing = cuda.device_array(1, np.float64)
            self._scattering(params, _uploaded(curve), 0, nothing)
            Launch(_add_kernel(), 1, nothing, 1.0, cuda.device_array(1, image.dtype))

    def make(self, params: KernelParams, curve: Curve) -> Any:
        """What one molecule scatters, on the GPU; see `Backgrounds`."""
        with failures_in_one_line():
            count = last_pixel(params.panels)
            _check_room(8 * count)
            molecule, on_device = cuda.device_array(count, np.float64), _uploaded(curve)
            for first in range(0, count, TILE_PIXELS):
                stop_if_abandoned()
                tile = molecule[first : first + TILE_PIXELS]
                self._scattering(params, on_device, first, tile).on(self._engine.stream)
            if curve.ends:
                refuse_beyond(params, curve, molecule.copy_to_host())
            return molecule

    def on_host(self, added: Added) -> Added:
        """What `take` gave, as arrays of the host."""
        return [(molecule.copy_to_host(), scale) for molecule, scale in added]

    def _scattering(self, params: KernelParams, curve: Curve, first: int, molecule: Any) -> Launch:
        """What makes consecutive pixels."""
        resident = self._engine.resident(params)
        arguments = (resident.panels, resident.sampling, resident.sources, curve, first, molecule)
        return Launch(_scatter_kernel(), molecule.size, *arguments)


def _uploaded(curve: Curve) -> Curve:
    """A curve with its arrays in device memory."""
    return Curve(cuda.to_device(curve.abscissae), cuda.to_device(curve.coefficients), curve.ends)


class CudaEngine:
    """The engine in one precision; see `nbnumba.engine.registry.Engine`.

    What is on the device stays there until `release`: see `nbnumba.engine.cuda_memory`. It has a stream of its own, so
    that engines of other threads compute meanwhile.

    Parameters
    ----------
    threads : int or None
        CPU threads; None takes all cores.
    precision : str
        Of the sum over the crystal, one of `PRECISIONS`.
    shared : SharedArrays or None
        What it has in common with other engines.
    """

    name = "cuda"

    SMALLEST_SPAN = 342 * PIXELS_PER_BLOCK
    """Pixels that keep a large GPU busy: fewer take hardly less time."""

    FIRST_STEPS = 1 << 28
    """Steps of the first span: some milliseconds of a large GPU."""

    SMALL_STEPS = 1 << 33
    """Steps of an image of a sequence that is worth beginning while the one before is at work: some 0.1 s."""

    def __init__(
        self, threads: int | None = None, precision: str = "double", shared: SharedArrays | None = None
    ) -> None:
        self.threads = thread_count(threads)
        self._precision = precision
        self._shared = shared or SharedArrays()
        self._parameters = ResidentParameters(self._shared, FORMS[precision])
        self._source: KernelParams | None = None
        self.stream = cuda.stream()
        self._results = Results()
        self._launches: dict[tuple[object, ...], tuple[Launch, Launch]] = {}
        self._resident: tuple[KernelParams, Plane] | None = None
        self.backgrounds: Backgrounds = CudaBackgrounds(self)

    def side_by_side(self) -> list[Engine]:
        """Two engines: one's kernel runs while the other's image is set up or copied."""
        return [CudaEngine(self.threads, self._precision, self._shared) for _ in range(2)]

    def release(self) -> None:
        """Free the device's memory."""
        self._source = self._resident = None
        self._launches.clear()
        self.backgrounds.release()
        self._parameters.release()
        self._results.release()
        self._shared.release()

    def load(self, params: KernelParams, interpolating: bool, image: np.ndarray) -> None:
        """Compile or load the kernels, and upload the parameters.

        Raises
        ------
        UsageError
            If float32 can't hold what is asked.
        EngineUnavailableError
            If the structure factors and lattices don't fit in the GPU's memory.
        """
        with failures_in_one_line():
            cuda.current_context()  # which belongs to this thread from now on
            self.resident(params)
            self._launch((0, min(TILE_PIXELS, last_pixel(params.panels))), False, interpolating, image)

    def resident(self, params: KernelParams) -> KernelParams:
        """The parameters with their arrays in device memory.

        Parameters
        ----------
        params : KernelParams
            Of the image.
        """
        if self._source is not params:
            check_precision(params, self._precision)
            self._make_room(params)
            taken = self._parameters.take(params, self.stream)
            if taken is not self._resident:
                self._launches.clear()
                self._resident = taken
            self._source = params
        assert self._resident is not None
        return self._resident[0]

    def _make_room(self, params: KernelParams) -> None:
        """Refuse what the device has no room for."""
        needed = self._parameters.bytes_missing(params)
        if not self._results.bytes:
            needed += BYTES_PER_PIXEL * min(TILE_PIXELS, last_pixel(params.panels))
        if needed:
            _check_room(needed)

    def _launch(
        self, pixels: tuple[int, int], opening: bool, interpolating: bool, image: np.ndarray
    ) -> tuple[Launch, Launch]:
        """What renders the pixels from one number to before another, and what adds up their solid angles."""
        key = (pixels, opening, interpolating, image.dtype)
        if key not in self._launches:
            if len(self._launches) >= KEPT_LAUNCHES:
                self._launches.clear()
            self._launches[key] = self._prepared(pixels, opening, interpolating, image.dtype)
        return self._launches[key]

    def _prepared(
        self, pixels: tuple[int, int], opening: bool, interpolating: bool, dtype: np.dtype[Any]
    ) -> tuple[Launch, Launch]:
        assert self._resident is not None
        params, plane = self._resident
        start, count = pixels[0], pixels[1] - pixels[0]
        many = params.panels.planes.shape[0] > 1
        is_capped = self._precision == "mixed" and params.scale.steps >= MANY_STEPS and not interpolating
        registers = MIXED_REGISTERS if is_capped else None
        kernel = _pixel_kernel(int(params.lattice.shape), bool(interpolating), self._precision, many, registers)
        if self._results.make_room(count, dtype):
            self._launches.clear()
        photons, sums, bits, omegas = self._results.on_device(count, dtype)
        return (
            Launch(kernel, count, params, plane, start, opening, photons, omegas, bits),
            Launch(_sum_kernel(), len(sums), omegas, sums),
        )

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
        EngineFailedError
            If the driver reports a failure.
        """
        with failures_in_one_line():
            for first in range(start, stop, TILE_PIXELS):
                end = min(first + TILE_PIXELS, stop)
                part = slice(first - start, end - start)
                blocks = slice((first - start) // PIXELS_PER_BLOCK, -(-(end - start) // PIXELS_PER_BLOCK))
                sums = omega_sums[blocks]
                self._render_tile(params, (first, end), opening, interpolating, image, status[part], sums, added)

    @property
    def renders_spots(self) -> bool:
        """Whether there is a kernel for `render_tiles`: float32 has none."""
        return self._precision == "double"

    def render_tiles(
        self,
        params: KernelParams,
        tiles: np.ndarray,
        starts: np.ndarray,
        spots: np.ndarray,
        image: np.ndarray,
        omega_sums: np.ndarray,
    ) -> None:
        """Render tiles from the spots that reach them; see `nbnumba.engine.sparse.SparseEngine`.

        Raises
        ------
        EngineFailedError
            If the driver reports a failure.
        """
        if len(tiles) == 0:
            # a tile without pixels: a GPU takes no empty arrays
            tiles, starts, omega_sums = np.zeros((1, 5), np.int64), np.zeros(2, np.int64), np.zeros(1)
        with failures_in_one_line():
            resident = self.resident(params)
            mine = spots[starts[0] : starts[-1]]
            columns = SpotColumns(*(cuda.to_device(column, self.stream) for column in _columns(mine)))
            where = [cuda.to_device(array, self.stream) for array in (tiles, starts - starts[0])]
            results = [cuda.device_array(len(tiles) * TILE_ROWS * LANES, np.float64) for _ in range(2)]
            kernel = _tile_kernel(int(params.lattice.shape))
            Launch(kernel, results[0].size, resident, *where, columns, *results).on(self.stream)
            photons, omegas = (result.copy_to_host(stream=self.stream) for result in results)
            self.stream.synchronize()
        omega_sums[:] = omegas.reshape(len(tiles), TILE_ROWS * LANES).sum(axis=1)
        _store_tiles(params.panels, tiles, photons.reshape(len(tiles), TILE_ROWS, LANES), image.reshape(-1))

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
        if pixels[0] == pixels[1]:
            return
        for launch in self._launch(pixels, opening, interpolating, image):
            launch.on(self.stream)
        count = pixels[1] - pixels[0]
        on_device = self._results.on_device(count, image.dtype)[0] if added else None
        for molecule, scale in added:
            Launch(_add_kernel(), count, molecule[pixels[0] : pixels[1]], scale, on_device).on(self.stream)
        photons, sums, bits = self._results.fetch(count, image.dtype, status.size > 0, self.stream)
        _store(params.panels, image, pixels[0], photons)
        omega_sums[:] = sums
        status[:] = bits


def _columns(spots: np.ndarray) -> SpotColumns:
    """The fields of spots as arrays of their own; of none there is one that no tile has."""
    if len(spots) == 0:
        spots = np.zeros(1, dtype=SPOT)
    return SpotColumns(
        amplitude=np.ascontiguousarray(spots["amplitude"]), lattice=np.ascontiguousarray(spots["lattice"]),
        reflection=np.column_stack([spots[name] for name in "hkl"]),
        box=np.column_stack([spots[name] for name in ("fast_first", "fast_stop", "slow_first", "slow_stop")]),
    )  # fmt: skip


@jit
def _store_tiles(panels, tiles, photons, pixels):
    """Copy the pixels of tiles to their places."""
    for n in range(tiles.shape[0]):
        window = panel_window(panels, tiles[n, 0])
        for row in range(tiles[n, 4]):
            place = window.offset + (tiles[n, 3] + row) * window.stride + tiles[n, 1]
            for lane in range(tiles[n, 2]):
                pixels[place + lane] = photons[n, row, lane]


def _store(panels: Panels, image: np.ndarray, start: int, photons: np.ndarray) -> None:
    """Copy consecutive pixels to their places."""
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
            region.reshape(-1)[pixels] = values
        else:
            region.flat[pixels] = values


def _region(flat: np.ndarray, window: PanelWindow) -> np.ndarray:
    """The region of interest of a panel as a view of the image."""
    corner = window.offset + window.slow_min * window.stride + window.fast_min
    step = flat.itemsize
    return np.lib.stride_tricks.as_strided(
        flat[corner:], (window.height, window.width), (window.stride * step, step)
    )

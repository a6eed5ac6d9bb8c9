"""A GPU that numba-cuda believes in: memory is host memory, and kernels run as PTX on the host (`ptx_host`).

Only the driver's calls are replaced. Kernels are typed, compiled to PTX and launched by numba-cuda itself, and each
launch packs its arguments for the driver as it would for a GPU, so that whatever can fail there fails here too.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
from cuda.core._kernel_arg_handler import ParamHolder
from numba.cuda import codegen, dispatcher
from numba.cuda.cudadrv import devices, driver, nvvm
from ptx_host import HostProgram

from nbnumba.engine import cuda as engine
from nbnumba.engine import cuda_device
from nbnumba.numerics import jit

MEMORY = 1 << 34
"""Bytes that the GPU claims to have."""


@functools.lru_cache(maxsize=64)
def _program(ptx: str, checked: bool, counted: bool) -> HostProgram:
    """Each kernel is compiled once."""
    return HostProgram(ptx, checked, counted)


class PretendedContext:
    """The one context of the one GPU; numba-cuda allocates from it.

    Attributes
    ----------
    device : namespace
        What numba-cuda asks of a device.
    launches : list of (int, int)
        Blocks and threads of every launch.
    programs : set of HostProgram
        Every kernel that was launched.
    uploads, downloads : list of int
        Bytes of every copy to the device and back.
    allocations : list of int
        Bytes of every piece of memory that was asked for.
    pinned : list of int
        The same of pinned memory of the host.
    """

    def __init__(self, capability: tuple[int, int], checked: bool, counted: bool) -> None:
        self.device = SimpleNamespace(
            compute_capability=capability, id=0, name=b"Pretended GPU", MULTIPROCESSOR_COUNT=132
        )
        self.launches: list[tuple[int, int]] = []
        self.programs: set[HostProgram] = set()
        self.uploads: list[int] = []
        self.downloads: list[int] = []
        self.allocations: list[int] = []
        self.pinned: list[int] = []
        self._checked = checked
        self._counted = counted
        self._allocations: dict[int, tuple[np.ndarray, Any]] = {}

    @property
    def allocated(self) -> int:
        """Bytes in use."""
        return sum(block.nbytes for block, _ in self._allocations.values())

    def get_memory_info(self) -> Any:
        """Free and total memory."""
        return driver.MemoryInfo(free=MEMORY - self.allocated, total=MEMORY)

    def memalloc(self, size: int) -> Any:
        """Memory full of a pattern that no kernel should leave."""
        self.allocations.append(size)
        block = np.full(size, 0xCD, dtype=np.uint8)
        address = block.ctypes.data
        pointer = driver.AutoFreePointer(
            self, driver.binding.CUdeviceptr(address), size, finalizer=lambda: self._allocations.pop(address)
        )
        self._allocations[address] = (block, pointer)
        return pointer.own()

    def copy_to_device(self, target: Any, source: Any, size: int, stream: int = 0) -> None:
        """What the driver does with `cuMemcpyHtoD`."""
        self.uploads.append(size)
        ctypes.memmove(driver.device_pointer(target), driver.host_pointer(source, readonly=True), size)

    def copy_to_host(self, target: Any, source: Any, size: int, stream: int = 0) -> None:
        """What the driver does with `cuMemcpyDtoH`."""
        self.downloads.append(size)
        ctypes.memmove(driver.host_pointer(target), driver.device_pointer(source), size)

    def memhostalloc(self, size: int) -> Any:
        """Pinned memory is memory like any other."""
        self.pinned.append(size)
        return bytearray(size)

    def create_stream(self) -> Any:
        """Launches and copies are done when they return."""
        return SimpleNamespace(synchronize=lambda: None)

    def synchronize(self) -> None:
        """Launches have finished when they return."""

    def load(self, library: Any) -> Any:
        """A kernel of a compiled library."""
        return SimpleNamespace(kernel=library.get_asm_str(), module=SimpleNamespace(initialized=True))

    def launch(self, _stream: Any, config: Any, ptx: str, *arguments: Any) -> None:
        """Run a kernel whose arguments are packed as for a GPU."""
        program = _program(ptx, self._checked, self._counted)
        blocks, threads = int(config.grid[0]), int(config.block[0])
        self.launches.append((blocks, threads))
        self.programs.add(program)
        packed = ParamHolder(arguments)
        ranges = [(address, address + block.nbytes) for address, (block, _) in self._allocations.items()]
        program.run(blocks, threads, packed.ptr, ranges)


class _PretendedRuntime:
    """Takes the place of numba-cuda's, which finds devices and contexts."""

    def __init__(self, context: PretendedContext) -> None:
        self.context = context

    @contextlib.contextmanager
    def ensure_context(self) -> Iterator[None]:
        """The context is always there."""
        yield

    def get_or_create_context(self, _number: int | None) -> PretendedContext:
        """The one context."""
        return self.context


class _ListedDevice(contextlib.nullcontext[None]):
    """An entry of `numba.cuda.gpus.lst`."""

    def __init__(self, device: SimpleNamespace) -> None:
        super().__init__()
        self.name = device.name
        self.compute_capability = device.compute_capability


@contextlib.contextmanager
def pretended_gpu(
    capability: tuple[int, int] = (9, 0), fused: bool = True, checked: bool = False, counted: bool = False
) -> Iterator[PretendedContext]:
    """Let numba-cuda believe in a GPU of this compute capability.

    Parameters
    ----------
    capability : tuple of int
        Major, minor.
    fused : bool
        Let NVVM fuse products and sums, as it does by default.
    checked : bool
        Refuse memory accesses outside of the arrays on the GPU.
    counted : bool
        Count the instructions that kernels execute.
    """
    context = PretendedContext(capability, checked, counted)
    listed = [_ListedDevice(context.device)]
    compile_ir = functools.partial(nvvm.compile_ir, fma=fused)
    with (
        mock.patch.object(devices, "_runtime", _PretendedRuntime(context)),
        mock.patch.object(devices._DeviceList, "lst", listed),
        mock.patch.object(driver, "host_to_device", context.copy_to_device),
        mock.patch.object(driver, "device_to_host", context.copy_to_host),
        mock.patch.object(driver, "_to_core_stream", lambda stream: stream),
        mock.patch.object(nvvm, "compile_ir", compile_ir),
        mock.patch.object(dispatcher, "launch", context.launch),
        mock.patch.object(codegen.CUDACodeLibrary, "get_cufunc", lambda library: context.load(library)),
    ):
        yield context


@contextlib.contextmanager
def engine_on_pretended_gpu(**options: Any) -> Iterator[PretendedContext]:
    """The CUDA engine where it finds a `pretended_gpu` with these options; its kernels are compiled anew, not kept."""

    def forget() -> None:
        for cached in (
            engine._pixel_kernel, engine._sum_kernel, engine._scatter_kernel, engine._add_kernel,
            cuda_device.why_unusable,
        ):  # fmt: skip
            cached.cache_clear()

    forget()
    with pretended_gpu(**options) as context, mock.patch.object(jit, "cache_folder", return_value=None):
        yield context
    forget()

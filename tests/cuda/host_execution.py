"""Runs the CUDA kernels on the host: numba-cuda's own IR, compiled by LLVM for this processor.

Only what a kernel gets from outside is supplied: thread and block indices become variables that a loop over the grid
sets, and libdevice's functions become those of the C library. Everything between, hence all that numba-cuda makes of
the physics, is what a GPU would run. Shared memory and barriers are not supported; the kernels use none.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import llvmlite.binding as llvm
import numba.cuda
import numpy as np
from numba.cuda.compiler import _compile_pyfunc_with_fixup
from without_gpu import pretended_device, signature

from nbnumba.kernels import cuda as engine

CAPABILITY = (9, 0)
"""Compute capability that the IR is made for."""

_INDICES = ("tid", "ntid", "ctaid", "nctaid")
_LIBRARY = ctypes.CDLL(ctypes.util.find_library("m"))
_C_TYPES = {
    "ptr": ctypes.c_void_p, "i64": ctypes.c_int64, "i32": ctypes.c_int32, "i8": ctypes.c_uint8,
    "double": ctypes.c_double, "float": ctypes.c_float,
}  # fmt: skip

_GRID_LOOP = """
define void @run_grid(i32 %blocks, i32 %threads, {parameters}) {{
entry:
  store i32 %blocks, ptr @nctaid
  store i32 %threads, ptr @ntid
  br label %block
block:
  %b = phi i32 [ 0, %entry ], [ %next_b, %block_end ]
  store i32 %b, ptr @ctaid
  br label %thread
thread:
  %t = phi i32 [ 0, %block ], [ %next_t, %thread ]
  store i32 %t, ptr @tid
  call void @"{kernel}"({arguments})
  %next_t = add i32 %t, 1
  %more_t = icmp slt i32 %next_t, %threads
  br i1 %more_t, label %thread, label %block_end
block_end:
  %next_b = add i32 %b, 1
  %more_b = icmp slt i32 %next_b, %blocks
  br i1 %more_b, label %block, label %end
end:
  ret void
}}
declare void @"{kernel}"({types})
"""


def _host_machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2, jit=True
    )


def _for_host(ir: str, machine: Any, contract: bool) -> str:
    """IR of a GPU module with this processor's layout, index registers as functions, and FMA where it is allowed."""
    ir = re.sub(r"target triple = .*", f'target triple = "{machine.triple}"', ir)
    ir = re.sub(r"target datalayout = .*", f'target datalayout = "{machine.target_data}"', ir)
    ir = re.sub(r"llvm\.nvvm\.read\.ptx\.sreg\.(\w+)\.x", r"read_\1", ir)
    if contract:
        # NVVM fuses these; LLVM does on this processor where the instructions allow it
        ir = re.sub(r"\b(fadd|fsub|fmul) (double|float)\b", r"\1 contract \2", ir)
    # the annotation would give the kernel a calling convention that only GPUs have
    return re.sub(r"^!nvvm\.annotations = .*$", "", ir, flags=re.MULTILINE)


def _index_functions() -> str:
    return "".join(
        f"@{name} = global i32 0\n"
        f"define i32 @read_{name}() alwaysinline {{\n  %v = load i32, ptr @{name}\n  ret i32 %v\n}}\n"
        for name in _INDICES
    )


def _link_library(module: Any) -> None:
    """Give libdevice's functions the addresses of the C library's; fail on any that is unknown."""
    for function in module.functions:
        if function.is_declaration and not function.name.startswith("llvm."):
            if not function.name.startswith("__nv_"):
                raise NotImplementedError(f"{function.name} has no counterpart on the host")
            symbol = getattr(_LIBRARY, function.name.removeprefix("__nv_"))
            llvm.add_symbol(function.name, ctypes.cast(symbol, ctypes.c_void_p).value)


def _flattened(value: Any) -> Iterator[Any]:
    """A launch argument as numba-cuda passes it."""
    if isinstance(value, np.ndarray):
        yield from (None, None, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides)
    elif isinstance(value, tuple):
        for item in value:
            yield from _flattened(item)
    else:
        yield value


class HostKernel:
    """A CUDA kernel as a function of host arrays, launched as ``kernel[blocks, threads](*args)``.

    Parameters
    ----------
    function : callable
        Uncompiled kernel.
    contract : bool
        Whether products and sums may be fused as NVVM does by default.
    """

    def __init__(self, function: Callable[..., None], contract: bool) -> None:
        self._function = function
        self._contract = contract
        self._compiled: dict[Any, tuple[Any, Any]] = {}

    def _compile(self, args: tuple[Any, ...]) -> tuple[Any, Any]:
        with pretended_device(CAPABILITY):
            library, _ = _compile_pyfunc_with_fixup(
                self._function, signature(args), device=False, abi="numba", cc=CAPABILITY
            )
        machine = _host_machine()
        module = llvm.parse_assembly(_index_functions())
        for ir in library.llvm_strs:
            module.link_in(llvm.parse_assembly(_for_host(ir, machine, self._contract)))
        name = library._entry_name
        types = [str(argument.type) for argument in module.get_function(name).arguments]
        names = [f"%a{i}" for i in range(len(types))]
        typed = ", ".join(f"{t} {n}" for t, n in zip(types, names, strict=True))
        loop = _GRID_LOOP.format(parameters=typed, arguments=typed, kernel=name, types=", ".join(types))
        module.link_in(llvm.parse_assembly("".join(f"@{i} = external global i32\n" for i in _INDICES) + loop))
        _link_library(module)
        module.verify()
        builder = llvm.create_pass_builder(machine, llvm.PipelineTuningOptions(speed_level=2))
        builder.getModulePassManager().run(module, builder)
        jit = llvm.create_mcjit_compiler(module, machine)
        jit.finalize_object()
        prototype = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_int32, *(_C_TYPES[t] for t in types))
        return prototype(jit.get_function_address("run_grid")), jit

    def __getitem__(self, grid: tuple[int, int]) -> Callable[..., None]:
        def launch(*args: Any) -> None:
            key = signature(args)
            if key not in self._compiled:
                self._compiled[key] = self._compile(args)
            self._compiled[key][0](*grid, *_flattened(args))

        return launch


class _HostArray(np.ndarray):
    """Stands for an array in device memory."""

    def copy_to_host(self) -> np.ndarray:
        return np.array(self)


@contextlib.contextmanager
def host_execution(contract: bool) -> Iterator[None]:
    """Let the CUDA engine run on the host, its driver included."""
    context = SimpleNamespace(get_memory_info=lambda: (1 << 40, 1 << 40))
    engine._pixel_kernel.cache_clear()
    engine._sum_kernel.cache_clear()
    with (
        mock.patch.object(numba.cuda, "jit", lambda function: HostKernel(function, contract)),
        mock.patch.object(numba.cuda, "to_device", lambda array: np.array(array).view(_HostArray)),
        mock.patch.object(
            numba.cuda, "device_array", lambda shape, dtype: np.full(shape, 77, dtype=dtype).view(_HostArray)
        ),
        mock.patch.object(numba.cuda, "current_context", return_value=context),
    ):
        yield
    engine._pixel_kernel.cache_clear()
    engine._sum_kernel.cache_clear()

"""Compiles the CUDA kernels on a machine without a GPU.

numba-cuda asks for the current device whenever a kernel calls a device function, only to learn its compute capability.
Here it is told of one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numba
import numba.cuda.compiler
import numba.cuda.dispatcher
import numpy as np
from numba import types
from numba.cuda.cudadrv import devices

from nbnumba.kernel_params import KernelParams


@contextlib.contextmanager
def pretended_device(capability: tuple[int, int]) -> Iterator[None]:
    """Let numba-cuda believe in a device of this compute capability."""
    device = SimpleNamespace(compute_capability=capability, id=0)
    with (
        mock.patch.object(numba.cuda.dispatcher, "get_current_device", return_value=device),
        mock.patch.object(numba.cuda.compiler, "get_current_device", return_value=device),
        mock.patch.object(devices, "get_context", return_value=SimpleNamespace(device=device)),
    ):
        yield


def numba_type(value: Any) -> Any:
    """Type of a kernel argument as a launch would find it."""
    if isinstance(value, np.ndarray):
        return types.Array(numba.from_dtype(value.dtype), value.ndim, "C")
    if isinstance(value, KernelParams):
        return types.NamedTuple([numba_type(field) for field in value], KernelParams)
    return numba.typeof(value)


def signature(args: tuple[Any, ...]) -> Any:
    """Signature of a launch with these arguments."""
    return types.void(*(numba_type(arg) for arg in args))


def pixel_kernel_arguments(params: KernelParams, start: int, opening: bool, pixels: int) -> tuple[Any, ...]:
    """Arguments of a `pixel_function` kernel for a number of pixels."""
    return (
        params, start, opening, np.empty(pixels, np.float32), np.empty(pixels, np.float64), np.empty(pixels, np.uint8),
    )  # fmt: skip


def compile_ptx(function: Callable[..., None], args: tuple[Any, ...], capability: tuple[int, int]) -> str:
    """PTX of a kernel for a compute capability."""
    with pretended_device(capability):
        ptx, _ = numba.cuda.compile(function, signature(args), device=False, abi="numba", cc=capability)
    return str(ptx)

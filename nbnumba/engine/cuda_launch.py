"""Launches of CUDA kernels whose arguments are prepared once and used again and again.

Of a kernel with the parameters of an image, numba-cuda finds out the types of some sixty arguments and turns them into
150 numbers for the driver, at every launch: half a millisecond, where the driver takes some microseconds. A turned
crystal lies where the one before it lay, so that these numbers stay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from numba import cuda
from numba.cuda import dispatcher
from numba.cuda.cudadrv import driver

from nbnumba.numerics.jit import keep_on_disk

THREADS_PER_BLOCK = 64
"""Small blocks waste fewest registers of a multiprocessor: see the table of registers in docs/cuda.md."""

SIMULATED = bool(cuda.config.ENABLE_CUDASIM)
"""Whether numba-cuda runs kernels in Python; it prepares nothing then."""


def kernel_on_disk(function: Callable[..., None], registers: int | None = None) -> Any:
    """A kernel, kept on disk beside those of the CPU and checked like them.

    Without link-time optimisation, a GPU runs the PTX that the tests run.

    Parameters
    ----------
    function : callable
        Not compiled.
    registers : int or None
        Of a thread, at most; None leaves it to the compiler.

    Returns
    -------
    dispatcher
    """
    if SIMULATED:
        return cuda.jit(function)
    part = "" if registers is None else f"registers-{registers}"
    return keep_on_disk(cuda.jit(function, lto=False, max_registers=registers), dispatcher.CUDACache, part)


_PREPARING = threading.Lock()
"""No kernel is compiled twice."""


class Launch:
    """A kernel with its arguments, ready to be launched on any stream.

    Parameters
    ----------
    kernel : dispatcher
        Compiled or loaded now, if it was not yet.
    threads : int
        Threads to start at least.
    *arguments
        Numbers, arrays on the device, and tuples of them. The arrays must live as long as this object is used.
    """

    def __init__(self, kernel: Any, threads: int, *arguments: Any) -> None:
        self._blocks = max(-(-threads // THREADS_PER_BLOCK), 1)
        self._kernel, self._arguments = kernel, arguments
        if not SIMULATED:
            with _PREPARING:
                self._prepare()

    def _prepare(self) -> None:
        """Do what numba-cuda does at each launch."""
        compiled = self._kernel.compile(tuple(self._kernel.typeof_pyval(argument) for argument in self._arguments))
        compiled.bind()
        self._function = compiled._codelibrary.get_cufunc().kernel
        self._config = dispatcher.LaunchConfig(grid=self._blocks, block=THREADS_PER_BLOCK)
        self._prepared: list[Any] = []
        for kind, value in zip(compiled.argument_types, self._arguments, strict=True):
            compiled._prepare_args(kind, value, 0, [], self._prepared)

    def on(self, stream: Any) -> None:
        """Launch.

        Parameters
        ----------
        stream : numba.cuda stream
            Behind what it was told before.
        """
        if SIMULATED:
            self._kernel[self._blocks, THREADS_PER_BLOCK](*self._arguments)
        else:
            dispatcher.launch(driver._to_core_stream(stream), self._config, self._function, *self._prepared)

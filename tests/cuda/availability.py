"""What a test of the CUDA engine needs; a module without it is skipped whole, visibly."""

from __future__ import annotations

import functools
import importlib.util
import os

import pytest

SIMULATING = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") != "0"
"""Whether numba-cuda simulates: then nothing else of it can be tested in this process."""


@functools.cache
def has_ptx_compiler() -> bool:
    """Whether numba-cuda can make PTX here."""
    if SIMULATING or importlib.util.find_spec("numba_cuda") is None:
        return False
    from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib

    try:
        load_nvidia_dynamic_lib("nvvm")
    except DynamicLibNotFoundError:
        return False
    return True


def needs_ptx_compiler() -> None:
    """Skip the calling module unless numba-cuda can make PTX."""
    if not has_ptx_compiler():
        pytest.skip("needs numba-cuda and NVVM: make test-cuda", allow_module_level=True)

"""Kernels for a GPU are kept on disk under the same checks as those of the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from availability import needs_ptx_compiler

needs_ptx_compiler()

from numba import cuda  # noqa: E402
from numba.cuda.dispatcher import CUDACache  # noqa: E402
from pretended_gpu import pretended_gpu  # noqa: E402

from nbnumba.errors import NbnumbaWarning  # noqa: E402
from nbnumba.numerics import jit, kernel_files  # noqa: E402


@pytest.fixture(autouse=True)
def gpu(monkeypatch) -> Iterator[None]:
    """A GPU of a process that has said nothing yet."""
    monkeypatch.setattr(kernel_files, "_said", set())
    monkeypatch.setattr(cuda.config, "CUDA_LOW_OCCUPANCY_WARNINGS", 0)
    with pretended_gpu():
        yield


def double(x, result):
    n = cuda.grid(1)
    if n < x.size:
        result[n] = 2.0 * x[n]


def doubled(folder: Path, monkeypatch) -> tuple[list[float], int]:
    """What a new kernel makes of three numbers, and how often it came from the folder."""
    monkeypatch.setattr(jit, "cache_folder", lambda: folder)
    kernel = jit.keep_on_disk(cuda.jit(double, lto=False), CUDACache)
    result = cuda.device_array(3)
    kernel[1, 32](cuda.to_device(np.arange(3.0)), result)
    return result.copy_to_host().tolist(), sum(kernel.stats.cache_hits.values())


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_kernel_is_loaded_unless_its_files_are_damaged(tmp_path, monkeypatch, kind):
    assert doubled(tmp_path, monkeypatch) == ([0.0, 2.0, 4.0], 0)
    assert doubled(tmp_path, monkeypatch) == ([0.0, 2.0, 4.0], 1)
    (path,) = tmp_path.rglob(f"*.{kind}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.warns(NbnumbaWarning, match="is damaged: set aside"):
        assert doubled(tmp_path, monkeypatch) == ([0.0, 2.0, 4.0], 0)
    assert doubled(tmp_path, monkeypatch) == ([0.0, 2.0, 4.0], 1)

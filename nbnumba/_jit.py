"""The decorators of every compiled function, and the place of their on-disk cache.

numba checks only the file that defines a cached function: an edit to a function that it calls, in another file,
would leave stale machine code. The cache folder is therefore named after a hash of all package sources and of numba's
version.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import platformdirs


def _source_key() -> str:
    """Hash of the package sources and of numba's version."""
    digest = hashlib.sha256(numba.__version__.encode())
    package = Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def cache_folder() -> Path | None:
    """Folder of the compiled kernels, or None when none can be written (every run compiles anew then)."""
    base = os.environ.get("NUMBA_CACHE_DIR") or platformdirs.user_cache_dir("nbnumba")
    folder = Path(base) / _source_key()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return None
    return folder


def cache_is_cold() -> bool:
    """Whether the kernels of this version have not been compiled and kept yet."""
    folder = cache_folder()
    return folder is None or next(folder.rglob("*.nbi"), None) is None


def _decorator(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """An njit with these options whose cache lies in `cache_folder`."""

    def decorate(function: Callable[..., Any]) -> Any:
        folder = cache_folder()
        if folder is None:
            return numba.njit(function, **options)
        previous = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            return numba.njit(function, cache=True, **options)
        finally:
            numba.config.CACHE_DIR = previous

    return decorate


# error_model="numpy": a division by zero gives inf or NaN as in C, and its missing branch lets loops vectorise.
jit = _decorator(error_model="numpy", nogil=True)
parallel_jit = _decorator(error_model="numpy", nogil=True, parallel=True)


def device_jit(function: Callable[..., Any]) -> Any:
    """An njit for functions that only live inside other compiled functions: nothing of them is cached by itself.

    They never allocate. Without `_nrt=False` numba counts references to every array they touch, with atomic
    instructions in the innermost loop: 8 times slower. Without `forceinline` LLVM copies the kernels' long argument
    at every call.
    """
    return numba.njit(function, error_model="numpy", forceinline=True, _nrt=False)

"""The decorators of every compiled function, and the place of their on-disk cache.

numba checks only the file that defines a cached function: an edit to a function that it calls, in another file,
would leave stale machine code. The cache folder is therefore named after a hash of all sources that a compiled function
may see and of numba's version.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
import stat
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba.core.caching import FunctionCache
from numba.extending import register_jitable

from nbnumba.errors import NbnumbaWarning
from nbnumba.numerics.kernel_files import NoKernelCache, is_private, kernel_cache
from nbnumba.numerics.wide_vectors import WideVectors

_KEPT_DAYS = 30
"""How long the kernels of another version stay after their last use."""


def source_key(package: Path) -> str:
    """Hash of the sources that a compiled function may see, and of numba's version.

    Parameters
    ----------
    package : Path
        Folder of the package.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for path, source in sorted(compiled_sources(package).items()):
        digest.update(str(path.relative_to(package)).encode())
        digest.update(source)
    return digest.hexdigest()[:16]


def compiled_sources(package: Path) -> dict[Path, bytes]:
    """The files that compile functions, and all files that these import: an edit of another one can't change a kernel.

    Parameters
    ----------
    package : Path
        Folder of the package.

    Returns
    -------
    dict
        From each file to its content.
    """
    sources = {path: path.read_bytes() for path in package.rglob("*.py")}
    # every command waits for this: a line end to look for takes a fifth of the time of re.MULTILINE
    compiling = re.compile(rb"\n(?:from|import) (?:numba\b|%b\.numerics\.jit\b)" % package.name.encode())
    imported = re.compile(rb"\n(?:from|import) %b((?:\.\w+)*)" % package.name.encode())
    reached: dict[Path, bytes] = {}
    to_visit = [path for path, source in sources.items() if compiling.search(b"\n" + source)]
    while to_visit:
        path = to_visit.pop()
        reached[path] = sources[path]
        for module in imported.findall(b"\n" + sources[path]):
            place = package.joinpath(*module.decode().split(".")[1:])
            # of a package, any file may be meant
            files = {place.with_suffix(".py"), *place.glob("*.py")}
            to_visit += [file for file in files if file in sources and file not in reached]
    return reached


def cache_root() -> Path:
    """Folder that holds one folder of compiled kernels per version: in NUMBA_CACHE_DIR or the user's cache folder."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return Path(chosen, "nbnumba") if chosen else Path(platformdirs.user_cache_dir("nbnumba"))


@functools.cache
def cache_folder() -> Path | None:
    """Folder of the compiled kernels, or None when none can be had (every run compiles anew then).

    What lies there is executed, so it must be the user's, and nobody else may write there. If the usual one is not like
    that, a second one is made beside it.

    Returns
    -------
    Path or None
    """
    version = source_key(Path(__file__).parent.parent)
    root = cache_root()
    distrusted = None
    for place in (root, root.with_name(f"{root.name}-{os.geteuid()}")):
        folder = place / version
        try:
            folder = folder.absolute()
            usable = _open_folder(folder)
        except OSError:
            continue
        if usable:
            _warn_of(distrusted, f"they are in {folder}")
            return folder
        distrusted = distrusted or folder
    _warn_of(distrusted, "every run compiles: NUMBA_CACHE_DIR names another folder")
    return None


def _open_folder(folder: Path) -> bool:
    """Make a folder, unless it is there; whether nobody else can change what it holds."""
    is_new = not folder.is_dir()
    folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    if not is_private(folder.lstat()):
        return False
    with contextlib.suppress(OSError):
        # tells when it was last used
        os.utime(folder)
        if is_new:
            remove_unused_kernels(folder.parent)
    return True


def _warn_of(distrusted: Path | None, instead: str) -> None:
    if distrusted is not None:
        message = f"{distrusted}: compiled kernels are not kept there, for another user could change them; {instead}"
        warnings.warn(NbnumbaWarning(message), stacklevel=3)


def remove_unused_kernels(root: Path) -> None:
    """Remove the user's kernels of versions that were not used for 30 days.

    Parameters
    ----------
    root : Path
        From `cache_root`.
    """
    oldest = time.time() - _KEPT_DAYS * 86400
    for folder in root.iterdir():
        # another process may remove the same folder
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < oldest and is_private(folder.stat()):
                shutil.rmtree(folder)


def keep_on_disk(kernel: Any, cache: Any = FunctionCache, part: str = "") -> Any:
    """Let a kernel be loaded from `cache_folder`, where it was compiled before, and saved there.

    Parameters
    ----------
    kernel : dispatcher
        What `numba.njit` or `numba.cuda.jit` return without their own cache. What they return when they don't compile
        stays as it is.
    cache : type
        numba's ``FunctionCache`` or numba-cuda's ``CUDACache``.
    part : str
        Folder in it for what is compiled with other options, which numba's files don't tell apart.

    Returns
    -------
    dispatcher
        The same.
    """
    if hasattr(kernel, "_cache"):
        folder = cache_folder()
        kernel._cache = NoKernelCache() if folder is None else kernel_cache(cache, folder / part)(kernel.py_func)
    return kernel


def _decorator(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """An njit with these options that is kept on disk."""

    def decorate(function: Callable[..., Any]) -> Any:
        return keep_on_disk(numba.njit(function, **options))

    return decorate


# error_model="numpy": a division by zero gives inf or NaN as in C, and its missing branch lets loops vectorise.
jit = _decorator(error_model="numpy", nogil=True)
# _nrt=False: see `device_jit`; its arrays belong to the caller, who must hold them.
lean_jit = _decorator(error_model="numpy", nogil=True, _nrt=False, no_cfunc_wrapper=True, pipeline_class=WideVectors)
# Sums may be taken in any order: what lets LLVM add several numbers at once.
reordering_jit = _decorator(error_model="numpy", nogil=True, fastmath={"reassoc"})
parallel_jit = _decorator(error_model="numpy", nogil=True, parallel=True)


def device_jit(function: Callable[..., Any]) -> Any:
    """An njit for functions that only live inside other compiled functions: nothing of them is cached by itself.

    They never allocate. Without `_nrt=False` numba counts references to every array they touch, with atomic
    instructions in the innermost loop: 8 times slower. Without `forceinline` LLVM copies the kernels' long argument
    at every call.
    """
    return numba.njit(function, error_model="numpy", forceinline=True, _nrt=False)


def pass_jit(function: Callable[..., Any]) -> Any:
    """A `device_jit` with loops that only compiled functions call: called from Python, it runs as plain Python.

    Leaving out the entry from Python halves the time that a function with the kernels' long argument takes to compile.
    """
    return register_jitable(
        error_model="numpy", forceinline=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True,
        pipeline_class=WideVectors,
    )(function)


def nest_jit(function: Callable[..., Any]) -> Any:
    """An njit for the levels of a loop nest: inlined before anything is compiled, hence not compiled once per level.

    Such a function takes the options of its caller, so arithmetic that must round in its own way stays outside.
    """
    return numba.njit(function, error_model="numpy", inline="always")


def contracting_jit(function: Callable[..., Any]) -> Any:
    """A `device_jit` in which a product and a sum may become one fused instruction, rounded once.

    Only for functions whose result C does not round step by step, or that need the fused product to be exact.
    """
    return numba.njit(function, error_model="numpy", forceinline=True, _nrt=False, fastmath={"contract"})


def sum_jit(function: Callable[..., Any]) -> Any:
    """A `device_jit` whose sums may be taken in any order, as in `reordering_jit`."""
    return numba.njit(function, error_model="numpy", forceinline=True, _nrt=False, fastmath={"reassoc"})

"""Compiled kernels on disk: numba's files, checked before they are used.

They are pickles and machine code: damaged ones would raise any error or end the process, another user's could do
anything. So each file ends with a digest of its place and content, and must be the user's own. Whatever fails here
costs a compilation, never an image.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import functools
import hashlib
import inspect
import io
import logging
import os
import pickle
import stat
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile, NullCache, _CacheLocator

from nbnumba.errors import NbnumbaWarning

_LOGGER = logging.getLogger("nbnumba")

_said: set[str] = set()
"""Kinds of events that a person has been told of."""

_DIGEST = hashlib.sha256
_DIGEST_BYTES = _DIGEST().digest_size
_NOT_THE_FILES_FAULT = {errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Why a good file may not be read."""

_PLACE_PARTS = 3
"""The end of a path that belongs to the file: version, module and name. What lies before it may be moved as a whole."""


class UnusableFileError(Exception):
    """A file of the cache that must not be used.

    Attributes
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path


def is_private(status: os.stat_result) -> bool:
    """Whether a file or folder is the user's and nobody else may write to it.

    Parameters
    ----------
    status : os.stat_result
        Of the file or folder.
    """
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


class CheckedFiles(IndexDataCacheFile):
    """The index and data files of one function.

    Parameters
    ----------
    folder, base : str
        Where the files lie, and how their names begin.
    dump : callable
        Object -> bytes.
    """

    def __init__(self, folder: str, base: str, dump: Any) -> None:
        # the folder of a version is never stale, so its files need no stamp
        super().__init__(folder, base, None)
        self._dump = dump

    # The data say which key they belong to: of two processes that save at once, one may have the other's file name.

    def save(self, key: Any, data: Any) -> None:
        """Write the data of a key."""
        super().save(key, (key, data))

    def load(self, key: Any) -> Any:
        """The data of a key, or None."""
        found, data = super().load(key) or (None, None)
        return data if found == key else None

    def _load_index(self) -> Any:
        try:
            version, (_, overloads) = self._unpickled(self._index_path, 2)
        except FileNotFoundError:
            return {}
        return overloads if version == self._version else {}

    def _load_data(self, name: str) -> Any:
        (data,) = self._unpickled(self._data_path(name), 1)
        return data

    def _unpickled(self, path: str, count: int) -> list[Any]:
        """The objects in a file."""
        stream = io.BytesIO(_checked_content(path))
        try:
            return [pickle.load(stream) for _ in range(count)]
        except Exception as error:  # a class that another version of a library lacks can be any error
            raise UnusableFileError(path, f"can't be read ({error})") from error

    @contextlib.contextmanager
    def _open_for_write(self, path: str) -> Iterator[io.BytesIO]:
        content = io.BytesIO()
        yield content
        with super()._open_for_write(path) as stream:
            os.fchmod(stream.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            stream.write(content.getvalue() + _digest(path, content.getvalue()))


def _digest(path: str, content: bytes) -> bytes:
    """What the end of a file must be."""
    return _DIGEST("/".join(Path(path).parts[-_PLACE_PARTS:]).encode() + b"\0" + content).digest()


def _checked_content(path: str) -> bytes:
    """A file's content without its digest."""
    try:
        with Path(path).open("rb") as stream:
            owner, everything = os.fstat(stream.fileno()), stream.read()
    except OSError as error:
        if error.errno in _NOT_THE_FILES_FAULT:
            raise
        raise UnusableFileError(path, f"can't be read ({error.strerror})") from error
    if not is_private(owner):
        raise UnusableFileError(path, "could have been written by another user")
    content = everything[:-_DIGEST_BYTES]
    if everything[-_DIGEST_BYTES:] != _digest(path, content):
        raise UnusableFileError(path, "is damaged")
    return content


class _Place(_CacheLocator):
    """Where the files of one function lie: nowhere else, even if they can't be written there."""

    def __init__(self, function: Any, folder: Path) -> None:
        self._py_file = inspect.getfile(function)
        self._line = function.__code__.co_firstlineno
        self._folders = folder, folder / self.get_suitable_cache_subpath(self._py_file)

    def ensure_cache_path(self) -> None:
        for folder in self._folders:
            folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(self._folders[-1])

    def get_source_stamp(self) -> None:
        return None

    def get_disambiguator(self) -> str:
        return str(self._line)


@functools.cache
def kernel_cache(base: Any, folder: Path) -> Any:
    """A kind of cache that checks its files.

    Parameters
    ----------
    base : type
        numba's ``FunctionCache`` or numba-cuda's ``CUDACache``.
    folder : Path
        Holds the files of all functions.

    Returns
    -------
    type
        To be called with a function.
    """

    class Contents(base._impl_class):
        """What is kept of a kernel; numba's own would look for a place by itself."""

        def __init__(self, function: Any) -> None:
            self._lineno = function.__code__.co_firstlineno
            self._locator = _Place(function, folder)
            name = f"{Path(self._locator._py_file).stem}.{function.__qualname__}"
            self._filename_base = self.get_filename_base(name, sys.abiflags)

    class KernelCache(base):
        """Loads and saves the kernels of one function."""

        _impl_class = Contents

        def __init__(self, function: Any) -> None:
            super().__init__(function)
            self._cache_file: Any = CheckedFiles(self._cache_path, self._impl.filename_base, self._cache_file._dump)

        def load_overload(self, signature: Any, target: Any) -> Any:
            try:
                kernel = super().load_overload(signature, target)
            except UnusableFileError as error:
                _set_aside(error)
                kernel = None
            except OSError:
                kernel = None
            if kernel is None:
                announce_compilation("the next run will not need to")
            return kernel

        def save_overload(self, signature: Any, kernel: Any) -> None:
            try:
                super().save_overload(signature, kernel)
            except (OSError, UnusableFileError) as error:
                reason = getattr(error, "strerror", None) or error
                _warn_once(
                    "failure",
                    f"{folder}: compiled kernels can't be kept there ({reason}); the next run compiles again unless "
                    "NUMBA_CACHE_DIR names another folder",
                )

    return KernelCache


class NoKernelCache(NullCache):
    """Keeps nothing, and says so when something is compiled."""

    def load_overload(self, signature: Any, target: Any) -> None:
        announce_compilation("they can't be kept: no cache folder is writable, NUMBA_CACHE_DIR names another one")


def _set_aside(error: UnusableFileError) -> None:
    """Keep a file for whoever wants to know what happened to it, and say so."""
    aside = f"{error.path}.damaged"
    # another process may have been faster
    with contextlib.suppress(OSError):
        Path(error.path).replace(aside)
    _warn_once("damage", f"compiled kernel {error}: set aside as {Path(aside).name}, compiling anew")


def _is_first(kind: str) -> bool:
    """Whether nothing of this kind was said before."""
    is_first = kind not in _said
    _said.add(kind)
    return is_first


def _warn_once(kind: str, message: str) -> None:
    if _is_first(kind):
        warnings.warn(NbnumbaWarning(message), stacklevel=3)


def announce_compilation(fate: str) -> None:
    """Say once that kernels are being compiled: to the log, and to a person who would wonder.

    Parameters
    ----------
    fate : str
        What becomes of them.
    """
    if not _is_first("compilation"):
        return
    message = f"compiling kernels, up to half a minute; {fate}"
    _LOGGER.info(message)
    if not _LOGGER.isEnabledFor(logging.INFO) and _is_watched():
        with contextlib.suppress(OSError):
            print(f"nbnumba: {message}", file=sys.stderr, flush=True)


def _is_watched() -> bool:
    """Whether a person reads stderr: on a terminal, in IPython or in a notebook."""
    return hasattr(builtins, "__IPYTHON__") or (sys.stderr is not None and sys.stderr.isatty())

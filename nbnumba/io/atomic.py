"""Writing a file so that its name only ever stands for a complete one."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import shutil
import stat
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO

from nbnumba.errors import OutputFileError, UsageError

if TYPE_CHECKING:
    import numpy as np

_CHUNK_BYTES = 1 << 26
"""Bytes per write call: Ctrl-C is heard between calls."""


_unfinished: set[Path] = set()
"""Temporary files that exist now."""

_may_begin = threading.RLock()
"""Held while a temporary file is made; reentrant, for a signal may come meanwhile in the same thread."""


def discard_unfinished() -> None:
    """Remove the temporary files of all that is being written, before a process ends in the middle of it.

    No other file is begun afterwards: a thread that tries waits for the end.
    """
    _may_begin.acquire()
    for temporary in tuple(_unfinished):
        with contextlib.suppress(OSError):
            temporary.unlink()


def check_target(path: str | os.PathLike[str]) -> None:
    """Raise OutputFileError if a file of this name can't be written.

    Parameters
    ----------
    path : path
        Where a file shall be written.

    Raises
    ------
    OutputFileError
        If the folder is missing or not writable, the name belongs to a folder or to a file that is not writable, or it
        is a symbolic link that leads nowhere but to itself.
    """
    target = Path(path)
    status = _status(target)
    if not target.name or (status is not None and stat.S_ISDIR(status.st_mode)):
        raise OutputFileError(f"{path}: is a folder; give the name of a file")
    if status is not None and not os.access(target, os.W_OK):
        raise OutputFileError(f"{path}: is not writable; change its permissions or choose another name")
    if not is_written_in_place(target):
        folder = _real(target).parent
        if not folder.is_dir():
            raise OutputFileError(f"{path}: the folder {folder} does not exist; create it first")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputFileError(f"{path}: the folder {folder} is not writable; choose another one")


def is_written_in_place(target: Path) -> bool:
    """Whether the name stands for a device or pipe, which must not be replaced by a file.

    Parameters
    ----------
    target : Path
        Name of a file.

    Returns
    -------
    bool

    Raises
    ------
    OutputFileError
        If the name can't belong to a file.
    """
    status = _status(target)
    return status is not None and not stat.S_ISREG(status.st_mode)


def file_identity(path: str | os.PathLike[str]) -> tuple[int | str, ...]:
    """What all names of a file share: those through other folders, symbolic links and hard links.

    Parameters
    ----------
    path : path
        The file need not exist.

    Returns
    -------
    tuple
        Equal for two names of one file.
    """
    try:
        real = Path(os.path.realpath(path))
        with contextlib.suppress(FileNotFoundError):
            status = real.stat()
            return status.st_dev, status.st_ino
        folder = real.parent.stat()
        return folder.st_dev, folder.st_ino, real.name
    except OSError:
        # no file can have this name now
        return (os.fspath(path),)


def check_distinct(
    named: Mapping[str, str | os.PathLike[str] | None],
    kept: Iterable[str | os.PathLike[str]] = (),
    replaceable: Mapping[str, Iterable[Path]] = MappingProxyType({}),
) -> None:
    """Raise an error if two outputs are one file, or one is an input file; under whatever names.

    Parameters
    ----------
    named : mapping of str to (path or None)
        What the user knows each output by, and its name as it was typed; devices and pipes may be named twice.
    kept : iterable of path
        Input files, which must not be overwritten.
    replaceable : mapping of str to iterable of Path
        Those among them that an output may replace.

    Raises
    ------
    UsageError
    """
    inputs = {file_identity(path) for path in kept}
    taken: dict[tuple[int | str, ...], str] = {}
    for word, path in named.items():
        if path is None or is_written_in_place(Path(path)):
            continue
        identity = file_identity(path)
        other = taken.setdefault(identity, word)
        if identity in inputs.difference(map(file_identity, replaceable.get(word, ()))):
            reason = "would overwrite an input file"
        elif other != word:
            reason = f"is also the name for {other}"
        else:
            continue
        raise UsageError(f"{word} {path}: {reason}; choose another one")


def _status(target: Path) -> os.stat_result | None:
    """What the system knows of a file; None if there is none yet."""
    try:
        return target.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputFileError(f"{target}: can't be written: {error.strerror or error}") from error


def _real(target: Path) -> Path:
    """The file behind symbolic links: it is replaced, not the link."""
    try:
        return Path(os.path.realpath(target))
    except FileNotFoundError:
        raise OutputFileError(f"{target}: the working folder has been removed; change to another one") from None


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when everything has been written.

    The bytes go to a temporary name in the same folder, which is removed if anything fails or Ctrl-C is pressed.
    Devices and pipes such as /dev/null are written directly.

    Parameters
    ----------
    path : path
        Name of the finished file; an existing file is replaced and keeps its permissions.

    Yields
    ------
    binary file
        Open for writing.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    check_target(path)
    target = Path(path)
    try:
        if is_written_in_place(target):
            with target.open("wb") as stream:
                yield stream
        else:
            with _replacing(_real(target)) as (_, stream):
                yield stream
    except OSError as error:
        raise OutputFileError(f"{path}: can't be written: {reason(error)}") from error


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """The temporary name of a file that a library writes by itself; see `atomic_write`.

    Parameters
    ----------
    path : path
        Name of the finished file; no device or pipe.

    Yields
    ------
    Path
        An empty file in the same folder, which is to be filled and closed. It is locked (flock, shared): a library that
        locks files itself must be told not to.

    Raises
    ------
    OutputFileError
        If the name can't be given to the file. Errors while it is made are the library's own.
    """
    check_target(path)
    target = Path(path)
    if is_written_in_place(target):
        raise OutputFileError(f"{path}: this format needs a regular file")
    made = False
    try:
        with _replacing(_real(target)) as (temporary, _):
            yield temporary
            made = True
    except OSError as error:
        if not made:
            raise
        raise OutputFileError(f"{path}: can't be written: {reason(error)}") from error


def reason(error: OSError) -> str:
    """Why an operation on a file failed, in a few words; HDF5 wraps them into several lines.

    Parameters
    ----------
    error : OSError
        From the operating system, from NumPy or from h5py.

    Returns
    -------
    str
    """
    wrapped = re.search(r"error message = '([^']*)'", str(error))
    if error.errno is None and "requested and" in str(error):
        # NumPy's words
        return "the disk is full, or the file would be larger than it may be"
    return wrapped.group(1) if wrapped else error.strerror or str(error).splitlines()[0]


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A temporary file, by name and open, that becomes the target on success and vanishes otherwise."""
    _remove_abandoned(target.parent)
    with contextlib.ExitStack() as stack:
        with _may_begin:
            temporary, stream = _temporary(stack, target.parent)
        yield temporary, stream
        # what a full disk did not take shows here at the latest
        stream.close()
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)


def _temporary(stack: contextlib.ExitStack, folder: Path) -> tuple[Path, BinaryIO]:
    """A new file, locked until the end of the stack and then removed, unless it has got another name.

    Only what is locked has the name that says so: on a disk without locks nobody can tell whether a writer still lives.
    """
    token = uuid.uuid4().hex
    new, locked = folder / f".nbnumba-new-{token}.tmp", folder / f"{_locked_prefix()}{os.getpid()}-{token}.tmp"
    stack.callback(_remove, new, locked)
    _unfinished.update((new, locked))
    stream = stack.enter_context(new.open("xb"))
    # a second descriptor: closing the stream, which tells of late errors, must not unlock the file before it is renamed
    descriptor = os.dup(stream.fileno())
    stack.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError:
        return new, stream
    return new.rename(locked), stream


def _remove(*names: Path) -> None:
    for name in names:
        name.unlink(missing_ok=True)
        _unfinished.discard(name)


def _locked_prefix() -> str:
    """How the names of this machine's locked files begin; other machines may see no locks but their own."""
    return f".nbnumba-on-{os.uname().nodename}-"


@functools.cache
def _remove_abandoned(folder: Path) -> None:
    """Remove what killed processes left in a folder: locked files that nobody holds any more."""
    for path in folder.glob(f"{_locked_prefix()}*.tmp"):
        # it may be another user's, or gone meanwhile
        with contextlib.suppress(OSError), path.open("r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def write_array(stream: BinaryIO, array: np.ndarray) -> None:
    """Write the bytes of a C-contiguous array, without a copy.

    Parameters
    ----------
    stream : binary file
        Open for writing.
    array : ndarray
        Any shape; written in native byte order.
    """
    data = array.data.cast("B")
    for start in range(0, len(data), _CHUNK_BYTES):
        stream.write(data[start : start + _CHUNK_BYTES])


def write_lines(path: str | os.PathLike[str], lines: Iterable[str]) -> None:
    """Write a text file, or nothing.

    Parameters
    ----------
    path : path
        File to write.
    lines : iterable of str
        Without line ends.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    with atomic_write(path) as stream:
        stream.writelines(f"{line}\n".encode() for line in lines)

"""Files of compiled kernels are used only as they were written, and none that fails costs a result."""

from __future__ import annotations

import builtins
import contextlib
import io
import logging
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core.caching import FunctionCache

from nbnumba.errors import NbnumbaWarning
from nbnumba.numerics import kernel_files
from nbnumba.numerics.jit import cache_folder
from nbnumba.numerics.kernel_files import NoKernelCache, kernel_cache


def double(x):
    return 2 * x


def triple(x):
    return 3 * x


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    """As in a new process, in which no command of ours listens to the log."""
    logger = logging.getLogger("nbnumba")
    level = logger.level
    logger.setLevel(logging.NOTSET)
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(kernel_files, "_said", set())
    yield
    logger.setLevel(level)


def results(folder: Path, *, argument: Any = 5) -> tuple[list[Any], int]:
    """What new kernels make of a number, and how many came from the folder."""
    kernels = [numba.njit(function) for function in (double, triple)]
    for kernel in kernels:
        kernel._cache = kernel_cache(FunctionCache, folder)(kernel.py_func)
    return [kernel(argument) for kernel in kernels], sum(len(kernel.stats.cache_hits) for kernel in kernels)


def swap(path: Path, other: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(content)


def flip(path: Path, other: Path) -> None:
    """Turn one bit in the middle: in a data file, of machine code."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path, Path], object]] = {
    "empty": lambda path, _: path.write_bytes(b""),
    "truncated": lambda path, _: path.write_bytes(path.read_bytes()[:-1]),
    "half": lambda path, _: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "no pickle": lambda path, _: path.write_text("no pickle"),
    "flipped": flip,
    "swapped": swap,
    "open to others": lambda path, _: path.chmod(0o666),
    "unreadable": lambda path, _: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_as_it_was_written_is_set_aside_and_compiled_anew(tmp_path, damage, kind):
    assert results(tmp_path) == ([10, 15], 0)
    assert results(tmp_path) == ([10, 15], 2)
    path, other = sorted(tmp_path.rglob(f"*.{kind}"))
    DAMAGES[damage](path, other)
    with pytest.warns(NbnumbaWarning) as warnings:
        assert results(tmp_path) == ([10, 15], 0 if damage == "swapped" else 1)
    # one line, however many files
    (message,) = [str(warning.message) for warning in warnings]
    assert message.startswith(f"compiled kernel {path} ")
    assert message.endswith(f"set aside as {path.name}.damaged, compiling anew")
    assert Path(f"{path}.damaged").exists()
    assert results(tmp_path) == ([10, 15], 2)


def test_a_process_with_too_many_open_files_leaves_the_cache_as_it_is(tmp_path, monkeypatch):
    results(tmp_path)

    def no_more(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Path, "open", no_more)
    with pytest.warns(NbnumbaWarning, match=r"can't be kept there \(Too many open files\)"):
        assert results(tmp_path)[0] == [10, 15]
    monkeypatch.undo()
    assert results(tmp_path)[1] == 2


def test_no_bit_of_a_file_can_be_changed(tmp_path):
    results(tmp_path)
    for path in tmp_path.rglob("*.nb[ic]"):
        content = path.read_bytes()
        for place in range(0, len(content), 97):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(kernel_files.UnusableFileError, match="is damaged"):
                kernel_files._checked_content(str(path))
        path.write_bytes(content)
    assert results(tmp_path)[1] == 2


def test_a_file_of_another_version_is_not_used(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    results(new)
    results(old)
    for path in new.rglob("*.nbc"):
        path.write_bytes((old / path.relative_to(new)).read_bytes())
    with pytest.warns(NbnumbaWarning, match="is damaged"):
        assert results(new) == ([10, 15], 0)


def test_a_cache_that_is_moved_as_a_whole_stays_valid(tmp_path):
    (tmp_path / "here").mkdir()
    results(tmp_path / "here" / "version")
    (tmp_path / "here").rename(tmp_path / "there")
    assert results(tmp_path / "there" / "version")[1] == 2


def test_data_that_the_index_gives_to_another_key_are_not_used(tmp_path):
    # two processes that compile for different arguments at the same time may give their data one name
    results(tmp_path)
    of_integers = {path: path.read_bytes() for path in tmp_path.rglob("*.nbi")}
    for path in of_integers:
        path.unlink()
    assert results(tmp_path, argument=2.5) == ([5.0, 7.5], 0)
    for path, content in of_integers.items():
        path.write_bytes(content)
    assert results(tmp_path) == ([10, 15], 0)
    assert results(tmp_path) == ([10, 15], 2)


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond what an index needs, not even that of pytest's own output."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_kernel_that_does_not_fit_on_the_disk_is_used_all_the_same(tmp_path):
    with pytest.warns(NbnumbaWarning) as warnings, full_disk():
        made = results(tmp_path)
    assert made == ([10, 15], 0)
    (message,) = [str(warning.message) for warning in warnings]
    assert message.startswith(f"{tmp_path}: compiled kernels can't be kept there (File too large)")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".nbi"] == []


# --- whose folder it is ---------------------------------------------------------------------------------------------


@pytest.fixture
def chosen_folder(tmp_path, monkeypatch) -> Callable[[], Path | None]:
    """Chooses the cache folder as a new process does."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return cache_folder.__wrapped__


def others_may_write(folder: Path) -> None:
    folder.chmod(0o777)


def belongs_to_another(folder: Path) -> None:
    os.chown(folder, 12345, 12345)


def leads_elsewhere(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")


@pytest.mark.parametrize("spoil", [
    others_may_write, leads_elsewhere,
    pytest.param(belongs_to_another, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")),
])  # fmt: skip
def test_a_folder_that_another_user_could_fill_gives_way_to_a_private_one(chosen_folder, tmp_path, spoil):
    usual = chosen_folder()
    assert usual.parent == tmp_path / "nbnumba"
    spoil(usual)
    private = tmp_path / f"nbnumba-{os.geteuid()}" / usual.name
    with pytest.warns(NbnumbaWarning, match=f"^{usual}: .* another user could change them; they are in {private}$"):
        assert chosen_folder() == private
    assert private.stat().st_mode & 0o777 == 0o700


def test_without_a_folder_of_ones_own_nothing_is_kept(chosen_folder, tmp_path):
    chosen_folder().chmod(0o777)
    (tmp_path / f"nbnumba-{os.geteuid()}").touch()
    with pytest.warns(NbnumbaWarning, match="every run compiles: NUMBA_CACHE_DIR names another folder$"):
        assert chosen_folder() is None


def test_where_the_usual_folder_can_not_be_made_a_second_one_may_be(chosen_folder, tmp_path):
    (tmp_path / "nbnumba").touch()
    assert chosen_folder().parent == tmp_path / f"nbnumba-{os.geteuid()}"


def test_folder_and_files_are_closed_to_others_whatever_the_umask(chosen_folder):
    umask = os.umask(0)
    try:
        folder = chosen_folder()
        results(folder)
    finally:
        os.umask(umask)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*.nb[ic]")} == {0o600}


# --- compilation is announced ---------------------------------------------------------------------------------------

ANNOUNCED = "compiling kernels, up to half a minute; the next run will not need to"


class Terminal(io.StringIO):
    """A stream that says that a person reads it."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_once_that_kernels_are_compiled_and_never_that_they_are_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    results(tmp_path)
    results(tmp_path, argument=2.5)
    assert sys.stderr.getvalue() == f"nbnumba: {ANNOUNCED}\n"
    monkeypatch.setattr(kernel_files, "_said", set())
    results(tmp_path)
    assert sys.stderr.getvalue() == f"nbnumba: {ANNOUNCED}\n"


def test_a_notebook_is_told_although_its_stderr_is_no_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    results(tmp_path)
    assert capsys.readouterr().err == f"nbnumba: {ANNOUNCED}\n"


def test_a_script_is_not_told_but_its_log_is(tmp_path, capsys, caplog):
    logger = logging.getLogger("nbnumba")
    for level, told in ((logging.WARNING, []), (logging.INFO, [("nbnumba", logging.INFO, ANNOUNCED)])):
        kernel_files._said.clear()
        with caplog.at_level(level, logger.name):
            results(tmp_path / str(level))
        assert caplog.record_tuples == told
    assert capsys.readouterr().err == ""


def test_the_announcement_says_when_kernels_can_not_be_kept(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    kernel = numba.njit(double)
    kernel._cache = NoKernelCache()
    assert kernel(5) == 10
    fate = "they can't be kept: no cache folder is writable, NUMBA_CACHE_DIR names another one"
    assert sys.stderr.getvalue().endswith(f"; {fate}\n")


def test_a_broken_terminal_costs_nothing(tmp_path, monkeypatch):
    class Broken(Terminal):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Broken())
    assert results(tmp_path)[0] == [10, 15]

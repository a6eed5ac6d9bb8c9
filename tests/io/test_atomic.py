"""A file stands under its name only when it is complete."""

from __future__ import annotations

import fcntl
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nbnumba.errors import OutputFileError
from nbnumba.io.atomic import _remove_abandoned, atomic_write, check_target, file_identity, reason, write_array


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_with_its_content(tmp_path):
    with atomic_write(tmp_path / "image.bin") as stream:
        stream.write(b"photons")
        assert "image.bin" not in names(tmp_path)
    assert names(tmp_path) == ["image.bin"]
    assert (tmp_path / "image.bin").read_bytes() == b"photons"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_nothing_stays_behind_after_an_interruption(tmp_path, error):
    (tmp_path / "old.bin").write_bytes(b"old")

    def write_half() -> None:
        with atomic_write(tmp_path / "old.bin") as stream:
            stream.write(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert names(tmp_path) == ["old.bin"]
    assert (tmp_path / "old.bin").read_bytes() == b"old"


def test_permissions_are_those_of_any_new_file_and_stay_with_an_old_one(tmp_path):
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "new"):
        pass
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "new").chmod(0o604)
    with atomic_write(tmp_path / "new"):
        pass
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o604


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with atomic_write(tmp_path / "link") as stream:
        stream.write(b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"x"


def test_devices_are_written_in_place():
    with atomic_write("/dev/null") as stream:
        stream.write(b"x")
    assert Path("/dev/null").is_char_device()


def test_a_full_disk_is_one_clear_line():
    message = "/dev/full: can't be written: No space left"
    with pytest.raises(OutputFileError, match=message), atomic_write("/dev/full") as stream:
        stream.write(b"x")


@pytest.mark.parametrize("check", [check_target, lambda path: atomic_write(path).__enter__()], ids=["check", "write"])
def test_impossible_names_are_refused(tmp_path, check):
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path / "missing" / "image.bin", "missing does not exist"),
        (tmp_path / "file" / "image.bin", "file does not exist"),
        (tmp_path, "is a folder"),
        ("", "is a folder"),
    ):
        with pytest.raises(OutputFileError, match=message):
            check(path)


@pytest.mark.parametrize("check", [check_target, lambda path: atomic_write(path).__enter__()], ids=["check", "write"])
def test_names_that_lead_nowhere_are_refused(tmp_path, check):
    (tmp_path / "loop").symlink_to(tmp_path / "pool")
    (tmp_path / "pool").symlink_to(tmp_path / "loop")
    for path, message in (
        (tmp_path / "loop", "loop: can't be written: Too many levels of symbolic links"),
        (tmp_path / "loop" / "image.bin", "image.bin: can't be written: Too many levels of symbolic links"),
        (tmp_path / (300 * "x"), "x: can't be written: File name too long"),
    ):
        with pytest.raises(OutputFileError, match=message):
            check(path)


def test_a_working_folder_that_was_removed_is_an_output_error(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(OutputFileError, match=r"^image.bin: the working folder has been removed; change to another"):
        check_target("image.bin")
    assert file_identity("image.bin") == ("image.bin",)
    monkeypatch.undo()


def test_all_names_of_a_file_are_one(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "symbolic").symlink_to(tmp_path / "a")
    (tmp_path / "hard").hardlink_to(tmp_path / "a")
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "new")
    monkeypatch.chdir(tmp_path)
    of_a = {file_identity(path) for path in ("a", tmp_path / "symbolic", "hard", "folder/a")}
    of_new = {file_identity(path) for path in ("new", tmp_path / "dangling", "folder/new")}
    assert (len(of_a), len(of_new)) == (1, 1)
    assert of_a != of_new != {file_identity("other")}


def test_a_folder_that_takes_no_files_is_an_output_error():
    with pytest.raises(OutputFileError, match="/proc/image.bin"), atomic_write("/proc/image.bin"):
        pass


def test_arrays_are_written_as_they_lie_in_memory(tmp_path):
    array = np.arange(12, dtype=np.uint16).reshape(3, 4)
    with atomic_write(tmp_path / "array") as stream:
        write_array(stream, array)
    assert (tmp_path / "array").read_bytes() == array.tobytes()


# --- what ended processes leave -------------------------------------------------------------------------------------

BEGIN = """
import sys, time
from nbnumba.io.atomic import atomic_write
with atomic_write(sys.argv[1]) as stream:
    stream.write(b"half")
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    """A process in the middle of writing a file."""
    with subprocess.Popen([sys.executable, "-c", BEGIN, tmp_path / "image"], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def new_process():
    """Folders are looked through once by each process."""
    _remove_abandoned.cache_clear()


def write_other(folder: Path) -> None:
    with atomic_write(folder / "other"):
        pass


def test_the_next_run_in_the_folder_removes_what_a_killed_one_left(tmp_path, writer):
    writer.kill()
    writer.wait()
    assert len(names(tmp_path)) == 1
    write_other(tmp_path)
    assert names(tmp_path) == ["other"]


def test_what_a_living_process_writes_stays(tmp_path, writer):
    (temporary,) = names(tmp_path)
    write_other(tmp_path)
    assert names(tmp_path) == [temporary, "other"]


def test_what_this_process_writes_stays(tmp_path):
    with atomic_write(tmp_path / "image") as stream:
        stream.write(b"photons")
        write_other(tmp_path)
    assert names(tmp_path) == ["image", "other"]


def test_what_another_machine_may_be_writing_stays(tmp_path):
    # a lock may be seen by its own machine only
    (tmp_path / ".nbnumba-on-elsewhere-1-0.tmp").touch()
    write_other(tmp_path)
    assert names(tmp_path) == [".nbnumba-on-elsewhere-1-0.tmp", "other"]


def test_on_a_disk_without_locks_nothing_is_taken_for_abandoned(tmp_path, monkeypatch):
    def no_locks(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with atomic_write(tmp_path / "image") as stream:
        stream.write(b"photons")
        monkeypatch.undo()
        write_other(tmp_path)
    assert names(tmp_path) == ["image", "other"]


def test_what_fails_only_when_the_file_is_closed_is_a_failure(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        with pytest.raises(OutputFileError, match="File too large"), atomic_write(tmp_path / "image") as stream:
            # less than the buffer holds
            stream.write(b"photons")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == []


BUSY = """
import contextlib, itertools, os, sys, threading, time
from nbnumba.errors import OutputFileError
from nbnumba.io.atomic import atomic_write, discard_unfinished
def write():
    for number in itertools.count():
        with contextlib.suppress(OutputFileError), atomic_write(f"{sys.argv[1]}/{number % 3}") as stream:
            stream.write(b"photons")
for _ in range(3):
    threading.Thread(target=write).start()
time.sleep(0.2)
discard_unfinished()
time.sleep(0.05)
os._exit(0)
"""


def test_threads_begin_no_file_once_the_process_is_about_to_end(tmp_path):
    subprocess.run([sys.executable, "-c", BUSY, tmp_path], check=True)
    assert names(tmp_path) == ["0", "1", "2"]
    assert {(tmp_path / name).stat().st_size for name in names(tmp_path)} == {7}


def test_numpys_words_for_a_full_disk_are_understood():
    assert reason(OSError("160000 requested and 16352 written")).startswith("the disk is full")

"""A file stands under its name only when it is complete."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbnumba.errors import OutputFileError
from nbnumba.io.atomic import atomic_write, check_target, file_identity, write_array


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

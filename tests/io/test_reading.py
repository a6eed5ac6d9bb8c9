"""What is no file on a disk is not read, and messages show a little of anything."""

from __future__ import annotations

import os

import pytest

from nbnumba.errors import InputFileError
from nbnumba.io.fdump import read_fdump
from nbnumba.io.float_image import read_float_image
from nbnumba.io.hkl import read_hkl
from nbnumba.io.matrix import read_matrix
from nbnumba.io.pgm import read_pgm
from nbnumba.io.reading import quote, quote_line
from nbnumba.io.smv import read_smv, read_smv_header
from nbnumba.io.source_list import read_sources
from nbnumba.io.stol import read_stol
from nbnumba.io.tiff import read_tiff
from nbnumba.trace.file import read_trace

READERS = (
    read_fdump, read_hkl, read_matrix, read_pgm, read_smv, read_smv_header, read_sources, read_stol, read_tiff,
    read_trace, lambda path: read_float_image(path, (2, 3)),
)  # fmt: skip


@pytest.mark.parametrize("read", READERS)
def test_devices_and_pipes_are_refused_without_waiting_for_their_end(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(InputFileError, match=f"^{path}: is a device, a pipe or a socket; write what it holds into"):
            read(path)


@pytest.mark.parametrize("read", READERS)
def test_a_file_larger_than_memory_is_refused_before_it_is_read(tmp_path, read):
    with (tmp_path / "sparse").open("wb") as file:
        # takes no room on the disk
        file.truncate(1 << 43)
    with pytest.raises(InputFileError, match=r"sparse: holds 8\.8e\+03 GB, more than this machine's memory"):
        read(tmp_path / "sparse")


@pytest.mark.parametrize("read", READERS)
def test_what_is_nothing_at_all_is_one_short_printable_line(tmp_path, read):
    # bytes that move a terminal's cursor, that are no UTF-8, and no line end
    (tmp_path / "junk").write_bytes(b"\x1b[2J\xfe\x00\x07" * 5000)
    if read is read_stol:
        return  # nobody looks at its words
    with pytest.raises(InputFileError, match="^/.*/junk: ") as refusal:
        read(tmp_path / "junk")
    said = str(refusal.value).removeprefix(str(tmp_path))
    assert said.isprintable()
    assert len(said) < 160


@pytest.mark.parametrize(("text", "quoted"), [
    ("word", "'word'"), (b"word", "'word'"), (40 * "x", f"'{40 * 'x'}'"), (41 * b"x", f"'{40 * 'x'}…'"),
    ("a\x1b[2Jb\0\n", "'a\ufffd[2Jb\ufffd\ufffd'"), (b"\xce\xbcm \xff", "'μm \ufffd'"), ("", "''"),
])  # fmt: skip
def test_quotes_show_some_forty_printable_characters(text, quoted):
    assert quote(text) == quoted


def test_a_line_is_quoted_to_its_end():
    assert quote_line(b"1 2\n 3 4 \r\n5", 4) == "'3 4'"
    assert quote_line(b"1 2\n", 4) == "the end of the file"

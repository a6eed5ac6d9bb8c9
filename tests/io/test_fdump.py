"""The binary cache of structure factors."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from golden import input_file

from nbnumba.config import StructureFactors
from nbnumba.errors import InputFileError
from nbnumba.io.fdump import read_fdump, write_fdump
from nbnumba.io.hkl import read_hkl


def test_bytes_are_the_index_limits_and_the_padded_grid(tmp_path):
    write_fdump(tmp_path / "Fdump.bin", StructureFactors([[[0.0]], [[7.5]]], -1, 0, 4))
    padded = np.zeros((3, 2, 2))
    padded[1, 0, 0] = 7.5
    assert (tmp_path / "Fdump.bin").read_bytes() == b"-1 0 0 0 4 4\n\f" + padded.tobytes()


@pytest.mark.parametrize(("name", "default", "checksum"), [
    ("pattern.hkl", 3.0,
     "af435c22ef3d4f9e7b00bbeab7aebc83b41517ece66922792a584bfd2b7d6cd3"),
    ("random12.hkl", 3.0,
     "6bf742d185304d5969865ac463fbd1fe5f3f6849cc8dc8c833918401c57a5bc2"),
])  # fmt: skip
def test_the_cache_of_golden_reflections_equals_nanobraggs(tmp_path, name, default, checksum):
    # checksums of the files that nanoBragg.c wrote with -default_F 3
    write_fdump(tmp_path / "Fdump.bin", read_hkl(input_file(name), default))
    assert hashlib.sha256((tmp_path / "Fdump.bin").read_bytes()).hexdigest() == checksum


# 0x20 and 0x0a0b0c0d2009 in the low bytes of the first amplitude look like white space behind the limits
@pytest.mark.parametrize("first", [1.5, np.uint64(0x4000000000000020).view(np.float64),
                                   np.uint64(0x40000A0B0C0D2009).view(np.float64)])
def test_what_is_written_is_read_back(tmp_path, first):
    amplitudes = np.arange(24.0).reshape(2, 3, 4)
    amplitudes[0, 0, 0] = first
    write_fdump(tmp_path / "Fdump.bin", StructureFactors(amplitudes, -3, 0, 2, reflections=24))
    again = read_fdump(tmp_path / "Fdump.bin")
    assert (again.h_min, again.k_min, again.l_min, again.reflections, again.count) == (-3, 0, 2, None, 24)
    assert np.array_equal(again.amplitudes, amplitudes)


@pytest.mark.parametrize(("content", "message"), [
    (b"", "six index limits are missing"),
    (b"1 2 3 4.5\n", "six index limits are missing"),
    (b"0 -5 0 0 0 0\n\f", "a largest index lies below its smallest"),
    (b"0 0 0 0 0 0\n\f" + bytes(63), "need 64 bytes of amplitudes, 63 follow"),
    (b"0 0 0 0 0 0\n\f" + bytes(65), "is damaged"),
    (b"0 0 0 0 0 0\n\f" + np.full(8, np.nan).tobytes(), r"Fdump.bin: .*amplitudes must hold finite .* \[0, 0, 0\]"),
    (b"0 99999999 0 99999999 0 99999999\n\f", "is damaged"),
])  # fmt: skip
def test_damaged_caches_are_refused(tmp_path, content, message):
    (tmp_path / "Fdump.bin").write_bytes(content)
    with pytest.raises(InputFileError, match=message):
        read_fdump(tmp_path / "Fdump.bin")

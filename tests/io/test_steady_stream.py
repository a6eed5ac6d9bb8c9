"""A file that HDF5 can always close."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from nbnumba.io.steady_stream import SteadyStream


class Full:
    """A disk with room for so many bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        if self.file.tell() >= self.room:
            raise OSError(28, "No space left on device")
        # the last piece is written in part, as disks do
        return self.file.write(data[: self.room - self.file.tell()])


def test_hdf5_reads_back_what_it_writes(tmp_path):
    image = np.arange(1200).reshape(40, 30)
    with (tmp_path / "x.h5").open("w+b", buffering=0) as raw:
        stream = SteadyStream(raw)
        with h5py.File(stream, "w") as file:
            file["image"] = image
            assert np.array_equal(file["image"][()], image)
    assert stream.failure is None
    with h5py.File(tmp_path / "x.h5") as file:
        assert np.array_equal(file["image"][()], image)


@pytest.mark.parametrize("room", [0, 100, 2000, 5000])
def test_the_first_failure_is_kept_and_hdf5_goes_on(tmp_path, room):
    with (tmp_path / "x.h5").open("w+b", buffering=0) as raw:
        stream = SteadyStream(Full(raw, room))
        with h5py.File(stream, "w") as file:
            file["image"] = np.arange(1200).reshape(40, 30)
    assert stream.failure.strerror == "No space left on device"
    assert (tmp_path / "x.h5").stat().st_size <= room


def test_what_is_not_there_reads_as_zeros(tmp_path):
    with (tmp_path / "x").open("w+b", buffering=0) as raw:
        stream = SteadyStream(raw)
        stream.write(memoryview(b"abc"))
        stream.seek(1)
        assert stream.read(4) == b"bc\0\0"

"""A file for HDF5 that never fails: the library crashes the process if it can't write what it has to when it ends."""

from __future__ import annotations

from io import FileIO


class SteadyStream:
    """Passes everything on to a file until that fails once; from then on it only seems to write.

    Attributes
    ----------
    failure : OSError or None
        Why the file is incomplete.

    Parameters
    ----------
    file : FileIO
        Open for reading and writing, without a buffer.
    """

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self.failure: OSError | None = None

    def write(self, data: memoryview) -> int:
        """Write all of it."""
        rest = data
        while self.failure is None and len(rest):
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self.failure = error
        return len(data)

    def truncate(self, size: int) -> int:
        """Set the length of the file."""
        try:
            if self.failure is None:
                return self._file.truncate(size)
        except OSError as error:
            self.failure = error
        return size

    def readinto(self, buffer: memoryview) -> int:
        """Read as much as there is room for; zeros where the file ends early."""
        taken = 0
        # what older h5py hands over takes no bytes
        room = memoryview(buffer)
        while taken < len(room) and (count := self._file.readinto(room[taken:])):
            taken += count
        room[taken:] = bytes(len(room) - taken)
        return len(room)

    def read(self, size: int) -> bytes:
        """Read so many bytes; by this method h5py knows a file."""
        taken = bytearray(size)
        self.readinto(memoryview(taken))
        return bytes(taken)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place."""
        return self._file.tell()

    def flush(self) -> None:
        """Nothing is kept back."""

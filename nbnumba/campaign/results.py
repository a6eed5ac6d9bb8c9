"""Reading a campaign: images as they are asked for, and the table of labels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.campaign.folder import Folder
from nbnumba.campaign.labels import Table, joined
from nbnumba.campaign.shards import DATA, read_table
from nbnumba.io.extras import optional_package

if TYPE_CHECKING:
    import h5py

    from nbnumba.campaign.plan import Plan


class Images:
    """The images of a shard, read from the disk as they are indexed: ``images[3]``, ``images[10:20, ::2]``.

    The file is opened when it is first needed, so that an object can go to another process.

    Parameters
    ----------
    path : Path
        Shard.

    Attributes
    ----------
    path : Path
        Shard.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: h5py.File | None = None

    @property
    def data(self) -> h5py.Dataset:
        """The data set itself."""
        if self._file is None:
            # the filters of its images
            optional_package("hdf5plugin", "hdf5", self.path)
            self._file = optional_package("h5py", "hdf5", self.path).File(self.path, "r")
        return self._file[DATA]

    @property
    def shape(self) -> tuple[int, ...]:
        """Images, slow, fast."""
        shape: tuple[int, ...] = self.data.shape
        return shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        kind: np.dtype[Any] = self.data.dtype
        return kind

    @property
    def ndim(self) -> int:
        """3."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        return np.asarray(self.data[index])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path,)

    def close(self) -> None:
        """Close the file; indexing opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Results:
    """What a campaign has made so far.

    Parameters
    ----------
    path : path
        Its folder.

    Attributes
    ----------
    plan : Plan
        Which plan it follows.
    shards : list of Images
        The images of each complete shard, in order.
    labels : dict of str to ndarray
        Name -> column, a row for each shot of these shards.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._folder = Folder.open(path)
        self.plan: Plan = self._folder.plan
        self.shards = [Images(self._folder.shard_path(shard)) for shard in self._folder.complete()]
        self.labels: Table = joined([read_table(shard.path, "labels") for shard in self.shards])
        self._first = np.cumsum([0, *map(len, self.shards)])

    @property
    def spots(self) -> Table:
        """Name -> column, a row for each predicted spot; empty if the plan does not record them."""
        if "spots" not in self.plan.image.truth:
            return {}
        return joined([read_table(shard.path, "spots") for shard in self.shards])

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Images."""
        return int(self._first[-1])

    def __getitem__(self, number: int) -> np.ndarray:
        """An image, counted through all shards."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"image {number}: there are {len(self)}")
        number %= len(self)
        shard = int(np.searchsorted(self._first, number, side="right")) - 1
        return self.shards[shard][number - int(self._first[shard])]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    def close(self) -> None:
        """Close the files."""
        for shard in self.shards:
            shard.close()


def open(path: str | os.PathLike[str]) -> Results:
    """Open the output of a campaign; images are read when they are indexed.

    Parameters
    ----------
    path : path
        Its folder; it need not be complete.

    Returns
    -------
    Results

    Raises
    ------
    InputFileError
        If it is no folder of a campaign, or a shard is damaged.
    """
    return Results(path)

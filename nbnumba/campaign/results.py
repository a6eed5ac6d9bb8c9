"""Reading a campaign: images as they are asked for, and the table of labels."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.campaign.folder import Folder
from nbnumba.campaign.labels import Table, joined
from nbnumba.campaign.shards import DATA, read_tables
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
        self.labels: Table = joined(read_tables([shard.path for shard in self.shards], "labels"))
        self._first = np.cumsum([0, *map(len, self.shards)])

    @property
    def spots(self) -> Table:
        """Name -> column, a row for each predicted spot; empty if the plan does not record them."""
        if "spots" not in self.plan.image.truth:
            return {}
        return joined(read_tables([shard.path for shard in self.shards], "spots"))

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Images."""
        return int(self._first[-1])

    def __getitem__(self, index: int | slice) -> np.ndarray:
        """An image, counted through all shards; of a slice an array of images."""
        if isinstance(index, slice):
            numbers = range(*index.indices(len(self)))
            return np.stack([self[number] for number in numbers]) if numbers else self._none()
        number = operator.index(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"image {number}: there are {len(self)}")
        number %= len(self)
        shard = int(np.searchsorted(self._first, number, side="right")) - 1
        return self.shards[shard][number - int(self._first[shard])]

    def _none(self) -> np.ndarray:
        """No images, of the right shape and type if any are there."""
        return np.empty((0, *self.shards[0].shape[1:]), self.shards[0].dtype) if self.shards else np.empty((0, 0, 0))

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
        If it is no folder of a campaign.
    ShardsError
        If shards are damaged.
    """
    return Results(path)

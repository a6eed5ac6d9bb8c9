"""One table of all labels, and one file through which all images of a campaign are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from nbnumba.campaign.folder import MASTER_STEM, SPOTS_STEM, TABLE_STEM, Folder
from nbnumba.campaign.labels import joined, write_table
from nbnumba.campaign.shards import DATA, GROUP, read_tables
from nbnumba.errors import InputFileError
from nbnumba.io.atomic import atomic_path
from nbnumba.io.extras import optional_package

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True)
class Merged:
    """What `merge` wrote.

    Attributes
    ----------
    table : Path
        Labels of all shots.
    master : Path or None
        All images, or None where shards have detectors or scans of their own.
    shards : int
        Shards that were there.
    missing : tuple of int
        Numbers of those that were not.
    """

    table: Path
    master: Path | None
    shards: int
    missing: tuple[int, ...]


def merge(path: str | os.PathLike[str], partial: bool = False) -> Merged:
    """Write the table of all labels, and a master file whose images lie in the shards.

    Parameters
    ----------
    path : path
        Folder of a campaign.
    partial : bool
        Whether shards may be missing; they may be made later, and all merged again.

    Returns
    -------
    Merged

    Raises
    ------
    InputFileError
        If it is no folder of a campaign, holds no shard, or not all of them.
    ShardsError
        If shards are damaged.
    """
    folder = Folder.open(path)
    complete = folder.complete()
    if not complete:
        raise InputFileError(f"{path}: holds no complete shard yet: run the campaign first")
    missing = sorted(set(range(folder.plan.shards)) - set(complete))
    if missing and not partial:
        raise InputFileError(
            f"{path}: {missing_text(missing, folder.plan.shards)}: run the campaign first, or give {{partial}} to "
            "merge the others"
        )
    shards = [folder.shard_path(shard) for shard in complete]
    table = write_table(folder.path / TABLE_STEM, joined(read_tables(shards, "labels")))
    if "spots" in folder.plan.image.truth:
        write_table(folder.path / SPOTS_STEM, joined(read_tables(shards, "spots")))
    master = None
    if folder.plan.scan is None and not (folder.plan.image.is_nxmx and folder.plan.detector.moves):
        master = folder.path / f"{MASTER_STEM}{shards[0].suffix}"
        _write_master(master, shards)
    return Merged(table, master, len(complete), tuple(missing))


def missing_text(missing: Sequence[int], shards: int) -> str:
    """Which shards are missing, in words.

    Parameters
    ----------
    missing : sequence of int
        Numbers, ascending.
    shards : int
        How many there should be.
    """
    runs = [[number for _, number in run] for _, run in groupby(enumerate(missing), lambda pair: pair[1] - pair[0])]
    names = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return f"{len(missing)} of {shards} shards are missing ({', '.join(names[:10])}{', ...' if names[10:] else ''})"


def _write_master(path: Path, shards: list[Path]) -> None:
    """A copy of the first shard's description, with the images of all."""
    library = optional_package("h5py", "campaign", path)
    with atomic_path(path) as temporary, library.File(temporary, "w", locking=False) as master:
        sizes = []
        for shard in shards:
            with library.File(shard, "r") as file:
                sizes.append(len(file[DATA]))
        with library.File(shards[0], "r") as first:
            _copy(first["entry"], master.create_group("entry"), sizes, shards)
            if "images" in first:
                master["images"] = library.SoftLink(DATA)
            master.attrs.update(first.attrs)


def _copy(source: h5py.Group, target: h5py.Group, sizes: list[int], shards: list[Path]) -> None:
    """Everything of a group; data sets with a row for each image become virtual ones over all shards."""
    import h5py

    target.attrs.update(source.attrs)
    for name in source:
        link = source.get(name, getlink=True)
        item = source[name]
        if isinstance(link, h5py.SoftLink):
            target[name] = link
        elif isinstance(item, h5py.Group):
            if item.name != GROUP:
                _copy(item, target.create_group(name), sizes, shards)
        elif item.maxshape[:1] == (None,):
            _join(item, target, sizes, shards)
        else:
            source.copy(name, target)
    count = f"{target.name}/nimages"
    if count in target.file:
        target.file[count][()] = sum(sizes)


def _join(item: h5py.Dataset, target: h5py.Group, sizes: list[int], shards: list[Path]) -> None:
    """A virtual data set: rows of one shard after those of another."""
    import h5py

    layout = h5py.VirtualLayout((sum(sizes), *item.shape[1:]), item.dtype)
    row = 0
    for shard, size in zip(shards, sizes, strict=True):
        layout[row : row + size] = h5py.VirtualSource(shard.name, item.name, (size, *item.shape[1:]))
        row += size
    name = item.name.rpartition("/")[2]
    target.create_virtual_dataset(name, layout)
    target[name].attrs.update(item.attrs)

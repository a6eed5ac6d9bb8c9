"""Shards: files of images, each with its labels, the plan, and how it was made; whole, or not there."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nbnumba.campaign.draws import Label
from nbnumba.campaign.errors import ShardsError
from nbnumba.campaign.labels import Table, as_table, read_group, write_group
from nbnumba.campaign.toml import plan_text
from nbnumba.errors import InputFileError, OutputFileError
from nbnumba.io.atomic import atomic_path, reason
from nbnumba.io.extras import optional_package
from nbnumba.io.nxmx import NXmxWriter, filter_options
from nbnumba.io.scene import CrystalModel, Scene
from nbnumba.io.simulated import scene_of
from nbnumba.io.steady_stream import SteadyStream

if TYPE_CHECKING:
    import h5py

    from nbnumba.campaign.plan import Plan
    from nbnumba.campaign.rendering import Picture
    from nbnumba.campaign.shots import Prepared, Shot

DATA = "/entry/data/data"
"""Images, in shards of either kind."""

GROUP = "/entry/campaign"
"""Labels, plan and provenance, in shards of either kind."""


def require_packages(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Raise MissingPackageError if a package is not installed that the shards of a plan need.

    Parameters
    ----------
    plan : Plan
    path : path
        Where they would go.
    """
    optional_package("h5py", "campaign", path)
    filter_options(plan.image.compression, path)


class ShardWriter(Protocol):
    """Writes the images of a shard."""

    def append(self, picture: Picture, shot: Shot) -> None:
        """Write the next image."""

    def group(self) -> h5py.Group:
        """Where labels and provenance go; after the images."""


@contextlib.contextmanager
def open_shard(path: Path, prepared: Prepared, first: Picture) -> Iterator[ShardWriter]:
    """Begin a shard, which takes its name when all is written.

    Parameters
    ----------
    path : Path
        File of the shard.
    prepared : Prepared
    first : Picture
        Its first image, which says what all are like.

    Yields
    ------
    ShardWriter
    """
    image = prepared.plan.image
    kind = _NXmxShard if image.is_nxmx else _PlainShard
    with kind(path, prepared, first) as writer:
        yield writer


class _NXmxShard:
    """Images as crystallographic programs read them."""

    def __init__(self, path: Path, prepared: Prepared, first: Picture) -> None:
        self._first = first.model
        scene = scene_of(first.model)
        self._scene = replace(scene, panels=_with_units(prepared, scene))
        self._is_scan = prepared.plan.scan is not None
        self._writer = NXmxWriter(path, self._scene, prepared.plan.image.compression)
        self._turn: np.ndarray | None = None

    def __enter__(self) -> _NXmxShard:
        self._writer.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._writer.__exit__(*error)

    def append(self, picture: Picture, shot: Shot) -> None:
        """Write the next image."""
        self._writer.append(picture.pixels, None if self._is_scan else self._scene_of(picture, shot))

    def _scene_of(self, picture: Picture, shot: Shot) -> Scene:
        """The still's wavelength, spectrum and crystal; the rest is the shard's."""
        if self._turn is None:
            # from the lab frame of the experiment to that of the file
            assert self._scene.crystal is not None
            self._turn = self._scene.crystal.A @ np.linalg.inv(shot.reciprocal)
        spectrum = picture.model.experiment.beam.spectrum
        return replace(
            self._scene, wavelength=picture.model.wavelength * 1e10, crystal=CrystalModel(self._turn @ shot.reciprocal),
            spectrum=self._scene.spectrum if spectrum is None else spectrum,
        )  # fmt: skip

    def group(self) -> h5py.Group:
        """Where labels and provenance go."""
        return self._writer.collection("campaign")


def _with_units(prepared: Prepared, scene: Scene) -> tuple[Any, ...]:
    """Panels that say how pixel values become photons, where that is the same for all shots."""
    readout = prepared.plan.readout
    gain, offset = (getattr(readout, name, None) for name in ("gain", "offset"))
    changes: dict[str, Any] = {
        name: value for name, value in (("gain", gain), ("pedestal", offset)) if isinstance(value, float) and value
    }
    return tuple(replace(panel, **changes) for panel in scene.panels) if changes else scene.panels


class _PlainShard:
    """Images in a bare array."""

    def __init__(self, path: Path, prepared: Prepared, first: Picture) -> None:
        self._path, self._library = path, optional_package("h5py", "hdf5", path)
        self._filter = filter_options(prepared.plan.image.compression, path)
        self._pixels, self._images = first.pixels, 0

    def __enter__(self) -> _PlainShard:
        with contextlib.ExitStack() as opening:
            temporary = opening.enter_context(atomic_path(self._path))
            opening.push(self._refuse_if_unwritten)
            self._stream = SteadyStream(opening.enter_context(temporary.open("r+b", buffering=0)))
            self._file = opening.enter_context(self._library.File(self._stream, "w"))
            shape = self._pixels.shape
            self._data = self._file.create_dataset(
                DATA, shape=(0, *shape), maxshape=(None, *shape), dtype=self._pixels.dtype, chunks=(1, *shape),
                **self._filter,
            )  # fmt: skip
            self._file["images"] = self._data
            self._context = opening.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)

    def _refuse_if_unwritten(self, kind: type[BaseException] | None = None, *_: object) -> None:
        failure = self._stream.failure
        if kind is None and failure is not None:
            raise OutputFileError(f"{self._path}: can't be written: {reason(failure)}") from failure

    def append(self, picture: Picture, shot: Shot) -> None:
        """Write the next image."""
        self._data.resize(self._images + 1, axis=0)
        self._data[self._images] = picture.pixels
        self._images += 1
        self._refuse_if_unwritten()

    def group(self) -> h5py.Group:
        """Where labels and provenance go."""
        return self._file.create_group(GROUP)


def write_records(
    group: h5py.Group, prepared: Prepared, rows: list[dict[str, Label]], spots: Table, shard: int, engine: str
) -> None:
    """Write labels, plan and how the shard was made.

    Parameters
    ----------
    group : h5py.Group
        Of the shard.
    prepared : Prepared
    rows : list of dict
        Labels of its shots.
    spots : dict
        Columns of its images' spots, if they are recorded.
    shard : int
        Its number.
    engine : str
        Which engine rendered.
    """
    from nbnumba import __version__

    physics = prepared.plan.image.whole_physics
    write_group(group.create_group("labels", track_order=True), as_table(rows))
    if spots:
        write_group(group.create_group("spots", track_order=True), spots)
    group["plan"] = plan_text(prepared.plan)
    group.attrs.update({
        "plan_hash": prepared.digest, "shard": shard, "seed": prepared.plan.campaign.seed, "program": "nbnumba",
        "version": __version__, "engine": engine, "precision": prepared.plan.image.precision, "physics": str(physics),
        "quirks_switched_off": ",".join(sorted(physics.fixes)), "inputs": json.dumps(prepared.inputs.digests),
    })  # fmt: skip


def recorded_hash(path: str | os.PathLike[str]) -> str:
    """The hash of the plan that a shard belongs to.

    Parameters
    ----------
    path : path
        Shard.

    Returns
    -------
    str

    Raises
    ------
    InputFileError
        If it is no shard.
    """
    with _reading(path) as file:
        return str(file[GROUP].attrs["plan_hash"])


def read_table(path: str | os.PathLike[str], name: str) -> Table:
    """A table of a shard.

    Parameters
    ----------
    path : path
        Shard.
    name : str
        "labels" or "spots".

    Returns
    -------
    dict
        Name -> column.

    Raises
    ------
    InputFileError
        If it is no shard.
    """
    with _reading(path) as file:
        return read_group(file[GROUP][name])


def read_tables(paths: Sequence[str | os.PathLike[str]], name: str) -> list[Table]:
    """A table of several shards.

    Parameters
    ----------
    paths : sequence of path
        Shards.
    name : str
        "labels" or "spots".

    Returns
    -------
    list of dict
        Name -> column, of each shard.

    Raises
    ------
    ShardsError
        If some are no shards; all of them are named.
    """
    tables, problems = [], []
    for path in paths:
        try:
            tables.append(read_table(path, name))
        except InputFileError as error:
            problems.append(error.message)
    if problems:
        raise ShardsError(problems)
    return tables


@contextlib.contextmanager
def _reading(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    library = optional_package("h5py", "hdf5", path)
    try:
        with library.File(path, "r") as file:
            yield file
    except (OSError, KeyError) as error:
        what = reason(error) if isinstance(error, OSError) else f"{error.args[0]}"
        raise InputFileError(f"{path}: is no shard of a campaign, or damaged ({what}); remove it") from None

"""Shards made by Dask: by a scheduler that runs, or by jobs of a batch system through dask-jobqueue."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nbnumba.campaign.folder import Folder
from nbnumba.campaign.production import Producer
from nbnumba.campaign.workers import Made, make_shard
from nbnumba.errors import InputFileError, NbnumbaError
from nbnumba.io.extras import optional_package
from nbnumba.io.reading import read_text

if TYPE_CHECKING:
    from distributed import Client

    from nbnumba.campaign.shots import Prepared

CLUSTERS = {
    "htcondor": "HTCondorCluster", "lsf": "LSFCluster", "moab": "MoabCluster", "oar": "OARCluster", "pbs": "PBSCluster",
    "sge": "SGECluster", "slurm": "SLURMCluster",
}  # fmt: skip
"""Section of a dask-jobqueue file -> its class."""

_SECONDS_TO_CONNECT = 30

_kept = threading.local()
"""What a thread of a worker renders with."""


def by_dask(client: Client) -> Callable[[Prepared, Folder, Sequence[int]], Iterator[Made]]:
    """Let the workers of a Dask cluster make shards; they write into the campaign's folder, which they must all see.

    Shards of workers that are lost are made by others.

    Parameters
    ----------
    client : distributed.Client
        Connected.

    Returns
    -------
    callable
        For the argument `maker` of `nbnumba.campaign.run`.
    """
    def make(prepared: Prepared, folder: Folder, shards: Sequence[int]) -> Iterator[Made]:
        from distributed import as_completed

        with warnings.catch_warnings():
            # a task that can be repeated, so that the tables are there again if the worker that held them is lost
            warnings.filterwarnings("ignore", "Sending large graph")
            shared = client.submit(_keep, prepared, key=f"nbnumba-{uuid.uuid4().hex}")
            path = os.path.abspath(folder.path)  # noqa: PTH100  (as the user wrote it, links and all)
            futures = {client.submit(_make_there, shared, path, shard, pure=False): shard for shard in shards}
        for future in as_completed(futures):  # type: ignore[no-untyped-call]
            error = future.exception()
            if error is None:
                yield future.result()
            else:
                shard = futures[future]
                yield Made(shard, failure=NbnumbaError(f"shard {shard}: its workers were lost or failed: {error}"))

    return make


def _keep(prepared: Prepared) -> Prepared:
    """What all shards of a worker share."""
    return prepared


def _make_there(prepared: Prepared, path: str, shard: int) -> Made:
    """Make a shard in a worker, with the renderer that its thread made the last one with."""
    if getattr(_kept, "digest", None) != prepared.digest:
        _kept.digest, _kept.producer = prepared.digest, Producer(prepared, 1)
    return make_shard(_kept.producer, Folder(path, prepared.plan, prepared.digest), shard)


@contextlib.contextmanager
def scheduler_client(address: str) -> Iterator[Client]:
    """A client of a scheduler that runs.

    Parameters
    ----------
    address : str
        Such as ``tcp://host:8786``.

    Yields
    ------
    distributed.Client

    Raises
    ------
    NbnumbaError
        If nothing answers there.
    """
    distributed = optional_package("distributed", "dask", address)
    try:
        client = distributed.Client(address, timeout=_SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise NbnumbaError(f"{address}: no Dask scheduler answers there: {error}") from None
    with client:
        yield client


@contextlib.contextmanager
def jobqueue_client(path: str | os.PathLike[str], jobs: int) -> Iterator[Client]:
    """A client of workers that a batch system starts; they are cancelled in the end.

    Parameters
    ----------
    path : path
        YAML as dask-jobqueue has it: ``jobqueue: {slurm: {cores: 8, memory: 16GB, ...}}``.
    jobs : int
        How many jobs.

    Yields
    ------
    distributed.Client

    Raises
    ------
    InputFileError
        If the file does not say which batch system, or says what dask-jobqueue does not understand.
    """
    kind, options = _read_jobqueue(path)
    handler = signal.getsignal(signal.SIGINT)
    queues = optional_package("dask_jobqueue", "dask", path)
    if signal.getsignal(signal.SIGINT) is not handler:
        # it takes Ctrl-C for itself when it is imported
        signal.signal(signal.SIGINT, handler)
    try:
        cluster = getattr(queues, CLUSTERS[kind])(**options)
    except (TypeError, ValueError) as error:
        raise InputFileError(f"{path}: dask-jobqueue refuses it: {error}") from None
    with cluster:
        cluster.scale(jobs=jobs)
        with optional_package("distributed", "dask", path).Client(cluster) as client:
            yield client


def _read_jobqueue(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any]]:
    """The batch system, and the options of its cluster."""
    yaml = optional_package("yaml", "dask", path)
    try:
        data = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise InputFileError(f"{path}: is no YAML: {error}") from None
    systems = data.get("jobqueue") if isinstance(data, dict) else None
    known = [name for name in systems or () if name in CLUSTERS]
    if not isinstance(systems, dict) or len(known) != 1 or not isinstance(systems[known[0]], dict):
        raise InputFileError(f"{path}: needs a section jobqueue with one of {', '.join(CLUSTERS)}, and options in it")
    return known[0], {name.replace("-", "_"): value for name, value in systems[known[0]].items()}

"""Who makes the shards: threads of this process, or processes; lost processes are replaced, their shards made again."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from nbnumba.campaign.folder import Folder
from nbnumba.campaign.production import Producer, ShotError
from nbnumba.errors import NbnumbaError, OutputFileError

if TYPE_CHECKING:
    from nbnumba.campaign.shots import Prepared

SMALL_IMAGE = 1 << 20
"""Pixels of an image up to which processes make more of it: what Python does between the kernels takes its share."""

MOST_LOSSES = 3
"""Workers that may be lost one after the other without a shard between them."""

_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux."""


@dataclass(frozen=True)
class Made:
    """What became of a shard.

    Attributes
    ----------
    shard : int
        Its number.
    images : int
        Images in it; 0 if it was not made.
    failure : NbnumbaError or None
        Why it was not made.
    """

    shard: int
    images: int = 0
    failure: NbnumbaError | None = None


def make_shard(producer: Producer, folder: Folder, shard: int) -> Made:
    """Make a shard of a folder and note it there.

    Parameters
    ----------
    producer : Producer
    folder : Folder
    shard : int
        Its number.

    Returns
    -------
    Made
        With its failure if a shot can't be made or the disk is full.
    """
    with folder.working(shard) as note:
        try:
            images = producer.make(shard, folder.shard_path(shard), note)
        except ShotError as error:
            folder.log("failed", shard=shard, shot=error.shot, message=str(error))
            return Made(shard, failure=error)
        except OutputFileError as error:
            return Made(shard, failure=error)
        folder.log("shard", shard=shard, images=images)
    return Made(shard, images)


def by_threads(prepared: Prepared, folder: Folder, shards: Sequence[int], workers: int) -> Iterator[Made]:
    """Make shards one after the other; the workers render shots side by side.

    Parameters
    ----------
    prepared : Prepared
    folder : Folder
    shards : sequence of int
    workers : int
        Threads.

    Yields
    ------
    Made
        In order.
    """
    producer = Producer(prepared, workers)
    # not in the caller's thread, which hears signals
    with contextlib.closing(producer), ThreadPoolExecutor(1, thread_name_prefix="nbnumba-shard") as one:
        for shard in shards:
            yield one.submit(make_shard, producer, folder, shard).result()


_in_this_process: list[Any] = []
"""Producer and folder of a worker process."""


def _begin_worker(prepared: Prepared, path: str, gpus: int) -> None:
    """Set a worker process up: it ends with its parent, and what it was writing is then not left behind."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _leave)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if gpus:
        # before CUDA starts; workers are numbered from 1
        number = multiprocessing.current_process()._identity[-1] - 1
        os.environ["CUDA_VISIBLE_DEVICES"] = str(number % gpus)
    _in_this_process[:] = Producer(prepared, 1), Folder(path, prepared.plan, prepared.digest)


def _leave(number: int, _: Any) -> NoReturn:
    from nbnumba.io.atomic import discard_unfinished

    discard_unfinished()
    os._exit(128 + number)


def _make_here(shard: int) -> Made:
    producer, folder = _in_this_process
    return make_shard(producer, folder, shard)


def by_processes(
    prepared: Prepared, folder: Folder, shards: Sequence[int], workers: int, gpus: int = 0
) -> Iterator[Made]:
    """Make shards side by side, each in a process of one thread.

    Parameters
    ----------
    prepared : Prepared
        Travels to each process once.
    folder : Folder
    shards : sequence of int
    workers : int
        Processes.
    gpus : int
        GPUs that they share out; 0 for none.

    Yields
    ------
    Made
        As they come.
    """
    left, losses = list(shards), 0
    while left:
        pool = ProcessPoolExecutor(
            min(workers, len(left)), multiprocessing.get_context("spawn"), _begin_worker,
            (prepared, os.fspath(folder.path), gpus),
        )  # fmt: skip
        try:
            for made in _as_they_come(pool, _make_here, left):
                left.remove(made.shard)
                losses = 0
                yield made
        except BrokenProcessPool:
            losses += 1
            if losses > MOST_LOSSES:
                raise NbnumbaError(
                    f"workers were lost {losses} times without making a shard: is the memory too small for "
                    f"{workers} of them?"
                ) from None
            # another process may have finished a shard that nobody heard of
            left = [shard for shard in left if not folder.is_complete(shard)]
        finally:
            end_processes(pool)


def _as_they_come(pool: ProcessPoolExecutor, work: Callable[[int], Made], shards: Sequence[int]) -> Iterator[Made]:
    futures: set[Future[Made]] = {pool.submit(work, shard) for shard in shards}
    while futures:
        done, futures = wait(futures, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def end_processes(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool at once, whatever they do.

    Parameters
    ----------
    pool : ProcessPoolExecutor
    """
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()

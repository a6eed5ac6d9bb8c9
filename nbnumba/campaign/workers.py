"""Who makes the shards: threads of this process, or processes; lost processes are replaced, their shards made again."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
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

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU)
"""What ends a campaign from outside."""

_SECONDS_TO_HEAR = 0.2
"""How often a process that waits for workers looks for a signal."""

_SECONDS_TO_END = 5.0
"""After which a process that was asked to end is killed."""

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
    pixels, clipped : int
        Pixels, and those whose value their type does not hold.
    """

    shard: int
    images: int = 0
    failure: NbnumbaError | None = None
    pixels: int = 0
    clipped: int = 0


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
            written = producer.make(shard, folder.shard_path(shard), note)
        except ShotError as error:
            folder.log("failed", shard=shard, shot=error.shot, message=str(error))
            return Made(shard, failure=error)
        except OutputFileError as error:
            return Made(shard, failure=error)
        folder.log("shard", shard=shard, images=written.images, clipped=written.clipped)
    return Made(shard, written.images, pixels=written.pixels, clipped=written.clipped)


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


def _begin_worker(shared: str, path: str, gpus: int) -> None:
    """Set a worker process up: it ends with its parent, and what it was writing is then not left behind."""
    for ending in _ENDING_SIGNALS:
        # nohup has processes ignore some
        if signal.getsignal(ending) != signal.SIG_IGN:
            signal.signal(ending, _leave)
    # a Ctrl-C that came while Python started is heard now
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if gpus:
        # before CUDA starts; workers are numbered from 1
        number = multiprocessing.current_process()._identity[-1] - 1
        os.environ["CUDA_VISIBLE_DEVICES"] = str(number % gpus)
    prepared = pickle.loads(Path(shared).read_bytes())
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
        try:
            # through a pipe it would keep the start of one process waiting for that of the one before
            with _nameless_file(prepared) as shared, _processes(
                min(workers, len(left)), _begin_worker, (shared, os.fspath(folder.path), gpus)
            ) as pool:
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


@contextlib.contextmanager
def _nameless_file(shared: object) -> Iterator[str]:
    """A file from which processes of this user can read an object; it is gone with this process, whatever ends it."""
    with tempfile.TemporaryFile() as stream:
        pickle.dump(shared, stream)
        stream.flush()
        yield f"/proc/{os.getpid()}/fd/{stream.fileno()}"


class _HeardError(Exception):
    """A signal came."""


class _Pool(ProcessPoolExecutor):
    """Processes that end quietly, in whatever state a signal to their parent finds them.

    Parameters
    ----------
    workers : int
    begin : callable
        Sets a process up; it unblocks the signals.
    arguments : tuple
        For it.
    heard : list of int
        Signals that have come.
    """

    def __init__(
        self, workers: int, begin: Callable[..., None], arguments: tuple[Any, ...], heard: Sequence[int]
    ) -> None:
        super().__init__(workers, multiprocessing.get_context("spawn"), begin, arguments)
        self._heard = heard

    def begin(self, work: Callable[[int], Made], shards: Sequence[int]) -> set[Future[Made]]:
        """Hand out work; a process starts for each, as long as there are too few, and hears no Ctrl-C before it can."""
        futures = set()
        for shard in shards:
            self.check()
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                with _hidden_main():
                    futures.add(self.submit(work, shard))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return futures

    def check(self) -> None:
        """Raise if a signal has come."""
        if self._heard:
            raise _HeardError

    def end(self) -> None:
        """End the processes at once, whatever they do."""
        processes = list((self._processes or {}).values())
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(_SECONDS_TO_END)
            process.kill()
        # waiting frees the semaphores
        self.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep processes that are started from running the user's script, of which they need nothing."""
    main = sys.modules["__main__"]
    # a process imports what these name
    kept = {name: getattr(main, name) for name in ("__spec__", "__file__") if getattr(main, name, None) is not None}
    for name in kept:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(main, name, value)


@contextlib.contextmanager
def _processes(workers: int, begin: Callable[..., None], arguments: tuple[Any, ...]) -> Iterator[_Pool]:
    """Processes that have ended when a signal takes its course, without words or semaphores left behind."""
    heard: list[int] = []
    # elsewhere no signal is heard
    in_main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.signal(number, lambda number, _: heard.append(number)) for number in _ENDING_SIGNALS
                if in_main and signal.getsignal(number) not in (signal.SIG_IGN, None)}  # fmt: skip
    pool = _Pool(workers, begin, arguments, heard)
    try:
        with contextlib.suppress(_HeardError):
            yield pool
    finally:
        pool.end()
        del pool
        for ending, handler in handlers.items():
            signal.signal(ending, handler)
        for number in heard:
            signal.raise_signal(number)


def _as_they_come(pool: _Pool, work: Callable[[int], Made], shards: Sequence[int]) -> Iterator[Made]:
    futures = pool.begin(work, shards)
    while futures:
        done, futures = wait(futures, _SECONDS_TO_HEAR, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
        pool.check()

"""Threads that share the work of one image.

They are Python's, and run compiled code that holds no GIL. numba's own parallel loops compile their body four times
over, which doubles the time of the first run, and their threading layers forbid forks or concurrent callers.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba

from nbnumba.errors import UsageError

T = TypeVar("T")

TASKS_PER_THREAD = 8
"""A thread whose core does something else meanwhile leaves its next tasks to the others."""


def available_threads() -> int:
    """CPU threads that can be used at most."""
    return int(numba.config.NUMBA_NUM_THREADS)


def thread_count(wanted: int | None) -> int:
    """A number of threads that can be used.

    Parameters
    ----------
    wanted : int or None
        None takes all cores, more than there are count as all.

    Raises
    ------
    UsageError
        If it is less than one.
    """
    if wanted is None:
        return available_threads()
    if wanted < 1:
        raise UsageError(f"--threads {wanted}: give at least 1")
    return min(wanted, available_threads())


def share_out(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """Do a number of things that are independent of one another.

    Parameters
    ----------
    work : callable
        Called with the first and one past the last thing to do, in any order and from any thread.
    count : int
        Things to do; of none, `work` is called once.
    threads : int
        Threads to use; one means the caller's.
    """
    threads = min(threads, count)
    if threads <= 1:
        work(0, count)
        return
    tasks = min(threads * TASKS_PER_THREAD, count)
    bounds = [count * task // tasks for task in range(tasks + 1)]
    list(_pool(threads).map(work, bounds[:-1], bounds[1:]))


def one_ahead(pieces: Iterator[T], threads: int) -> Iterator[T]:
    """The same pieces, each made while the caller works with the one before.

    Parameters
    ----------
    pieces : iterator
        None of them is None.
    threads : int
        With one there is nobody to work ahead.

    Yields
    ------
    object
        The pieces in their order.
    """
    if threads == 1:
        yield from pieces
        return
    with ThreadPoolExecutor(1, thread_name_prefix="nbnumba-ahead") as worker:
        piece = worker.submit(next, pieces, None).result()
        while piece is not None:
            coming = worker.submit(next, pieces, None)
            yield piece
            piece = coming.result()


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that live as long as the process."""
    return ThreadPoolExecutor(threads, thread_name_prefix="nbnumba")


if hasattr(os, "register_at_fork"):
    # a forked child has none of its parent's threads, though the executors say otherwise
    os.register_at_fork(after_in_child=_pool.cache_clear)

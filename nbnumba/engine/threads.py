"""Threads that share the work of one image.

They are Python's, and run compiled code that holds no GIL. numba's own parallel loops compile their body four times
over, which doubles the time of the first run, and their threading layers forbid forks or concurrent callers.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import numba

from nbnumba.config.rules import INTEGER, argument
from nbnumba.errors import UsageError

T = TypeVar("T")

SMALLEST_PIECE = 1 / 64
"""Part of a thread's even share that is not divided any further."""


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
        If it is no whole number, or less than one.
    """
    if wanted is None:
        return available_threads()
    number: int = argument("threads", INTEGER, wanted)
    if number < 1:
        raise UsageError(f"{{threads={number}}}: give at least 1")
    return min(number, available_threads())


def share_out(work: Callable[[int, int], None], count: int, threads: int, smallest: int = 1) -> None:
    """Do a number of things that are independent of one another.

    The caller does pieces too, and waits only for those that others have begun: it may itself be a piece of other work.

    Parameters
    ----------
    work : callable
        Called with the first and one past the last thing to do, in any order and from any thread.
    count : int
        Things to do; of none, `work` is called once.
    threads : int
        Threads to use; one means the caller's.
    smallest : int
        Things that are worth a piece of their own, unless a thread's even share is less than two such pieces.
    """
    threads = min(threads, count)
    if threads <= 1:
        work(0, count)
        return
    pieces = _Pieces(work, deque(pairwise(_piece_bounds(count, threads, smallest))))
    helpers = [_pool(threads - 1).submit(pieces.work_off) for _ in range(threads - 1)]
    try:
        pieces.work_off()
    finally:
        # whoever has not begun is not needed any more
        begun: list[Future[None]] = [helper for helper in helpers if not helper.cancel()]
        for helper in begun:
            helper.result()
    pieces.raise_failure()


@dataclass
class _Pieces:
    """Work in pieces that several threads take one by one, and what went wrong with them."""

    work: Callable[[int, int], None]
    left: deque[tuple[int, int]]
    failures: list[tuple[int, BaseException]] = field(default_factory=list)

    def work_off(self) -> None:
        """Do pieces while there are any; after a failure nobody begins another."""
        while (piece := self._take()) is not None:
            try:
                self.work(*piece)
            except BaseException as error:
                self.left.clear()
                self.failures.append((piece[0], error))

    def _take(self) -> tuple[int, int] | None:
        try:
            return self.left.popleft()
        except IndexError:
            return None

    def raise_failure(self) -> None:
        """Raise what went wrong first in the order of the work."""
        if self.failures:
            raise min(self.failures, key=lambda failure: failure[0])[1]


def _piece_bounds(count: int, threads: int, smallest: int) -> list[int]:
    """Where pieces begin and the last one ends: each is half of a thread's even share of what is left.

    A thread whose core does something else meanwhile leaves its next pieces to the others, and the last ones are small,
    so that none waits long (C. D. Polychronopoulos and D. J. Kuck, IEEE Trans. Comput. 36, 1425 (1987)).
    """
    share = count // threads
    smallest = max(int(share * SMALLEST_PIECE), min(smallest, share // 2), 1)
    bounds = [0]
    while bounds[-1] < count:
        left = count - bounds[-1]
        bounds.append(bounds[-1] + min(max(left // (2 * threads), smallest), left))
    return bounds


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


def begin(work: Callable[[], T], threads: int) -> Callable[[], T]:
    """Begin something that the caller will wait for.

    Parameters
    ----------
    work : callable
        What to do.
    threads : int
        With one there is nobody else to do it: it is done when it is waited for.

    Returns
    -------
    callable
        Waits, and returns what `work` does.
    """
    if threads == 1:
        return work
    worker = ThreadPoolExecutor(1, thread_name_prefix="nbnumba-beside")
    result = worker.submit(work).result
    worker.shutdown(wait=False)
    return result


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that live as long as the process."""
    return ThreadPoolExecutor(threads, thread_name_prefix="nbnumba")


if hasattr(os, "register_at_fork"):
    # a forked child has none of its parent's threads, though the executors say otherwise
    os.register_at_fork(after_in_child=_pool.cache_clear)

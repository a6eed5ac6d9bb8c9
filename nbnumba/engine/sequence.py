"""Images of a sequence: small ones side by side, begun ahead of who takes them, and handed over in their order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from nbnumba.engine.scan import work_for

T = TypeVar("T")

AHEAD = 2
"""Images for each thread that are begun at most before the first of them is taken."""


@dataclass(frozen=True)
class Job(Generic[T]):
    """One image to make.

    Attributes
    ----------
    work : callable
        Makes it.
    small : bool
        Whether it is made by one thread, beside others; else by all threads, alone.
    """

    work: Callable[[], T]
    small: bool


def in_order(jobs: Iterator[Job[T]], threads: int) -> Iterator[T]:
    """What jobs make, in their order.

    A job is taken from the iterator, by the caller's thread, when there is room for it: AHEAD small ones for each
    thread, or one large one, wait or are at work while the caller has the result before them. What the iterator or a
    job raises is raised in its turn. Work that nobody waits for ends within a span (`scan.SPAN_SECONDS`).

    Parameters
    ----------
    jobs : iterator of Job
    threads : int
        Threads that make small images.

    Yields
    ------
    object
        Result after result.
    """
    abandoned = threading.Event()
    with ThreadPoolExecutor(threads, "nbnumba-image", work_for, (abandoned,)) as pool:
        queue = _Queue(jobs, pool, AHEAD * threads)
        try:
            queue.fill()
            while queue.begun:
                result = queue.begun.popleft().result()
                queue.fill()
                yield result
        finally:
            abandoned.set()
            for future in queue.begun:
                future.cancel()


class _Queue(Generic[T]):
    """The jobs that are begun, and the next one if it has to wait for them."""

    def __init__(self, jobs: Iterator[Job[T]], pool: ThreadPoolExecutor, room: int) -> None:
        self.begun: deque[Future[T]] = deque()
        self._jobs = jobs
        self._pool = pool
        self._room = room
        self._next: Job[T] | None = None
        self._large_begun = False

    def fill(self) -> None:
        """Begin what there is room for."""
        while self._has_room():
            job = self._next or self._pull()
            self._next = None
            if job is None:
                self._room = 0
                return
            if self.begun and not job.small:
                self._next = job
                return
            self.begun.append(self._pool.submit(job.work))
            self._large_begun = not job.small

    def _has_room(self) -> bool:
        if not self.begun:
            return self._room > 0
        return not self._large_begun and self._next is None and len(self.begun) < self._room

    def _pull(self) -> Job[T] | None:
        """The next job; what the iterator raises instead becomes a job that raises it."""
        try:
            return next(self._jobs, None)
        except Exception as error:
            return _failing(error)


def _failing(error: Exception) -> Job[T]:
    def fail() -> T:
        raise error

    return Job(fail, small=True)

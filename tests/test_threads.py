"""Work shared by threads: everything once, in order where order counts, and in forked processes too."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from nbnumba.engine.threads import one_ahead, share_out


@pytest.mark.parametrize(("count", "threads"), [(1, 2), (7, 1), (7, 2), (1000, 3)])
def test_every_thing_is_done_once(count, threads):
    done = np.zeros(count, dtype=int)

    def work(first: int, stop: int) -> None:
        done[first:stop] += 1

    share_out(work, count, threads)
    assert (done == 1).all()


def test_the_last_pieces_are_small_so_that_no_thread_waits_long():
    sizes = []
    share_out(lambda first, stop: sizes.append((first, stop - first)), 12800, 2)
    in_order = [size for _, size in sorted(sizes)]
    # a quarter of all; later pieces are a quarter of what is left, none below a 64th of a thread's 6400
    assert in_order[:3] == [3200, 2400, 1800]
    assert in_order == sorted(in_order[:-1], reverse=True) + in_order[-1:]
    assert max(in_order[-4:]) == 100
    assert len(in_order) < 25


def test_pieces_are_as_large_as_asked_but_each_thread_gets_two():
    def sizes(smallest: int) -> list[int]:
        taken = []
        share_out(lambda first, stop: taken.append((first, stop - first)), 12800, 2, smallest)
        return [size for _, size in sorted(taken)]

    assert sizes(1000) == [3200, 2400, 1800, 1350, 1012, 1000, 1000, 1000, 38]
    assert sizes(10**9) == [3200] * 4


@pytest.mark.parametrize("threads", [2, 3])
def test_shared_work_may_share_out_its_own(threads):
    done = np.zeros((8, 40), dtype=int)

    def inner(row: int) -> None:
        def work(first: int, stop: int) -> None:
            done[row, first:stop] += 1

        share_out(work, 40, threads)

    def outer(first: int, stop: int) -> None:
        for row in range(first, stop):
            inner(row)

    share_out(outer, 8, threads)
    assert (done == 1).all()


def test_nothing_to_do_is_done_at_once():
    calls = []
    share_out(lambda first, stop: calls.append((first, stop)), 0, 2)
    assert calls == [(0, 0)]


def test_what_fails_in_a_thread_fails_for_the_caller():
    def work(first: int, stop: int) -> None:
        raise ValueError(f"{first}")

    with pytest.raises(ValueError, match="0"):
        share_out(work, 10, 2)


@pytest.mark.parametrize("threads", [1, 2])
def test_pieces_made_ahead_keep_their_order(threads):
    assert list(one_ahead(iter(range(20)), threads)) == list(range(20))
    assert list(one_ahead(iter(()), threads)) == []


def test_no_more_than_one_piece_is_made_ahead():
    made = []

    def pieces():
        for number in range(5):
            made.append(number)
            yield number

    for number in one_ahead(pieces(), 2):
        assert len(made) <= number + 2


@pytest.mark.parametrize("threads", [1, 2])
def test_a_piece_that_can_not_be_made_fails_for_the_caller(threads):
    def pieces():
        yield 1
        raise ValueError("second")

    ahead = one_ahead(pieces(), threads)
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="second"):
        next(ahead)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
# JAX, where it is installed, objects to every fork
@pytest.mark.filterwarnings("ignore:os.fork")
def test_a_forked_process_starts_threads_of_its_own():
    share_out(lambda first, stop: None, 4, 2)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends a child that waits for threads it has not got
        share_out(lambda first, stop: None, 4, 2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

"""What commands say: lines on stdout, warnings and the progress bar on stderr."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from nbnumba.errors import with_names


class _Unfailing(io.FileIO):
    """A descriptor that takes everything: what its reader can't take is lost, and the reason kept."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write some bytes, or pretend to."""
        while self.failure is None:
            try:
                written = super().write(data)
            except OSError as error:
                self.failure = error
            else:
                if written is not None:
                    return written
                import select

                # a pipe that does not block is full
                select.select([], [self], [])
        return len(data)


_stdout: _Unfailing | None = None
"""What lies under stdout."""


def prepare_streams() -> None:
    """Let no print fail, neither for its characters nor for its reader: files matter more than words."""
    global _stdout
    _stdout = _Unfailing(1, "w", closefd=False)
    sys.stdout = _text_stream(_stdout, sys.stdout)
    sys.stderr = _text_stream(_Unfailing(2, "w", closefd=False), sys.stderr)


def _text_stream(descriptor: _Unfailing, model: Any) -> io.TextIOWrapper:
    """A stream of text like another one; None stands for a descriptor that was closed before the start."""
    if model is None:
        return io.TextIOWrapper(io.BufferedWriter(descriptor), errors="replace")
    return io.TextIOWrapper(
        io.BufferedWriter(descriptor), encoding=model.encoding, errors="replace",
        line_buffering=model.line_buffering, write_through=model.write_through,
    )  # fmt: skip


def say(lines: Iterable[str]) -> None:
    """Print lines at once.

    Parameters
    ----------
    lines : iterable of str
        Without line ends.
    """
    for line in lines:
        if _stdout is not None and _stdout.failure is not None:
            return
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def lost_output() -> str | None:
    """Hand over what was printed.

    Returns
    -------
    str or None
        Why it could not be printed; None if it could, or if its reader has left (``| head``).
    """
    sys.stdout.flush()
    failure = None if _stdout is None else _stdout.failure
    return None if failure is None or isinstance(failure, BrokenPipeError) else str(failure.strerror)


def warn(warnings: Iterable[str]) -> None:
    """One line for each warning, with flags in place of the library's fields.

    Parameters
    ----------
    warnings : iterable of str
        What the user should know.
    """
    from nbnumba.flags.names import flag_of

    for text in warnings:
        click.echo(f"nbnumba: warning: {' '.join(with_names(text, flag_of).split())}", err=True)


def warn_of_threads(threads: int | None) -> None:
    """Say that there are fewer cores than threads were asked for.

    Parameters
    ----------
    threads : int or None
        Value of --threads.
    """
    from nbnumba.engine.threads import available_threads

    if threads is not None and threads > available_threads():
        warn([f"--threads {threads}: there are {available_threads()} cores, and no more threads are started"])


@contextlib.contextmanager
def progress_bar(wanted: bool | None, work: str = "rendering") -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr.

    Parameters
    ----------
    wanted : bool or None
        Show it; None shows it on a terminal.
    work : str
        What is done.

    Yields
    ------
    callable or None
        To be called with the pixels done and the pixels in all; None if nothing is shown.
    """
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield None
        return
    from tqdm import tqdm

    # without its thread, which only wakes bars that are updated rarely
    tqdm.monitor_interval = 0
    with contextlib.ExitStack() as stack:
        bar: tqdm | None = None

        def advance(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                # not before: kernels may have to be compiled, and that is said first
                bar = stack.enter_context(tqdm(
                    desc=work, unit="pixel", unit_scale=True, dynamic_ncols=True, file=sys.stderr, total=total
                ))  # fmt: skip
            bar.update(done - bar.n)

        yield advance

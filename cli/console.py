"""What commands say: lines on stdout, warnings and the progress bar on stderr."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator

import click

from nbnumba.errors import with_names

_lost_output: list[OSError] = []
"""Why stdout takes nothing any more."""


def prepare_streams() -> None:
    """Let no print fail for its characters, nor because a stream was closed before the start (``>&-``)."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # takes the lowest free number: this one
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say(lines: Iterable[str]) -> None:
    """Print lines at once. Should that fail, the command goes on without a word: its files matter more.

    Parameters
    ----------
    lines : iterable of str
        Without line ends.
    """
    try:
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError as error:
        _lost_output.append(error)
        # Python would try, and complain, once more on leaving
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def lost_output() -> str | None:
    """Hand over what was printed.

    Returns
    -------
    str or None
        Why it could not be printed; None if it could, or if its reader has left (``| head``).
    """
    say(())
    failures = [error for error in _lost_output if not isinstance(error, BrokenPipeError)]
    return str(failures[0].strerror) if failures else None


def warn(warnings: Iterable[str]) -> None:
    """One line for each warning, with flags in place of the library's fields.

    Parameters
    ----------
    warnings : iterable of str
        What the user should know.
    """
    from nbnumba.flags.names import flag_of

    for text in warnings:
        click.echo(f"nbnumba: warning: {with_names(text, flag_of)}", err=True)


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

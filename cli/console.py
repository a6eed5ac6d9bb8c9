"""What commands say on stderr: warnings and the progress bar."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator

import click


def warn(warnings: Iterable[str]) -> None:
    """One line for each warning.

    Parameters
    ----------
    warnings : iterable of str
        What the user should know.
    """
    for text in warnings:
        click.echo(f"nbnumba: warning: {text}", err=True)


@contextlib.contextmanager
def progress_bar(wanted: bool | None) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr.

    Parameters
    ----------
    wanted : bool or None
        Show it; None shows it on a terminal.

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
    with tqdm(desc="rendering", unit="pixel", unit_scale=True, dynamic_ncols=True, file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance

"""The command line as a process: its descriptors, and the signals that end it. Imports next to nothing, to be early."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

ENDING_SIGNALS = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU,
    signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip
"""What a terminal, a batch system or a limit sends to end a process: by itself each would leave temporary files."""

_unwinds = False
"""Whether a signal raises an exception instead of ending the process."""


class Ended(KeyboardInterrupt):
    """A signal came.

    Attributes
    ----------
    number : int
        Which.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def prepare() -> None:
    """Fill descriptors that were closed before the start (``>&-``), and hear signals."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # takes the lowest free number: this one
            os.open(os.devnull, os.O_RDWR)
    for number in ENDING_SIGNALS:
        # nohup, and shells that start a job in the background, have a job ignore some
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _: Any) -> None:
    global _unwinds
    if _unwinds:
        # whoever asks again wants no more waiting
        _unwinds = False
        for process in _descendants(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        raise Ended(number)
    leave(number)


def _descendants(process: int) -> list[int]:
    """The programs that a process has started, those that they have started, and so on.

    An exception does not reach all of them: the one that is just being started is not known yet, and those of a program
    that is killed live on.
    """
    from pathlib import Path

    children: list[int] = []
    with contextlib.suppress(OSError):
        for listing in Path(f"/proc/{process}/task").glob("*/children"):
            children += map(int, listing.read_text(encoding="ascii").split())
    return children + [further for child in children for further in _descendants(child)]


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """Let the first signal end all programs and raise `Ended`, for work that has temporary folders to clear away.

    Anywhere else a signal ends the process on the spot: an exception could be swallowed wherever it is raised, in an
    import or in the compiler.
    """
    global _unwinds
    _unwinds = True
    try:
        yield
    finally:
        _unwinds = False


def leave(number: int) -> NoReturn:
    """End the process at once and leave no temporary file.

    Parameters
    ----------
    number : int
        The signal that asks for it; the exit status is 128 more, as a shell reports it.
    """
    # not imported yet, or only in part, it has written nothing
    discard = getattr(sys.modules.get("nbnumba.io.atomic"), "discard_unfinished", None)
    if discard is not None:
        discard()
    # a terminal has echoed ^C, or shows a progress bar
    start = "\n" if os.isatty(2) else ""
    reason = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    with contextlib.suppress(OSError):
        # not through sys.stderr: the signal may have come in the middle of its writing
        os.write(2, f"{start}nbnumba: {reason}\n".encode())
    # a thread that still computes must not keep the process alive
    os._exit(128 + number)

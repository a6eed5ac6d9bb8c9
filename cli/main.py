"""nbnumba: finds the command, runs it, and turns whatever goes wrong into one line and an exit status."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click
from nbnumba_cli.console import lost_output, prepare_streams, warn

from nbnumba import __version__
from nbnumba.errors import NbnumbaError, NbnumbaWarning, with_names
from nbnumba.io.atomic import discard_unfinished

COMMANDS = {
    "simulate": "nbnumba_cli.simulate",
    "nonbragg": "nbnumba_cli.nonbragg",
    "noisify": "nbnumba_cli.noisify",
    "trace": "nbnumba_cli.trace",
    "compare": "nbnumba_cli.compare",
    "compare-traces": "nbnumba_cli.compare_traces",
    "bench": "nbnumba_cli.bench",
    "info": "nbnumba_cli.info",
}
"""Command -> module with a `command`, imported when it is asked for."""

FAILURE = 1
INTERRUPTED = 130
TERMINATED = 143


class Commands(click.Group):
    """The commands; nanoBragg's flags without a command simulate."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        module = COMMANDS.get(cmd_name)
        return None if module is None else importlib.import_module(module).command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in the command that flags alone stand for."""
        if not args:
            args = ["--help"]
        elif args[0].startswith("-") and args[0] not in ("--help", "--version"):
            args = ["simulate", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Commands, subcommand_metavar="COMMAND ...", context_settings={"max_content_width": 120})
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """X-ray diffraction images of nanocrystals, equal to those of nanoBragg.c.

    nbnumba takes nanoBragg's flags and writes its files: "nbnumba FLAGS" is short for "nbnumba simulate FLAGS".
    "nbnumba simulate --help" lists all flags.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command line.

    Parameters
    ----------
    arguments : sequence of str
        What follows the program's name.

    Returns
    -------
    int
        Exit status: 0 on success, 2 for wrong usage, 1 for other failures, or a command's own.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C was pressed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            status = commands.main(list(arguments), prog_name="nbnumba", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        return _complain(error.format_message(), error.exit_code)
    except NbnumbaError as error:
        return _complain(error.message, error.exit_status)
    except MemoryError as error:
        return _complain(f"not enough memory: {error or 'the detector or its oversampling is too large'}", FAILURE)
    except OSError as error:
        return _complain(str(error), FAILURE)


def _complain(message: str, status: int) -> int:
    """Say what is wrong, in one line, with flags in place of the library's fields."""
    from nbnumba.flags.names import flag_of

    click.echo(f"nbnumba: error: {' '.join(with_names(message, flag_of).split())}", err=True)
    return status


def _show_warning(message: Warning | str, *_: Any) -> None:
    """A warning of the library, in the form of all others."""
    warn([message.message if isinstance(message, NbnumbaWarning) else str(message)])


def _terminate(*_: Any) -> None:
    """End at once and leave no temporary file, when a batch system sends SIGTERM."""
    discard_unfinished()
    os._exit(TERMINATED)


def main() -> None:
    """Entry point of the console script."""
    prepare_streams()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        status = run(sys.argv[1:])
        reason = lost_output()
        if reason is not None:
            status = status or _complain(f"standard output: {reason}", FAILURE)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            click.echo("nbnumba: interrupted", err=True)
        lost_output()
        discard_unfinished()
        # a thread that still computes must not keep the process alive
        os._exit(INTERRUPTED)
    sys.exit(status)

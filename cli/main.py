"""nbnumba: finds the command, runs it, and turns whatever goes wrong into one line and an exit status."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click
from nbnumba_cli.console import lost_output, prepare_streams, warn
from nbnumba_cli.process import Ended, leave

from nbnumba import __version__
from nbnumba.errors import NbnumbaError, NbnumbaWarning, with_names

COMMANDS = {
    "simulate": "nbnumba_cli.simulate",
    "from-dials": "nbnumba_cli.from_dials",
    "hkl": "nbnumba_cli.hkl",
    "nonbragg": "nbnumba_cli.nonbragg",
    "noisify": "nbnumba_cli.noisify",
    "readout": "nbnumba_cli.readout",
    "campaign": "nbnumba_cli.campaign",
    "refine": "nbnumba_cli.refine",
    "show": "nbnumba_cli.show",
    "trace": "nbnumba_cli.trace",
    "compare": "nbnumba_cli.compare",
    "compare-traces": "nbnumba_cli.compare_traces",
    "quirks": "nbnumba_cli.quirks",
    "bench": "nbnumba_cli.bench",
    "info": "nbnumba_cli.info",
}
"""Command -> module with a `command`, imported when it is asked for."""

FAILURE = 1


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
        args = _with_two_dashes(args) or ["--help"]
        if args[0].startswith("-") and args[0] not in ("--help", "--version"):
            args = ["simulate", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click would take either of these for Ctrl-C."""
        try:
            return super().invoke(ctx)
        except Ended as signalled:
            leave(signalled.number)
        except EOFError as error:
            raise NbnumbaError("an input ended too early") from error


def _with_two_dashes(arguments: Sequence[str]) -> list[str]:
    """Arguments in which ``-h``, ``-help`` and a leading ``-version`` are the options that they mean.

    Only these very words are: click would take the beginning of ``-hkl`` for ``-h``.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    own = ["--help" if argument in ("-h", "-help") else argument for argument in arguments[:end]]
    if own[:1] == ["-version"]:
        own[0] = "--version"
    return own + list(arguments[end:])


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
        for line in error.lines[:-1]:
            _complain(line, error.exit_status)
        return _complain(error.lines[-1], error.exit_status)
    except MemoryError as error:
        return _complain(f"not enough memory: {str(error) or 'the detector or its oversampling is too large'}", FAILURE)
    except OSError as error:
        return _complain(str(error), FAILURE)
    except RuntimeError as error:
        # what Python raises at a limit of memory or processes
        if "can't start new thread" not in str(error):
            raise
        return _complain(f"{error}: memory or processes are limited (ulimit -a)", FAILURE)


def _complain(message: str, status: int) -> int:
    """Say what is wrong, in one line, with flags in place of the library's fields."""
    from nbnumba.flags.names import flag_of

    click.echo(f"nbnumba: error: {' '.join(with_names(message, flag_of).split())}", err=True)
    return status


def _show_warning(message: Warning | str, *_: Any) -> None:
    """A warning of the library, in the form of all others."""
    warn([message.message if isinstance(message, NbnumbaWarning) else str(message)])


def main(*command: str) -> None:
    """Run what the process was started for, and end it.

    Parameters
    ----------
    *command : str
        What goes before the arguments of the process.
    """
    prepare_streams()
    status = run([*command, *sys.argv[1:]])
    reason = lost_output()
    if reason is not None:
        status = status or _complain(f"standard output: {reason}", FAILURE)
    sys.exit(status)

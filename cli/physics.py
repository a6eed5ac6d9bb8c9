"""The options that choose an image's physics, for every command that simulates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from nbnumba.config.physics import EXACT, NANOBRAGG, Physics
from nbnumba.flags.names import named_by_flags

Command = TypeVar("Command", bound=Callable[..., Any])


def physics_options(default: str = NANOBRAGG) -> Callable[[Command], Command]:
    """Add the options, which the command gets as `physics`, `fix` and `keep`.

    Parameters
    ----------
    default : str
        What an image has if nobody says anything: nanoBragg's quirks where its flags make the experiment.
    """
    options = (
        click.option("--physics", type=click.Choice((NANOBRAGG, EXACT)), default=default, show_default=True,
                     help="nanobragg has every quirk of nanoBragg.c, exact has none (nbnumba quirks lists them)."),
        click.option("--fix", multiple=True, metavar="NAME[,...]", help="Quirks to switch off, from nanobragg."),
        click.option("--keep", multiple=True, metavar="NAME[,...]", help="Quirks to switch on, from exact."),
    )  # fmt: skip

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@named_by_flags()
def chosen_physics(physics: str, fix: Iterable[str], keep: Iterable[str]) -> Physics:
    """What the options stand for.

    Parameters
    ----------
    physics : str
        Value of --physics.
    fix, keep : iterable of str
        Values of --fix and --keep, each of one name or several with commas between them.

    Returns
    -------
    Physics

    Raises
    ------
    UsageError
        If a name is unknown, or one of the options does not go with --physics.
    """
    return Physics(physics, _names(fix), _names(keep))


def physics_arguments(physics: Physics) -> list[str]:
    """The options that choose a physics; none for nanoBragg's own.

    Parameters
    ----------
    physics : Physics
    """
    words = [] if physics.base == NANOBRAGG else ["--physics", physics.base]
    for option, names in (("--fix", physics.fix), ("--keep", physics.keep)):
        if names:
            words += [option, ",".join(names)]
    return words


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for value in values for name in value.split(","))

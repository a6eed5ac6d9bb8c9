"""The option for amorphous materials in the beam, for every command that makes images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def background_option(command: Command) -> Command:
    """Add the option, which the command gets as `background`, for `nbnumba.flags.background.read_backgrounds`.

    Parameters
    ----------
    command : callable
        What click shall make a command of.
    """
    return click.option(
        "--background", multiple=True, metavar="NAME:THICKNESS[,...]",
        help="Add what water or air in the beam scatters, as in water:100um,air:5mm, or any material by a table of F: "
             "FILE:THICKNESS:DENSITY:MOLAR_MASS (g/cm³, g/mol). May be repeated.",
    )(command)  # fmt: skip

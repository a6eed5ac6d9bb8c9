"""What a flag is: its spellings, its values, its help and its effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nbnumba.flags.values import Kind

Effect = Callable[[Any, Sequence[Any]], Any]
"""A program's settings and the flag's values -> settings."""


@dataclass(frozen=True)
class Flag:
    """One flag of the command line.

    Attributes
    ----------
    spellings : tuple of str
        The first is the name in messages. nanoBragg recognises a flag by its beginning (``-matrix`` is ``-mat``), its
        companions by any part of it; a spelling that must match whole ends in ``=`` here.
    values : tuple of Kind
        What must follow.
    effect : callable
        Enters the values into the settings.
    help : str
        What it sets, in a line.
    unit : str
        Unit of the values, empty if they have none.
    default : str
        What holds without the flag, as text; empty where there is nothing to say.
    optional : int
        How many of the values, from the end, may be missing; an argument that begins with ``-`` ends the list.
    alone : str
        A first value that contains this word needs no others; the effect then gets no values.
    warning : str
        Said when the flag is used; empty if all is as expected.
    quirk : str
        Without this quirk there is nothing to warn of; empty if the warning always holds.
    """

    spellings: tuple[str, ...]
    values: tuple[Kind, ...]
    effect: Effect
    help: str
    unit: str = ""
    default: str = ""
    optional: int = 0
    alone: str = ""
    warning: str = ""
    quirk: str = ""

    @property
    def name(self) -> str:
        """The flag as it appears in messages."""
        return self.names[0]

    @property
    def names(self) -> tuple[str, ...]:
        """All spellings as a user types them."""
        return tuple(spelling.removesuffix("=") for spelling in self.spellings)

    def match_length(self, argument: str) -> int:
        """Length of the longest spelling that an argument is or, where that suffices, begins with; 0 without one."""
        lengths = [
            len(name)
            for name, spelling in zip(self.names, self.spellings, strict=True)
            if argument == name or (name == spelling and argument.startswith(name))
        ]
        return max(lengths, default=0)

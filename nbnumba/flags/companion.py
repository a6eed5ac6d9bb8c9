"""The command lines of noisify and nonBragg, nanoBragg's companions, which find flags in another way.

An argument that begins with a dash stands for every flag whose spelling it *contains*: ``-psf_radius`` is ``-psf_rad``,
``-twotheta_axis`` is also ``-twotheta``, ``--seed`` is ``-seed``. All of them act, in the order of the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbnumba.errors import UsageError
from nbnumba.flags.flag import Flag
from nbnumba.flags.parse import Occurrence, not_a_flag, read_values


@dataclass(frozen=True)
class CompanionFlags:
    """The flags of a companion program.

    Attributes
    ----------
    command : str
        What runs it, for messages.
    topics : mapping of str to tuple of Flag
        Flags by topic, in the order of the help. Flags that an argument can stand for together are in the order in
        which they act. A spelling that must be the whole argument ends in ``=``.
    bare_flag : Flag or None
        What an argument that `bare_names` finds stands for, itself being the only value; None if there is no such flag.
    bare_names : str
        Regular expression for the names that need no flag before them.
    named_images : tuple of str
        Ends of names that `bare_flag` takes and that do need it.
    """

    command: str
    topics: Mapping[str, tuple[Flag, ...]]
    bare_flag: Flag | None = None
    bare_names: str = ""
    named_images: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[Flag, ...]:
        """All flags."""
        return tuple(flag for flags in self.topics.values() for flag in flags)

    def find(self, argument: str) -> tuple[Flag, ...]:
        """The flags that an argument stands for, in the order in which they act.

        Parameters
        ----------
        argument : str
            As typed.

        Returns
        -------
        tuple of Flag
        """
        if not argument.startswith("-"):
            return ()
        return tuple(flag for flag in self.flags if any(_fits(argument, spelling) for spelling in flag.spellings))

    def tokenise(self, arguments: Sequence[str]) -> list[Occurrence]:
        """Split the command line into flags and their values.

        Parameters
        ----------
        arguments : sequence of str
            The command line behind the command's name.

        Returns
        -------
        list of Occurrence
            In the order in which they act; one argument may give several.

        Raises
        ------
        UsageError
            If a flag is unknown, a value is missing or not what its flag takes, or an argument belongs to no flag.
        """
        occurrences: list[Occurrence] = []
        position = 0
        while position < len(arguments):
            found, taken = self._read(arguments[position], arguments[position + 1 :])
            if not found:
                # a name without a flag takes nothing that follows
                before = occurrences if occurrences and occurrences[-1].typed.startswith("-") else []
                problem = not_a_flag(arguments[position], before, self.flags, self.command)
                if self.bare_flag is not None and arguments[position].lower().endswith(self.named_images):
                    problem += f"; to read it: {self.bare_flag.name} {arguments[position]}"
                raise UsageError(problem)
            occurrences += found
            position += 1 + taken
        return occurrences

    def _read(self, typed: str, following: Sequence[str]) -> tuple[list[Occurrence], int]:
        """What an argument stands for, and how many of those that follow belong to it."""
        if self.bare_flag is not None and re.search(self.bare_names, typed):
            values, _ = read_values(self.bare_flag, typed, [typed], is_flag=lambda _: False)
            return [Occurrence(self.bare_flag, typed, values)], 0
        found, most = [], 0
        for flag in self.find(typed):
            values, taken = read_values(flag, typed, following, self._is_flag)
            found.append(Occurrence(flag, typed, values))
            most = max(most, taken)
        return found, most

    def _is_flag(self, argument: str) -> bool:
        """Whether an argument is a flag, hence no value."""
        return bool(self.find(argument))


def _fits(argument: str, spelling: str) -> bool:
    """Whether an argument stands for a spelling."""
    return argument == spelling[:-1] if spelling.endswith("=") else spelling in argument

"""From arguments to settings, without touching a file."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from nbnumba.config.rules import TooLargeError
from nbnumba.errors import UsageError
from nbnumba.flags.flag import Flag
from nbnumba.flags.names import named_by_flags
from nbnumba.flags.settings import Entries, Settings
from nbnumba.flags.table import FLAGS
from nbnumba.flags.values import Kind, is_number

S = TypeVar("S", bound=Entries)

_NEARLY_AS_ALIKE = 0.1
"""How much less alike than the nearest name others may be that are proposed with it."""


@dataclass(frozen=True)
class Occurrence:
    """A flag on the command line.

    Attributes
    ----------
    flag : Flag
        What it is.
    typed : str
        How the user spelled it.
    values : tuple
        Its values.
    """

    flag: Flag
    typed: str
    values: tuple[Any, ...]


def find_flag(argument: str) -> Flag | None:
    """The flag that an argument stands for: the one with the longest spelling that fits.

    Parameters
    ----------
    argument : str
        As typed.

    Returns
    -------
    Flag or None
        None if it stands for no flag.
    """
    if not argument.startswith("-"):
        return None
    best = max(FLAGS, key=lambda flag: flag.match_length(argument))
    return best if best.match_length(argument) else None


def nearest_names(typed: str, others: Iterable[str] = (), flags: Sequence[Flag] = FLAGS) -> str:
    """The names of flags that come closest to what was typed, for messages.

    Parameters
    ----------
    typed : str
        What is no flag.
    others : iterable of str
        Further names that could be meant.
    flags : sequence of Flag
        The program's.

    Returns
    -------
    str
        Up to three names, the nearest first.
    """
    folded = typed.lstrip("-").lower()
    # every name once, with the flag that it stands for
    meant = {name: flag.name for flag in reversed(flags) for name in flag.names} | {name: name for name in others}
    likeness = {name: _likeness(folded, name.lstrip("-").lower()) for name in meant}
    ranked = sorted(meant, key=lambda name: (-likeness[name], len(name)))
    nearest: dict[str, str] = {}
    for name in ranked:
        if likeness[name] >= likeness[ranked[0]] - _NEARLY_AS_ALIKE:
            nearest.setdefault(meant[name], name)
    *first, last = list(nearest.values())[:3]
    return " or ".join(filter(None, (", ".join(first), last)))


def _likeness(typed: str, name: str) -> float:
    """How much a name is like what was typed, 0 to 1; beyond 1 if it goes on where that ends."""
    begun = len(typed) > 2 and name.startswith(typed)
    return begun + difflib.SequenceMatcher(None, name, typed).ratio()


def tokenise(arguments: Sequence[str]) -> list[Occurrence]:
    """Split the command line into flags and their values.

    Parameters
    ----------
    arguments : sequence of str
        The command line behind the command's name.

    Returns
    -------
    list of Occurrence
        In the order of the command line.

    Raises
    ------
    UsageError
        If a flag is unknown, a value is missing or not what its flag takes, or an argument belongs to no flag.
    """
    occurrences: list[Occurrence] = []
    position = 0
    while position < len(arguments):
        typed = arguments[position]
        flag = find_flag(typed)
        if flag is None:
            raise UsageError(not_a_flag(typed, occurrences))
        values, taken = read_values(flag, typed, arguments[position + 1 :], _is_flag)
        occurrences.append(Occurrence(flag, typed, values))
        position += 1 + taken
    return occurrences


def _is_flag(argument: str) -> bool:
    """Whether an argument is one of nanoBragg's flags."""
    return find_flag(argument) is not None


def not_a_flag(
    typed: str, before: Sequence[Occurrence], flags: Sequence[Flag] = FLAGS, command: str = "nbnumba simulate"
) -> str:
    """What to say about an argument that is neither a flag nor a value.

    Parameters
    ----------
    typed : str
        The argument.
    before : sequence of Occurrence
        What came before it.
    flags : sequence of Flag
        The program's.
    command : str
        Whose help lists them.

    Returns
    -------
    str
    """
    if typed.startswith("-") and not is_number(typed):
        return f"unknown flag {typed}: did you mean {nearest_names(typed, flags=flags)}? ({command} --help lists all)"
    if not before:
        return f"'{typed}' is not a flag: flags begin with a dash ({command} --help lists all)"
    last = before[-1]
    count = len(last.values)
    taken = f"{last.typed} takes {'no value' if count == 0 else 'one value' if count == 1 else f'{count} values'}"
    return f"'{typed}' belongs to no flag: {taken}"


def read_values(
    flag: Flag, typed: str, following: Sequence[str], is_flag: Callable[[str], bool]
) -> tuple[tuple[Any, ...], int]:
    """The values of a flag from the arguments that follow it.

    Parameters
    ----------
    flag : Flag
        What it is.
    typed : str
        How the user spelled it.
    following : sequence of str
        The rest of the command line.
    is_flag : callable
        Whether an argument is a flag, hence no value.

    Returns
    -------
    values : tuple
        As many as there are.
    taken : int
        Arguments that belong to the flag.

    Raises
    ------
    UsageError
        If a value is missing or not what the flag takes.
    """
    if flag.alone and following and flag.alone in following[0]:
        return (), 1
    required = len(flag.values) - flag.optional
    values: list[Any] = []
    for i, kind in enumerate(flag.values):
        text = following[i] if i < len(following) else None
        if i >= required and (text is None or text.startswith("-")):
            break
        which = f"value {i + 1} of {len(flag.values)}" if len(flag.values) > 1 else "the value"
        if text is None or is_flag(text):
            end = "" if text is None else f" before {text}"
            raise UsageError(f"{typed}: {which} is missing{end}: give {kind.meaning}")
        values.append(_read_value(kind, f"{typed}: {which}", text))
    return tuple(values), len(values)


def _read_value(kind: Kind, what: str, text: str) -> Any:
    """One value of a flag."""
    try:
        return kind.read(text)
    except TooLargeError:
        raise UsageError(f"{what} is too large to compute with: '{text}'") from None
    except ValueError:
        raise UsageError(f"{what} must be {kind.meaning}, not '{text}'") from None


def apply(occurrences: Iterable[Occurrence], settings: S) -> S:
    """Let flags change settings, from left to right.

    Parameters
    ----------
    occurrences : iterable of Occurrence
        From `tokenise`.
    settings : Entries
        What they start from.

    Returns
    -------
    Entries
        Of the same class.
    """
    for occurrence in occurrences:
        settings = occurrence.flag.effect(settings, occurrence.values)
    return settings


@named_by_flags()
def parse_flags(arguments: Sequence[str]) -> Settings:
    """Settings from flags alone: headers of ``-img`` and ``-mask`` are not looked at.

    Parameters
    ----------
    arguments : sequence of str
        The command line behind the command's name.

    Returns
    -------
    Settings

    Raises
    ------
    UsageError
        See `tokenise`.
    """
    return apply(tokenise(arguments), Settings())

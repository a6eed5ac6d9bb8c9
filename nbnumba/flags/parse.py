"""From arguments to settings, without touching a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nbnumba.config.rules import TooLargeError
from nbnumba.errors import UsageError
from nbnumba.flags.flag import Flag
from nbnumba.flags.names import named_by_flags
from nbnumba.flags.settings import Settings
from nbnumba.flags.table import FLAGS
from nbnumba.flags.values import Kind, is_number

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


def nearest_names(typed: str, others: Iterable[str] = ()) -> str:
    """The names of flags that come closest to what was typed, for messages.

    Parameters
    ----------
    typed : str
        What is no flag.
    others : iterable of str
        Further names that could be meant.

    Returns
    -------
    str
        Up to three names, the nearest first.
    """
    folded = typed.lstrip("-").lower()
    # every name once, with the flag that it stands for
    meant = {name: flag.name for flag in reversed(FLAGS) for name in flag.names} | {name: name for name in others}
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
            raise UsageError(_not_a_flag(typed, occurrences))
        values = _read_values(flag, typed, arguments[position + 1 :])
        occurrences.append(Occurrence(flag, typed, tuple(values)))
        position += 1 + max(len(values), _stands_alone(flag, arguments[position + 1 : position + 2]))
    return occurrences


def _stands_alone(flag: Flag, following: Sequence[str]) -> bool:
    """Whether a word follows that takes the place of all values."""
    return bool(flag.alone and following and flag.alone in following[0])


def _not_a_flag(typed: str, before: Sequence[Occurrence]) -> str:
    """What to say about an argument that is neither a flag nor a value."""
    if typed.startswith("-") and not is_number(typed):
        return f"unknown flag {typed}: did you mean {nearest_names(typed)}? (nbnumba simulate --help lists all)"
    if not before:
        return f"'{typed}' is not a flag: flags begin with a dash (nbnumba simulate --help lists all)"
    last = before[-1]
    count = len(last.values)
    taken = f"{last.typed} takes {'no value' if count == 0 else 'one value' if count == 1 else f'{count} values'}"
    return f"'{typed}' belongs to no flag: {taken}"


def _read_values(flag: Flag, typed: str, following: Sequence[str]) -> list[Any]:
    """The values of a flag from the arguments that follow it."""
    if _stands_alone(flag, following):
        return []
    required = len(flag.values) - flag.optional
    values: list[Any] = []
    for i, kind in enumerate(flag.values):
        text = following[i] if i < len(following) else None
        if i >= required and (text is None or text.startswith("-")):
            break
        values.append(_read_value(kind, typed, text, i, len(flag.values)))
    return values


def _read_value(kind: Kind, typed: str, text: str | None, index: int, count: int) -> Any:
    """One value of a flag; `text` is None at the end of the command line."""
    which = f"value {index + 1} of {count}" if count > 1 else "the value"
    if text is None or find_flag(text) is not None:
        end = "" if text is None else f" before {text}"
        raise UsageError(f"{typed}: {which} is missing{end}: give {kind.meaning}")
    try:
        return kind.read(text)
    except TooLargeError:
        raise UsageError(f"{typed}: {which} is too large to compute with: '{text}'") from None
    except ValueError:
        raise UsageError(f"{typed}: {which} must be {kind.meaning}, not '{text}'") from None


def apply(occurrences: Iterable[Occurrence], settings: Settings) -> Settings:
    """Let flags change settings, from left to right.

    Parameters
    ----------
    occurrences : iterable of Occurrence
        From `tokenise`.
    settings : Settings
        What they start from.

    Returns
    -------
    Settings
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

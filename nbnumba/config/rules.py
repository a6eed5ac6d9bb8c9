"""What a value may be: type, range and shape, with the words that say so. Flags read text by the same rules."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from nbnumba.errors import UsageError

LARGEST_NUMBER = 1e38
"""Beyond this, and below its inverse, products of a few numbers leave the range of a double; nothing real does."""

INTEGER_LIMIT = 2**31
"""C's int, and numba's fastest loops, end here."""

_COUNTS = {2: "two", 3: "three", 4: "four", 6: "six"}


class UnfitError(ValueError):
    """A value breaks its rule; the message goes on where the value's name ends: "must be a number, not 'x'"."""


class TooLargeError(UnfitError):
    """A number that nothing can be computed with."""


@dataclass(frozen=True)
class Rule:
    """What one value may be.

    Attributes
    ----------
    meaning : str
        What is needed, for messages.
    read : callable
        Value -> the value as it is kept; raises ValueError if it is not what is needed, an `UnfitError` to say why.
    """

    meaning: str
    read: Callable[[Any], Any]

    def __call__(self, value: Any) -> Any:
        """The value as it is kept.

        Raises
        ------
        UnfitError
            If it is not what is needed.
        """
        try:
            return self.read(value)
        except UnfitError:
            raise
        except ValueError:
            raise UnfitError(f"must be {self.meaning}, not {shown(value)}") from None


def argument(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    """What an argument of a function is kept as.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    read : callable
        A rule, or what raises `UnfitError` like one.
    value : object
        What was given.

    Raises
    ------
    UsageError
        If it breaks the rule.
    """
    try:
        return read(value)
    except UnfitError as error:
        raise UsageError(f"{{{name}}} {error}") from None


Rules = Mapping[str, Rule]
"""Field -> its rule."""


def shown(value: object) -> str:
    """A value in a message: short, and in one line.

    Parameters
    ----------
    value : object
        Anything.
    """
    if isinstance(value, numbers.Real):
        return str(value)
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _scalar(value: Any) -> Any:
    """NumPy's scalars, and arrays without axes, as Python's."""
    return value.item() if getattr(value, "shape", None) == () else value


def _number(value: Any) -> float:
    number = value if type(value) is float else _as_float(_scalar(value))
    if -LARGEST_NUMBER <= number <= LARGEST_NUMBER:
        return number
    if math.isfinite(number):
        raise TooLargeError(f"is too large to compute with: {number:g}")
    raise ValueError(value)


def _as_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(value)
    try:
        return float(value)
    except OverflowError:
        raise TooLargeError("is too large to compute with") from None


def _integer(value: Any) -> int:
    if type(value) is not int:
        number = _number(value)
        if number != math.floor(number):
            raise ValueError(value)
        value = int(number)
    whole: int = value
    if abs(whole) >= INTEGER_LIMIT:
        raise TooLargeError(f"is too large to compute with: {whole}")
    return whole


def _boolean(value: Any) -> bool:
    value = _scalar(value)
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _where(read: Callable[[Any], Any], test: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """The reading of a value that must pass a test."""

    def tested(value: Any) -> Any:
        value = read(value)
        if not test(value):
            raise ValueError(value)
        return value

    return tested


def _depth(value: Any) -> float:
    return math.inf if value == math.inf else POSITIVE.read(value)


NUMBER = Rule("a number", _number)
POSITIVE = Rule("a number above zero", _where(_number, lambda value: value >= 1.0 / LARGEST_NUMBER))
NOT_NEGATIVE = Rule("a number of zero or more", _where(_number, lambda value: value >= 0.0))
DEPTH = Rule("a number above zero, or infinity", _depth)
INTEGER = Rule("a whole number", _integer)
POSITIVE_INTEGER = Rule("a whole number above zero", _where(_integer, lambda value: value > 0))
NOT_NEGATIVE_INTEGER = Rule("a whole number of zero or more", _where(_integer, lambda value: value >= 0))
BITS = Rule("16 or 32", _where(_integer, lambda value: value in (16, 32)))
BOOLEAN = Rule("True or False", _boolean)


def optional(rule: Rule) -> Rule:
    """The same, or None for "not given".

    Parameters
    ----------
    rule : Rule
        For what is given.
    """
    return Rule(f"{rule.meaning}, or None", lambda value: None if value is None else rule.read(value))


def several(count: int, rule: Rule) -> Rule:
    """So many values, kept as a tuple.

    Parameters
    ----------
    count : int
        How many.
    rule : Rule
        For each of them.
    """

    def read(value: Any) -> tuple[Any, ...]:
        if isinstance(value, (str, bytes, Mapping, set, frozenset)):
            raise ValueError(value)
        try:
            entries = tuple(value)
        except TypeError:
            raise ValueError(value) from None
        if len(entries) != count:
            raise ValueError(value)
        return tuple(rule.read(entry) for entry in entries)

    return Rule(f"{_COUNTS[count]} values, each {rule.meaning}", read)


def choice(kind: type[Enum]) -> Rule:
    """A member of an enumeration, or its name or value as text in any case.

    Parameters
    ----------
    kind : type
        The enumeration; its values are texts.
    """
    words = {word.lower(): member for member in kind for word in (member.name, member.value)}
    names = [member.name.lower() for member in kind]

    def read(value: Any) -> Enum:
        member = words.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(member, kind):
            raise ValueError(value)
        return member

    return Rule(f"{', '.join(names[:-1])} or {names[-1]}", read)


def instance(kind: type) -> Rule:
    """An object of a class.

    Parameters
    ----------
    kind : type
        The class.
    """

    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(value)
        return value

    return Rule(f"a {kind.__name__}", read)


def _direction(value: Any) -> tuple[float, ...]:
    vector: tuple[float, ...] = VECTOR.read(value)
    if not any(vector):
        raise UnfitError("0 0 0 has no direction")
    return vector


VECTOR = several(3, NUMBER)
DIRECTION = Rule(VECTOR.meaning, _direction)

"""Kinds of values that follow a flag: how each is read from text and what it refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nbnumba.io.reading import LARGEST_NUMBER

_WHOLE_NUMBER = re.compile(r"[-+]?\d+(\.0*)?", re.ASCII)
"""nanoBragg reads no exponent here: to it, 1e3 is 1."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_INTEGER_LIMIT = 2**31
"""C's int ends here."""


class TooLargeError(ValueError):
    """A number that nothing can be computed with."""


@dataclass(frozen=True)
class Kind:
    """One kind of value.

    Attributes
    ----------
    metavar : str
        How the value is called in the help.
    meaning : str
        What is needed, for messages.
    read : callable
        Text -> value; raises ValueError for anything else.
    """

    metavar: str
    meaning: str
    read: Callable[[str], object]

    def called(self, metavar: str) -> Kind:
        """The same kind under another name."""
        return replace(self, metavar=metavar)


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    return _NUMBER.fullmatch(text) is not None


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text.strip()) is None:
        raise ValueError(text)
    value = float(text)
    if abs(value) > LARGEST_NUMBER:
        raise TooLargeError(text)
    return value


def _accept(value: float, test: Callable[[float], bool]) -> float:
    """The value if it passes a test."""
    if not test(value):
        raise ValueError(value)
    return value


def _positive(text: str) -> float:
    return _accept(_number(text), lambda value: value >= 1.0 / LARGEST_NUMBER)


def _not_negative(text: str) -> float:
    return _accept(_number(text), lambda value: value >= 0.0)


def _depth(text: str) -> float:
    # nanoBragg looks for the word anywhere
    return math.inf if "inf" in text else _not_negative(text)


def _integer(text: str) -> int:
    if _WHOLE_NUMBER.fullmatch(text.strip()) is None:
        raise ValueError(text)
    return int(_accept(float(text), lambda value: abs(value) < _INTEGER_LIMIT))


def _positive_integer(text: str) -> int:
    return int(_accept(_integer(text), lambda value: value > 0))


def _not_negative_integer(text: str) -> int:
    return int(_accept(_integer(text), lambda value: value >= 0))


def _file(text: str) -> Path:
    if not text or text.endswith("/"):
        raise ValueError(text)
    return Path(text)


def _pivot(text: str) -> str:
    # the later test wins in nanoBragg, which looks for the words anywhere
    for word in ("beam", "sample"):
        if word in text:
            return word
    raise ValueError(text)


NUMBER = Kind("NUMBER", "a number", _number)
POSITIVE = Kind("NUMBER", "a number above zero", _positive)
NOT_NEGATIVE = Kind("NUMBER", "a number of zero or more", _not_negative)
DEPTH = Kind("NUMBER|inf", "a number of zero or more, or inf", _depth)
INTEGER = Kind("INTEGER", "a whole number", _integer)
POSITIVE_INTEGER = Kind("INTEGER", "a whole number above zero", _positive_integer)
NOT_NEGATIVE_INTEGER = Kind("INTEGER", "a whole number of zero or more", _not_negative_integer)
FILE = Kind("FILE", "a file name", _file)
PIVOT = Kind("sample|beam", "sample or beam", _pivot)
VECTOR = tuple(NUMBER.called(name) for name in ("X", "Y", "Z"))

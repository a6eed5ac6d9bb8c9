"""Kinds of values that follow a flag: how each is read from text and what it refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_SMALLEST = 1e-200
"""What is smaller than this would vanish when units are converted; no length or energy is."""

_INTEGER_LIMIT = 2**31
"""C's int ends here."""


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


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text.strip()) is None:
        raise ValueError(text)
    return _accept(float(text), math.isfinite)


def _accept(value: float, test: Callable[[float], bool]) -> float:
    """The value if it passes a test."""
    if not test(value):
        raise ValueError(value)
    return value


def _positive(text: str) -> float:
    return _accept(_number(text), lambda value: value >= _SMALLEST)


def _not_negative(text: str) -> float:
    return _accept(_number(text), lambda value: value >= 0.0)


def _depth(text: str) -> float:
    return math.inf if text.strip().lower() in ("inf", "infinity") else _not_negative(text)


def _integer(text: str) -> int:
    return int(_accept(_number(text), lambda value: value.is_integer() and abs(value) < _INTEGER_LIMIT))


def _positive_integer(text: str) -> int:
    return int(_accept(_integer(text), lambda value: value > 0))


def _not_negative_integer(text: str) -> int:
    return int(_accept(_integer(text), lambda value: value >= 0))


def _file(text: str) -> Path:
    if not text:
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
VECTOR = (Kind("X", "a number", _number), Kind("Y", "a number", _number), Kind("Z", "a number", _number))

"""Kinds of values that follow a flag: how each is read from text. What a number may be, the description's rules say."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nbnumba.config import rules
from nbnumba.config.rules import Rule, TooLargeError

_WHOLE_NUMBER = re.compile(r"[-+]?\d+(\.0*)?", re.ASCII)
"""nanoBragg reads no exponent here: to it, 1e3 is 1."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


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
        Text -> value; raises ValueError for anything else, TooLargeError for what nothing can be computed with.
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
    if math.isinf(value):
        raise TooLargeError(text)
    return value


def _integer(text: str) -> int:
    if _WHOLE_NUMBER.fullmatch(text.strip()) is None:
        raise ValueError(text)
    return int(text.partition(".")[0])


def _depth(text: str) -> object:
    # nanoBragg looks for the word anywhere
    return math.inf if "inf" in text else rules.NOT_NEGATIVE.read(_number(text))


def _kind(metavar: str, rule: Rule, parse: Callable[[str], object]) -> Kind:
    """A number by the rule of the fields that it sets."""
    return Kind(metavar, rule.meaning, lambda text: rule.read(parse(text)))


def _pixel_value(text: str) -> int:
    value: int = rules.NOT_NEGATIVE_INTEGER.read(_integer(text))
    if value >= 2**16:
        raise ValueError(text)
    return value


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


def _profile(text: str) -> str:
    # as above; a width that readouts take here would be lost
    for word in ("fiber", "gauss"):
        if word in text and ":" not in text:
            return word
    raise ValueError(text)


NUMBER = _kind("NUMBER", rules.NUMBER, _number)
POSITIVE = _kind("NUMBER", rules.POSITIVE, _number)
NOT_NEGATIVE = _kind("NUMBER", rules.NOT_NEGATIVE, _number)
DEPTH = Kind("NUMBER|inf", "a number of zero or more, or inf", _depth)
INTEGER = _kind("INTEGER", rules.INTEGER, _integer)
POSITIVE_INTEGER = _kind("INTEGER", rules.POSITIVE_INTEGER, _integer)
NOT_NEGATIVE_INTEGER = _kind("INTEGER", rules.NOT_NEGATIVE_INTEGER, _integer)
PIXEL_VALUE = Kind("VALUE", "a whole number from 0 to 65535", _pixel_value)
FILE = Kind("FILE", "a file name", _file)
PIVOT = Kind("sample|beam", "sample or beam", _pivot)
PROFILE = Kind("gauss|fiber", "gauss or fiber", _profile)
BITS = _kind("16|32", rules.BITS, _integer)
VECTOR = tuple(NUMBER.called(name) for name in ("X", "Y", "Z"))

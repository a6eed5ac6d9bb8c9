"""What a number of a plan may be besides a number: a distribution from which each shot draws its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, ClassVar

import numpy as np

from nbnumba.config.rules import NOT_NEGATIVE, NUMBER, Rule, UnfitError, several, shown


@dataclass(frozen=True)
class Uniform:
    """Uniform between two bounds; of whole numbers both bounds are included.

    Attributes
    ----------
    low, high : float
        Bounds, in the unit of the key.
    """

    low: float
    high: float

    word: ClassVar[str] = "uniform"

    def draw(self, stream: np.random.Generator, whole: bool) -> float:
        """A number.

        Parameters
        ----------
        stream : Generator
            Random numbers of this shot and purpose.
        whole : bool
            Whether a whole number is needed.
        """
        if whole:
            return int(stream.integers(int(self.low), int(self.high), endpoint=True))
        return float(stream.uniform(self.low, self.high))


@dataclass(frozen=True)
class Normal:
    """Normal distribution; whole numbers are rounded.

    Attributes
    ----------
    mean, sigma : float
        Mean and standard deviation, in the unit of the key.
    """

    mean: float
    sigma: float

    word: ClassVar[str] = "normal"

    def draw(self, stream: np.random.Generator, whole: bool) -> float:
        """A number; see `Uniform.draw`."""
        value = float(stream.normal(self.mean, self.sigma))
        return round(value) if whole else value


@dataclass(frozen=True)
class LogNormal:
    """Numbers whose natural logarithm is normal; whole numbers are rounded.

    Attributes
    ----------
    mean, sigma : float
        Mean and standard deviation of the logarithm, as for ``numpy.random.Generator.lognormal``.
    """

    mean: float
    sigma: float

    word: ClassVar[str] = "lognormal"

    def draw(self, stream: np.random.Generator, whole: bool) -> float:
        """A number; see `Uniform.draw`."""
        value = float(stream.lognormal(self.mean, self.sigma))
        return round(value) if whole else value


@dataclass(frozen=True)
class Choice:
    """One of some values, each as likely as the others; a value that stands there twice is twice as likely.

    Attributes
    ----------
    values : tuple
        Numbers or words.
    """

    values: tuple[Any, ...]

    word: ClassVar[str] = "choice"

    def draw(self, stream: np.random.Generator, whole: bool) -> Any:
        """A value; see `Uniform.draw`."""
        return self.values[int(stream.integers(len(self.values)))]


@dataclass(frozen=True)
class Column:
    """Numbers of a column of a CSV file: shot i takes row i.

    Attributes
    ----------
    source : str
        ``file.csv:name``.
    """

    source: str

    word: ClassVar[str] = "column"

    @property
    def place(self) -> tuple[str, str]:
        """File and name of the column."""
        path, _, name = self.source.rpartition(":")
        return path, name


Distribution = Uniform | Normal | LogNormal | Choice | Column
DISTRIBUTIONS = (Uniform, Normal, LogNormal, Choice, Column)
_BY_WORD = {kind.word: kind for kind in DISTRIBUTIONS}
WORDS = tuple(_BY_WORD)


@dataclass(frozen=True)
class Varying(Rule):
    """What a key may be whose value can differ from shot to shot.

    Attributes
    ----------
    element : Rule
        For each value that is drawn.
    whole : bool
        Whether values are whole numbers.
    """

    element: Rule = NUMBER
    whole: bool = False


def varying(element: Rule, whole: bool = False, count: int = 1) -> Varying:
    """The rule of a key that may be a value or a distribution.

    Parameters
    ----------
    element : Rule
        For each value.
    whole : bool
        Whether values are whole numbers.
    count : int
        How many values the key has.

    Returns
    -------
    Varying
        Keeps values as they are and mappings such as ``{"uniform": [1, 2]}`` as distributions; None stays.
    """
    one = Rule(element.meaning, lambda value: read_varying(value, element))
    rule = one if count == 1 else several(count, one)

    def read(value: Any) -> Any:
        return None if value is None else rule.read(value)

    return Varying(f"{rule.meaning}, or a distribution", read, element, whole)


def read_varying(value: Any, element: Rule) -> Any:
    """A value, checked, or the distribution that a mapping describes.

    Parameters
    ----------
    value : object
        From a plan: ``0.3``, ``{"uniform": [0.2, 0.5]}`` or a distribution.
    element : Rule
        For each value that may be drawn.

    Returns
    -------
    object
        As the rule keeps it, or one of `DISTRIBUTIONS`.

    Raises
    ------
    UnfitError
        If it is something else, or values are possible that break the rule.
    """
    if isinstance(value, Mapping):
        value = _from_mapping(value)
    if not isinstance(value, DISTRIBUTIONS):
        return element(value)
    for possible in _certain_values(value):
        element(possible)
    return value


def _from_mapping(value: Mapping[str, Any]) -> Distribution:
    if len(value) != 1 or (word := next(iter(value))) not in _BY_WORD:
        raise UnfitError(f"must be a value or one distribution ({', '.join(WORDS)}), not {shown(dict(value))}")
    given = value[word]
    if word == Column.word:
        if not isinstance(given, str) or ":" not in given:
            raise UnfitError(f'must name a file and a column, as in {{column = "file.csv:name"}}, not {shown(given)}')
        return Column(given)
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise UnfitError(f"needs a list behind {word}, not {shown(given)}")
    if word == Choice.word:
        if not given:
            raise UnfitError("needs at least one value to choose from")
        return Choice(tuple(given))
    return _of_two(word, given)


def _of_two(word: str, given: Sequence[Any]) -> Distribution:
    """A distribution that two numbers describe."""
    names = "two bounds" if word == Uniform.word else "mean and standard deviation"
    if len(given) != 2:
        raise UnfitError(f"needs {names} behind {word}, not {shown(given)}")
    first, second = (NUMBER(number) for number in given)
    if word == Uniform.word:
        if first > second:
            raise UnfitError(f"has its bounds in the wrong order: {first:g} is above {second:g}")
        return Uniform(first, second)
    NOT_NEGATIVE(second)
    return Normal(first, second) if word == Normal.word else LogNormal(first, second)


def _certain_values(value: Distribution) -> tuple[Any, ...]:
    """Values that are possible whatever is drawn: they must fit."""
    if isinstance(value, Uniform):
        return value.low, value.high
    return value.values if isinstance(value, Choice) else ()


def can_misfit(value: Any) -> bool:
    """Whether values may be drawn that only drawing shows to be impossible.

    Parameters
    ----------
    value : object
        Of a key.
    """
    if isinstance(value, tuple):
        return any(map(can_misfit, value))
    return isinstance(value, (Normal, LogNormal, Column))


def as_mapping(value: Distribution) -> dict[str, Any]:
    """A distribution as a plan states it.

    Parameters
    ----------
    value : Distribution

    Returns
    -------
    dict
        Word -> what stands behind it.
    """
    if isinstance(value, Column):
        return {value.word: value.source}
    return {value.word: list(value.values if isinstance(value, Choice) else astuple(value))}

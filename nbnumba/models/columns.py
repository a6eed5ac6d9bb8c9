"""Which column of a reflection file becomes F: by type, observed before calculated, amplitudes before intensities."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbnumba.errors import InputFileError, UsageError

if TYPE_CHECKING:
    import gemmi

_AMPLITUDES, _INTENSITIES, _PAIRED = "FGR", "JK", "GK"
_CALCULATED = re.compile(r"f-?(c(alc)?|mod(el)?)\b|fc_|f-?calc|f-?model", re.IGNORECASE)
_MAP = re.compile(r"fwt|fom|2fo|fofc|fem|fdm", re.IGNORECASE)


@dataclass(frozen=True)
class Choice:
    """A column, or the two columns of an anomalous pair.

    Attributes
    ----------
    plus : gemmi.Mtz.Column
        Values of the listed reflections.
    minus : gemmi.Mtz.Column or None
        Values of their Friedel mates; None if these have none of their own.
    """

    plus: gemmi.Mtz.Column
    minus: gemmi.Mtz.Column | None = None

    @property
    def labels(self) -> str:
        """The labels, for messages."""
        return self.plus.label if self.minus is None else f"{self.plus.label}, {self.minus.label}"

    @property
    def is_intensity(self) -> bool:
        """Whether F is the square root."""
        return self.plus.type in _INTENSITIES

    @property
    def rank(self) -> int | None:
        """Place in the order of preference; None is never taken unasked."""
        if _MAP.search(self.plus.label) or self.plus.type == "R":
            return None
        return "FGJK".index(self.plus.type) + 4 * bool(_CALCULATED.match(self.plus.label))


def find_choices(columns: Iterable[gemmi.Mtz.Column]) -> list[Choice]:
    """What could become F, in the order of the file.

    Parameters
    ----------
    columns : iterable of gemmi.Mtz.Column
        All columns.

    Returns
    -------
    list of Choice
    """
    columns = list(columns)
    choices = []
    mates: set[str] = set()
    for column in columns:
        if column.label in mates or column.type not in _AMPLITUDES + _INTENSITIES:
            continue
        mate = _mate(column, columns) if column.type in _PAIRED else None
        mates |= {mate.label} if mate else set()
        choices.append(Choice(column, mate))
    return choices


def _mate(column: gemmi.Mtz.Column, columns: Sequence[gemmi.Mtz.Column]) -> gemmi.Mtz.Column | None:
    """The column of the Friedel mates: of the same type, its sign turned in the label, or the next one."""
    labels = {other.label: other for other in columns if other.type == column.type and other.label != column.label}
    turned = (column.label.replace("+", "-"), column.label.replace("plus", "minus").replace("PLUS", "MINUS"))
    return next((labels[label] for label in turned if label in labels), next(iter(labels.values()), None))


def choose(path: str | os.PathLike[str], columns: Iterable[gemmi.Mtz.Column], wanted: str | None) -> Choice:
    """The column that becomes F.

    Parameters
    ----------
    path : path
        The file, for messages.
    columns : iterable of gemmi.Mtz.Column
        All columns.
    wanted : str or None
        Its label, either one of a pair; None chooses.

    Returns
    -------
    Choice

    Raises
    ------
    UsageError
        If the wanted column does not exist or is neither amplitude nor intensity.
    InputFileError
        If there is nothing to choose from.
    """
    columns = list(columns)
    choices = find_choices(columns)
    there = "; ".join(choice.labels for choice in choices) or "none"
    if wanted is not None:
        return _labelled(path, columns, choices, wanted, there)
    ranked = [(choice.rank, choice) for choice in choices if choice.rank is not None]
    if not ranked:
        others = " ".join(f"{column.label} ({column.type})" for column in columns)
        only = f"only map coefficients and reals ({there}); name one with {{column}}" if choices else f"only {others}"
        raise InputFileError(f"{path}: holds no column of amplitudes or intensities, {only}")
    return min(ranked, key=lambda pair: pair[0])[1]


def _labelled(
    path: str | os.PathLike[str], columns: Sequence[gemmi.Mtz.Column], choices: list[Choice], wanted: str, there: str
) -> Choice:
    """The choice with a label."""
    for choice in choices:
        if wanted in (choice.plus.label, choice.minus.label if choice.minus else None, choice.labels):
            return choice
    for column in columns:
        if column.label == wanted:
            raise UsageError(
                f"{{column}} {wanted}: is neither amplitude nor intensity in {path} (type {column.type}); choose from "
                f"{there}"
            )
    raise UsageError(f"{{column}} {wanted}: {path} has no such column; choose from {there}")

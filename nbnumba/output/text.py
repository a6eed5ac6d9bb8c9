"""How reports are laid out: a label and a text in each line, numbers as C's %g prints them."""

from __future__ import annotations

from collections.abc import Iterable

_LABEL_WIDTH = 20

Fact = tuple[str, str]
"""Label and text of one line."""


def fact_lines(facts: Iterable[Fact]) -> list[str]:
    """Lines with their texts one below the other.

    Parameters
    ----------
    facts : iterable of Fact

    Returns
    -------
    list of str
    """
    return [f"{label:{_LABEL_WIDTH}s}{text}" for label, text in facts]


def numbers_text(values: Iterable[float], factor: float = 1.0) -> str:
    """Numbers with six digits and a space between them, none of them -0.

    Parameters
    ----------
    values : iterable of float
    factor : float
        What each is multiplied by.

    Returns
    -------
    str
    """
    return " ".join(f"{factor * value + 0.0:g}" for value in values)

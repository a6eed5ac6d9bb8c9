"""What is drawn for a shot: the value of every key that may vary, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbnumba.campaign.distributions import DISTRIBUTIONS, Column, Varying, can_misfit
from nbnumba.campaign.plan import Plan
from nbnumba.campaign.streams import stream
from nbnumba.config.crystal import UnitCell
from nbnumba.config.description import Description
from nbnumba.config.rules import UnfitError
from nbnumba.errors import UsageError

_ENDINGS = {
    "misset_deg": ("x", "y", "z"), "cells": ("a", "b", "c"), "beam_centre_mm": ("fast", "slow"),
    "unit_cell": ("a", "b", "c", "alpha", "beta", "gamma"), "beam_centre_jitter_mm": ("fast", "slow"),
}  # fmt: skip
"""What the names of several values of a key end in."""

_TWICE = ("beam_centre_jitter_mm",)
"""Keys of one distribution from which two values are drawn."""

Label = float | int | str


@dataclass(frozen=True)
class Draw:
    """The values of a shot.

    Attributes
    ----------
    values : dict of str to object
        ``section.key`` -> value; a tuple for keys of several values.
    recorded : dict of str to (float, int or str)
        Name of a label -> value, of everything that a distribution gave.
    """

    values: dict[str, Any]
    recorded: dict[str, Label]

    def section(self, name: str) -> dict[str, Any]:
        """Key -> value of a section.

        Parameters
        ----------
        name : str
        """
        return {key.partition(".")[2]: value for key, value in self.values.items() if key.startswith(f"{name}.")}


def varying_keys(plan: Plan) -> Iterator[tuple[str, Description, str, Varying]]:
    """Name of the section, section, key and rule of every key that may vary.

    Parameters
    ----------
    plan : Plan
    """
    for name, section in plan.sections.items():
        for key, rule in section.RULES.items():
            if isinstance(rule, Varying):
                yield name, section, key, rule


def draw_shot(plan: Plan, columns: Mapping[str, np.ndarray], shot: int) -> Draw:
    """Draw the values of a shot.

    Parameters
    ----------
    plan : Plan
    columns : mapping of str to ndarray
        `Column.source` -> numbers.
    shot : int
        From 0.

    Returns
    -------
    Draw

    Raises
    ------
    UsageError
        If a drawn value is impossible; the message names the field and the shot.
    """
    values: dict[str, Any] = {}
    recorded: dict[str, Label] = {}
    for name, section, key, rule in varying_keys(plan):
        given = getattr(section, key)
        drawn = _drawn(plan, columns, shot, (name, section, key, rule))
        values[f"{name}.{key}"] = drawn
        entries = given if isinstance(given, tuple) else (given,) * (2 if key in _TWICE else 1)
        results = drawn if isinstance(drawn, tuple) else (drawn,)
        for number, (entry, value) in enumerate(zip(entries, results, strict=True)):
            if isinstance(entry, DISTRIBUTIONS):
                recorded[f"{key}_{_ENDINGS[key][number]}" if len(entries) > 1 else key] = value
    return Draw(values, recorded)


def _drawn(
    plan: Plan, columns: Mapping[str, np.ndarray], shot: int, place: tuple[str, Description, str, Varying]
) -> Any:
    """The value of a key in a shot: as it stands, or drawn and checked."""
    name, section, key, rule = place
    given = getattr(section, key)
    entries = given if isinstance(given, tuple) else (given,)
    if key in _TWICE:
        entries = entries * 2
    if not any(isinstance(entry, DISTRIBUTIONS) for entry in entries):
        return entries if key in _TWICE else given
    random = stream(plan.campaign.seed, shot, f"{name}.{key}")
    try:
        drawn = tuple(_value(entry, random, columns, shot, rule) for entry in entries)
    except UnfitError as error:
        raise UsageError(f"{{{type(section).__name__}.{key}}} of shot {shot} {error}") from None
    return drawn if len(drawn) > 1 else drawn[0]


def _value(entry: Any, random: np.random.Generator, columns: Mapping[str, np.ndarray], shot: int, rule: Varying) -> Any:
    """A value as its rule keeps it."""
    if not isinstance(entry, DISTRIBUTIONS):
        return entry
    if isinstance(entry, Column):
        return rule.element(float(columns[entry.source][shot]))
    return rule.element(entry.draw(random, rule.whole))


def impossible_draws(plan: Plan, columns: Mapping[str, np.ndarray]) -> list[str]:
    """What is wrong with drawn values, found by drawing those that can be wrong; of each key the first shot.

    Parameters
    ----------
    plan : Plan
    columns : mapping of str to ndarray
        `Column.source` -> numbers.

    Returns
    -------
    list of str
        Messages with the field in braces.
    """
    problems = []
    for place in varying_keys(plan):
        given = getattr(place[1], place[2])
        entries = given if isinstance(given, tuple) else (given,)
        # a column that could not be read is a problem by itself
        unread = any(isinstance(entry, Column) and entry.source not in columns for entry in entries)
        if unread or not (can_misfit(given) or place[2] == "unit_cell" and any(map(_varies, entries))):
            continue
        for shot in range(plan.campaign.shots):
            try:
                drawn = _drawn(plan, columns, shot, place)
                if place[2] == "unit_cell":
                    _require_volume(drawn, shot)
            except UsageError as error:
                problems.append(error.message)
                break
    return problems


def _varies(entry: Any) -> bool:
    return isinstance(entry, DISTRIBUTIONS)


def _require_volume(cell: tuple[float, ...], shot: int) -> None:
    """Refuse a unit cell whose angles are impossible together."""
    try:
        UnitCell(*cell)
    except UsageError as error:
        problem = error.message.partition(": ")[2]
        raise UsageError(f"{{CrystalPlan.unit_cell}} of shot {shot}: {problem}") from None

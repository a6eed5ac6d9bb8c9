"""Plans as TOML: read with the line of every problem, and written so that reading gives the same plan."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from enum import Enum
from typing import Any

from nbnumba.campaign.distributions import DISTRIBUTIONS, as_mapping
from nbnumba.campaign.errors import Key, PlanError, located
from nbnumba.campaign.plan import SECTIONS, Plan
from nbnumba.config.description import Description
from nbnumba.config.rules import UnfitError
from nbnumba.errors import UsageError
from nbnumba.io.reading import read_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HEADER = re.compile(r"^\s*\[\s*([\w-]+)\s*\]")
_ASSIGNMENT = re.compile(r"^\s*(?:([\w-]+)\s*\.\s*)?\"?([\w-]+)\"?\s*=")


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Read a plan.

    Parameters
    ----------
    path : path
        TOML file.

    Returns
    -------
    Plan

    Raises
    ------
    InputFileError
        If the file can't be read.
    PlanError
        If anything in it is wrong; all of it is named, with its line.
    """
    return parse_plan(read_text(path).decode("utf-8", "replace"), os.fspath(path))


def parse_plan(text: str, name: str = "plan") -> Plan:
    """The plan that a text states.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        Of the plan's file, for messages.

    Returns
    -------
    Plan

    Raises
    ------
    PlanError
        If anything in it is wrong.
    """
    try:
        data = tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        raise PlanError([f"{name}: is no TOML: {error}"]) from None
    lines = key_lines(text)
    problems: list[str] = []
    sections: dict[str, Any] = {}
    for section, keys in data.items():
        kind = SECTIONS.get(section)
        if kind is None or not isinstance(keys, dict):
            problems.append(_unknown_section(section, keys, lines, name))
            continue
        made, wrong = _section(section, kind, keys)
        problems += [located(problem, lines, name) for problem in wrong]
        if made is not None:
            sections[section] = made
    for section in _needed():
        if section not in data:
            problems.append(f"{name}: there is no section [{section}]")
    if problems:
        raise PlanError(problems)
    try:
        return Plan(**sections)
    except UsageError as error:
        raise PlanError([located(error.message, lines, name)]) from None


def key_lines(text: str) -> dict[Key, int]:
    """Where sections and their keys stand.

    Parameters
    ----------
    text : str
        TOML.

    Returns
    -------
    dict
        (section, key) -> line from 1; the key is empty for the section itself.
    """
    lines: dict[Key, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            section = header.group(1)
            lines.setdefault((section, ""), number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((assignment.group(1) or section, assignment.group(2)), number)
    return lines


def _needed() -> list[str]:
    """Sections that have no default."""
    return [item.name for item in fields(Plan) if item.default is MISSING]


def _unknown_section(section: str, keys: Any, lines: Mapping[Key, int], name: str) -> str:
    line = lines.get((section, "")) or lines.get(("", section))
    where = f"{name}: line {line}: " if line else f"{name}: "
    if section in SECTIONS:
        return f"{where}{section} must be a section, [{section}], not a value"
    homes = [home for home, kind in SECTIONS.items() if section in kind.RULES]
    if homes and not isinstance(keys, dict):
        return f"{where}{section} stands in no section: it belongs to [{homes[0]}]"
    return f"{where}there is no section [{section}]: {_nearest(section, SECTIONS)}"


def _nearest(word: str, known: Mapping[str, Any]) -> str:
    close = get_close_matches(word, known, n=2, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known)}"


def _section(section: str, kind: type[Description], keys: Mapping[str, Any]) -> tuple[Description | None, list[str]]:
    """A section, or what is wrong with it."""
    values, problems = {}, []
    for key, value in keys.items():
        field = f"{{{kind.__name__}.{key}}}"
        rule = kind.RULES.get(key)
        if rule is None:
            problems.append(f"{field}: there is no such key: {_remedy(key, kind)}")
            continue
        try:
            values[key] = rule(value)
        except UnfitError as error:
            problems.append(f"{field} {error}")
    missing = [item.name for item in fields(kind) if item.default is MISSING and item.name not in keys]  # type: ignore[arg-type]
    problems += [f"{{{kind.__name__}.{key}}} is needed: {kind.RULES[key].meaning}" for key in missing]
    if problems:
        return None, problems
    try:
        return kind(**values), []
    except UsageError as error:
        return None, [error.message]


def _remedy(key: str, kind: type[Description]) -> str:
    """The key that was probably meant: a neighbour's, one with another unit, or one spelled alike."""
    close = get_close_matches(key, kind.RULES, n=1, cutoff=0.8)
    stem = key.rsplit("_", 1)[0]
    same = close or [known for known in kind.RULES if stem in (known, known.rsplit("_", 1)[0])]
    if same:
        return f"did you mean {' or '.join(same)}?"
    homes = [home for home, other in SECTIONS.items() if key in other.RULES]
    return f"it belongs to [{homes[0]}]" if homes else _nearest(key, kind.RULES)


def plan_text(plan: Plan) -> str:
    """A plan as TOML, without what is left at its default.

    Parameters
    ----------
    plan : Plan
        Any.

    Returns
    -------
    str
        `parse_plan` reads the same plan from it.
    """
    return "\n".join(
        "\n".join([f"[{name}]", *_assignments(section), ""]) for name, section in plan.sections.items()
        if section != Plan.__dataclass_fields__[name].default
    )  # fmt: skip


def _assignments(section: Description) -> Iterator[str]:
    for key, value in _stated(section).items():
        yield f"{key} = {_toml(value)}"


def _stated(section: Description) -> dict[str, Any]:
    """Keys whose values are not the defaults."""
    return {
        item.name: getattr(section, item.name) for item in fields(section)  # type: ignore[arg-type]
        if item.default is MISSING or getattr(section, item.name) != item.default
    }  # fmt: skip


def _toml(value: Any) -> str:
    """A value; JSON's numbers, booleans and texts are TOML's."""
    if isinstance(value, DISTRIBUTIONS):
        value = as_mapping(value)
    if isinstance(value, Description):
        value = _stated(value)
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {_toml(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)

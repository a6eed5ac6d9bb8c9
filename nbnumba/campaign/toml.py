"""Plans as TOML: read with the line of every problem, and written so that reading gives the same plan."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from enum import Enum
from typing import Any, TypeVar

from nbnumba.campaign.distributions import DISTRIBUTIONS, as_mapping
from nbnumba.campaign.errors import Key, PlanError, first_key, in_order, located
from nbnumba.campaign.plan import (
    SECTIONS,
    BeamPlan,
    Campaign,
    CrystalPlan,
    DetectorPlan,
    ImagePlan,
    Plan,
    Section,
    StructureFactorsPlan,
)
from nbnumba.config.description import Description
from nbnumba.config.rules import UnfitError
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
    draft = read_draft(text, name)
    if draft.problems:
        raise PlanError(in_order(draft.problems))
    return draft.plan


@dataclass(frozen=True)
class Draft:
    """A plan that may be wrong in parts, the others of which can be looked at.

    Attributes
    ----------
    plan : Plan
        Each value in it may be; something harmless stands where that is wrong.
    wrong : frozenset of str
        Names of these.
    problems : tuple of str
        What is wrong, each with its line.
    """

    plan: Plan
    wrong: frozenset[str]
    problems: tuple[str, ...]


_STAND_INS: dict[str, Section | None] = {
    "campaign": Campaign(shots=1), "structure_factors": StructureFactorsPlan(default_F=1.0),
    "crystal": CrystalPlan(cells=(1, 1, 1), unit_cell=(10.0, 10.0, 10.0, 90.0, 90.0, 90.0)),
    "beam": BeamPlan(fluence=1.0), "detector": DetectorPlan(pixels=(1, 1), pixel_mm=1.0, distance_mm=100.0),
    "background": None, "readout": None, "image": ImagePlan(), "scan": None,
}  # fmt: skip
"""What is looked at in place of a section that is wrong, or of a key."""


def read_draft(text: str, name: str = "plan") -> Draft:
    """A plan with all that its text shows to be wrong.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        Of the plan's file, for messages.

    Returns
    -------
    Draft

    Raises
    ------
    PlanError
        If it is no TOML.
    """
    try:
        data = tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        raise PlanError([f"{name}: is no TOML: {error}"]) from None
    lines = key_lines(text)
    problems: list[str] = []
    wrong = {section for section in _needed() if section not in data}
    sections: dict[str, Section | None] = dict(_STAND_INS)
    for section, keys in data.items():
        kind = SECTIONS.get(section)
        if kind is None or not isinstance(keys, dict):
            problems.append(_unknown_section(section, keys, lines, name))
            wrong |= {section} & SECTIONS.keys()
            continue
        made, found = _section(kind, keys, _STAND_INS[section])
        problems += [located(problem, lines, name) for problem in found]
        if found:
            wrong.add(section)
        # what files hold can be looked at only if it is clear which ones
        if not (found and section in ("structure_factors", "detector")):
            sections[section] = made
    problems += [f"{name}: there is no section [{section}]" for section in _needed() if section not in data]
    plan = _unchecked(Plan, sections)
    problems += [located(problem, lines, name) for problem in plan.conflicts(wrong)]
    return Draft(plan, frozenset(wrong), tuple(problems))


Described = TypeVar("Described", bound=Description)


def _unchecked(kind: type[Described], values: Mapping[str, Any]) -> Described:
    """A description whose values may be impossible, alone or together."""
    made = object.__new__(kind)
    vars(made).update({
        item.name: values.get(item.name, None if item.default is MISSING else item.default)
        for item in fields(kind)  # type: ignore[arg-type]
    })  # fmt: skip
    return made


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


def _section(kind: type[Section], keys: Mapping[str, Any], stand_in: Section | None) -> tuple[Section, list[str]]:
    """A section of values each of which may be, and all that is wrong with what the plan says."""
    values: dict[str, Any] = {}
    stated: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for key, value in keys.items():
        field, rule = f"{{{kind.__name__}.{key}}}", kind.RULES.get(key)
        if rule is None:
            remedy, names = _remedy(key, kind)
            stated.update(dict.fromkeys(names, value))
            problems[key] = f"{field}: there is no such key: {remedy}"
            continue
        stated[key] = value
        try:
            stated[key] = values[key] = rule(value)
        except UnfitError as error:
            problems[key] = f"{field} {error}"
    for item in fields(kind):  # type: ignore[arg-type]
        if item.default is MISSING and item.name not in values:
            values[item.name] = getattr(stand_in, item.name, None)
            if item.name not in stated:
                problems[item.name] = f"{{{kind.__name__}.{item.name}}} is needed: {kind.RULES[item.name].meaning}"
    # what follows from another problem is none of its own
    conflicts = [one for one in _unchecked(kind, stated).conflicts() if _about(one) not in problems]
    return _unchecked(kind, values), [*problems.values(), *conflicts]


def _about(problem: str) -> str:
    """The key that a problem of a section is about."""
    key = first_key(problem)
    return "" if key is None else key[1]


def _remedy(key: str, kind: type[Section]) -> tuple[str, set[str]]:
    """The key that was probably meant, in words and by name: of another unit, spelled alike, or a neighbour's."""
    close = get_close_matches(key, kind.RULES, n=1, cutoff=0.8)
    stem = key.rsplit("_", 1)[0]
    same = close or [known for known in kind.RULES if stem in (known, known.rsplit("_", 1)[0])]
    if same:
        return f"did you mean {' or '.join(same)}?", set(same)
    homes = [home for home, other in SECTIONS.items() if key in other.RULES]
    return f"it belongs to [{homes[0]}]" if homes else _nearest(key, kind.RULES), set()


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

"""What all descriptions share: they are checked when they are made, never change, and are equal by content."""

from __future__ import annotations

import functools
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

from nbnumba.config.arrays import content
from nbnumba.config.rules import Rule, Rules, UnfitError
from nbnumba.errors import UsageError

Described = TypeVar("Described", bound="Description")


class Description:
    """Base of the frozen dataclasses that describe an experiment.

    Each has a rule for every field. A value becomes what its rule makes of it: numbers of any kind become Python's,
    lists become tuples, names become members of enumerations, arrays are copied and kept read-only.
    """

    RULES: ClassVar[Rules] = {}

    def __post_init__(self) -> None:
        """Read every field by its rule, then look at the whole.

        Raises
        ------
        UsageError
            If a value breaks its rule; the message names the field.
        """
        entries = vars(self)
        for name, rule, default in _entries(type(self)):
            value = entries[name]
            # most fields are left at their defaults, and descriptions are made by the hundred
            if value is not default:
                entries[name] = _read(type(self), name, rule, value)
        self._check()

    def _check(self) -> None:
        """Refuse values that are impossible together."""

    @functools.cached_property
    def _contents(self) -> tuple[Any, ...]:
        return tuple(content(getattr(self, name)) for name, _, _ in _entries(type(self)))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or self._contents == other._contents

    def __hash__(self) -> int:
        return hash(self._contents)

    def __reduce__(self) -> tuple[Any, ...]:
        # what is copied or sent to another process is made anew: arrays lose their protection on that way
        return type(self), tuple(getattr(self, name) for name, _, _ in _entries(type(self)))


def with_entry(description: Described, name: str, value: Any) -> Described:
    """A description with one field changed, for what is put together bit by bit and need make sense only at the end.

    What fields must be together is not looked at before `dataclasses.replace` makes the whole.

    Parameters
    ----------
    description : Description
        What to start from.
    name : str
        Field.
    value : object
        New value.

    Raises
    ------
    UsageError
        If the value breaks its field's rule.
    """
    kind = type(description)
    rule = kind.RULES[name]
    changed = object.__new__(kind)
    entries = vars(changed)
    entries.update((field, getattr(description, field)) for field, _, _ in _entries(kind))
    entries[name] = _read(kind, name, rule, value)
    return changed


_Entries = tuple[tuple[str, Rule, Any], ...]
_known: dict[type, _Entries] = {}


def _entries(kind: type[Description]) -> _Entries:
    """Name, rule and default of every field."""
    entries = _known.get(kind)
    if entries is None:
        entries = tuple((field.name, kind.RULES[field.name], field.default) for field in fields(kind))  # type: ignore[arg-type]
        _known[kind] = entries
    return entries


def _read(kind: type[Description], name: str, rule: Rule, value: Any) -> Any:
    """A value as its rule keeps it."""
    try:
        return rule(value)
    except UnfitError as error:
        raise UsageError(f"{{{kind.__name__}.{name}}} {error}") from None

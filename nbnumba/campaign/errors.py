"""What is wrong with a plan or with shards: everything at once, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from nbnumba.campaign.plan import SECTIONS
from nbnumba.errors import InputFileError, NbnumbaError, UsageError, with_names

_FIELD = re.compile(r"\{(\w+)\.(\w+)\}")
_SECTION_OF = {kind.__name__: name for name, kind in SECTIONS.items()}

Key = tuple[str, str]
"""Section and key; the key is empty for the section itself."""


class _SeveralError(NbnumbaError):
    """Problems of one kind.

    Parameters
    ----------
    problems : iterable of str
        One line each.

    Attributes
    ----------
    problems : tuple of str
        One line each.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each problem."""
        return self.problems

    def __reduce__(self) -> tuple[type[_SeveralError], tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)


class PlanError(_SeveralError, UsageError):
    """A plan that can't be carried out; see `problems`."""


class ShardsError(_SeveralError, InputFileError):
    """Shards that are damaged or another plan's; see `problems`."""


def located(message: str, lines: Mapping[Key, int], name: str = "plan") -> str:
    """A message of a description with the plan's key and line in place of the field.

    Parameters
    ----------
    message : str
        With fields in braces, such as ``{CrystalPlan.cells}``; the first one says where.
    lines : mapping of (section, key) to int
        Where keys stand; empty for a plan that no file holds.
    name : str
        Of the plan's file.

    Returns
    -------
    str
        ``plan.toml: line 12: [crystal] cells ...``.
    """
    first = _FIELD.search(message)
    section = _SECTION_OF.get(first.group(1)) if first is not None else None
    if first is None or section is None:
        return f"{name}: {with_names(message)}"
    line = lines.get((section, first.group(2)), lines.get((section, "")))
    where = f"{name}: line {line}: " if line else f"{name}: "
    return where + with_names(message, lambda field: _key(field, section))


def _key(field: str, section: str) -> str:
    """``[crystal] cells`` for the field that the message begins with, as a file says it."""
    kind, _, key = field.partition(".")
    other = _SECTION_OF.get(kind)
    return f"[{other or section}] {key}" if other else field

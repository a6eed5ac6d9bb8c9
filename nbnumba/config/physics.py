"""Which of nanoBragg's departures from the physics an image has."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from nbnumba.config.description import Description
from nbnumba.config.rules import Rule, Rules, UnfitError
from nbnumba.errors import UsageError
from nbnumba.quirks import QUIRKS, suggestion

NANOBRAGG = "nanobragg"
EXACT = "exact"
BASES = (EXACT, NANOBRAGG)

SWITCHES = tuple(name for name, quirk in QUIRKS.items() if "nanoBragg" in quirk.programs)
"""The quirks of an image: each can be switched off."""


def check_switch(name: str) -> str:
    """A name of SWITCHES.

    Parameters
    ----------
    name : str

    Raises
    ------
    UnfitError
        If there is no such quirk; the message names the nearest.
    """
    if name in SWITCHES:
        return name
    if name in QUIRKS:
        raise UnfitError(f"names a quirk of {' and '.join(QUIRKS[name].programs)}, not of nanoBragg: '{name}'")
    raise UnfitError(f"names no quirk: '{name}'; {suggestion(name, SWITCHES)}")


def _names(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, Iterable):
        raise ValueError(value)
    return tuple(dict.fromkeys(check_switch(str(word).strip()) for word in words))


def _base(value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in BASES:
        raise ValueError(value)
    return value.lower()


_SWITCHES = Rule("names of quirks", _names)


@dataclass(frozen=True, eq=False)
class Physics(Description):
    """The physics of an image: exact, or as nanoBragg has it, with exceptions by name (`nbnumba.quirks.QUIRKS`).

    Attributes
    ----------
    base : str
        "exact": no quirk; "nanobragg": all of them.
    fix : tuple of str
        Quirks to switch off, from nanobragg.
    keep : tuple of str
        Quirks to switch on, from exact.
    """

    base: str = EXACT
    fix: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    RULES: ClassVar[Rules] = {
        "base": Rule(" or ".join(BASES), _base),
        "fix": _SWITCHES,
        "keep": _SWITCHES,
    }

    def _check(self) -> None:
        if self.fix and self.base == EXACT:
            raise UsageError(
                "{Physics.fix} goes with {Physics.base=nanobragg}: exact physics has no quirk to switch off"
            )
        if self.keep and self.base == NANOBRAGG:
            raise UsageError("{Physics.keep} goes with {Physics.base=exact}: nanobragg physics keeps every quirk")

    @functools.cached_property
    def fixes(self) -> frozenset[str]:
        """The quirks that are switched off."""
        return frozenset(self.fix) if self.base == NANOBRAGG else frozenset(SWITCHES) - frozenset(self.keep)

    @property
    def is_nanobraggs(self) -> bool:
        """Whether no quirk is switched off: images and files are then nanoBragg's own, to the byte."""
        return not self.fixes

    def __str__(self) -> str:
        if self.base == EXACT:
            return f"exact, but for {', '.join(self.keep)}" if self.keep else "exact"
        return f"nanobragg, without {', '.join(self.fix)}" if self.fix else "nanobragg"


def _physics(value: Any) -> Physics:
    return Physics(value) if isinstance(value, str) else _instance(value)


def _instance(value: Any) -> Physics:
    if not isinstance(value, Physics):
        raise ValueError(value)
    return value


PHYSICS = Rule(f"a Physics, {' or '.join(BASES)}", _physics)
"""A `Physics`, or its base as text."""

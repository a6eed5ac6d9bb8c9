"""Amorphous materials in words: ``water:100um``, ``oil.dat:50um:0.9:14``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbnumba.config import Background, RadialCurve
from nbnumba.config.lengths import read_length
from nbnumba.config.radial_curve import ABSCISSAE, BEYOND, NAMES
from nbnumba.config.rules import UnfitError
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    from nbnumba.flags.request import Request

FIGURES = 3
"""Behind a file: thickness, density, molar mass."""


def read_backgrounds(texts: Iterable[str]) -> tuple[Background, ...]:
    """The materials that an option names.

    Parameters
    ----------
    texts : iterable of str
        Each one material, or several with commas between them. ``NAME:THICKNESS`` for one that ships, or
        ``FILE:THICKNESS:DENSITY:MOLAR_MASS`` with a table of F, the density in g/cm³ and the molar mass in g/mol. A
        thickness without a unit is in mm. ``:refuse`` behind either makes pixels beyond the curve an error; ``:stol``,
        ``:4stol`` or ``:Q`` behind a file says what its first column is.

    Returns
    -------
    tuple of Background

    Raises
    ------
    UsageError
        If a text is none of these.
    InputFileError
        If a table can't be read.
    """
    return tuple(_material(word) for word in _words(texts))


def with_backgrounds(request: Request, texts: Sequence[str]) -> Request:
    """A request with amorphous materials in its beam.

    Parameters
    ----------
    request : Request
        From `nbnumba.flags.interpret`.
    texts : sequence of str
        As in `read_backgrounds`.

    Returns
    -------
    Request
        The tables that were read are among its inputs.

    Raises
    ------
    UsageError, InputFileError
        As in `read_backgrounds`.
    """
    names = (word.partition(":")[0] for word in _words(texts))
    tables = tuple(("background", Path(name)) for name in names if name not in NAMES)
    experiment = replace(request.experiment, background=read_backgrounds(texts))
    return replace(request, experiment=experiment, inputs=request.inputs + tables)


def _words(texts: Iterable[str]) -> list[str]:
    """One for each material, without the blanks behind commas."""
    return [word.strip() for text in texts for word in text.split(",")]


def _material(text: str) -> Background:
    """One material."""
    name, *words = text.split(":")
    if not text:
        raise _unfit(text, "a material is missing, as in water:100um,air:5mm")
    beyond, words = _taken(words, BEYOND)
    if name in NAMES:
        if len(words) != 1:
            needed = f"{name} needs its thickness along the beam and no more, as in {name}:100um"
            raise _unfit(text, f"{needed} or {name}:100um:refuse")
        material = Background.named(name, _length(text, words[0]))
        return replace(material, curve=replace(material.curve, beyond=beyond or BEYOND[0]))
    abscissa, words = _taken(words, ABSCISSAE)
    if len(words) > FIGURES:
        last = f"'{words[FIGURES]}' is none of {', '.join((*ABSCISSAE, *BEYOND))}"
        raise _unfit(text, f"{last}, which may stand behind thickness, density and molar mass")
    if len(words) != FIGURES:
        known = "" if Path(name).is_file() else f"'{name}' is neither {' nor '.join(NAMES)} nor a file; "
        raise _unfit(text, (
            f"{known}behind a file come thickness, density (g/cm³) and molar mass (g/mol), as in oil.dat:50um:0.9:14"
        ))  # fmt: skip
    figures = (_length(text, words[0]), *(_number(text, word) for word in words[1:]))
    return Background(RadialCurve.from_table(name, abscissa, beyond or BEYOND[0]), *figures)


def _taken(words: list[str], known: Iterable[str]) -> tuple[str | None, list[str]]:
    """The first of some words that is there, and the others."""
    found = next((word for word in words if word in known), None)
    return found, [word for word in words if word != found]


def _length(text: str, word: str) -> float:
    """Thickness, mm."""
    try:
        return read_length(word, "mm", "mm")
    except UnfitError as error:
        raise _unfit(text, f"the thickness {error}") from None


def _number(text: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise _unfit(text, f"'{word}' is not a number") from None


def _unfit(text: str, problem: str) -> UsageError:
    return UsageError(f"{{Experiment.background}} {text}: {problem}")

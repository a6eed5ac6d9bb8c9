"""What is wrong with a plan or with shards: everything at once, each with its line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from nbnumba.campaign.plan import SECTIONS
from nbnumba.errors import InputFileError, NbnumbaError, UsageError, with_names

Key = tuple[str, str]
"""Section and key; the key is empty for the section itself."""

_FIELD = re.compile(r"\{([A-Za-z_]\w*(?:\.\w+)?)[^{}]*\}")
_LINE = re.compile(r": line (\d+): ")
_PLANS = {kind.__name__: name for name, kind in SECTIONS.items()}
_DESCRIPTIONS = {
    **dict.fromkeys(("Crystal", "UnitCell", "Orientation"), "crystal"), "StructureFactors": "structure_factors",
    **dict.fromkeys(("Beam", "Spectrum"), "beam"), **dict.fromkeys(("Background", "RadialCurve"), "background"),
    **dict.fromkeys(("Detector", "Panel", "LabFrame", "Sensor"), "detector"),
    **dict.fromkeys(("Sampling", "Physics"), "image"), **dict.fromkeys(("PointSpread", "ReadoutSettings"), "readout"),
}  # fmt: skip
"""Description of an experiment -> the section that becomes it."""

_KEYS: dict[str, Key] = {
    "UnitCell": ("crystal", "unit_cell"), "Crystal.size": ("crystal", "size_nm"),
    "Crystal.misset": ("crystal", "misset_deg"), "Beam.size": ("beam", "size_um"),
    "Beam.wavelength": ("beam", "wavelength_a"), "Beam.exposure": ("beam", "exposure_s"),
    "Detector.distance": ("detector", "distance_mm"), "Detector.mask": ("readout", "mask"),
    "Panel.mask": ("readout", "mask"), "Sampling.phi": ("scan", "start_deg"),
    "Sampling.oscillation": ("scan", "width_deg"), "Sampling.phi_steps": ("scan", "phi_steps"),
    "PointSpread": ("readout", "point_spread"), "PointSpread.fwhm": ("readout", "point_spread"),
    "PointSpread.profile": ("readout", "point_spread"),
}  # fmt: skip
"""Fields of an experiment for which a key has another name."""


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
    key = first_key(message)
    line = lines.get(key, lines.get((key[0], ""))) if key is not None else None
    where = f"{name}: line {line}: " if line else f"{name}: "
    return where + with_names(message, _in_words)


def first_key(message: str) -> Key | None:
    """The key that a message is about: that of the first field which a plan knows.

    Parameters
    ----------
    message : str
        With fields in braces.
    """
    keys = (_key(match.group(1)) for match in _FIELD.finditer(message))
    return next((key for key in keys if key is not None), None)


def in_order(problems: Iterable[str]) -> list[str]:
    """Located messages as their lines follow one another, those without a line at the end; each once.

    Parameters
    ----------
    problems : iterable of str
        From `located`.
    """
    def line(problem: str) -> float:
        found = _LINE.search(problem)
        return math.inf if found is None else int(found.group(1))

    return sorted(dict.fromkeys(problems), key=line)


def _key(field: str) -> Key | None:
    """Section and key of a field of the plan, or of the experiment that is made of it; the key may be empty."""
    if field in _KEYS:
        return _KEYS[field]
    kind, _, name = field.partition(".")
    if kind in _PLANS:
        return _PLANS[kind], name
    section = _DESCRIPTIONS.get(kind)
    return None if section is None else (section, name if name in SECTIONS[section].RULES else "")


def _in_words(field: str) -> str:
    """``[crystal] cells`` for a field, as a file says it; fields that no key sets keep their names."""
    name, equals, value = field.partition("=")
    key = _key(name.partition("[")[0])
    if key is None or not key[1]:
        return field
    return f"[{key[0]}] {key[1]}{f' {value}' if equals else ''}"

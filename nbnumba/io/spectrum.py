"""Spectra of the beam: lines of a wavelength or photon energy and its weight."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

import numpy as np

from nbnumba.config import Spectrum
from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.atomic import write_lines
from nbnumba.io.reading import read_columns, read_number

ELECTRONVOLT = "eV"
ANGSTROM = "angstrom"
UNITS = (ELECTRONVOLT, ANGSTROM)
"""Of the first column."""

_SPELLINGS = {"ev": ELECTRONVOLT, "angstrom": ANGSTROM, "angstroms": ANGSTROM, "å": ANGSTROM}
_FIELDS = {ELECTRONVOLT: "energies", ANGSTROM: "wavelengths"}
_WORDS = 20
"""Of a comment, in which the unit is looked for."""

Row = tuple[int, list[str]]


def read_spectrum(path: str | os.PathLike[str], unit: str | None = None) -> Spectrum:
    """Read a spectrum, one wavelength or photon energy a line.

    Parameters
    ----------
    path : path
        Text of two columns: wavelength (Å) or photon energy (eV), in rising or falling order, and weight. Lines that
        start with # are comments; one of them may name the unit, as in ``# energy eV weight``.
    unit : str or None
        "eV" or "angstrom"; None takes the unit that the comments name.

    Returns
    -------
    Spectrum

    Raises
    ------
    InputFileError
        If the file can't be read, a line does not hold two numbers that make sense, or no X-rays come out.
    UsageError
        If the unit is not known, or not the one that the comments name.
    """
    rows = read_columns(path, _WORDS)
    unit = _settled_unit(path, [words for _, words in rows if words[0].startswith("#")], unit)
    lines = [row for row in rows if not row[1][0].startswith("#")]
    if not lines:
        raise InputFileError(f"{path}: holds no spectrum; lines of {_layout(unit)} are needed")
    values, weights = np.array(list(_numbers(path, lines, unit))).T
    try:
        return Spectrum(**{_FIELDS[unit]: values}, weights=weights)
    except UsageError as error:
        raise InputFileError(f"{path}: {error.message}") from error


def write_spectrum(path: str | os.PathLike[str], spectrum: Spectrum) -> None:
    """Write a spectrum with the unit in a comment and the digits that give every number back to the last bit.

    Parameters
    ----------
    path : path
        File to write.
    spectrum : Spectrum
        Photon energies (eV) or wavelengths (Å), as it has them; weights 1 where it has none.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    unit = ANGSTROM if spectrum.energies is None else ELECTRONVOLT
    values = np.asarray(getattr(spectrum, _FIELDS[unit]))
    weights = np.ones(len(values)) if spectrum.weights is None else spectrum.weights
    rows = zip(values.tolist(), weights.tolist(), strict=True)
    write_lines(path, (f"# {_FIELDS[unit]} {unit} weights", *(f"{value!r} {weight!r}" for value, weight in rows)))


def _layout(unit: str) -> str:
    return f"two columns, {'energy (eV)' if unit == ELECTRONVOLT else 'wavelength (Å)'} and weight"


def _settled_unit(path: str | os.PathLike[str], comments: Sequence[Sequence[str]], stated: str | None) -> str:
    """The unit that is stated, else the only one that the comments name."""
    words = re.findall(r"[^\W\d_]+", " ".join(word for comment in comments for word in comment).lower())
    named = {_SPELLINGS[word] for word in words if word in _SPELLINGS}
    if stated is None:
        if len(named) == 1:
            return named.pop()
        raise UsageError(
            f"{path}: the unit is not clear: give {{spectrum_unit}}, or one header line such as "
            f"'# energy {ELECTRONVOLT} weight' or '# wavelength {ANGSTROM} weight'"
        )
    if named and stated not in named:
        raise UsageError(f"{{spectrum_unit={stated}}}: a comment in {path} says {named.pop()}")
    return stated


def _numbers(path: str | os.PathLike[str], lines: Sequence[Row], unit: str) -> Iterator[tuple[float, float]]:
    """Checked numbers; what is wrong is said with its line."""
    before: list[float] = []
    for line, words in lines:
        where = f"{path}: line {line}"
        end = next((place for place, word in enumerate(words) if word.startswith("#")), len(words))
        if end != 2:
            raise InputFileError(f"{where}: {end} column{'' if end == 1 else 's'}, not {_layout(unit)}")
        value, weight = (read_number(word, f"{where}, column {column}") for column, word in enumerate(words[:2], 1))
        if not value > 0.0:
            raise InputFileError(f"{where}, column 1: must be above zero, not {value:g}")
        if not weight >= 0.0:
            raise InputFileError(f"{where}, column 2: a weight must be zero or more, not {weight:g}")
        if before and (value == before[-1] or (before[-1] - value) * (before[0] - before[-1]) < 0.0):
            raise InputFileError(f"{where}: {value:g} behind {before[-1]:g}: the lines must rise or fall throughout")
        before.append(value)
        yield value, weight

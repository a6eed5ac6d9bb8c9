"""Lists of X-ray sources."""

from __future__ import annotations

import os
import warnings

import numpy as np

from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.config.rules import UnfitError
from nbnumba.config.sources import SOURCES, sources_from_metres, sources_in_metres
from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.io.atomic import write_lines
from nbnumba.io.reading import quote, read_columns, read_number

_COLUMNS = 5
_LAYOUT = "five columns X Y Z weight wavelength(m)"
_COORDINATES = 3
_LONGEST_WAVELENGTH = 1e-6
"""Metres, as long as infrared light: anything longer was meant in another unit."""

_LOWEST_ENERGY = 100.0
"""eV; numbers below are rather wavelengths in Å."""


def read_sources(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a list of sources, one a line.

    Parameters
    ----------
    path : path
        Text of three to five columns: X Y Z (towards the source, lab frame, any length), weight, wavelength in metres.
        Columns are separated by spaces, tabs or ``, ; : !``; of further columns a warning says that they are not read.

    Returns
    -------
    ndarray, shape (n, 5) or (n, 6), float64
        As ``Beam.sources`` takes it: X, Y, Z, weight, wavelength in Å; NaN where a column is missing, or says nan as
        nanoBragg marks it. The sixth column is what a wavelength in Å leaves of one in metres, so that no bit is lost.

    Raises
    ------
    InputFileError
        If the file can't be read, holds no source, a line has fewer than three columns, a word is not a number, or a
        source has no direction or no possible wavelength.
    """
    # one more, to see whether there are any
    rows = read_columns(path, _COLUMNS + 1)
    if not rows:
        raise InputFileError(f"{path}: holds no sources; lines of {_LAYOUT} are needed")
    sources = np.full((len(rows), _COLUMNS), np.nan)
    for source, (line, words) in zip(sources, rows, strict=True):
        for column, word in enumerate(words[:_COLUMNS]):
            source[column] = read_number(word, f"{path}: line {line}, column {column + 1}")
        _check_source(source, len(words), f"{path}: line {line}")
    longest, words = max(rows, key=lambda row: len(row[1]))
    if len(words) > _COLUMNS:
        warnings.warn(
            NbnumbaWarning(f"{path}: line {longest}: what follows the fifth column, {quote(words[-1])}, is not read"),
            stacklevel=2,
        )
    return sources_from_metres(sources)


def write_sources(path: str | os.PathLike[str], sources: np.ndarray) -> None:
    """Write a list of sources as nanoBragg reads it, with the digits that give every metre back to the last bit.

    Parameters
    ----------
    path : path
        File to write.
    sources : ndarray, shape (n, 5) or (n, 6)
        As ``Beam.sources``: X, Y, Z (towards the source, lab frame, any length), weight, wavelength in Å; NaN where the
        default shall serve. The file has wavelengths in metres.

    Raises
    ------
    UsageError
        If there is no source, or a row is none.
    OutputFileError
        If the file can't be written.
    """
    try:
        rows = sources_in_metres(SOURCES.read(sources))
    except UnfitError as error:
        raise UsageError(f"{path}: {{sources}} {error}") from None
    write_lines(path, (" ".join(f"{value!r}" for value in row) for row in rows.tolist()))


def _check_source(source: np.ndarray, columns: int, where: str) -> None:
    """Refuse what is no source."""
    if columns < _COORDINATES:
        raise InputFileError(
            f"{where}: {columns} column{'' if columns == 1 else 's'}; a source is a line of {_LAYOUT}, of which weight "
            "and wavelength may be missing"
        )
    if not np.any(source[:_COORDINATES]):
        raise InputFileError(f"{where}: the source lies at the sample, 0 0 0: it has no direction")
    wavelength = float(source[4])
    if wavelength <= 0.0:
        raise InputFileError(f"{where}: the wavelength must be above zero, not {wavelength:g} m")
    if wavelength > _LONGEST_WAVELENGTH:
        unit, meant = ("Å", wavelength) if wavelength < _LOWEST_ENERGY else ("eV", HC_EV_ANGSTROM / wavelength)
        raise InputFileError(
            f"{where}: the wavelength must be in metres: {wavelength:g} m are no X-rays, {wavelength:g} {unit} are "
            f"{meant * 1e-10:g}"
        )

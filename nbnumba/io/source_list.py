"""Lists of X-ray sources."""

from __future__ import annotations

import os

import numpy as np

from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.errors import InputFileError
from nbnumba.io.reading import read_columns

_COLUMNS = 5


def read_sources(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a list of sources, one a line.

    Parameters
    ----------
    path : path
        Text of up to five columns: X Y Z (towards the source, lab frame, any length), weight, wavelength in metres.
        Columns are separated by spaces, tabs or ``, ; : !``; further columns are not read.

    Returns
    -------
    ndarray, shape (n, 5), float64
        NaN where a column is missing.

    Raises
    ------
    InputFileError
        If the file can't be read, holds no source, a word is not a number, or a source has no direction or wavelength.
    """
    rows = read_columns(path, _COLUMNS)
    if not rows:
        raise InputFileError(f"{path}: holds no sources; lines of X Y Z weight wavelength are needed")
    sources = np.full((len(rows), _COLUMNS), np.nan)
    for source, (line, words) in zip(sources, rows, strict=True):
        for column, word in enumerate(words):
            source[column] = _number(word, f"{path}: line {line}, column {column + 1}")
        if not np.any(source[:3]):
            raise InputFileError(f"{path}: line {line}: the source lies at the sample, 0 0 0: it has no direction")
        if source[4] <= 0.0:
            raise InputFileError(f"{path}: line {line}: the wavelength must be above zero, not {source[4]:g} m")
    return sources


def _number(word: str, where: str) -> float:
    """The number that a word stands for."""
    try:
        value = float(word)
    except ValueError:
        raise InputFileError(f"{where}: {word!r} is not a number") from None
    if abs(value) > LARGEST_NUMBER:
        raise InputFileError(f"{where}: {word!r} is too large to compute with")
    return value

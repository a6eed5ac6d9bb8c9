"""Scattering of amorphous material against sin(theta)/lambda."""

from __future__ import annotations

import os

import numpy as np

from nbnumba.errors import InputFileError
from nbnumba.io.reading import read_columns


def read_stol(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a table of amplitudes; nanoBragg reads it and never uses it, so that words are not checked.

    Parameters
    ----------
    path : path
        Text of two columns: sin(theta)/lambda (or 4 sin(theta)/lambda, or Q, as the flag says) and amplitude.

    Returns
    -------
    ndarray, shape (n, 2), float64
        NaN where a column is missing or no number.

    Raises
    ------
    InputFileError
        If the file can't be read or is empty.
    """
    rows = read_columns(path, 2)
    if not rows:
        raise InputFileError(f"{path}: holds no data; lines of sin(theta)/lambda and F are needed")
    table = np.full((len(rows), 2), np.nan)
    for entry, (_, words) in zip(table, rows, strict=True):
        for column, word in enumerate(words):
            try:
                entry[column] = float(word)
            except ValueError:
                continue
    return table

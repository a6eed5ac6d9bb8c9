"""Scattering of amorphous material against sin(theta)/lambda, as nanoBragg and nonBragg read it."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from nbnumba.errors import InputFileError
from nbnumba.io.reading import NUMBER, read_columns


class StolText(NamedTuple):
    """The points of a text file in the file's own order and unit.

    Attributes
    ----------
    points : ndarray, shape (n, 2), float64
        Abscissa and amplitude; what does not begin with a number is 0, a missing amplitude NaN.
    not_numbers : tuple of int
        Numbers, from 1, of the lines in which a word stands for a number.
    """

    points: np.ndarray
    not_numbers: tuple[int, ...]


def read_stol(path: str | os.PathLike[str]) -> StolText:
    """Read a table of amplitudes as C does: every line that is not blank is a point (quirk `stol-comment`).

    Parameters
    ----------
    path : path
        Text of two columns: sin(theta)/lambda (or 4 sin(theta)/lambda, or Q, as the flag says) and amplitude, separated
        by spaces, tabs or ``, ; : !``; further columns are not read.

    Returns
    -------
    StolText

    Raises
    ------
    InputFileError
        If the file can't be read or is empty.
    """
    rows = read_columns(path, 2)
    if not rows:
        raise InputFileError(f"{path}: holds no data; lines of sin(theta)/lambda and F are needed")
    points = np.full((len(rows), 2), np.nan)
    not_numbers = []
    for point, (line, words) in zip(points, rows, strict=True):
        found = [NUMBER.match(word.encode()) for word in words]
        point[: len(words)] = [float(match.group(1)) if match else 0.0 for match in found]
        if not all(found):
            not_numbers.append(line)
    return StolText(points, tuple(not_numbers))

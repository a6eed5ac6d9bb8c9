"""Tables of F against sin(theta)/lambda, 4 sin(theta)/lambda or Q that say what they hold."""

from __future__ import annotations

import math
import os

import numpy as np

from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.atomic import write_lines
from nbnumba.io.reading import quote, read_columns

DIVISORS = {"stol": 1.0, "4stol": 4.0, "Q": 4.0 * math.pi}
"""Abscissa -> what it is divided by to become sin(theta)/lambda."""

_NAMES = {name.lower(): name for name in DIVISORS}


_PER_NM = ("1/nm", "/nm", "nm^-1", "nm-1", "nm**-1", "nm⁻¹")
"""How people write the unit that abscissae are not in."""


def read_radial_table(path: str | os.PathLike[str], abscissa: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read a table that must be right: every line is a point or a comment.

    Parameters
    ----------
    path : path
        Text of two columns, abscissa (1/Å) and F (electrons per molecule), separated by spaces, tabs or ``, ; : !``;
        further columns are not read. Lines that begin with ``#`` are comments; a word ``stol``, ``4stol`` or ``Q`` in
        them says what the abscissa is.
    abscissa : str or None
        "stol", "4stol" or "Q"; None lets the comments say it.

    Returns
    -------
    stol, amplitude : ndarray, shape (n,), float64
        sin(theta)/lambda, 1/Å, and F, electrons, in the file's order.

    Raises
    ------
    InputFileError
        If the file can't be read, holds something else, or nothing says what the abscissa is.
    """
    comments, points = [], []
    for line, words in read_columns(path, 16):
        if words[0].startswith("#"):
            comments += [word.strip("#()[]") for word in words]
        else:
            points.append(_point(words, f"{path}: line {line}"))
    if not points:
        raise InputFileError(f"{path}: holds no points; lines of an abscissa and F are needed")
    named = sorted({_NAMES[word.lower()] for word in comments if word.lower() in _NAMES})
    if len(named) > 1 and abscissa not in named:
        raise InputFileError(f"{path}: its comments name {' and '.join(named)}: give {{abscissa}}")
    if any(word.lower() in _PER_NM for word in comments):
        raise InputFileError(f"{path}: its comments say 1/nm; divide the abscissae by 10: they are read in 1/Å")
    stated = abscissa if abscissa in named else next(iter(named), None)
    if stated is not None and abscissa is not None and stated != abscissa:
        raise InputFileError(f"{path}: says that its abscissa is {stated}, not {abscissa}")
    known = abscissa or stated
    if known is None:
        raise InputFileError(
            f"{path}: does not say what its abscissa is: give {{abscissa}}, or a comment with one of the words "
            f"{', '.join(DIVISORS)}"
        )
    table = np.array(points)
    return table[:, 0] / DIVISORS[known], table[:, 1].copy()


def write_radial_table(path: str | os.PathLike[str], stol: np.ndarray, amplitude: np.ndarray) -> None:
    """Write a table of F against sin(theta)/lambda, with the digits that give every number back to the last bit.

    Parameters
    ----------
    path : path
        File to write; a comment says what the abscissa is. nanoBragg and nonBragg take comments for points (quirk
        `stol-comment`).
    stol, amplitude : ndarray, shape (n,)
        sin(theta)/lambda, 1/Å, and F, electrons.

    Raises
    ------
    UsageError
        If there is no point, not as many of both, or a number that `read_radial_table` would refuse.
    OutputFileError
        If the file can't be written.
    """
    points = [np.asarray(values, dtype=np.float64) for values in (stol, amplitude)]
    if points[0].ndim != 1 or points[0].shape != points[1].shape or points[0].size == 0:
        shapes = " and ".join(str(values.shape) for values in points)
        raise UsageError(f"{path}: {{stol}} and {{amplitude}} must be as many numbers, not of the shapes {shapes}")
    if not all((values >= 0.0).all() and (values <= LARGEST_NUMBER).all() for values in points):
        raise UsageError(f"{path}: {{stol}} and {{amplitude}} must be finite numbers, and must not be negative")
    rows = zip(*(values.tolist() for values in points), strict=True)
    write_lines(path, ("# stol F", *(f"{abscissa!r} {value!r}" for abscissa, value in rows)))


def _point(words: list[str], where: str) -> tuple[float, float]:
    """The two numbers of a line."""
    if len(words) < 2:
        raise InputFileError(f"{where}: two numbers are needed, an abscissa and F")
    try:
        point = float(words[0]), float(words[1])
    except ValueError:
        shown = f"{quote(words[0])} {quote(words[1])}"
        raise InputFileError(f"{where}: {shown} are not two numbers; comments begin with #") from None
    if not (0.0 <= point[0] <= LARGEST_NUMBER and 0.0 <= point[1] <= LARGEST_NUMBER):
        shown = f"{words[0]} {words[1]}"
        raise InputFileError(f"{where}: {shown}: abscissae and F must be finite numbers, and must not be negative")
    return point

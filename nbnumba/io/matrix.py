"""MOSFLM orientation matrices."""

from __future__ import annotations

import math
import os

import numpy as np

from nbnumba.config.crystal import lie_in_a_plane
from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.atomic import write_lines
from nbnumba.io.reading import line_number, quote_line, read_text, scan_numbers

_AXES = ("a*", "b*", "c*")
_ROWS = ("x", "y", "z")


def read_matrix(path: str | os.PathLike[str]) -> np.ndarray:
    """Read the A matrix; what follows the nine numbers is not looked at.

    Parameters
    ----------
    path : path
        Text that starts with nine numbers.

    Returns
    -------
    ndarray, shape (3, 3), float64
        Rows x, y, z; columns a*, b*, c*; dimensionless (multiplied by the wavelength).

    Raises
    ------
    InputFileError
        If the file can't be read, does not start with nine finite numbers or its axes span no volume.
    """
    data = read_text(path)
    values, end = scan_numbers(data, limit=9)
    for place, value in enumerate(values):
        # NaN is not smaller either
        if not abs(value) <= LARGEST_NUMBER:
            fault = "is not a number" if math.isnan(value) else f"is too large to compute with: {value:g}"
            raise InputFileError(f"{path}: line {_line_of(data, place)}: {_name(place)} {fault}")
    if len(values) < 9:
        found = f"; line {line_number(data, end)} goes on with {quote_line(data, end)}" if end < len(data) else ""
        raise InputFileError(f"{path}: an orientation matrix needs nine numbers, {len(values)} can be read{found}")
    matrix = np.array(values).reshape(3, 3)
    if lie_in_a_plane(matrix):
        raise InputFileError(f"{path}: the three reciprocal axes, the columns of this matrix, lie in a plane")
    return matrix


def write_matrix(path: str | os.PathLike[str], matrix: np.ndarray) -> None:
    """Write an A matrix, with the digits that give every number back to the last bit.

    Parameters
    ----------
    path : path
        File to write. It ends behind the nine numbers, where nanoBragg stops reading; MOSFLM wants more.
    matrix : ndarray, shape (3, 3)
        Rows x, y, z; columns a*, b*, c*; dimensionless (multiplied by the wavelength), as `read_matrix` and
        ``Crystal.reciprocal_matrix`` have it.

    Raises
    ------
    UsageError
        If it is no matrix of 3 x 3 finite numbers, or its axes span no volume.
    OutputFileError
        If the file can't be written.
    """
    rows = np.asarray(matrix, dtype=np.float64)
    if rows.shape != (3, 3) or not np.isfinite(rows).all() or lie_in_a_plane(rows):
        raise UsageError(f"{path}: {{matrix}} must be 3 x 3 finite numbers whose columns don't lie in a plane")
    write_lines(path, (" ".join(f"{value!r}" for value in row) for row in rows.tolist()))


def _line_of(data: bytes, place: int) -> int:
    """Number of the line that holds a number, counted from 0."""
    _, begin = scan_numbers(data, limit=place)
    return line_number(data, begin)


def _name(place: int) -> str:
    """What the number at a place is."""
    return f"{_ROWS[place // 3]} of {_AXES[place % 3]}"


"""MOSFLM orientation matrices."""

from __future__ import annotations

import os

import numpy as np

from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.errors import InputFileError
from nbnumba.io.reading import line_number, quote_line, read_input, scan_numbers


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
        If the file can't be read or does not start with nine finite numbers.
    """
    data = read_input(path)
    values, end = scan_numbers(data, limit=9)
    matrix = np.array(values)
    # NaN is not smaller either
    if len(values) < 9 or not (np.abs(matrix) <= LARGEST_NUMBER).all():
        found = f"; line {line_number(data, end)} goes on with {quote_line(data, end)}" if end < len(data) else ""
        raise InputFileError(f"{path}: an orientation matrix needs nine numbers, {len(values)} can be read{found}")
    return matrix.reshape(3, 3)

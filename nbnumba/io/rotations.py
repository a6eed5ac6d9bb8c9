"""Lists of rotations, such as those of mosaic domains."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from nbnumba.config.orientation import check_rotations
from nbnumba.config.rules import UnfitError
from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.atomic import write_lines
from nbnumba.io.reading import read_columns, read_number

_NUMBERS = 9


def read_rotations(path: str | os.PathLike[str]) -> np.ndarray:
    """Read rotation matrices, one a line.

    Parameters
    ----------
    path : path
        Text of nine columns, a matrix row by row: active, in the lab. Lines that start with # are comments.

    Returns
    -------
    ndarray, shape (n, 3, 3), float64

    Raises
    ------
    InputFileError
        If the file can't be read, holds no matrix, or a line does not hold the nine numbers of a rotation.
    """
    # one more, to see whether there are any
    rows = [row for row in read_columns(path, _NUMBERS + 1) if not row[1][0].startswith("#")]
    if not rows:
        raise InputFileError(f"{path}: holds no rotations; lines of nine numbers are needed, a matrix row by row")
    matrices = np.array([_matrix(words, f"{path}: line {line}") for line, words in rows])
    try:
        check_rotations(matrices)
    except UnfitError:
        for matrix, (line, _) in zip(matrices, rows, strict=True):
            _check(matrix, f"{path}: line {line}")
    return matrices


def write_rotations(path: str | os.PathLike[str], rotations: np.ndarray) -> None:
    """Write rotation matrices, one a line, with the digits that give every number back to the last bit.

    Parameters
    ----------
    path : path
        File to write.
    rotations : ndarray, shape (n, 3, 3)
        Active, in the lab.

    Raises
    ------
    UsageError
        If there is none, or one is no rotation.
    OutputFileError
        If the file can't be written.
    """
    matrices = np.asarray(rotations, dtype=np.float64)
    if matrices.ndim != 3 or matrices.shape[1:] != (3, 3) or len(matrices) == 0:
        raise UsageError(f"{path}: {{rotations}} must be matrices of 3 x 3 numbers, not of shape {matrices.shape}")
    try:
        check_rotations(matrices)
    except UnfitError as error:
        raise UsageError(f"{path}: {{rotations}} {error}") from None
    write_lines(path, (" ".join(f"{value!r}" for value in row) for row in matrices.reshape(-1, _NUMBERS).tolist()))


def _matrix(words: Sequence[str], where: str) -> list[list[float]]:
    """The matrix of a line."""
    if len(words) != _NUMBERS:
        found = "more than nine" if len(words) > _NUMBERS else len(words)
        raise InputFileError(f"{where}: {found} numbers, not the nine of a matrix")
    numbers = [read_number(word, f"{where}, column {column}") for column, word in enumerate(words, 1)]
    return [numbers[0:3], numbers[3:6], numbers[6:9]]


def _check(matrix: np.ndarray, where: str) -> None:
    """Refuse a matrix that is no rotation, with its line."""
    try:
        check_rotations(matrix[None])
    except UnfitError as error:
        raise InputFileError(f"{where}: {error}") from error

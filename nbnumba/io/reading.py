"""What the readers of input files share: bytes, numbers and columns of text, with errors that name file and line."""

from __future__ import annotations

import os
import re
from pathlib import Path

from nbnumba.errors import InputFileError

NUMBER = re.compile(
    rb"\s*([-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf(?:inity)?|nan))", re.IGNORECASE
)
"""A number as C's strtod reads it (decimal), after any white space."""

_SEPARATORS = re.compile(r"[ \t,;:!]+")


def read_input(path: str | os.PathLike[str]) -> bytes:
    """All bytes of an input file.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    bytes

    Raises
    ------
    InputFileError
        If the file can't be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"{path}: can't be read: {error.strerror or error}") from error


def scan_numbers(data: bytes, limit: int | None = None) -> tuple[list[float], int]:
    """Numbers from the start of a text until something else comes, like repeated ``fscanf("%lg")``.

    Parameters
    ----------
    data : bytes
        Text; line breaks count as white space.
    limit : int or None
        Stop after this many numbers.

    Returns
    -------
    values : list of float
    offset : int
        Where scanning stopped: behind the white space that follows the last number.
    """
    values: list[float] = []
    offset = 0
    while limit is None or len(values) < limit:
        match = NUMBER.match(data, offset)
        if match is None:
            break
        values.append(float(match.group(1)))
        offset = match.end()
    return values, len(data) - len(data[offset:].lstrip())


def line_number(data: bytes, offset: int) -> int:
    """Number of the line, from 1, that holds a byte.

    Parameters
    ----------
    data : bytes
        Text.
    offset : int
        Position of the byte.

    Returns
    -------
    int
    """
    return data.count(b"\n", 0, offset) + 1


def quote_line(data: bytes, offset: int) -> str:
    """The beginning of the text at a position up to the end of its line, for messages.

    Parameters
    ----------
    data : bytes
        Text.
    offset : int
        Where to start.

    Returns
    -------
    str
        At most 40 characters, in quotes, or words for the end of the text.
    """
    if offset >= len(data):
        return "the end of the file"
    return repr(data[offset : offset + 40].split(b"\n")[0].decode("ascii", "replace").strip())


def read_columns(path: str | os.PathLike[str], columns: int) -> list[tuple[int, list[str]]]:
    """The words of every line that is not blank; words are separated by spaces, tabs and ``, ; : !``.

    Parameters
    ----------
    path : path
        Text file.
    columns : int
        Words kept per line; nanoBragg reads no further either.

    Returns
    -------
    list of (int, list of str)
        Line number from 1, and the words.

    Raises
    ------
    InputFileError
        If the file can't be read.
    """
    rows = []
    for number, line in enumerate(read_input(path).decode("latin-1").split("\n"), start=1):
        words = [word for word in _SEPARATORS.split(line.strip()) if word]
        if words:
            rows.append((number, words[:columns]))
    return rows

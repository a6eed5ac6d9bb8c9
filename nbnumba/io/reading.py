"""What the readers of input files share: bytes, numbers and columns of text, with errors that name file and line."""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path

from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.errors import InputFileError
from nbnumba.memory import machine_memory

NUMBER = re.compile(
    rb"\s*([-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf(?:inity)?|nan))", re.IGNORECASE
)
"""A number as C's strtod reads it (decimal), after any white space."""

_SEPARATORS = re.compile(r"[ \t,;:!]+")
_QUOTED_CHARACTERS = 40
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_input(path: str | os.PathLike[str]) -> bytes:
    """All bytes of an input file.

    Parameters
    ----------
    path : path
        File to read. Devices and pipes are refused: they need not end, and a file is read more than once.

    Returns
    -------
    bytes

    Raises
    ------
    InputFileError
        If the file can't be read, is no file on a disk or is larger than the machine's memory.
    """
    try:
        status = Path(path).stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise InputFileError(f"{path}: is a device, a pipe or a socket; write what it holds into a file first")
        if status.st_size > machine_memory():
            raise InputFileError(f"{path}: holds {status.st_size / 1e9:.3g} GB, more than this machine's memory")
        return Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"{path}: can't be read: {error.strerror or error}") from error
    except MemoryError:
        raise InputFileError(f"{path}: is too large for the memory that is free") from None


def read_text(path: str | os.PathLike[str]) -> bytes:
    """All bytes of a text file, whatever editor wrote it: without a byte-order mark, UTF-16 as UTF-8.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    bytes
        Lines may end in CR LF.

    Raises
    ------
    InputFileError
        If the file can't be read.
    """
    data = read_input(path)
    if data.startswith(_UTF_16_MARKS):
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(codecs.BOM_UTF8)


def scan_numbers(
    data: bytes, limit: int | None = None, number: re.Pattern[bytes] = NUMBER
) -> tuple[list[float], int]:
    """Numbers from the start of a text until something else comes, like repeated ``fscanf("%lg")``.

    Parameters
    ----------
    data : bytes
        Text; line breaks count as white space.
    limit : int or None
        Stop after this many numbers.
    number : pattern
        What a number is, with the white space before it; its first group is the number alone.

    Returns
    -------
    values : list of float
    offset : int
        Where scanning stopped: behind the white space that follows the last number.
    """
    values: list[float] = []
    offset = 0
    while limit is None or len(values) < limit:
        match = number.match(data, offset)
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


def quote(text: str | bytes, longest: int = _QUOTED_CHARACTERS) -> str:
    """Some text in quotes, for messages.

    Parameters
    ----------
    text : str or bytes
        Any length, any content.
    longest : int
        Characters of it that are shown.

    Returns
    -------
    str
        None of its characters is one that a terminal would obey; three dots stand for what is left out.
    """
    words = text if isinstance(text, str) else text.decode("utf-8", "replace")
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words[:longest])
    return f"'{shown}…'" if len(words) > longest else f"'{shown}'"


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
        As `quote` shows it, or words for the end of the text.
    """
    if offset >= len(data):
        return "the end of the file"
    # no character takes more than four bytes
    return quote(data[offset : offset + 8 * _QUOTED_CHARACTERS].split(b"\n")[0].strip())


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
    for number, line in enumerate(read_text(path).decode("utf-8", "replace").split("\n"), start=1):
        words = [word for word in _SEPARATORS.split(line.strip()) if word]
        if words:
            rows.append((number, words[:columns]))
    return rows


def read_number(word: str, where: str) -> float:
    """The number that a word of a table stands for.

    Parameters
    ----------
    word : str
        One of a row that `read_columns` gives.
    where : str
        File, line and column, for messages.

    Returns
    -------
    float
        May be NaN.

    Raises
    ------
    InputFileError
        If the word is not a number, or nothing can be computed with it.
    """
    if NUMBER.fullmatch(word.encode()) is None:
        raise InputFileError(f"{where}: {quote(word)} is not a number")
    value = float(word)
    if abs(value) > LARGEST_NUMBER:
        raise InputFileError(f"{where}: {quote(word)} is too large to compute with")
    return value

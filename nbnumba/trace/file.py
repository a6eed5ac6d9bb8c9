"""Reads the trace lines among a program's output."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nbnumba.errors import InputFileError
from nbnumba.io.reading import read_input

ALIASES = {"scattering_vec_A_inv": "scattering_vec_m_inv"}
"""Misnomers in the traces of other instrumented programs: that vector is in 1/m."""

_PREFIX = r"(?<!\w)TRACE_(?:C|PY):"
_TRACE_LINE = re.compile(_PREFIX + r"[ \t]*([^\s=,:]+)[ \t]*[=:]?(.*)")
_BARE_PREFIX = re.compile(r"\s*" + _PREFIX)
_TRACE = re.compile(_PREFIX.encode() + rb".*")
_UNIT = re.compile(r"\[(?!\s*(?:nan|inf))\s*(?:1/)?[A-Za-z][^\]\s]*\s*\]\s*$", re.IGNORECASE)
_SEPARATOR = re.compile(r"[,;:()\[\]]")


class TraceLine(NamedTuple):
    """One line of a trace: its number in the file (from 1), key and values as printed."""

    number: int
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Trace:
    """The trace lines of one file.

    Attributes
    ----------
    name : str
        What to call it in reports.
    lines : sequence of TraceLine
        In the order of the file.
    """

    name: str
    lines: Sequence[TraceLine]

    @property
    def keys(self) -> frozenset[str]:
        """Every key that occurs."""
        return frozenset(line.key for line in self.lines)


def extract_trace(output: bytes) -> bytes:
    """The trace lines among a program's output, without the text that precedes them on their lines.

    Parameters
    ----------
    output : bytes
        Everything that a program printed.

    Returns
    -------
    bytes
        Lines ending in a line feed; empty if there is no trace.
    """
    found = (_TRACE.search(line) for line in output.split(b"\n"))
    return b"".join(match[0].rstrip() + b"\n" for match in found if match is not None)


def parse_trace(text: str, name: str = "trace") -> Trace:
    """Read a trace.

    Trace lines are ``TRACE_C: key values`` or ``TRACE_PY:key=values``, values separated by spaces or commas, brackets
    and a unit in brackets left out. nanoBragg prints some messages without a line feed, so a trace line may begin
    behind other text. All other lines are program output and passed over.

    Parameters
    ----------
    text : str
        Contents of a log file.
    name : str
        What to call the trace in reports and errors.

    Returns
    -------
    Trace

    Raises
    ------
    InputFileError
        If there is no trace line, or one without a key.
    """
    lines = []
    for number, line in enumerate(text.split("\n"), start=1):
        if "TRACE_" not in line:
            continue
        match = _TRACE_LINE.search(line)
        if match is not None:
            key, values = match[1], match[2]
            if _SEPARATOR.search(values) is not None:
                values = _SEPARATOR.sub(" ", _UNIT.sub("", values))
            lines.append(TraceLine(number, ALIASES.get(key, key), tuple(values.split())))
        elif _BARE_PREFIX.match(line):
            raise InputFileError(f"{name}: line {number} is a trace line without a key")
    if not lines:
        raise InputFileError(f"{name}: holds no trace line (TRACE_C: or TRACE_PY:); was the trace switched on?")
    return Trace(name, lines)


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a trace from a file; see `parse_trace`.

    Parameters
    ----------
    path : path
        Log file; may hold any other output as well.

    Returns
    -------
    Trace

    Raises
    ------
    InputFileError
        If the file can't be read or is no trace.
    """
    return parse_trace(read_input(path).decode("utf-8-sig", "replace"), os.fspath(path))

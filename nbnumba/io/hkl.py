"""Structure-factor amplitudes as text: h k l F."""

from __future__ import annotations

import contextlib
import os
import re
import warnings

import numpy as np

from nbnumba.config import StructureFactors
from nbnumba.config.structure_factors import LARGEST_INDEX
from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.io.atomic import atomic_write
from nbnumba.io.decimals import read_decimals, scan_lines
from nbnumba.io.reading import NUMBER, line_number, quote_line, read_text, scan_numbers

_COLUMNS = 4
_PIECE_BYTES = 1 << 22
_LINES = 1 << 16
"""Written at once: Ctrl-C is heard in between."""

_WORD = re.compile(NUMBER.pattern + rb"(?=[\s+-]|\Z)", re.IGNORECASE)
"""A number that is not glued to what follows: fscanf would read 1.5.5 as two numbers."""


def read_hkl(path: str | os.PathLike[str], default_F: float = 0.0) -> StructureFactors:  # noqa: N803
    """Read reflections onto a dense grid of Miller indices.

    Reading stops at the first thing behind a reflection that is not a number, as in nanoBragg, but with a warning; of
    reflections that occur more than once the last counts.

    Parameters
    ----------
    path : path
        Text of records h k l F, separated by white space. F is in electrons. Each line holds whole records or a part of
        one; if the first line holds another number of numbers than four, a warning says how they are read.
    default_F : float
        Amplitude of reflections inside the index range that the file does not name, electrons.

    Returns
    -------
    StructureFactors
        From the smallest to the largest index along each axis.

    Raises
    ------
    InputFileError
        If the file can't be read, holds no reflection, a line breaks a record, an index is not an integer or an
        amplitude is not finite, or the grid would not fit into memory.
    """
    hkl, amplitudes = read_reflections(path)
    try:
        return StructureFactors.from_reflections(hkl, amplitudes, default_F)
    except UsageError as error:
        raise InputFileError(f"{path}: {error}") from None


def read_reflections(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Read reflections as a list, in the order of the file.

    Parameters
    ----------
    path : path
        As for `read_hkl`.

    Returns
    -------
    hkl : ndarray, shape (n, 3), int32
        Miller indices.
    amplitudes : ndarray, shape (n,), float64
        F, electrons.

    Raises
    ------
    InputFileError
        If the file can't be read, holds no reflection, an index is not an integer or an amplitude is not finite.
    """
    data = read_text(path)
    records = _read_records(data, path)
    _check_records(records, data, path)
    return records[:, :3].astype(np.int32), records[:, 3]


def write_hkl(path: str | os.PathLike[str], structure_factors: StructureFactors) -> None:
    """Write all points of a grid of amplitudes, so that `read_hkl` gives the same grid back to the last bit.

    Parameters
    ----------
    path : path
        File to write: text of h k l F, which nanoBragg reads.
    structure_factors : StructureFactors
        F, electrons; points that no reflection named are written as well.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    grid = structure_factors
    hkl = np.indices(grid.amplitudes.shape).reshape(3, -1).T + (grid.h_min, grid.k_min, grid.l_min)
    write_reflections(path, hkl, grid.amplitudes.ravel())


def write_reflections(path: str | os.PathLike[str], hkl: np.ndarray, amplitudes: np.ndarray) -> None:
    """Write reflections as a list, one a line, with the digits that give every amplitude back to the last bit.

    Parameters
    ----------
    path : path
        File to write.
    hkl : ndarray, shape (n, 3), int
        Miller indices.
    amplitudes : ndarray, shape (n,), float64
        F, electrons.

    Raises
    ------
    UsageError
        If they are no such arrays.
    OutputFileError
        If the file can't be written.
    """
    hkl, amplitudes = np.asarray(hkl), np.asarray(amplitudes)
    if hkl.ndim != 2 or hkl.shape[1] != 3 or hkl.dtype.kind not in "iu" or amplitudes.shape != hkl.shape[:1]:
        raise UsageError(
            f"{path}: {{hkl}} must be whole numbers of shape (n, 3) and {{amplitudes}} n numbers, not {hkl.dtype} of "
            f"{hkl.shape} and {amplitudes.shape}"
        )
    if amplitudes.dtype.kind not in "iuf" or not np.isfinite(amplitudes).all():
        raise UsageError(f"{path}: {{amplitudes}} must be real, finite numbers")
    with atomic_write(path) as stream:
        for start in range(0, len(hkl), _LINES):
            rows = zip(hkl[start : start + _LINES].tolist(), amplitudes[start : start + _LINES].tolist(), strict=True)
            stream.write("".join(f"{h[0]} {h[1]} {h[2]} {value!r}\n" for h, value in rows).encode())


def _read_records(data: bytes, path: str | os.PathLike[str]) -> np.ndarray:
    """The records as float64[n, 4]."""
    values, end, is_aligned = _read_values(data)
    if len(values) == 0:
        raise InputFileError(f"{path}: starts with no reflection, h k l F, but with {quote_line(data, _begin(data))}")
    _check_lines(data, end, is_aligned, path)
    records = values.reshape(-1, _COLUMNS)
    if end < len(data):
        warnings.warn(
            NbnumbaWarning(
                f"{path}: line {line_number(data, end)}: reading stops after {len(records)} reflections "
                f"at {quote_line(data, end)}"
            ),
            stacklevel=4,
        )
    return records


def _begin(data: bytes) -> int:
    """Where the first word of a text begins."""
    found = re.search(rb"\S", data)
    return found.start() if found else len(data)


def _check_lines(data: bytes, end: int, is_aligned: bool, path: str | os.PathLike[str]) -> None:
    """Refuse lines that break a record, up to where numbers end; if the first is unusual, say how all are read."""
    broken = -1 if is_aligned else scan_lines(data[:end], _COLUMNS)[1]
    offset = broken if broken >= 0 else _begin(data)
    stop = data.find(b"\n", offset, end)
    count, _ = scan_lines(data[offset : stop if stop >= 0 else end], _COLUMNS)
    where = f"{path}: line {line_number(data, offset)} holds {count} number{'' if count == 1 else 's'}"
    if broken >= 0:
        remedy = "leave other columns out" if count > _COLUMNS else "some are missing"
        raise InputFileError(f"{where}, {quote_line(data, offset)}; a reflection is four, h k l F: {remedy}")
    if count != _COLUMNS:
        warnings.warn(NbnumbaWarning(f"{where}: lines are read on, four numbers a reflection, h k l F"), stacklevel=4)


def _read_values(data: bytes) -> tuple[np.ndarray, int, bool]:
    """All leading numbers, the offset behind them, and whether each line surely ends with a whole record."""
    values, end, is_aligned = read_decimals(data, _COLUMNS)
    if end == len(data):
        return values, end, is_aligned
    # numbers of more digits than usual, or something that is no number: the slower way tells
    more, length = _read_any_values(data[end:])
    return np.concatenate([values, more]), end + length, is_aligned and length == 0


def _read_any_values(data: bytes) -> tuple[np.ndarray, int]:
    """The same with the C library's reading of numbers."""
    pieces: list[np.ndarray] = [np.empty(0)]
    start = 0
    while start < len(data):
        stop = _piece_end(data, start)
        piece = data[start:stop]
        values, end = _read_piece(piece)
        pieces.append(values)
        if end < len(piece):
            return np.concatenate(pieces), start + end
        start = stop
    return np.concatenate(pieces), start


def _read_piece(piece: bytes) -> tuple[np.ndarray, int]:
    """The numbers of a piece of text, and the offset behind them."""
    if not piece.strip():
        return np.empty(0), len(piece)
    with contextlib.suppress(DeprecationWarning, ValueError), warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        return np.fromstring(piece, dtype=np.float64, sep=" "), len(piece)
    # something is no number, or numbers are parted by their signs alone
    found, end = scan_numbers(piece, number=_WORD)
    return np.array(found), end


def _piece_end(data: bytes, start: int) -> int:
    """Where a piece of text of some megabytes ends, behind white space: no number is cut, and Ctrl-C is soon heard."""
    if len(data) - start <= _PIECE_BYTES:
        return len(data)
    space = re.compile(rb"\s").search(data, start + _PIECE_BYTES)
    return space.end() if space else len(data)


def _check_records(records: np.ndarray, data: bytes, path: str | os.PathLike[str]) -> None:
    """Refuse indices that are not integers and amplitudes that are not finite."""
    # one axis after the other, which NumPy does faster
    indices = np.ascontiguousarray(records[:, :3].T)
    # NaN fails both comparisons
    good = ((indices == np.rint(indices)) & (np.abs(indices) < LARGEST_INDEX)).all(axis=0)
    _refuse(~good, "Miller indices must be integers", data, path)
    _refuse(~np.isfinite(records[:, 3]), "the amplitude must be a finite number", data, path)


def _refuse(bad: np.ndarray, reason: str, data: bytes, path: str | os.PathLike[str]) -> None:
    """Raise an error that shows the first bad record."""
    if bad.any():
        start = _record_offset(data, int(np.argmax(bad)))
        raise InputFileError(f"{path}: line {line_number(data, start)}: {reason}, not {quote_line(data, start)}")


def _record_offset(data: bytes, record: int) -> int:
    """Position of the first byte of a record."""
    offset = 0
    for _ in range(record * _COLUMNS):
        match = NUMBER.match(data, offset)
        assert match is not None
        offset = match.end()
    space = re.compile(rb"\s*").match(data, offset)
    assert space is not None
    return space.end()


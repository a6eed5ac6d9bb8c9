"""SMV (ADSC) images: a text header of KEY=value; lines, then pixels, unsigned 16-bit ones as a rule."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.atomic import atomic_write, write_array
from nbnumba.io.pixels import real_image
from nbnumba.io.reading import NUMBER, quote, read_input
from nbnumba.io.smv_headers import BLOCK, layout, padded_header

_MAGIC = re.compile(rb"\{\s*HEADER_BYTES")
_LARGEST_SIZE = 2**31

WRITTEN_TYPES = {"uint16": "unsigned_short", "int32": "long_integer"}
"""Pixels -> TYPE of the header."""

_OF_THE_FILE = ("HEADER_BYTES", "DIM", "BYTE_ORDER", "TYPE", "Data_type", "SIZE1", "SIZE2")
"""Keys that belong to a file rather than to its experiment."""

_READ_TYPES = {
    "unsigned_char": "u1", "signed_char": "i1", "unsigned_short": "u2", "signed_short": "i2", "short": "i2",
    "unsigned_long": "u4", "signed_long": "i4", "long": "i4", "float": "f4", "float_ieee": "f4",
}  # fmt: skip
"""What TYPE, or d*TREK's Data_type, says without a final int or integer -> NumPy's letters."""


@dataclass(frozen=True)
class SmvHeader:
    """The header of an SMV image.

    Attributes
    ----------
    data : bytes
        The whole header.
    text : str
        The same, up to the first zero byte.
    size : int
        Position of the first pixel in the file, bytes.
    width, height : int
        Pixels along the fast and slow axis.
    """

    data: bytes
    text: str
    size: int
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """Slow, fast."""
        return self.height, self.width

    def value(self, keyword: str) -> float | None:
        """The number behind the last occurrence of a keyword, which may be part of a longer one.

        So DISTANCE also finds CLOSE_DISTANCE and ORGX finds XDS_ORGX; nanoBragg reads headers like this.

        Parameters
        ----------
        keyword : str
            Key, as in ``PIXEL_SIZE``.

        Returns
        -------
        float or None
            In the header's own unit; None if the keyword does not occur, 0 if no number follows it.
        """
        return _value(self.text, keyword)

    @property
    def is_simulated(self) -> bool:
        """Whether nanoBragg, one of its relatives or nbnumba wrote it."""
        return _stated(self.text, "BEAMLINE") == "fake"

    def entries(self) -> dict[str, str]:
        """All keys and their values as text, in their order; the last occurrence of a key counts."""
        lines = (line.partition("=") for line in re.split("[;\n]", self.text.lstrip("{")) if "=" in line)
        return {key.strip(): value.strip() for key, _, value in lines}


@dataclass(frozen=True)
class SmvImage:
    """An SMV image.

    Attributes
    ----------
    header : SmvHeader
        Its header.
    data : ndarray, shape (slow, fast)
        Pixels, of the type that the header states, in this machine's byte order.
    """

    header: SmvHeader
    data: np.ndarray


def _value(text: str, keyword: str) -> float | None:
    """The number behind the last occurrence of a keyword."""
    found = text.rfind(keyword)
    if found < 0:
        return None
    _, _, rest = text[found + len(keyword) :].partition("=")
    match = NUMBER.match(rest.encode("latin-1"))
    return float(match.group(1)) if match else 0.0


def read_smv_header(path: str | os.PathLike[str]) -> SmvHeader:
    """Read the header only; the file need not hold pixels.

    Parameters
    ----------
    path : path
        SMV image.

    Returns
    -------
    SmvHeader

    Raises
    ------
    InputFileError
        If the file can't be read, is no SMV image or its header does not state a size.
    """
    data = read_input(path)
    return _parse_header(data[_mark_bytes(data) :], path)


def read_smv(path: str | os.PathLike[str]) -> SmvImage:
    """Read header and pixels.

    Pixels start where HEADER_BYTES says and are what TYPE says, unsigned 16-bit integers where it says nothing. Bytes
    are swapped when BYTE_ORDER is not this machine's; nanoBragg notices that and does not swap, and looks at no TYPE.

    Parameters
    ----------
    path : path
        SMV image.

    Returns
    -------
    SmvImage

    Raises
    ------
    InputFileError
        If the file can't be read, is no SMV image, has pixels of another type or ends before its last pixel.
    """
    data = read_input(path)
    mark = _mark_bytes(data)
    header = _parse_header(data[mark:], path)
    stored = np.dtype(_pixel_type(header.text, path)).newbyteorder(_byte_order(header.text, path))
    count = header.width * header.height
    needed = count * stored.itemsize
    # a mark that an editor put in front has moved the pixels; one that was written with the header has not
    start = header.size + mark if len(data) >= header.size + mark + needed else header.size
    if len(data) < start + needed:
        raise InputFileError(
            f"{path}: is cut off: {header.width} x {header.height} pixels need {needed} bytes behind the header, "
            f"{len(data) - start} are there"
        )
    pixels = np.frombuffer(data, stored, count, start).reshape(header.height, header.width)
    return SmvImage(header, pixels.astype(stored.newbyteorder("=")))


def _mark_bytes(data: bytes) -> int:
    """Bytes of the byte-order mark in front of a header."""
    return len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0


def _parse_header(data: bytes, path: str | os.PathLike[str]) -> SmvHeader:
    """The header at the start of a file's bytes."""
    if _MAGIC.match(data) is None:
        raise InputFileError(f"{path}: is no SMV image: it does not start with a line {{ and HEADER_BYTES")
    size = _whole(_value(_text(data[:BLOCK]), "HEADER_BYTES"))
    if not BLOCK <= size <= len(data):
        raise InputFileError(f"{path}: the header is cut off or says a wrong HEADER_BYTES={size}")
    text = _text(data[:size])
    width, height = _whole(_value(text, "SIZE1")), _whole(_value(text, "SIZE2"))
    if width == 0:
        width = height = _whole(_value(text, "DETECTOR_DIMENSIONS"))
    if width <= 0 or height <= 0:
        raise InputFileError(f"{path}: the header states no size: SIZE1 and SIZE2 must be positive")
    return SmvHeader(data[:size], text, size, width, height)


def _text(data: bytes) -> str:
    """Header text up to the first zero byte."""
    return data.split(b"\0")[0].decode("latin-1")


def _whole(value: float | None) -> int:
    """An integer, 0 for what is no number of bytes or pixels."""
    return int(value) if value is not None and abs(value) < _LARGEST_SIZE else 0


def _stated(text: str, keyword: str) -> str:
    """The word behind the last line of a header that has this very keyword; empty if there is none."""
    found = re.findall(rf"(?:^|[;{{])\s*{keyword}\s*=([^;\r\n]*)", text, re.MULTILINE)
    return found[-1].strip() if found else ""


def _pixel_type(text: str, path: str | os.PathLike[str]) -> str:
    """NumPy's letters for the pixels that a header states."""
    stated = _stated(text, "Data_type") or _stated(text, "TYPE") or "unsigned_short"
    name = re.sub(r"_int(eger)?$", "", "_".join(stated.lower().split()))
    if name not in _READ_TYPES:
        raise InputFileError(
            f"{path}: the header states pixels of type {quote(stated)}; what can be read is {', '.join(_READ_TYPES)}"
        )
    return _READ_TYPES[name]


def _byte_order(text: str, path: str | os.PathLike[str]) -> Literal["<", ">", "="]:
    """NumPy's sign of the byte order that a header states."""
    stated = _stated(text, "BYTE_ORDER")
    if not stated:
        return "="
    if stated.lower().startswith("little"):
        return "<"
    if stated.lower().startswith("big"):
        return ">"
    raise InputFileError(f"{path}: the header states BYTE_ORDER={quote(stated)}; give little_endian or big_endian")


def write_smv(
    path: str | os.PathLike[str],
    image: np.ndarray,
    header: SmvHeader | None = None,
    entries: Mapping[str, str | float] | None = None,
) -> None:
    """Write an image of one panel with any header.

    Parameters
    ----------
    path : path
        File to write.
    image : ndarray, shape (slow, fast), uint16 or int32
        Pixels, any layout.
    header : SmvHeader or None
        Of another image, whose keys and values are taken but for those of the file itself (TYPE, SIZE1, ...).
    entries : mapping of str to str or float, or None
        Keys and values in place of those of `header`, or besides: PIXEL_SIZE and DISTANCE in mm, WAVELENGTH in Å, ...

    Raises
    ------
    UsageError
        If the image has other axes or pixels, or a key or value would end its line.
    OutputFileError
        If the file can't be written.

    See Also
    --------
    nbnumba.io.write_image : derives the header from the experiment.
    """
    image = real_image(path, image)
    if image.dtype.name not in WRITTEN_TYPES:
        raise UsageError(f"{path}: SMV images hold {', '.join(WRITTEN_TYPES)}, not {image.dtype}; convert the pixels")
    taken = {} if header is None else header.entries()
    values: dict[str, str | float] = {key: value for key, value in taken.items() if key not in _OF_THE_FILE}
    for key, value in (entries or {}).items():
        _check_entry(path, key, value)
    values |= entries or {}
    lines = layout(image.shape, WRITTEN_TYPES[image.dtype.name])
    if image.dtype == np.int32:
        # d*TREK's word: without it fabio takes any pixels for 16-bit ones
        lines.append(("Data_type", "long int"))
    lines += values.items()
    write_smv_rows(path, padded_header(lines), [np.ascontiguousarray(image)])


def _check_entry(path: str | os.PathLike[str], key: str, value: str | float) -> None:
    """Refuse what readers would take for the next line, or what belongs to the file."""
    if key in _OF_THE_FILE:
        raise UsageError(f"{path}: {{entries}}: {key} follows from the image; leave it out")
    if re.search(r"[=;\n\f\0{}]", key) or re.search(r"[;\n\f\0{}]", str(value)):
        raise UsageError(f"{path}: {{entries}}: {quote(f'{key}={value}')} is no line of a header")


def write_smv_rows(path: str | os.PathLike[str], header: bytes, pixels: Iterable[np.ndarray]) -> None:
    """Write an SMV image that comes in pieces.

    Parameters
    ----------
    path : path
        File to write.
    header : bytes
        From `nbnumba.io.smv_headers` or another image.
    pixels : iterable of ndarray, shape (any, fast), uint16 or uint32
        Consecutive rows, in one piece or many.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    with atomic_write(path) as stream:
        stream.write(header)
        for rows in pixels:
            write_array(stream, rows)

"""SMV (ADSC) images: a text header of KEY=value; lines, then unsigned pixels, of 16 bits as a rule."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.errors import InputFileError
from nbnumba.io.atomic import atomic_write, write_array
from nbnumba.io.reading import NUMBER, read_input

if TYPE_CHECKING:
    from nbnumba.background.setup import AmorphousModel
    from nbnumba.readout.options import DetectorHeader
    from nbnumba.setup.model import Model

_HEADER_BYTES = 512
_MAGIC = b"{\nHEADER_BYTES"
_DEGREES_PER_RADIAN = 180.0 / math.pi
_SOURCE = (("DETECTOR_SN", "000"), ("BEAMLINE", "fake"))

Entry = tuple[str, "str | float"]
"""Key and value of a header."""


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


@dataclass(frozen=True)
class SmvImage:
    """An SMV image.

    Attributes
    ----------
    header : SmvHeader
        Its header.
    data : ndarray, shape (slow, fast), uint16
        Pixels.
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
    return _parse_header(read_input(path), path)


def read_smv(path: str | os.PathLike[str]) -> SmvImage:
    """Read header and pixels.

    Pixels start where HEADER_BYTES says. Bytes are swapped when BYTE_ORDER is not this machine's; nanoBragg notices
    that and does not swap.

    Parameters
    ----------
    path : path
        SMV image of unsigned 16-bit pixels.

    Returns
    -------
    SmvImage

    Raises
    ------
    InputFileError
        If the file can't be read, is no SMV image or ends before its last pixel.
    """
    data = read_input(path)
    header = _parse_header(data, path)
    pixels = header.width * header.height
    if len(data) < header.size + 2 * pixels:
        raise InputFileError(
            f"{path}: is cut off: {header.width} x {header.height} pixels need {2 * pixels} bytes behind the header, "
            f"{len(data) - header.size} are there"
        )
    stored = np.frombuffer(data, dtype=f"{_byte_order(header.text)}u2", count=pixels, offset=header.size)
    return SmvImage(header, stored.astype(np.uint16).reshape(header.height, header.width))


def _parse_header(data: bytes, path: str | os.PathLike[str]) -> SmvHeader:
    """The header at the start of a file's bytes."""
    if not data.startswith(_MAGIC):
        raise InputFileError(f"{path}: is no SMV image: it does not start with a line {{ and HEADER_BYTES")
    size = _whole(_value(_text(data[:_HEADER_BYTES]), "HEADER_BYTES"))
    if not _HEADER_BYTES <= size <= len(data):
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
    """An integer, 0 for what is no number."""
    return int(value) if value is not None and math.isfinite(value) else 0


def _byte_order(text: str) -> str:
    """NumPy's sign of the byte order that a header states."""
    stated = text.rpartition("BYTE_ORDER=")[2].split(";")[0].strip()
    return {"big_endian": ">", "little_endian": "<"}.get(stated, "=")


def smv_header(model: Model) -> bytes:
    """The header that nanoBragg writes, padded to 512 bytes.

    A header that needs more is written in full while HEADER_BYTES still says 512 (quirk `long-header`).

    Parameters
    ----------
    model : Model
        The simulation.

    Returns
    -------
    bytes
    """
    geometry = model.geometry
    pixel, f_beam, s_beam = geometry.pixel_size, geometry.f_beam, geometry.s_beam
    shape = (geometry.pixels_slow, geometry.pixels_fast)
    return _header([
        *_layout(shape, "unsigned_short"),
        ("PIXEL_SIZE", pixel * 1000.0),
        ("DISTANCE", geometry.distance * 1000.0),
        ("WAVELENGTH", model.wavelength * 1e10),
        ("BEAM_CENTER_X", geometry.x_beam * 1000.0),
        ("BEAM_CENTER_Y", geometry.y_beam * 1000.0),
        ("ADXV_CENTER_X", f_beam * 1000.0),
        ("ADXV_CENTER_Y", (geometry.size_slow - s_beam) * 1000.0),
        ("MOSFLM_CENTER_X", (s_beam - 0.5 * pixel) * 1000.0),
        ("MOSFLM_CENTER_Y", (f_beam - 0.5 * pixel) * 1000.0),
        ("DENZO_X_BEAM", s_beam * 1000.0),
        ("DENZO_Y_BEAM", f_beam * 1000.0),
        ("DIALS_ORIGIN", ",".join(f"{value:g}" for value in geometry.dials_origin)),
        ("XDS_ORGX", geometry.org_x),
        ("XDS_ORGY", geometry.org_y),
        ("CLOSE_DISTANCE", geometry.close_distance * 1000.0),
        ("PHI", model.phi_start * _DEGREES_PER_RADIAN),
        ("OSC_START", model.phi_start * _DEGREES_PER_RADIAN),
        ("OSC_RANGE", model.phi.range * _DEGREES_PER_RADIAN),
        ("TWOTHETA", geometry.twotheta * _DEGREES_PER_RADIAN),
        *_SOURCE,
    ])  # fmt: skip


def noisify_header(header: DetectorHeader, shape: tuple[int, int], bits: int) -> bytes:
    """The header that noisify writes, padded to 512 bytes.

    Parameters
    ----------
    header : DetectorHeader
        What it says of the experiment.
    shape : tuple of 2 int
        Slow, fast.
    bits : int
        Of a pixel: 16 or 32.

    Returns
    -------
    bytes
    """
    # metres, as noisify computes
    pixel = header.pixel_size / 1000.0
    height, width = (pixel * count for count in shape)
    x_beam = width / 2.0 if header.x_beam is None else header.x_beam / 1000.0
    y_beam = height / 2.0 if header.y_beam is None else header.y_beam / 1000.0
    return _header([
        *_layout(shape, "unsigned_short" if bits == 16 else "long_integer"),
        ("PIXEL_SIZE", pixel * 1000.0),
        ("DISTANCE", header.distance / 1000.0 * 1000.0),
        ("WAVELENGTH", header.wavelength),
        ("BEAM_CENTER_X", x_beam * 1000.0),
        ("BEAM_CENTER_Y", (height - y_beam) * 1000.0),
        ("PHI", header.phi),
        ("OSC_START", header.phi),
        ("OSC_RANGE", header.oscillation),
        *_SOURCE,
    ])  # fmt: skip


def nonbragg_header(model: AmorphousModel) -> bytes:
    """The header that nonBragg writes: other keys than nanoBragg's, and ORGX without the half pixel (quirk `orgx`).

    Parameters
    ----------
    model : AmorphousModel
        SI units.

    Returns
    -------
    bytes
    """
    g, phi = model.geometry, model.phi_start * _DEGREES_PER_RADIAN
    return _header([
        *_layout((g.pixels_slow, g.pixels_fast), "unsigned_short"),
        ("PIXEL_SIZE", g.pixel_size * 1000.0),
        ("DISTANCE", g.distance * 1000.0),
        ("WAVELENGTH", model.wavelength * 1e10),
        ("BEAM_CENTER_X", g.f_beam * 1000.0),
        ("BEAM_CENTER_Y", (g.size_slow - g.s_beam) * 1000.0),
        ("ORGX", g.f_close / g.pixel_size),
        ("ORGY", g.s_close / g.pixel_size),
        ("CLOSE_DISTANCE", g.close_distance * 1000.0),
        ("PHI", phi),
        ("OSC_START", phi),
        ("OSC_RANGE", model.oscillation * _DEGREES_PER_RADIAN),
        ("TWOTHETA", g.twotheta * _DEGREES_PER_RADIAN),
        *_SOURCE,
    ])  # fmt: skip


def _layout(shape: tuple[int, int], kind: str) -> list[Entry]:
    """What the header says of the file: size and kind of the pixels."""
    slow, fast = shape
    return [
        ("HEADER_BYTES", str(_HEADER_BYTES)),
        ("DIM", "2"),
        ("BYTE_ORDER", f"{sys.byteorder}_endian"),
        ("TYPE", kind),
        ("SIZE1", str(fast)),
        ("SIZE2", str(slow)),
    ]


def _header(entries: Iterable[Entry]) -> bytes:
    """A header from its entries."""
    lines = "".join(f"{key}={_printed(value)}{_line_end(key)}" for key, value in entries)
    return f"{{\n{lines}}}\f".encode().ljust(_HEADER_BYTES)


def _printed(value: str | float) -> str:
    """A header value as C prints it."""
    return value if isinstance(value, str) else f"{value:g}"


def _line_end(key: str) -> str:
    """nanoBragg forgets one semicolon."""
    return "\n" if key == "DIALS_ORIGIN" else ";\n"


def write_smv(path: str | os.PathLike[str], header: bytes, pixels: Iterable[np.ndarray]) -> None:
    """Write an SMV image.

    Parameters
    ----------
    path : path
        File to write.
    header : bytes
        From `smv_header`, `noisify_header` or another image.
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

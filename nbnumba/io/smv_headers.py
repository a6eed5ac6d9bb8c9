"""Headers of SMV images: nanoBragg's, noisify's and nonBragg's to the byte, and any other list of keys and values."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nbnumba.setup.units import DEGREES_PER_RADIAN

if TYPE_CHECKING:
    from nbnumba.background.setup import AmorphousModel
    from nbnumba.readout.options import DetectorHeader
    from nbnumba.setup.model import Model

BLOCK = 512
"""Headers are as long as a multiple of so many bytes."""

_SOURCE = (("DETECTOR_SN", "000"), ("BEAMLINE", "fake"))

Entry = tuple[str, "str | float"]
"""Key and value of a header."""


def smv_header(model: Model) -> bytes:
    """The header that nanoBragg writes, padded to 512 bytes; other physics than nanoBragg's adds a line that says so.

    What needs more has the next multiple of 512 bytes. In nanoBragg's physics HEADER_BYTES still says 512 then, and
    the pixels follow at once (quirk `long-header`).

    Parameters
    ----------
    model : Model
        The simulation.

    Returns
    -------
    bytes
    """
    physics = model.experiment.physics
    lines = _header_lines(model)
    is_long = len(_header_text(lines, BLOCK)) > BLOCK
    if not physics.is_nanobraggs:
        lines.append(("PHYSICS", str(physics)))
    if is_long and "long-header" not in physics.fixes:
        return _header_text(lines, BLOCK)
    return padded_header(lines)


def states_its_size(header: bytes) -> bool:
    """Whether the pixels start where HEADER_BYTES says (quirk `long-header`).

    Parameters
    ----------
    header : bytes
        From `smv_header`.
    """
    return len(header) % BLOCK == 0


def padded_header(entries: Sequence[Entry], least: int = BLOCK) -> bytes:
    """A header of the length that its HEADER_BYTES says: the smallest multiple of 512 bytes that holds it.

    Parameters
    ----------
    entries : sequence of (str, str or float)
        Keys and values behind HEADER_BYTES, in this order; numbers are printed with six digits, as C's %g does.
    least : int
        Bytes, at least.

    Returns
    -------
    bytes
    """
    size = least
    while len(text := _header_text(entries, size)) > size:
        size += BLOCK
    return text.ljust(size)


def _header_text(lines: Iterable[Entry], size: int) -> bytes:
    """The header of so many bytes, not yet padded."""
    text = "".join(f"{key}={_printed(value)};\n" for key, value in (("HEADER_BYTES", str(size)), *lines))
    return f"{{\n{text}}}\f".encode("latin-1")


def _header_lines(model: Model) -> list[Entry]:
    """Key and value of nanoBragg's lines behind the first."""
    geometry = model.geometry
    pixel, f_beam, s_beam = geometry.pixel_size, geometry.f_beam, geometry.s_beam
    return [
        *layout((geometry.pixels_slow, geometry.pixels_fast), "unsigned_short"),
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
        # nanoBragg forgets a semicolon
        ("DIALS_ORIGIN", f"{','.join(f'{value:g}' for value in geometry.dials_origin)}\nXDS_ORGX={geometry.org_x:g}"),
        ("XDS_ORGY", geometry.org_y),
        ("CLOSE_DISTANCE", geometry.close_distance * 1000.0),
        ("PHI", model.phi_start * DEGREES_PER_RADIAN),
        ("OSC_START", model.phi_start * DEGREES_PER_RADIAN),
        ("OSC_RANGE", model.phi.range * DEGREES_PER_RADIAN),
        ("TWOTHETA", geometry.twotheta * DEGREES_PER_RADIAN),
        *_SOURCE,
    ]  # fmt: skip


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
    lines = [
        *layout(shape, "unsigned_short" if bits == 16 else "long_integer"),
        ("PIXEL_SIZE", pixel * 1000.0),
        ("DISTANCE", header.distance / 1000.0 * 1000.0),
        ("WAVELENGTH", header.wavelength),
        ("BEAM_CENTER_X", x_beam * 1000.0),
        ("BEAM_CENTER_Y", (height - y_beam) * 1000.0),
        ("PHI", header.phi),
        ("OSC_START", header.phi),
        ("OSC_RANGE", header.oscillation),
        *_SOURCE,
    ]
    return padded_header(lines)


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
    g, phi = model.geometry, model.phi_start * DEGREES_PER_RADIAN
    lines: list[Entry] = [
        *layout((g.pixels_slow, g.pixels_fast), "unsigned_short"),
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
        ("OSC_RANGE", model.oscillation * DEGREES_PER_RADIAN),
        ("TWOTHETA", g.twotheta * DEGREES_PER_RADIAN),
        *_SOURCE,
    ]
    return padded_header(lines)


def layout(shape: tuple[int, ...], kind: str) -> list[Entry]:
    """What a header says of its file besides its own size.

    Parameters
    ----------
    shape : tuple of 2 int
        Slow, fast.
    kind : str
        TYPE of the pixels.

    Returns
    -------
    list of (str, str)
        Keys and values.
    """
    slow, fast = shape
    return [
        ("DIM", "2"),
        ("BYTE_ORDER", f"{sys.byteorder}_endian"),
        ("TYPE", kind),
        ("SIZE1", str(fast)),
        ("SIZE2", str(slow)),
    ]


def _printed(value: str | float) -> str:
    """A header value as C prints it."""
    return value if isinstance(value, str) else f"{value:g}"

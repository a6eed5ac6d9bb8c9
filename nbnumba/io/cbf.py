"""miniCBF images, as detectors of DECTRIS write them: a header of comments, then pixels compressed by byte offset."""

from __future__ import annotations

import base64
import datetime
import hashlib
import math
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.config.detectors import DETECTORS
from nbnumba.config.panel import LARGEST_COUNT, Panel
from nbnumba.errors import InputFileError, NbnumbaWarning
from nbnumba.io.atomic import atomic_write
from nbnumba.io.byte_offset import compress, decompress
from nbnumba.io.flat import FlatView, flat_panel, flat_view, sweep
from nbnumba.io.names import numbered_names, warn_without_number
from nbnumba.io.nxmx_metadata import THINNEST_SENSOR
from nbnumba.io.pixels import mark_masked, split_frames, whole_counts
from nbnumba.io.reading import read_input
from nbnumba.io.scene import ImageFile, Scene

_START_OF_PIXELS = b"\x0c\x1a\x04\xd5"
_PADDING = 4095
_COUNTS = (-(2**30), 2**30 - 1)
"""Neighbours differ by less than 2³¹, the widest difference that dxtbx and fabio read."""

_BOUNDARY = "--CIF-BINARY-FORMAT-SECTION--"
_SENSOR_WORDS = {"Si": "Silicon", "CdTe": "CdTe", "GaAs": "GaAs"}
_NUMBER = r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)"


def write_cbf(
    path: str | os.PathLike[str], images: np.ndarray | Sequence[np.ndarray], scene: Scene
) -> None:
    """Write each frame as a miniCBF file.

    Parameters
    ----------
    path : path
        File to write; of several frames the number takes the place of ##### in it.
    images : ndarray, shape (slow, fast) or (frames, slow, fast), or sequence of ndarray
        Pixels become int32, -1 where masked.
    scene : Scene
        One panel square to the beam.

    Raises
    ------
    UsageError
        If the format can't describe the scene: tilted, or of several panels.
    OutputFileError
        If a file can't be written; those before it stand.

    Warns
    -----
    NbnumbaWarning
        If fractions are lost, values clipped, or readers will take something otherwise than it is.
    """
    view = flat_view(path, scene)
    _warn_of_units(path, view.panel)
    frames = split_frames(images, scene.panels)
    names = numbered_names(path, len(frames))
    for i, (name, (image,)) in enumerate(zip(names, frames, strict=True)):
        warn_without_number(name)
        pixels = mark_masked(whole_counts(image, np.int32, name, _COUNTS), view.panel)
        data = _cbf_bytes(Path(name).stem, cbf_header(view, scene, view.start + i * view.width), pixels)
        with atomic_write(name) as stream:
            stream.write(data)


def _warn_of_units(path: str | os.PathLike[str], panel: Panel) -> None:
    """The format has no place for gain and pedestal."""
    if (panel.gain, panel.pedestal) != (1.0, 0.0):
        message = f"{path}: can't say that a photon is {panel.gain:g} and none is {panel.pedestal:g}; NXmx (.nxs) can"
        warnings.warn(NbnumbaWarning(message), stacklevel=3)


def check_cbf(path: str | os.PathLike[str], scene: Scene) -> None:
    """Raise what `write_cbf` would for such a scene.

    Parameters
    ----------
    path, scene
        As in `write_cbf`.

    Raises
    ------
    UsageError
        As in `write_cbf`.
    """
    flat_view(path, scene)


def _cbf_bytes(name: str, header: str, pixels: np.ndarray) -> bytes:
    """The whole file."""
    packed = compress(pixels).tobytes()
    slow, fast = pixels.shape
    block = re.sub(r"[^\w.-]", "_", name)
    text = "\r\n".join((
        "###CBF: VERSION 1.5, nbnumba", "", f"data_{block}", "", header, "", "_array_data.data", ";", _BOUNDARY,
        "Content-Type: application/octet-stream;", '     conversions="x-CBF_BYTE_OFFSET"',
        "Content-Transfer-Encoding: BINARY", f"X-Binary-Size: {len(packed)}", "X-Binary-ID: 1",
        'X-Binary-Element-Type: "signed 32-bit integer"', "X-Binary-Element-Byte-Order: LITTLE_ENDIAN",
        f"Content-MD5: {base64.b64encode(hashlib.md5(packed, usedforsecurity=False).digest()).decode()}",
        f"X-Binary-Number-of-Elements: {pixels.size}", f"X-Binary-Size-Fastest-Dimension: {fast}",
        f"X-Binary-Size-Second-Dimension: {slow}", f"X-Binary-Size-Padding: {_PADDING}", "", "",
    ))  # fmt: skip
    return text.encode("ascii") + _START_OF_PIXELS + packed + bytes(_PADDING) + f"\r\n{_BOUNDARY}--\r\n;\r\n".encode()


def cbf_header(view: FlatView, scene: Scene, start: float) -> str:
    """The comment lines that describe an image.

    Parameters
    ----------
    view : FlatView
        The detector.
    scene : Scene
        Beam and exposure.
    start : float
        Spindle angle at the beginning of this image, degrees.

    Returns
    -------
    str
        Lines, with the words of CBF around them.
    """
    panel = view.panel
    convention, detector = _convention(panel)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000")
    fast, slow = panel.pixel_size
    lines = [
        f"Detector: {detector}, S/N 00-0000", now, f"Pixel_size {fast * 1e3:.12g}e-6 m x {slow * 1e3:.12g}e-6 m",
        *_sensor(panel, detector), f"Exposure_time {scene.exposure:.7f} s", f"Exposure_period {scene.exposure:.7f} s",
        "Tau = 0 s", f"Count_cutoff {int(panel.trusted_range[1])} counts",
        f"Threshold_setting: {HC_EV_ANGSTROM / scene.wavelength / 2.0:.0f} eV", "Gain_setting: autog (vrf = 1.000)",
        "N_excluded_pixels = 0", "Excluded_pixels: (nil)", "Flat_field: (nil)", "Trim_file: (nil)", "Image_path: (nil)",
        f"Wavelength {scene.wavelength:.12g} A", f"Detector_distance {view.distance / 1e3:.12f} m",
        f"Beam_xy ({view.beam_centre[0]:.9f}, {view.beam_centre[1]:.9f}) pixels", f"Flux {scene.flux:.9g}",
        *_polarization(scene), f"Start_angle {start:.9f} deg.", f"Angle_increment {view.width:.9f} deg.",
        "Detector_2theta 0.0000 deg.",
    ]  # fmt: skip
    comments = "\r\n".join(f"# {line}" for line in lines)
    return (
        f'_array_data.header_convention "{convention}"\r\n_array_data.header_contents\r\n;\r\n{comments}\r\n;'
    )


def _convention(panel: Panel) -> tuple[str, str]:
    """Which detector readers shall take this for: they know only some sizes, and fail at others of the same maker."""
    for model in DETECTORS.values():
        makes_cbf = model.name.startswith(("PILATUS", "EIGER"))
        if makes_cbf and model.image_size == panel.image_size and panel.pixel_size == (model.pixel_size,) * 2:
            return "PILATUS_1.2", model.name if model.name.startswith("PILATUS") else f"Dectris {model.name}"
    return "GENERIC_MINI", "simulated"


def _sensor(panel: Panel, detector: str) -> list[str]:
    """No line makes dxtbx take the sensor for thin, except that of an EIGER."""
    thickness = panel.thickness or (THINNEST_SENSOR if "EIGER" in detector else 0.0)
    if thickness == 0.0:
        return []
    return [f"{_SENSOR_WORDS.get(panel.material, 'Silicon')} sensor, thickness {thickness / 1e3:.12f} m"]


def _polarization(scene: Scene) -> list[str]:
    return [] if scene.polarization_fraction is None else [f"Polarization {scene.polarization_fraction:.6f}"]


def read_cbf(path: str | os.PathLike[str]) -> ImageFile:
    """Read a miniCBF image.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    ImageFile
        int32 pixels; no scene if the header lacks one of its lines.

    Raises
    ------
    InputFileError
        If the file can't be read, is no CBF of byte offset or is damaged.
    """
    data = read_input(path)
    head, mark, rest = data.partition(_START_OF_PIXELS)
    text = head.decode("latin-1")
    if not mark or not data.startswith(b"###CBF"):
        raise InputFileError(f"{path}: is no CBF image: it lacks the first line or the start of the pixels")
    if "x-CBF_BYTE_OFFSET" not in text:
        raise InputFileError(f"{path}: only the compression by byte offset is read")
    size, fast, slow = (
        _whole(path, text, f"X-Binary-{word}") for word in ("Size", "Size-Fastest-Dimension", "Size-Second-Dimension")
    )
    packed = rest[:size]
    _check_sum(path, text, packed)
    pixels = decompress(np.frombuffer(packed, dtype=np.uint8), fast * slow)
    if len(packed) < size or pixels is None:
        raise InputFileError(
            f"{path}: is cut off or damaged: {fast} x {slow} pixels need {size} bytes, {len(packed)} are there"
        )
    return ImageFile(pixels.reshape(slow, fast), _read_scene(text, (fast, slow)))


def _whole(path: str | os.PathLike[str], text: str, key: str) -> int:
    found = re.search(rf"^{key}:\s*(\d+)", text, re.MULTILINE)
    if found is None:
        raise InputFileError(f"{path}: the header lacks {key}")
    return int(found.group(1))


def _check_sum(path: str | os.PathLike[str], text: str, packed: bytes) -> None:
    stated = re.search(r"^Content-MD5:\s*(\S+)", text, re.MULTILINE)
    digest = base64.b64encode(hashlib.md5(packed, usedforsecurity=False).digest()).decode()
    if stated is not None and stated.group(1) != digest:
        raise InputFileError(f"{path}: is cut off or damaged: the pixels don't have the check sum of the header")


def _read_scene(text: str, size: tuple[int, int]) -> Scene | None:
    pixel = re.search(rf"# Pixel_size {_NUMBER} m x {_NUMBER} m", text)
    centre = re.search(rf"# Beam_xy \({_NUMBER}, {_NUMBER}\)", text)
    distance, wavelength = _value(text, "Detector_distance"), _value(text, "Wavelength")
    if pixel is None or centre is None or math.isnan(distance) or math.isnan(wavelength):
        return None
    goniometer, scan = sweep(_value(text, "Start_angle", 0.0), _value(text, "Angle_increment", 0.0))
    sensor = re.search(rf"# (Silicon|CdTe|GaAs) sensor, thickness {_NUMBER} m", text)
    thickness = float(sensor.group(2)) * 1e3 if sensor else 0.0
    polarization = _value(text, "Polarization")
    return Scene(
        panels=(flat_panel(
            size, (float(pixel.group(1)) * 1e3, float(pixel.group(2)) * 1e3),
            (float(centre.group(1)), float(centre.group(2)), distance * 1e3), name="detector",
            trusted_range=(0.0, _value(text, "Count_cutoff", LARGEST_COUNT)),
            thickness=0.0 if thickness <= 1.001 * THINNEST_SENSOR else thickness,
            material={"Silicon": "Si"}.get(sensor.group(1), sensor.group(1)) if sensor else "",
        ),),
        wavelength=wavelength, flux=_value(text, "Flux", 0.0), exposure=_value(text, "Exposure_time", 0.0),
        polarization_fraction=None if math.isnan(polarization) else polarization, goniometer=goniometer, scan=scan,
    )  # fmt: skip


def _value(text: str, word: str, missing: float = math.nan) -> float:
    found = re.search(rf"# {word}:?\s*=?\s*{_NUMBER}", text)
    return float(found.group(1)) if found else missing

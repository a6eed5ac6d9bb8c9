"""SMV images whose header dxtbx reads with the right geometry: keys of ADSC, the beam centre as ADSC means it."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Sequence

import numpy as np

from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.errors import UsageError
from nbnumba.io.flat import FlatView, flat_panel, flat_view, sweep
from nbnumba.io.names import numbered_names, warn_without_number
from nbnumba.io.pixels import mark_masked, split_frames, whole_counts
from nbnumba.io.scene import ImageFile, Scene
from nbnumba.io.smv import SmvHeader, read_smv, write_smv_rows
from nbnumba.io.smv_headers import layout, padded_header

_HEADER_BYTES = 1024
_BEAMLINE = "nbnumba"
"""Any other word than nanoBragg's "fake", by which dxtbx takes the beam centre for that of ADXV, one pixel off."""


def write_smv_images(
    path: str | os.PathLike[str], images: np.ndarray | Sequence[np.ndarray], scene: Scene, header: bytes | None = None
) -> None:
    """Write each frame as an SMV file of unsigned 16-bit pixels.

    Parameters
    ----------
    path : path
        File to write; of several frames the number takes the place of ##### in it.
    images : ndarray, shape (slow, fast) or (frames, slow, fast), or sequence of ndarray
        Pixels become uint16, 0 where masked.
    scene : Scene
        One panel square to the beam, unless a header is given.
    header : bytes or None
        Header of every file, such as nanoBragg's, `nbnumba.io.smv_headers.smv_header`; None writes `dials_smv_header`.

    Raises
    ------
    UsageError
        If the header can't describe the scene.
    OutputFileError
        If a file can't be written; those before it stand.

    Warns
    -----
    NbnumbaWarning
        If fractions are lost, values clipped, or readers will take something otherwise than it is.
    """
    check_smv(path, scene, header)
    view = flat_view(path, scene) if header is None else None
    frames = split_frames(images, scene.panels)
    for i, (name, (image,)) in enumerate(zip(numbered_names(path, len(frames)), frames, strict=True)):
        pixels = mark_masked(whole_counts(image, np.uint16, name), scene.panels[0], 0)
        if view is not None:
            warn_without_number(name)
        text = header if view is None else dials_smv_header(view, scene, view.start + i * view.width)
        write_smv_rows(name, text or b"", [np.ascontiguousarray(pixels)])


def check_smv(path: str | os.PathLike[str], scene: Scene, header: bytes | None = None) -> None:
    """Raise what `write_smv_images` would for such a scene.

    Parameters
    ----------
    path, scene, header
        As in `write_smv_images`.

    Raises
    ------
    UsageError
        As in `write_smv_images`.
    """
    if len(scene.panels) > 1:
        raise UsageError(f"{path}: this format describes one panel, not {len(scene.panels)}; write NXmx (.nxs)")
    size = scene.panels[0].pixel_size
    if size[0] != size[1]:
        raise UsageError(f"{path}: SMV has square pixels only, {{Panel.pixel_size}} is {size}")
    if header is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            flat_view(path, scene)


def dials_smv_header(view: FlatView, scene: Scene, start: float) -> bytes:
    """A header from which dxtbx makes the right detector.

    Parameters
    ----------
    view : FlatView
        The detector; its pedestal is in the pixels.
    scene : Scene
        Beam and exposure.
    start : float
        Spindle angle at the beginning of this image, degrees.

    Returns
    -------
    bytes
        Padded to 1024.
    """
    panel = view.panel
    pixel, (pixels_fast, pixels_slow) = panel.pixel_size[0], panel.image_size
    f_beam, s_beam = view.beam_centre[0] * pixel, view.beam_centre[1] * pixel
    values = {
        "PIXEL_SIZE": pixel, "DISTANCE": view.distance,
        "WAVELENGTH": scene.wavelength, "BEAM_CENTER_X": s_beam, "BEAM_CENTER_Y": f_beam,
        "ADXV_CENTER_X": f_beam, "ADXV_CENTER_Y": pixels_slow * pixel - s_beam,
        "MOSFLM_CENTER_X": s_beam - pixel / 2.0, "MOSFLM_CENTER_Y": f_beam - pixel / 2.0,
        "DENZO_X_BEAM": s_beam, "DENZO_Y_BEAM": f_beam,
        "XDS_ORGX": view.beam_centre[0] + 0.5, "XDS_ORGY": view.beam_centre[1] + 0.5,
        "PHI": start, "OSC_START": start, "OSC_RANGE": view.width, "TIME": scene.exposure, "TWOTHETA": 0.0,
        "DATE": datetime.datetime.now(datetime.timezone.utc).strftime("%a %b %d %H:%M:%S %Y"),
        "DETECTOR_SN": "000", "BEAMLINE": _BEAMLINE, "ENERGY": HC_EV_ANGSTROM / scene.wavelength,
        "GAIN": panel.gain, "ADC_OFFSET": panel.pedestal, "IMAGE_PEDESTAL": panel.pedestal,
    }  # fmt: skip
    printed = ((key, f"{value:.12g}" if isinstance(value, float) else str(value)) for key, value in values.items())
    return padded_header([*layout((pixels_slow, pixels_fast), "unsigned_short"), *printed], least=_HEADER_BYTES)


def read_smv_image(path: str | os.PathLike[str]) -> ImageFile:
    """Read an SMV image, and the scene if its header is one that `dials_smv_header` makes.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    ImageFile
        uint16 pixels. Other headers say too little: what their beam centre means depends on who wrote them.

    Raises
    ------
    InputFileError
        If the file can't be read, is no SMV image or ends before its last pixel.
    """
    image = read_smv(path)
    known = f"BEAMLINE={_BEAMLINE};" in image.header.text
    return ImageFile(image.data, _read_scene(image.header) if known else None)


def _read_scene(header: SmvHeader) -> Scene:
    def value(key: str) -> float:
        return header.value(f"\n{key}") or 0.0

    pixel = value("PIXEL_SIZE")
    goniometer, scan = sweep(value("OSC_START"), value("OSC_RANGE"))
    view = (value("BEAM_CENTER_Y") / pixel, value("BEAM_CENTER_X") / pixel, value("DISTANCE"))
    panel = flat_panel(
        (header.width, header.height), (pixel, pixel), view, name="detector", gain=value("GAIN"),
        pedestal=value("ADC_OFFSET"), trusted_range=(0.0, 65535.0),
    )
    return Scene((panel,), value("WAVELENGTH"), exposure=value("TIME"), goniometer=goniometer, scan=scan,
                 polarization_fraction=None)  # fmt: skip

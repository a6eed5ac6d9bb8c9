"""From noisify's flags to everything that a run needs: flags first, then the files that they name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.errors import InputFileError, UsageError
from nbnumba.flags.noisify_table import NOISIFY
from nbnumba.flags.parse import Occurrence, apply
from nbnumba.flags.settings import Entries
from nbnumba.readout.options import DetectorHeader, NoisifyFiles, NoisifyOptions, Profile

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.io.smv import SmvHeader


@dataclass(frozen=True)
class NoisifySettings(Entries):
    """The state that flags change from left to right; what it starts with is noisify's default.

    Attributes
    ----------
    options : NoisifyOptions
        What becomes of the photons.
    files : NoisifyFiles
        Names of the output; `writes_pgm` says whether that of the PGM image is used.
    header : DetectorHeader
        What the header says, unless it comes from a file.
    input_path, header_path : Path or None
        Float image, and SMV image with the header.
    pixels_fast, pixels_slow : int or None
        Size of a raw image; None: by the file.
    writes_pgm : bool
        Whether there is a PGM image.
    """

    options: NoisifyOptions = NoisifyOptions()
    files: NoisifyFiles = NoisifyFiles()
    header: DetectorHeader = DetectorHeader()
    input_path: Path | None = None
    header_path: Path | None = None
    pixels_fast: int | None = None
    pixels_slow: int | None = None
    writes_pgm: bool = True


@dataclass(frozen=True)
class NoisifyRequest:
    """What a command line asks for.

    Attributes
    ----------
    image : ndarray, shape (slow, fast), float32
        Input.
    options : NoisifyOptions
        What becomes of it.
    pixel_size : float
        Edge of a pixel, mm.
    header : bytes
        What both SMV images begin with.
    files : NoisifyFiles
        What to write.
    input_path : Path
        Where the image comes from.
    header_path : Path or None
        Where the header comes from; None: from the flags.
    warnings : tuple of str
        What the user should know about the flags.
    """

    image: np.ndarray
    options: NoisifyOptions
    pixel_size: float
    header: bytes
    files: NoisifyFiles
    input_path: Path
    header_path: Path | None
    warnings: tuple[str, ...]


def parse_noisify(arguments: Sequence[str]) -> tuple[NoisifySettings, list[Occurrence]]:
    """Settings from flags alone, without touching a file.

    Parameters
    ----------
    arguments : sequence of str
        The command line behind the command's name.

    Returns
    -------
    settings : NoisifySettings
    occurrences : list of Occurrence
        The flags that made them.

    Raises
    ------
    UsageError
        If a flag is unknown, its values are missing or impossible, or no input is named.
    """
    occurrences = NOISIFY.tokenise(arguments)
    names = dict.fromkeys(item.typed for item in occurrences if not item.typed.startswith("-"))
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)}: give one float image at a time")
    settings = apply(occurrences, NoisifySettings())
    if settings.input_path is None:
        raise UsageError("no input: give the name of a float image, as in nbnumba noisify floatimage.bin")
    return settings, occurrences


def interpret_noisify(arguments: Sequence[str]) -> NoisifyRequest:
    """Understand noisify's flags and read the files that they name.

    Parameters
    ----------
    arguments : sequence of str
        The command line behind the command's name.

    Returns
    -------
    NoisifyRequest

    Raises
    ------
    UsageError
        See `parse_noisify`; also if the size of the image is not what the flags say.
    InputFileError
        If a file can't be read, is not what its flag needs, or sizes do not fit.
    """
    from nbnumba.io.formats import is_readable
    from nbnumba.io.plane import read_plane, read_raw_numbers
    from nbnumba.io.smv import read_smv_header
    from nbnumba.io.smv_headers import noisify_header

    settings, occurrences = parse_noisify(arguments)
    assert settings.input_path is not None
    stated = None if settings.header_path is None else read_smv_header(settings.header_path)
    read = read_plane if is_readable(settings.input_path) else read_raw_numbers
    image, guessed = _shaped(read(settings.input_path), settings, stated)
    pixel_size = _pixel_size(settings, stated)
    header = noisify_header(settings.header, image.shape, settings.options.bits) if stated is None else stated.data
    files = settings.files if settings.writes_pgm else replace(settings.files, pgm_path=None)
    return NoisifyRequest(
        image=image, options=settings.options, pixel_size=pixel_size, header=header, files=files,
        input_path=settings.input_path, header_path=settings.header_path,
        warnings=(
            *_flag_warnings(occurrences, settings, stated), *guessed, *_doubts(settings, image.shape, pixel_size),
        ),
    )  # fmt: skip


def _shaped(
    image: np.ndarray, settings: NoisifySettings, stated: SmvHeader | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The image with two axes, and what to say if its shape was guessed."""
    path, fast, slow, source = settings.input_path, settings.pixels_fast, settings.pixels_slow, "-detpixels"
    if stated is not None:
        fast, slow, source = stated.width, stated.height, str(settings.header_path)
    if image.ndim == 2:
        if (slow or len(image), fast or image.shape[1]) != image.shape:
            size = f"{image.shape[1]} x {len(image)} pixels (fast x slow)"
            raise InputFileError(f"{path}: is an image of {size}, {source} says {fast or 'any'} x {slow or 'any'}")
        return image, ()
    if fast is None and slow is None:
        fast, slow = _guessed_shape(image.size)
        text = f"{path}: taken as {fast} x {slow} pixels (fast x slow): give -detpixels_x and -detpixels_y, or -header"
        return image.reshape(slow, fast), (text,)
    fast, slow = fast or image.size // (slow or 1), slow or image.size // (fast or 1)
    if fast * slow != image.size:
        raise InputFileError(f"{path}: holds {image.size} pixels, which {source} makes {fast} x {slow} = {fast * slow}")
    return image.reshape(slow, fast), ()


def _guessed_shape(pixels: int) -> tuple[int, int]:
    """Fast, slow: as square as can be, the fast axis the shorter one (quirk `guess`)."""
    fast = math.isqrt(pixels)
    while pixels % fast:
        fast -= 1
    return fast, pixels // fast


def _pixel_size(settings: NoisifySettings, stated: SmvHeader | None) -> float:
    """Edge of a pixel, mm: the header's if it states one."""
    value = None if stated is None else stated.value("PIXEL_SIZE")
    if value is None or math.isnan(value):
        return settings.header.pixel_size
    if settings.options.point_spread.acts and not 1.0 / LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise InputFileError(f"{settings.header_path}: a point spread needs a PIXEL_SIZE above zero, not {value:g}")
    return value


_NARROWEST = 0.01
"""Widths in pixels below which a unit was mistaken."""


def _doubts(settings: NoisifySettings, shape: tuple[int, ...], pixel_size: float) -> Iterator[str]:
    """What noisify does, and nobody wants."""
    from nbnumba.io.formats import smv_hints

    options = settings.options
    spread = options.point_spread
    width = spread.fwhm / 1000.0 / pixel_size if spread.acts else 1.0
    if width < _NARROWEST:
        yield f"-psf_fwhm {spread.fwhm:g} is read in µm: on pixels of {pixel_size:g} mm no photon leaves its own"
    if width >= max(shape) > 1:
        yield f"-psf_fwhm {spread.fwhm:g} µm is wider than the image, {max(shape)} pixels of {pixel_size:g} mm"
    for flag, fraction in (("-calibration", options.calibration_noise), ("-flicker_noise", options.flicker_noise)):
        if options.noise and fraction > 1.0:
            yield f"{flag} {fraction:g} is read as a fraction: {fraction:g} % would be {fraction / 100.0:g}"
    if not options.scale * options.fluence > 0.0:
        yield f"-scale {options.scale:g}, -fluence {options.fluence:g}: no pixel holds photons"
    if options.gain <= 0.0:
        yield f"-gain {options.gain:g}: pixels do not get brighter with photons"
    yield from smv_hints({"-intfile": settings.files.int_path, "-noisefile": settings.files.noise_path})


_SEEN_IN_HEADER = {
    "-detpixels", "-detpixels_x", "-detpixels_y", "-distance", "-lambda", "-Xbeam", "-Ybeam", "-phi", "-osc",
}  # fmt: skip
_SEEN_IN_NOISE = {"-calibration", "-readout_noise", "-flicker_noise", "-seed", "-calib_seed", "-noisefile"}


def _flag_warnings(
    occurrences: Sequence[Occurrence], settings: NoisifySettings, stated: SmvHeader | None
) -> tuple[str, ...]:
    """Which flags have no effect, and why."""
    said = [f"{item.typed} {item.flag.warning}" for item in occurrences if item.flag.warning]
    for names, reason in _without_effect(settings, stated):
        said += [f"{item.typed} has no effect {reason}" for item in occurrences if item.flag.name in names]
    return tuple(dict.fromkeys(said))


def _without_effect(settings: NoisifySettings, stated: SmvHeader | None) -> Iterator[tuple[set[str], str]]:
    """Names of flags, and why they have no effect if they are there."""
    options = settings.options
    if stated is not None:
        pixel = {"-pixel"} if stated.value("PIXEL_SIZE") is not None else set()
        yield _SEEN_IN_HEADER | pixel, f"with -header: {settings.header_path} counts"
    if not options.noise:
        yield _SEEN_IN_NOISE, "with -nonoise"
    elif options.calibration_noise == 0.0:
        yield {"-calib_seed"}, "with -calibration 0"
    elif options.flicker_noise > 0.0:
        yield {"-calib_seed"}, "with -flicker_noise, whose random numbers serve the calibration too, as in noisify"
    if options.point_spread.profile is Profile.NONE:
        yield {"-psf_fwhm", "-psf_radius"}, "without -psf"
    elif not options.point_spread.acts:
        yield {"-psf", "-psf_radius"}, f"with -psf_fwhm {options.point_spread.fwhm:g}"
    if not settings.writes_pgm:
        yield {"-pgmfile"}, "with -nopgm"

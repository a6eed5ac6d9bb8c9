"""What noisify.c makes of a float image, in its order: an image without noise, one with noise, and their files."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config.constants import R_E_SQUARED
from nbnumba.engine.threads import begin, one_ahead, thread_count
from nbnumba.errors import NbnumbaWarning, UsageError
from nbnumba.io.pgm import write_pgm_rows
from nbnumba.io.smv import write_smv_rows
from nbnumba.numerics.c_random import clock_seed
from nbnumba.output.strips import row_strips
from nbnumba.readout.c_noise import NoisyReadout, expected_greys, expected_integers
from nbnumba.readout.expected import Strips, check_pixels, expected_strips
from nbnumba.readout.noisify_spread import Spread, spread_photons
from nbnumba.readout.options import NoisifyFiles, NoisifyOptions, Profile

if TYPE_CHECKING:
    from nbnumba.engine.scan import Progress

_PGM_SCALE = 1.0
"""What its comment says; the grey values hold the gain and the offset."""


@dataclass(frozen=True)
class NoiseReport:
    """What an image with noise holds.

    Attributes
    ----------
    seed : int
        Of the photons, as the user types it.
    counted : float
        Photons counted, before the point spread.
    photons : float
        Photons on the image.
    overloads : int
        Pixels that were clipped.
    """

    seed: int
    counted: float
    photons: float
    overloads: int


@dataclass(frozen=True)
class NoisifyReport:
    """What was made of an image.

    Attributes
    ----------
    largest_input, largest_photons : float
        Largest value of the input, and the same as photons; 0 if none is positive.
    spread : Spread or None
        The image after the point spread; None without.
    noise : NoiseReport or None
        The image with noise; None without.
    written : tuple of Path
        The files, in the order of writing.
    """

    largest_input: float
    largest_photons: float
    spread: Spread | None
    noise: NoiseReport | None
    written: tuple[Path, ...]


def noisify(
    image: np.ndarray, options: NoisifyOptions, pixel_size: float, header: bytes, files: NoisifyFiles,
    threads: int | None = None, progress: Progress | None = None,
) -> NoisifyReport:  # fmt: skip
    """Write an image as a detector would read it out, without and with noise.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Photons per pixel, up to the scale and the fluence of the options; taken as float32.
    options : NoisifyOptions
        Detector and noise.
    pixel_size : float
        Edge of a pixel, mm.
    header : bytes
        What both SMV images begin with.
    files : NoisifyFiles
        What to write.
    threads : int or None
        CPU threads; None takes all cores.
    progress : callable or None
        Called during a point spread with the pixels done and the pixels in all.

    Returns
    -------
    NoisifyReport

    Raises
    ------
    UsageError
        If the image has no two axes or no pixel, or if a point spread would carry what is no finite number of photons
        into all pixels.
    OutputFileError
        If a file can't be written; those before it stand.
    """
    image = np.ascontiguousarray(image, np.float32)
    if image.ndim != 2 or image.size == 0:
        raise UsageError(f"{{image}}: two axes and at least one pixel are needed, not the shape {image.shape}")
    for text in check_pixels(image, options):
        warnings.warn(text, NbnumbaWarning, stacklevel=2)
    make = _with_noise if options.noise else _without_noise
    return make(image, options, pixel_size, header, files, thread_count(threads), progress)


def _with_noise(
    image: np.ndarray, options: NoisifyOptions, pixel_size: float, header: bytes, files: NoisifyFiles, threads: int,
    progress: Progress | None,
) -> NoisifyReport:  # fmt: skip
    """All images; the point spread takes the photons that were counted."""
    readout = NoisyReadout(options, clock_seed() if options.seed is None else options.seed)
    # one thread draws, another one writes
    counting = begin(lambda: _counted(image, options, readout), threads)
    written = _write_expected(expected_strips(image, options), image.shape, options, header, files, threads)
    counts, spread = counting(), None
    if options.point_spread.acts:
        spread = _spread(counts, options, pixel_size, threads, progress)
        counts = spread.image
    digitized = (readout.digitize(rows) for rows in row_strips(counts))
    write_smv_rows(files.noise_path, header, one_ahead(digitized, threads))
    noise = NoiseReport(readout.seed, readout.counted, readout.photons, readout.overloads)
    return _report(image, options, spread, noise, [*written, files.noise_path])


def _without_noise(
    image: np.ndarray, options: NoisifyOptions, pixel_size: float, header: bytes, files: NoisifyFiles, threads: int,
    progress: Progress | None,
) -> NoisifyReport:  # fmt: skip
    """The images of the expected photons."""
    photons, spread = expected_strips(image, options), None
    if options.point_spread.acts:
        spread = _spread(np.concatenate(list(photons())), options, pixel_size, threads, progress)
        photons = functools.partial(row_strips, spread.image)
    written = _write_expected(photons, image.shape, options, header, files, threads)
    return _report(image, options, spread, None, written)


def _report(
    image: np.ndarray, options: NoisifyOptions, spread: Spread | None, noise: NoiseReport | None, written: list[Path]
) -> NoisifyReport:
    """The figures of the input beside those of the images."""
    largest = float(image.max(initial=0.0, where=image > 0.0))
    photons = largest * options.scale * options.fluence * R_E_SQUARED
    return NoisifyReport(largest, photons, spread, noise, tuple(written))


def _counted(image: np.ndarray, options: NoisifyOptions, readout: NoisyReadout) -> np.ndarray:
    """Photons counted of those expected."""
    counts = np.empty_like(image)
    for rows, expected in zip(row_strips(counts), expected_strips(image, options)(), strict=True):
        rows[:] = expected
        readout.count(rows)
    return counts


def _spread(
    photons: np.ndarray, options: NoisifyOptions, pixel_size: float, threads: int, progress: Progress | None
) -> Spread:
    """An image after the point spread."""
    spread = options.point_spread
    # noisify keeps the width in single precision
    fwhm, fiber = float(np.float32(spread.fwhm / 1e6)), spread.profile is Profile.FIBER
    return spread_photons(photons, fiber, fwhm, pixel_size / 1000.0, spread.radius, threads, progress)


def _write_expected(
    photons: Strips, shape: tuple[int, ...], options: NoisifyOptions, header: bytes, files: NoisifyFiles, threads: int
) -> list[Path]:
    """Write the images without noise."""
    write_smv_rows(files.int_path, header, one_ahead((expected_integers(rows, options) for rows in photons()), threads))
    if files.pgm_path is None:
        return [files.int_path]
    greys = one_ahead((expected_greys(rows, options) for rows in photons()), threads)
    write_pgm_rows(files.pgm_path, shape, greys, _PGM_SCALE)
    return [files.int_path, files.pgm_path]

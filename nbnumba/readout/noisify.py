"""What noisify.c makes of a float image, in its order: an image without noise, one with noise, and their files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbnumba.engine.threads import one_ahead, thread_count
from nbnumba.errors import UsageError
from nbnumba.io.pgm import write_pgm
from nbnumba.io.smv import write_smv
from nbnumba.output.write import STRIP_PIXELS
from nbnumba.readout.c_noise import NoisyReadout, expected_greys, expected_integers
from nbnumba.readout.noisify_spread import Spread, spread_photons
from nbnumba.readout.options import NoisifyFiles, NoisifyOptions
from nbnumba.setup.lowering import R_E_SQUARED

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
    threads: int | None = None,
) -> NoisifyReport:  # fmt: skip
    """Write an image as a detector would read it out, without and with noise.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons per pixel, up to the scale and the fluence of the options.
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

    Returns
    -------
    NoisifyReport

    Raises
    ------
    UsageError
        If a point spread would carry what is no finite number of photons into all pixels.
    OutputFileError
        If a file can't be written; those before it stand.
    """
    threads = thread_count(threads)
    largest = float(image.max(initial=0.0, where=image > 0.0))
    photons = expected_photons(image, options)
    spread = noise = None
    if not options.noise:
        photons, spread = _after_spread(photons, options, pixel_size, threads)
    written = _write_expected(photons, options, header, files, threads)
    if options.noise:
        readout = NoisyReadout(options, int(time.time()) if options.seed is None else options.seed)
        for rows in _strips(photons):
            readout.count(rows)
        photons, spread = _after_spread(photons, options, pixel_size, threads)
        pixels = (readout.digitize(rows) for rows in _strips(photons))
        write_smv(files.noise_path, header, one_ahead(pixels, threads))
        written.append(files.noise_path)
        noise = NoiseReport(readout.seed, readout.counted, readout.photons, readout.overloads)
    return NoisifyReport(
        largest_input=largest, largest_photons=largest * options.scale * options.fluence * R_E_SQUARED,
        spread=spread, noise=noise, written=tuple(written),
    )  # fmt: skip


def expected_photons(image: np.ndarray, options: NoisifyOptions) -> np.ndarray:
    """The input as photons.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Input.
    options : NoisifyOptions
        Its scale and fluence.

    Returns
    -------
    ndarray, shape (slow, fast), float32
    """
    factor = options.fluence * R_E_SQUARED * options.scale
    photons = np.empty_like(image)
    for target, rows in zip(_strips(photons), _strips(image), strict=True):
        # a product of doubles becomes float32
        target[:] = np.multiply(rows, factor, dtype=np.float64)
    return photons


def _after_spread(
    photons: np.ndarray, options: NoisifyOptions, pixel_size: float, threads: int
) -> tuple[np.ndarray, Spread | None]:
    """An image and what the point spread did to it."""
    profile, fwhm = options.point_spread.profile, float(np.float32(options.point_spread.fwhm / 1e6))
    if not profile or fwhm <= 0.0:
        return photons, None
    bad = photons.size - int(np.isfinite(photons).sum())
    if bad:
        raise UsageError(f"{bad} pixels are infinite or no numbers: a point spread would carry them into all others")
    radius = options.point_spread.radius
    spread = spread_photons(photons, profile == "fiber", fwhm, pixel_size / 1000.0, radius, threads)
    return spread.image, spread


def _write_expected(
    photons: np.ndarray, options: NoisifyOptions, header: bytes, files: NoisifyFiles, threads: int
) -> list[Path]:
    """Write the images without noise."""
    integers = (expected_integers(rows, options) for rows in _strips(photons))
    write_smv(files.int_path, header, one_ahead(integers, threads))
    if files.pgm_path is None:
        return [files.int_path]
    greys = (expected_greys(rows, options) for rows in _strips(photons))
    write_pgm(files.pgm_path, photons.shape, one_ahead(greys, threads), _PGM_SCALE)
    return [files.int_path, files.pgm_path]


def _strips(image: np.ndarray) -> Iterator[np.ndarray]:
    """Views of consecutive rows that fit into the processor's cache."""
    height = max(STRIP_PIXELS // image.shape[1], 1)
    for first in range(0, len(image), height):
        yield image[first : first + height]

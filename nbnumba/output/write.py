"""From the float image to every file that nanoBragg writes, in its order, and to the figures that it reports."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba import __version__
from nbnumba.engine.threads import one_ahead, thread_count
from nbnumba.errors import NbnumbaWarning, OutputFileError
from nbnumba.io.atomic import check_distinct, check_target
from nbnumba.io.fdump import write_fdump
from nbnumba.io.float_image import write_float_rows
from nbnumba.io.pgm import write_pgm_rows
from nbnumba.io.preview import preview_format, write_preview
from nbnumba.io.smv import write_smv_rows
from nbnumba.io.smv_headers import states_its_size
from nbnumba.io.tiff import write_tiff
from nbnumba.numerics.c_random import clock_seed
from nbnumba.output.digitize import integer_image, integer_scale, pgm_image, pgm_scale
from nbnumba.output.noise import PoissonNoise
from nbnumba.output.smv_header import header_for
from nbnumba.output.stage_clock import StageClock
from nbnumba.output.statistics import ImageStatistics, image_statistics, row_sums
from nbnumba.output.strips import window_strips
from nbnumba.setup.mosaic import generator_after_setup
from nbnumba.setup.quirk_notes import with_remedy

if TYPE_CHECKING:
    from pathlib import Path

    from nbnumba.config import StructureFactors
    from nbnumba.output.files import OutputFiles
    from nbnumba.setup.model import Model, Window


@dataclass(frozen=True)
class OutputReport(ImageStatistics):
    """What was written.

    Attributes
    ----------
    intfile_scale : float
        Integer values per photon.
    pgm_scale : float or None
        Grey values per photon; None without PGM image.
    noise_seed : int or None
        Seed of the noise; None without noise image.
    noise_photons : float or None
        Photons on the noise image; None without one.
    overloads : int or None
        Pixels of the noise image that were clipped; None without one.
    written : tuple of Path
        The files, in the order of writing.
    seconds : dict of str to float
        Wall time of the statistics and of each file, conversion included.
    """

    intfile_scale: float
    pgm_scale: float | None
    noise_seed: int | None
    noise_photons: float | None
    overloads: int | None
    written: tuple[Path, ...]
    seconds: dict[str, float]


def check_writable(files: OutputFiles, kept: Iterable[Path] = (), replaceable: Iterable[Path] = ()) -> None:
    """Raise an error if an image can't be written; to be called before a long simulation.

    Parameters
    ----------
    files : OutputFiles
        What shall be written. Whether the cache can be written is not checked: without it the simulation goes on.
    kept : iterable of Path
        Input files, which must not be overwritten.
    replaceable : iterable of Path
        Simulated SMV images among the input files, which the new SMV images may replace.

    Raises
    ------
    OutputFileError
        If a folder is missing or not writable, or a name can't be a file's.
    UsageError
        If two outputs have the same name, one has that of an input, or no format of previews belongs to a name.
    """
    images = {
        "float_path": files.float_path, "int_path": files.int_path, "pgm_path": files.pgm_path,
        "noise_path": files.noise_path, "png_path": files.png_path, "tiff_path": files.tiff_path,
    }  # fmt: skip
    for path in images.values():
        if path is not None:
            check_target(path)
    if files.png_path is not None:
        preview_format(files.png_path)
    simulated = tuple(replaceable)
    check_distinct(
        files.by_field(), (*kept, *simulated),
        {f"{{OutputFiles.{field}}}": simulated for field in ("int_path", "noise_path")},
    )  # fmt: skip


def write_cache(structure_factors: StructureFactors | None, path: Path) -> bool:
    """Write the binary cache if the structure factors come from text; if that fails, only warn, like nanoBragg.

    Parameters
    ----------
    structure_factors : StructureFactors or None
        From a reader, or None if there are none.
    path : Path
        File to write.

    Returns
    -------
    bool
        Whether it was written.
    """
    if structure_factors is None or structure_factors.reflections is None:
        return False
    try:
        write_fdump(path, structure_factors)
    except OutputFileError as error:
        _warn(f"no structure-factor cache was written: {error}")
        return False
    return True


def write_outputs(model: Model, image: np.ndarray, files: OutputFiles, threads: int | None = None) -> OutputReport:
    """Write all files of a simulated image.

    Converted images are made and written piece by piece; none is held as a whole.

    Parameters
    ----------
    model : Model
        The simulation.
    image : ndarray, shape (slow, fast), float32
        Photons per pixel.
    files : OutputFiles
        What to write.
    threads : int or None
        CPU threads; None takes all cores.

    Returns
    -------
    OutputReport

    Raises
    ------
    OutputFileError
        If an image can't be written; those before it stand.
    """
    written: list[Path] = []
    clock = StageClock()
    threads = thread_count(threads)
    with clock.stage("structure-factor cache"):
        if write_cache(model.experiment.crystal.structure_factors, files.dump_path):
            written.append(files.dump_path)
    with clock.stage("float image and statistics"):
        sums: list[np.ndarray] = []
        write_float_rows(files.float_path, one_ahead(_summed(window_strips(image, model.window), sums), threads))
        statistics = simulated_statistics(model, image, np.concatenate(sums))
    int_scale = integer_scale(files.intfile_scale, statistics)
    header = header_for(files.int_path, model, files, int_scale)
    if not states_its_size(header):
        text = "the header of SMV images is longer than its HEADER_BYTES says, so that programs misread the pixels"
        _warn(with_remedy("long-header", text, model.experiment.physics))
    with clock.stage("integer image"):
        integers = (integer_image(*strip, int_scale, files.adc_offset) for strip in window_strips(image, model.window))
        write_smv_rows(files.int_path, header, one_ahead(integers, threads))
    written += [files.float_path, files.int_path]
    grey_scale = None
    if files.pgm_path is not None:
        grey_scale = pgm_scale(files.pgm_scale, statistics, int_scale)
        with clock.stage("PGM image"):
            greys = (pgm_image(*strip, grey_scale) for strip in window_strips(image, model.window))
            write_pgm_rows(files.pgm_path, image.shape, one_ahead(greys, threads), grey_scale)
        written.append(files.pgm_path)
    seed = noise = None
    if files.noise_path is not None:
        seed = clock_seed() if files.noise_seed is None else files.noise_seed
        if files.noise_seed is None:
            _warn(f"the noise comes from the clock; {{OutputFiles.noise_seed={seed}}} gives it again")
        noise = PoissonNoise(seed, files.adc_offset, generator_after_setup(model) if seed < 0 else None)
        with clock.stage("noise image"):
            counts = (noise.draw(*strip) for strip in window_strips(image, model.window))
            write_smv_rows(files.noise_path, header_for(files.noise_path, model, files), one_ahead(counts, threads))
        written.append(files.noise_path)
    with clock.stage("PNG and TIFF images"):
        origin = f"simulated by nbnumba {__version__}, physics: {model.experiment.physics}"
        written += _write_extras(image, files, origin)
    return OutputReport(
        **asdict(statistics), intfile_scale=int_scale, pgm_scale=grey_scale, noise_seed=seed,
        noise_photons=None if noise is None else noise.photons, overloads=None if noise is None else noise.overloads,
        written=tuple(written), seconds=clock.seconds,
    )  # fmt: skip


def _warn(message: str) -> None:
    """Say what the user should know, where the caller of the library called it."""
    warnings.warn(NbnumbaWarning(message), stacklevel=3)


def _summed(strips: Iterable[tuple[np.ndarray, Window]], sums: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The same rows, once their sums are in the list."""
    for rows, window in strips:
        sums.append(row_sums(rows, window))
        yield rows


def simulated_statistics(model: Model, image: np.ndarray, sums: np.ndarray | None = None) -> ImageStatistics:
    """Statistics of a simulated image, as nanoBragg reports them.

    Parameters
    ----------
    model : Model
        The simulation, of a detector of one panel.
    image : ndarray, shape (slow, fast), float32
        Photons per pixel.
    sums : ndarray or None
        `row_sums` of the image, if they are known.

    Returns
    -------
    ImageStatistics
    """
    oversample = model.params.sampling.oversample
    subpixel = model.geometry.pixel_size / oversample
    return image_statistics(image, model.window, model.experiment.detector.mask, subpixel, oversample, sums)


def _write_extras(image: np.ndarray, files: OutputFiles, description: str) -> list[Path]:
    """The files that nanoBragg does not know, and what they say of the image."""
    written = []
    if files.tiff_path is not None:
        write_tiff(files.tiff_path, image, description)
        written.append(files.tiff_path)
    if files.png_path is not None:
        write_preview(files.png_path, image, description)
        written.append(files.png_path)
    return written

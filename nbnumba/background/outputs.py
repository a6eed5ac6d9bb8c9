"""nonBragg's files, in its order, and the figures that it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.background.statistics import nonbragg_statistics
from nbnumba.engine.threads import one_ahead, thread_count
from nbnumba.io.atomic import check_distinct, check_target, write_lines
from nbnumba.io.float_image import write_float_image
from nbnumba.io.pgm import write_pgm_rows
from nbnumba.io.preview import preview_format, write_preview
from nbnumba.io.smv import write_smv_rows
from nbnumba.io.smv_headers import nonbragg_header
from nbnumba.numerics.c_random import clock_seed
from nbnumba.output.digitize import integer_image, integer_scale, pgm_image, pgm_scale
from nbnumba.output.noise import PoissonNoise
from nbnumba.output.statistics import ImageStatistics
from nbnumba.output.strips import window_strips

if TYPE_CHECKING:
    from nbnumba.background.experiment import AmorphousFiles
    from nbnumba.background.nonbragg import AmorphousImage
    from nbnumba.setup.model import Window


@dataclass(frozen=True)
class AmorphousReport(ImageStatistics):
    """What was written.

    Attributes
    ----------
    intfile_scale, pgm_scale : float
        Integer and grey values per photon.
    noise_seed : int or None
        Seed of the noise; None without noise image.
    noise_photons : float or None
        Photons on the noise image; None without one.
    overloads : int or None
        Pixels of the noise image that were clipped; None without one.
    written : tuple of Path
        The files, in the order of writing.
    """

    intfile_scale: float
    pgm_scale: float
    noise_seed: int | None
    noise_photons: float | None
    overloads: int | None
    written: tuple[Path, ...]


def check_amorphous(files: AmorphousFiles, extracts: bool, kept: Iterable[Path]) -> None:
    """Raise an error if a file can't be written; to be called before anything is rendered.

    Parameters
    ----------
    files : AmorphousFiles
        What shall be written.
    extracts : bool
        Whether a curve is.
    kept : iterable of Path
        Input files, which must not be overwritten.

    Raises
    ------
    OutputFileError
        If a folder is missing or not writable, or a name is a folder's.
    UsageError
        If two outputs have the same name, or one has that of an input, or no format of previews belongs to one.
    """
    images = ("float_path", "int_path", "pgm_path", "noise_path", "png_path")
    named = {f"{{OutputFiles.{field}}}": getattr(files.images, field) for field in images}
    if extracts:
        named["{AmorphousFiles.curve_path}"] = files.curve_path
    for path in filter(None, named.values()):
        check_target(path)
    check_distinct(named, kept)
    if files.images.png_path is not None:
        preview_format(files.images.png_path)


def write_amorphous(result: AmorphousImage, files: AmorphousFiles, threads: int | None = None) -> AmorphousReport:
    """Write all files of a rendered image.

    Parameters
    ----------
    result : AmorphousImage
        The image, and the curve if one was extracted.
    files : AmorphousFiles
        What to write.
    threads : int or None
        CPU threads; None takes all cores.

    Returns
    -------
    AmorphousReport

    Raises
    ------
    OutputFileError
        If a file can't be written; those before it stand.
    """
    model, image, images = result.model, result.image, files.images
    written: list[Path] = []
    counted = None
    if result.curve is not None:
        counted = int(result.curve.pixels[-1])
        write_lines(files.curve_path, result.curve.lines())
        written.append(files.curve_path)
    write_float_image(images.float_path, image)
    figures = nonbragg_statistics(image, model.window, model.params.subpixel_size, model.params.oversample, counted)
    header, threads = nonbragg_header(model), thread_count(threads)

    def strips(convert: Callable[[np.ndarray, Window], np.ndarray]) -> Iterator[np.ndarray]:
        return one_ahead((convert(*strip) for strip in window_strips(image, model.window)), threads)

    scale = integer_scale(images.intfile_scale, figures)
    integers = strips(lambda rows, window: integer_image(rows, window, scale, images.adc_offset))
    write_smv_rows(images.int_path, header, integers)
    written += [images.float_path, images.int_path]
    greys = pgm_scale(images.pgm_scale, figures, scale)
    if images.pgm_path is not None:
        write_pgm_rows(images.pgm_path, image.shape, strips(lambda rows, window: pgm_image(rows, window, greys)), greys)
        written.append(images.pgm_path)
    seed = noise = None
    if images.noise_path is not None:
        seed = clock_seed() if images.noise_seed is None else images.noise_seed
        noise = PoissonNoise(seed, images.adc_offset)
        write_smv_rows(images.noise_path, header, strips(noise.draw))
        written.append(images.noise_path)
    if images.png_path is not None:
        write_preview(images.png_path, image)
        written.append(images.png_path)
    return AmorphousReport(
        **asdict(figures), intfile_scale=scale, pgm_scale=greys, noise_seed=seed,
        noise_photons=None if noise is None else noise.photons, overloads=None if noise is None else noise.overloads,
        written=tuple(written),
    )  # fmt: skip

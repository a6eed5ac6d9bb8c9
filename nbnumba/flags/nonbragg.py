"""From nonBragg's arguments to everything that its run needs: flags first, then the files that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbnumba.background.experiment import AmorphousExperiment, AmorphousFiles, Extraction
from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.config.units import LARGEST_DENSITY, unit_hint
from nbnumba.errors import InputFileError, UsageError
from nbnumba.flags.headers import StatedHeader, check_stated, enter_header
from nbnumba.flags.names import named_by_flags
from nbnumba.flags.nonbragg_table import NONBRAGG_FLAGS, NonBraggSettings
from nbnumba.flags.parse import Occurrence, apply
from nbnumba.flags.request import chosen_pixel, energy_hints, listed_sources, size_hints
from nbnumba.io.formats import smv_hints

if TYPE_CHECKING:
    import numpy as np

_CURVES = ("-stol", "-4stol", "-Q")
_FOR_EXTRACTION = ("-stolout", "-ignore", "-gain")
_LISTED_LINES = 5


@dataclass(frozen=True)
class NonBraggRequest:
    """What a command line asks for.

    Attributes
    ----------
    experiment : AmorphousExperiment
        What to render.
    files : AmorphousFiles
        What to write.
    inputs : tuple of (str, Path)
        What was read: a word for it, and the file.
    progress : bool or None
        Show the progress meter; None decides by the terminal.
    printout : bool
        Print pixels.
    printout_pixel : tuple of 2 int or None
        Fast, slow of the only pixel to print; None prints all.
    warnings : tuple of str
        What the user should know about the flags.
    """

    experiment: AmorphousExperiment
    files: AmorphousFiles
    inputs: tuple[tuple[str, Path], ...]
    progress: bool | None
    printout: bool
    printout_pixel: tuple[int, int] | None
    warnings: tuple[str, ...]


@named_by_flags()
def interpret_nonbragg(arguments: Sequence[str]) -> NonBraggRequest:
    """Understand nonBragg's flags and read the files that they name.

    Parameters
    ----------
    arguments : sequence of str
        The command line behind the command's name.

    Returns
    -------
    NonBraggRequest

    Raises
    ------
    UsageError
        If a flag is unknown, its values are missing or impossible, or no curve is named.
    InputFileError
        If a file can't be read or is not what its flag needs.
    """
    occurrences = NONBRAGG_FLAGS.tokenise(arguments)
    named = apply(occurrences, NonBraggSettings())
    if named.table_path is None:
        raise UsageError("no curve: give -stol, -4stol or -Q (a file)")
    start, image = _from_image(named.image_path)
    settings = apply(occurrences, start)
    check_stated(settings)
    points, warnings = _points(named.table_path)
    # the detector is made anew: while flags are read, it need not make sense as a whole
    experiment = AmorphousExperiment(
        points=points, abscissa=settings.abscissa, sample=settings.sample,
        beam=replace(settings.beam, sources=listed_sources(settings.sources_path)), detector=replace(settings.detector),
        sampling=settings.sampling, source_distance=settings.source_distance, amplitude_map=settings.amplitude_map,
        extraction=None if image is None else Extraction(image, settings.ignored, settings.gain),
    )  # fmt: skip
    return NonBraggRequest(
        experiment=experiment, files=_files(settings), inputs=_inputs(settings), progress=settings.progress,
        printout=settings.printout, printout_pixel=chosen_pixel(settings.printout_pixel),
        warnings=(*_unused(occurrences, settings), *warnings),
    )  # fmt: skip


def _from_image(path: Path | None) -> tuple[NonBraggSettings, np.ndarray | None]:
    """What the flags start from, and the pixels to extract a curve from."""
    if path is None:
        return NonBraggSettings(), None
    from nbnumba.io.smv import read_smv

    image = read_smv(path)
    return enter_header(NonBraggSettings(), StatedHeader(path, image.header), from_top=True), image.data


def _points(path: Path) -> tuple[np.ndarray, list[str]]:
    """The points of the curve, and what the user should know about them."""
    import numpy as np

    from nbnumba.io.stol import read_stol

    points, not_numbers = read_stol(path)
    if not np.isfinite(points[:, 0]).all() or np.isinf(points[:, 1]).any():
        raise InputFileError(f"{path}: holds a number that is not finite; every line needs an abscissa and F")
    if np.nanmax(np.abs(points)) > LARGEST_NUMBER:
        raise InputFileError(f"{path}: holds a number that is too large to compute with")
    if not not_numbers:
        return points, []
    listed = ", ".join(map(str, not_numbers[:_LISTED_LINES])) + (" ..." if len(not_numbers) > _LISTED_LINES else "")
    lines = f"line {listed} holds" if len(not_numbers) == 1 else f"lines {listed} hold"
    return points, [f"{path}: {lines} words where numbers belong; they are read as 0, as in nonBragg"]


def _files(settings: NonBraggSettings) -> AmorphousFiles:
    """What is written."""
    images = settings.files.images
    return replace(
        settings.files, images=replace(images, noise_path=images.noise_path if settings.writes_noise else None)
    )


def _inputs(settings: NonBraggSettings) -> tuple[tuple[str, Path], ...]:
    """Words for the input files, and their names."""
    named = {"curve": settings.table_path, "sources": settings.sources_path, "image": settings.image_path}
    return tuple((word, path) for word, path in named.items() if path is not None)


def _unused(occurrences: Sequence[Occurrence], settings: NonBraggSettings) -> list[str]:
    """What the flags say without effect."""
    said = [f"{item.typed} {item.flag.warning}" for item in occurrences if item.flag.warning]
    if settings.image_path is None:
        said += [
            f"{item.typed} has no effect without -img: there is no image to extract a curve from"
            for item in occurrences if item.flag.name in _FOR_EXTRACTION
        ]  # fmt: skip
    said += _sample_hints(occurrences, settings)
    images = settings.files.images
    misnamed = smv_hints({"-intfile": images.int_path, "-noisefile": images.noise_path})
    return list(dict.fromkeys((*said, *size_hints(settings.detector), *energy_hints(occurrences), *misnamed)))


def _sample_hints(occurrences: Sequence[Occurrence], settings: NonBraggSettings) -> Iterator[str]:
    """Curves and exposures that later flags put aside, and molecules that can't be so many or so few."""
    curves = [item for item in occurrences if item.flag.name in _CURVES]
    yield from (f"{item.typed} {item.values[0]} has no effect: {curves[-1].typed} comes later" for item in curves[:-1])
    if settings.beam.flux == 0.0:
        idle = (item for item in occurrences if item.flag.name == "-exposure")
        yield from (f"{item.typed} has no effect without -flux: -fluence counts" for item in idle)
    sample = settings.sample
    if sample.molecules == 0.0 and sample.density == 0.0:
        yield "-density 0: there is no molecule in the beam"
    if sample.molecules == 0.0 and sample.density > LARGEST_DENSITY:
        yield unit_hint(f"-density {sample.density:g}", sample.density, "g/cm³", "kg/m³", sample.density / 1000.0)

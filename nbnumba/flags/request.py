"""From arguments to everything that a run needs: flags first, then the files that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbnumba.config import Beam, Convention, Detector, Experiment, Physics, Pivot, StructureFactors, UnitCell
from nbnumba.config.detectors import detector_model
from nbnumba.config.units import energy_hint
from nbnumba.errors import UsageError
from nbnumba.flags.additions import Additions
from nbnumba.flags.headers import check_named, check_stated, on_detector, settings_from_headers
from nbnumba.flags.names import entries_set_by, named_by_flags
from nbnumba.flags.parse import Occurrence, apply, tokenise
from nbnumba.flags.settings import Settings
from nbnumba.io.formats import smv_hints
from nbnumba.models.names import is_model_or_data
from nbnumba.output.files import OutputFiles

if TYPE_CHECKING:
    import numpy as np

NANOBRAGG_PHYSICS = Physics("nanobragg")
"""What flags stand for unless somebody wants less."""

NO_ADDITIONS = Additions()
"""Nothing but nanoBragg's flags."""

_LONGEST_WAVELENGTH = 1000.0
"""Å; longer ones are energies in eV."""


@dataclass(frozen=True)
class Request:
    """What a command line asks for.

    Attributes
    ----------
    experiment : Experiment
        What to simulate.
    files : OutputFiles
        What to write.
    inputs : tuple of (str, Path)
        What was read: a word for it, and the file.
    notes : tuple of (str, str)
        What there is to say about the structure factors: label and text of each line.
    progress : bool or None
        Show the progress meter; None decides by the terminal.
    printout : bool
        Print pixels.
    printout_pixel : tuple of 2 int or None
        Fast, slow of the only pixel to print; None prints all.
    trace_pixels : tuple of (int, int)
        Slow, fast of the pixels to trace.
    warnings : tuple of str
        What the user should know about the flags.
    """

    experiment: Experiment
    files: OutputFiles
    inputs: tuple[tuple[str, Path], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    progress: bool | None = None
    printout: bool = False
    printout_pixel: tuple[int, int] | None = None
    trace_pixels: tuple[tuple[int, int], ...] = ()
    warnings: tuple[str, ...] = ()


@named_by_flags()
def interpret(
    arguments: Sequence[str],
    physics: Physics = NANOBRAGG_PHYSICS,
    spacegroup: str | None = None,
    additions: Additions = NO_ADDITIONS,
    detector: str | None = None,
) -> Request:
    """Understand nanoBragg's flags and read the files that they name.

    Parameters
    ----------
    arguments : sequence of str
        The command line behind the command's name.
    physics : Physics
        Which of nanoBragg's quirks the image has; all of them unless somebody wants less.
    spacegroup : str or None
        Space group whose symmetry completes the structure factors behind -hkl; None takes them as they are listed.
    additions : Additions
        Spectrum, mosaic domains and cutoff, which nanoBragg has no flags for.
    detector : str or None
        Name of a detector, whose pixels and gaps are those of the plane unless a flag says otherwise.

    Returns
    -------
    Request

    Raises
    ------
    UsageError
        If a flag is unknown, its values are missing or impossible, or the flags describe no crystal.
    InputFileError
        If a file can't be read or is not what its flag needs.
    """
    occurrences = tokenise(arguments)
    named = apply(occurrences, Settings())
    start = settings_from_headers(named.mask_path, named.header_path)
    settings = apply(occurrences, start if detector is None else on_detector(start, detector))
    check_named(settings, detector)
    _check(settings, spacegroup)
    crystal = additions.to_crystal(replace(
        settings.crystal, unit_cell=_unit_cell(settings), reciprocal_matrix=matrix_behind(settings.matrix_path)
    ))  # fmt: skip
    files = replace(
        settings.files,
        pgm_path=settings.files.pgm_path if settings.writes_pgm else None,
        noise_path=settings.files.noise_path if settings.writes_noise else None,
    )
    beam = additions.to_beam(replace(settings.beam, sources=listed_sources(settings.sources_path)))
    _read_unused(settings.stol_path)
    # made anew: while flags are read, a detector need not make sense as a whole
    sampling = additions.to_sampling(settings.sampling)
    bare = Experiment(crystal, beam, _detector(settings, physics), sampling, physics)
    experiment, factors_path, notes = with_structure_factors(bare, settings, spacegroup)
    warnings = (
        *_warnings(occurrences, settings, experiment.crystal.structure_factors),
        *_pivot_hint(occurrences, settings, physics),
    )
    return Request(
        experiment=experiment, files=files, inputs=inputs_of(settings, factors_path, additions),
        notes=(*_detector_notes(detector, settings), *notes),
        progress=settings.progress, printout=settings.printout, printout_pixel=chosen_pixel(settings.printout_pixel),
        trace_pixels=settings.trace_pixels,
        warnings=(*warnings, *additions.warnings(settings), *_nominal_hints(occurrences, beam)),
    )  # fmt: skip


@named_by_flags()
def detector_of(arguments: Sequence[str], physics: Physics = NANOBRAGG_PHYSICS) -> Detector:
    """The detector that nanoBragg's flags describe.

    Parameters
    ----------
    arguments : sequence of str
        Flags of a detector and its lab frame, nothing else.
    physics : Physics
        Which of nanoBragg's quirks place it.

    Returns
    -------
    Detector

    Raises
    ------
    UsageError
        If a flag is unknown or impossible, or says something else.
    """
    settings = apply(tokenise(arguments), Settings())
    if replace(settings, detector=Detector(), pivot=None, pix0_in_mm=False) != Settings():
        raise UsageError(f"'{' '.join(arguments)}' says more than where the detector stands; leave the other flags out")
    return _detector(settings, physics)


def _detector_notes(name: str | None, settings: Settings) -> Iterator[tuple[str, str]]:
    """What there is to say about a detector that was named."""
    if name is None:
        return
    model = detector_model(name)
    thick = model.thickness > 0.0 and settings.detector.sensor.thickness == 0.0
    sensor = f"; its sensor, {model.thickness:g} mm {model.material}, counts with -detector_thick and -detector_abs"
    yield "detector", model.name + (sensor if thick else "")


def _check(settings: Settings, spacegroup: str | None) -> None:
    """Refuse what no single flag shows to be impossible."""
    brings_cell = settings.hkl_path is not None and is_model_or_data(settings.hkl_path)
    if settings.matrix_path is None and settings.cell[0] is None and not brings_cell:
        raise UsageError("no unit cell: give -cell (a b c alpha beta gamma) or -mat (a file)")
    refuse_idle_spacegroup(spacegroup, settings)
    check_stated(settings)


def refuse_idle_spacegroup(spacegroup: str | None, settings: Settings) -> None:
    """Refuse a symmetry where no list is there to be completed.

    Parameters
    ----------
    spacegroup : str or None
        Behind --spacegroup.
    settings : Settings
        What the flags say.

    Raises
    ------
    UsageError
    """
    if spacegroup is not None and settings.hkl_path is None:
        raise UsageError(f"{{spacegroup}} {spacegroup}: has no effect without {{Crystal.structure_factors}}")


def _detector(settings: Settings, physics: Physics) -> Detector:
    """The detector, with what some flags only say to a program without nanoBragg's quirks."""
    detector = settings.detector
    frame, pix0 = detector.frame, detector.pix0
    # a named convention overrules it in nanoBragg, and it is for the set-up to say so
    if settings.pivot is not None and ("pivot" in physics.fixes or frame.convention is not Convention.CUSTOM):
        frame = replace(frame, pivot=Pivot(settings.pivot))
    if "pix0" in physics.fixes and pix0 is not None and settings.pix0_in_mm:
        pix0 = (pix0[0] / 1000.0, pix0[1] / 1000.0, pix0[2] / 1000.0)
    return replace(detector, frame=frame, pix0=pix0)


def _unit_cell(settings: Settings) -> UnitCell | None:
    a, *others = settings.cell
    return None if a is None else UnitCell(a, *others)


def matrix_behind(path: Path | None) -> np.ndarray | None:
    """The reciprocal matrix of a file, as `Crystal.reciprocal_matrix` has it.

    Parameters
    ----------
    path : Path or None
        Behind -mat.

    Returns
    -------
    ndarray or None

    Raises
    ------
    InputFileError
        If the file can't be read or is no matrix.
    """
    if path is None:
        return None
    from nbnumba.io.matrix import read_matrix

    return read_matrix(path)


def listed_sources(path: Path | None) -> np.ndarray | None:
    """The sources of a list, as `Beam.sources` has them.

    Parameters
    ----------
    path : Path or None
        Behind -sourcefile.

    Returns
    -------
    ndarray or None

    Raises
    ------
    InputFileError
        If the file can't be read or is no list of sources.
    """
    if path is None:
        return None
    from nbnumba.io.source_list import read_sources

    return read_sources(path)


def _read_unused(path: Path | None) -> None:
    """Read what nanoBragg reads and never uses, so that a wrong name is noticed."""
    if path is not None:
        from nbnumba.io.stol import read_stol

        read_stol(path)


def with_structure_factors(
    experiment: Experiment, settings: Settings, spacegroup: str | None, reads_cache: bool = True
) -> tuple[Experiment, Path | None, tuple[tuple[str, str], ...]]:
    """The experiment with its structure factors, where they come from, and what there is to say about them.

    Parameters
    ----------
    experiment : Experiment
        Without them.
    settings : Settings
        What the flags say.
    spacegroup : str or None
        Whose symmetry completes them.
    reads_cache : bool
        Whether those that an earlier run left serve where no file is named.

    Raises
    ------
    UsageError
        If nothing says what they are.
    InputFileError
        If a file can't be read.
    """
    path = settings.hkl_path
    if path is not None and (spacegroup is not None or is_model_or_data(path)):
        from nbnumba.models.for_experiment import fill_experiment

        filled = fill_experiment(experiment, path, spacegroup)
        return filled.experiment, path, filled.facts
    factors, path = _structure_factors(settings, reads_cache)
    return replace(experiment, crystal=replace(experiment.crystal, structure_factors=factors)), path, ()


def _structure_factors(settings: Settings, reads_cache: bool) -> tuple[StructureFactors | None, Path | None]:
    """Structure factors from text, else from the cache, else none; and where they come from."""
    default, cache = settings.crystal.default_F, settings.files.dump_path
    if settings.hkl_path is not None:
        from nbnumba.io.hkl import read_hkl

        return read_hkl(settings.hkl_path, default), settings.hkl_path
    if reads_cache and os.path.exists(cache):  # noqa: PTH110  (Path.exists fails for names that are too long)
        from nbnumba.io.fdump import read_fdump

        return read_fdump(cache), cache
    if default == 0.0:
        lacks_cache = f"; there is no cache {cache} either" if reads_cache else ""
        raise UsageError(f"no structure factors: give -hkl (a file) or -default_F{lacks_cache}")
    return None, None


def inputs_of(settings: Settings, factors_path: Path | None, additions: Additions) -> tuple[tuple[str, Path], ...]:
    """Words for the input files, and their names.

    Parameters
    ----------
    settings : Settings
        What the flags say.
    factors_path : Path or None
        Where the structure factors come from.
    additions : Additions
        What the options say.
    """
    named = {
        "mask": settings.mask_path,
        "header": settings.header_path,
        "matrix": settings.matrix_path,
        "structure factors": factors_path,
        "sources": settings.sources_path,
        "scattering table": settings.stol_path,
        "spectrum": additions.spectrum_path,
        "mosaic rotations": additions.mosaic_path,
    }
    return tuple((word, path) for word, path in named.items() if path is not None)


def chosen_pixel(pixel: tuple[int, int] | None) -> tuple[int, int] | None:
    """The only pixel to print, or None if all are.

    Parameters
    ----------
    pixel : tuple of 2 int or None
        Fast, slow behind -printout_pixel; negative means all.

    Returns
    -------
    tuple of 2 int or None
    """
    return None if pixel is None or pixel[0] < 0 else pixel


def _warnings(
    occurrences: Sequence[Occurrence], settings: Settings, factors: StructureFactors | None
) -> tuple[str, ...]:
    """What the flags say without effect."""
    said = [f"{item.typed} {item.flag.warning}" for item in occurrences if item.flag.warning]
    cache, default = settings.files.dump_path, settings.crystal.default_F
    if settings.names_cache and factors is None:
        said.append(f"-dump {cache}: no such file; every reflection has the amplitude of -default_F")
    if settings.hkl_path is None and factors is not None and default != 0.0 and not settings.names_cache:
        said.append(
            f"cache read: the structure factors are those that an earlier run left in {cache}, -default_F {default:g} "
            "counts outside them only; remove that file, or give another one behind -dump"
        )
    said += size_hints(settings.detector)
    said += energy_hints(occurrences)
    said += smv_hints({"-intfile": settings.files.int_path, "-noisefile": settings.files.noise_path})
    return tuple(dict.fromkeys(said))


def _pivot_hint(occurrences: Sequence[Occurrence], settings: Settings, physics: Physics) -> Iterator[str]:
    """A pivot that a later flag overrules, under the one convention that keeps it."""
    frame = settings.detector.frame
    if settings.pivot is None or frame.convention is not Convention.CUSTOM or "pivot" in physics.fixes:
        return
    if frame.pivot is not Pivot(settings.pivot):
        (*_, last) = (
            item for item in occurrences
            if any(entry == "detector.frame.pivot" for entry, _ in entries_set_by(item.flag, item.values))
        )
        yield (
            f"-pivot {settings.pivot}: overruled by {last.typed} behind it, which implies the other one, as in "
            "nanoBragg; put -pivot last"
        )


def size_hints(detector: Detector) -> Iterator[str]:
    """Edges of the detector that do not count, since numbers of pixels are given.

    Parameters
    ----------
    detector : Detector

    Yields
    ------
    str
    """
    usual = Detector()
    for axis in ("fast", "slow"):
        size, pixels = getattr(detector, f"size_{axis}"), getattr(detector, f"pixels_{axis}")
        overridden = size != getattr(usual, f"size_{axis}") and pixels is not None
        if overridden and abs(size - pixels * detector.pixel_size) > detector.pixel_size / 2.0:
            yield f"-detsize: the {pixels} pixels along the {axis} axis count; {size:g} mm do not"


def energy_hints(occurrences: Sequence[Occurrence]) -> Iterator[str]:
    """Energies in keV, and wavelengths that are energies.

    Parameters
    ----------
    occurrences : sequence of Occurrence
        All flags.

    Yields
    ------
    str
    """
    last = [item for item in occurrences if item.flag.name in ("-lambda", "-energy")][-1:]
    for item in last:
        (value,) = item.values
        if item.flag.name == "-energy":
            yield from energy_hint(item.typed, value)
        elif value > _LONGEST_WAVELENGTH:
            yield f"{item.typed} {value:g} is read in Å: for a photon energy of {value:g} eV give -energy {value:g}"


def _nominal_hints(occurrences: Sequence[Occurrence], beam: Beam) -> Iterator[str]:
    """A wavelength that is taken for the default, beside a spectrum."""
    stated = [item for item in occurrences if item.flag.name in ("-lambda", "-energy")][-1:]
    if beam.spectrum is not None and beam.wavelength is None and stated and beam.nominal_wavelength != 1.0:
        yield (
            f"{stated[0].typed} {stated[0].values[0]:g}: 1 Å counts as not given; the nominal wavelength is the mean "
            f"of --spectrum, {beam.nominal_wavelength:g} Å"
        )

"""nanoBragg's flags on top of an experiment that a file describes: what they may change, and what they may not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nbnumba.config import Experiment, Sampling
from nbnumba.errors import UsageError
from nbnumba.flags.additions import Additions
from nbnumba.flags.names import entries_set_by, named_by_flags
from nbnumba.flags.parse import Occurrence, apply, tokenise
from nbnumba.flags.request import (
    NO_ADDITIONS,
    Request,
    chosen_pixel,
    energy_hints,
    inputs_of,
    listed_sources,
    matrix_behind,
    with_structure_factors,
)
from nbnumba.flags.settings import Settings

_FREE = ("detector.sensor.layers", "detector.point_pixel", "detector.frame.polar")
"""What flags may say of a detector that stands where the file says."""

_FILES = ("files.", "writes_", "names_cache")


@named_by_flags()
def override(
    arguments: Sequence[str], experiment: Experiment, path: Path, spacegroup: str | None = None,
    additions: Additions = NO_ADDITIONS,
) -> Request:
    """Change an experiment by nanoBragg's flags, and read the files that they name.

    Parameters
    ----------
    arguments : sequence of str
        The flags.
    experiment : Experiment
        With panels, and a reciprocal matrix for its own wavelength: another wavelength leaves the lattice as it is.
    path : Path
        Where it comes from.
    spacegroup, additions
        As in `nbnumba.flags.interpret`.

    Returns
    -------
    Request

    Raises
    ------
    UsageError
        If a flag is unknown or impossible, would place the detector, or names a file of nanoBragg's own.
    InputFileError
        If a file can't be read or is not what its flag needs.
    """
    occurrences = tokenise(arguments)
    for item in occurrences:
        _check(item, path)
    start = Settings(
        beam=experiment.beam, crystal=experiment.crystal, detector=experiment.detector,
        sampling=_sampled(experiment, occurrences),
    )  # fmt: skip
    settings = apply(occurrences, start)
    beam = additions.to_beam(replace(settings.beam, sources=listed_sources(settings.sources_path)))
    given = matrix_behind(settings.matrix_path)
    # the matrix is that of a lattice times the wavelength
    scale = beam.nominal_wavelength / experiment.beam.nominal_wavelength
    matrix = np.asarray(experiment.crystal.reciprocal_matrix) * scale if given is None else given
    crystal = additions.to_crystal(replace(settings.crystal, reciprocal_matrix=matrix))
    sampling = additions.to_sampling(settings.sampling)
    bare = Experiment(crystal, beam, replace(settings.detector), sampling, experiment.physics)
    filled, factors_path, notes = with_structure_factors(bare, settings, spacegroup, reads_cache=False)
    return Request(
        experiment=filled, files=settings.files,
        inputs=(("experiment list", path), *inputs_of(settings, factors_path, additions)), notes=notes,
        progress=settings.progress, printout=settings.printout, printout_pixel=chosen_pixel(settings.printout_pixel),
        trace_pixels=settings.trace_pixels, warnings=tuple(_warnings(occurrences, settings, additions)),
    )  # fmt: skip


def _check(item: Occurrence, path: Path) -> None:
    """Refuse a flag that has no place here."""
    entries = [entry for entry, _ in entries_set_by(item.flag, item.values)]
    if "mask_path" in entries or "header_path" in entries:
        raise UsageError(f"{item.typed}: the detector is that of {path}; its panels bring their masks")
    if "cell" in entries:
        raise UsageError(f"{item.typed}: the lattice is that of {path}; -mat takes its place")
    if any(entry.startswith(_FILES) for entry in entries):
        raise UsageError(f"{item.typed}: images are written by --output FILE here")
    if any(entry.startswith("detector.") for entry in entries) and not any(entry in _FREE for entry in entries):
        raise UsageError(f"{item.typed}: the detector is that of {path}")
    if any(entry.startswith(("printout", "trace_pixels")) for entry in entries):
        raise UsageError(f"{item.typed}: prints pixels of nanoBragg's one plane; those of panels are in --output FILE")


def _sampled(experiment: Experiment, occurrences: Sequence[Occurrence]) -> Sampling:
    """The rotation of the image; a step that is typed decides how many there are."""
    entries = {entry for item in occurrences for entry, _ in entries_set_by(item.flag, item.values)}
    steps = None if "sampling.phi_step" in entries else experiment.sampling.phi_steps
    return replace(experiment.sampling, phi_steps=steps)


def _warnings(occurrences: Sequence[Occurrence], settings: Settings, additions: Additions) -> Iterator[str]:
    """What the flags say without effect."""
    yield from dict.fromkeys(f"{item.typed} {item.flag.warning}" for item in occurrences if item.flag.warning)
    yield from energy_hints(occurrences)
    yield from additions.warnings(settings)

"""nanoBragg's flags on top of an experiment that a file describes: what they may change, and what they may not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nbnumba.config import Experiment, Sampling
from nbnumba.errors import UsageError
from nbnumba.flags.additions import Additions
from nbnumba.flags.flag import Flag
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
    refuse_idle_spacegroup,
    with_structure_factors,
)
from nbnumba.flags.settings import Settings
from nbnumba.flags.table import TOPICS

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
        refusal = _refusal(item.flag)
        if refusal is not None:
            raise UsageError(f"{item.typed}: {refusal.format(path)}")
    start = Settings(
        beam=experiment.beam, crystal=experiment.crystal, detector=experiment.detector,
        sampling=_sampled(experiment, occurrences),
    )  # fmt: skip
    settings = apply(occurrences, start)
    refuse_idle_spacegroup(spacegroup, settings)
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


def _refusal(flag: Flag) -> str | None:
    """Why a flag has no place here; None if it has. {} stands for the file."""
    entries = [entry for entry, _ in entries_set_by(flag, _any_values(flag))]
    if "mask_path" in entries or "header_path" in entries:
        return "the detector is that of {}; its panels bring their masks"
    if "cell" in entries:
        return "the lattice is that of {}; -mat takes its place"
    if any(entry.startswith(_FILES) for entry in entries):
        return "images are written by --output FILE here"
    if any(entry.startswith("detector.") for entry in entries) and not any(entry in _FREE for entry in entries):
        return "the detector is that of {}"
    if any(entry.startswith(("printout", "trace_pixels")) for entry in entries):
        return "prints pixels of nanoBragg's one plane; those of panels are in --output FILE"
    return None


def _any_values(flag: Flag) -> list[Any]:
    """Values that any flag takes; which ones makes no difference to what it sets."""
    return [1.0] * len(flag.values)


_FROM_FILE = {"-phi", "-osc", "-phistep", "-phisteps", "-lambda", "-energy", "-polar", "-polar_vector"}
"""Flags without which the file decides."""

OVERRIDES = {
    topic: taken for topic, flags in TOPICS.items()
    if (taken := tuple(
        replace(flag, default="the file's") if flag.name in _FROM_FILE else flag
        for flag in flags if _refusal(flag) is None and not flag.warning
    ))
}  # fmt: skip
"""Flags that change an experiment which a file describes, by topic; those without effect are accepted, not listed."""


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
    crystal = settings.crystal
    if max(crystal.cells) <= 1.0 and max(crystal.size) <= 0.0:
        yield "the crystal is a single unit cell; {Crystal.cells} or {Crystal.size} says how large it is"

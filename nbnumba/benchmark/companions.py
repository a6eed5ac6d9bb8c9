"""noisify and nonBragg against the commands that take their place: whole processes, in turn."""

from __future__ import annotations

import filecmp
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbnumba.benchmark import forks
from nbnumba.benchmark.processes import ProcessRun, run_process

PHOTONS_FILE = "benchmark_photons_{}.bin"
CURVE_FILE = "benchmark_curve.stol"


@dataclass(frozen=True)
class CompanionWorkload:
    """One run of a companion.

    Attributes
    ----------
    program : str
        "noisify" or "nonBragg": the C program; the command of nbnumba has this name in small letters.
    title : str
        What it stresses.
    flags : str
        The program's, but for the number of pixels.
    pixels : int
        Along each edge.
    files : tuple of str
        What it writes; of the PGM image of nonBragg the second half is foreign memory.
    """

    program: str
    title: str
    flags: str
    pixels: int
    files: tuple[str, ...]

    @property
    def arguments(self) -> list[str]:
        """All flags."""
        return f"{self.flags} -detpixels {self.pixels}".format(self.pixels).split()


_NOISIFY_FILES = ("intimage.img", "noiseimage.img", "image.pgm")
_NOISIFY = f"-floatfile {PHOTONS_FILE} -pixel 0.1 -seed 1 -readout 3"
_NONBRAGG_FILES = ("floatimage.bin", "intimage.img")
_NONBRAGG = f"-stol {CURVE_FILE} -pixel 0.05 -distance 100 -noprogress -nonoise"

WORKLOADS = (
    CompanionWorkload("noisify", "photons, calibration and readout noise", _NOISIFY, 2048, _NOISIFY_FILES),
    CompanionWorkload("noisify", "a fiber's point spread of radius 30 pixels",
                      f"{_NOISIFY} -psf fiber -psf_fwhm 100 -psf_radius 30", 1024, _NOISIFY_FILES),
    CompanionWorkload("nonBragg", "water, unpolarized", _NONBRAGG, 2048, _NONBRAGG_FILES),
    CompanionWorkload("nonBragg", "water, polarized, 2 x 2 subpixels", f"{_NONBRAGG} -polar 0.9 -oversample 2", 2048,
                      _NONBRAGG_FILES),
)  # fmt: skip
"""Each program with the work that most of its users give it."""

PROGRAMS = tuple(dict.fromkeys(workload.program for workload in WORKLOADS))


@dataclass(frozen=True)
class CompanionRow:
    """The runs of both programs on one workload, round by round.

    Attributes
    ----------
    program, title : str
        As in the workload.
    pixels : int
        Along each edge.
    threads : int
        Of nbnumba; the C programs have one.
    ours, theirs : list of ProcessRun
        From the start of the process to its end.
    different_files : list of str
        Files whose bytes differ.
    """

    program: str
    title: str
    pixels: int
    threads: int
    ours: list[ProcessRun]
    theirs: list[ProcessRun]
    different_files: list[str]

    def ratios(self, seconds: Callable[[ProcessRun], float]) -> list[float]:
        """Times the C program took, in times of nbnumba, round by round.

        Parameters
        ----------
        seconds : callable
            Which time of a run.
        """
        return [seconds(theirs) / seconds(ours) for ours, theirs in zip(self.ours, self.theirs, strict=True)]


def measure_companions(
    binaries: Mapping[str, Path], threads: int, repeats: int, folder: Path, tell: Callable[[str], None]
) -> list[CompanionRow]:
    """Run both programs of each workload in turn with warm caches.

    Parameters
    ----------
    binaries : mapping of str to Path
        The C programs that there are, by their names.
    threads : int
        Of nbnumba.
    repeats : int
        Counted rounds.
    folder : Path
        Where the programs run.
    tell : callable
        Receives a line of progress.

    Returns
    -------
    list of CompanionRow
        One for each workload of these programs.
    """
    rows = []
    for number, workload in enumerate(w for w in WORKLOADS if w.program in binaries):
        places = [folder / f"companion-{number}-{side}" for side in ("ours", "theirs")]
        for place in places:
            place.mkdir()
            _write_inputs(place, workload.pixels)
        arguments = workload.arguments
        commands = [
            [sys.executable, "-m", forks.COMMAND_MODULE, workload.program.lower(), *arguments, "--threads",
             str(threads)],
            [str(binaries[workload.program]), *arguments],
        ]  # fmt: skip
        runs: tuple[list[ProcessRun], list[ProcessRun]] = ([], [])
        for turn in range(repeats + 1):
            tell(f"{workload.program}, {workload.title}, round {turn} of {repeats}")
            for side, (command, place) in enumerate(zip(commands, places, strict=True)):
                run = run_process(command, place, {})
                if turn > 0:
                    runs[side].append(run)
        ours, theirs = places
        different = [name for name in workload.files if not filecmp.cmp(ours / name, theirs / name, shallow=False)]
        rows.append(CompanionRow(workload.program, workload.title, workload.pixels, threads, *runs, different))
    return rows


def _write_inputs(folder: Path, pixels: int) -> None:
    """An image of some 100 photons a pixel, and a curve of 10 000 points."""
    photons = np.random.default_rng(20).gamma(2.0, 50.0, pixels * pixels)
    photons.astype(np.float32).tofile(folder / PHOTONS_FILE.format(pixels))
    stol = np.linspace(0.0, 0.5, 10_000)
    amplitude = 2.57 + 5.4 * np.exp(-(((stol - 0.16) / 0.05) ** 2))
    np.savetxt(folder / CURVE_FILE, np.column_stack([stol, amplitude]), fmt="%.6g")

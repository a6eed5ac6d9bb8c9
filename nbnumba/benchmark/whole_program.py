"""The whole program: one image with all four output files, from the start of the process to its end."""

from __future__ import annotations

import filecmp
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbnumba.benchmark.measure import FLOAT_FILE, Parity, Program, compare_images, peer_of, remove_caches
from nbnumba.benchmark.processes import ProcessRun, run_process
from nbnumba.benchmark.stages import profile_stages
from nbnumba.benchmark.workloads import WORKLOADS

WORKLOAD = WORKLOADS["W1"]
"""Little work per pixel: everything but the kernel weighs most here."""

CONVERTED_FILES = ("intimage.img", "image.pgm", "noiseimage.img")


@dataclass(frozen=True)
class WholeRun:
    """The figures of one program.

    Attributes
    ----------
    engine : str
        Engine of nbnumba, or the C program.
    threads : int
    runs : list of ProcessRun
        Repetitions.
    stages : dict of str to float
        Median seconds of each stage; empty for the C program.
    parity : Parity or None
        Of the float image with the C program's; None without one.
    different_files : list of str
        Converted files whose bytes are not the C program's.
    """

    engine: str
    threads: int
    runs: list[ProcessRun]
    stages: dict[str, float]
    parity: Parity | None
    different_files: list[str]


def measure_whole_program(
    programs: Sequence[Program], repeats: int, folder: Path, tell: Callable[[str], None]
) -> list[WholeRun]:
    """Run every program in turn with warm caches.

    Parameters
    ----------
    programs : sequence of Program
        Contenders.
    repeats : int
        Counted repetitions.
    folder : Path
        Holds a folder for each program.
    tell : callable
        Receives a line of progress.

    Returns
    -------
    list of WholeRun
    """
    arguments = WORKLOAD.all_files()
    remove_caches(programs, folder)
    runs: dict[Program, list[ProcessRun]] = {program: [] for program in programs}
    stages: dict[Program, list[dict[str, float]]] = {program: [] for program in programs}
    for number in range(-1, repeats):
        for program in programs:
            tell(f"whole program, {program.engine}, {program.threads} threads, run {number + 1} of {repeats}")
            place = folder / program.folder
            run = run_process(program.command(arguments), place, program.environment)
            if number >= 0:
                runs[program].append(run)
                if program.c_binary is None:
                    stages[program].append(profile_stages(program.engine, program.threads, arguments, place))
    return [_whole_run(program, runs[program], stages[program], programs, folder) for program in programs]


def _whole_run(
    program: Program,
    runs: list[ProcessRun],
    stages: list[dict[str, float]],
    programs: Sequence[Program],
    folder: Path,
) -> WholeRun:
    """Put the figures of one program together."""
    peer, parity, different = peer_of(program, programs), None, []
    if peer is not None:
        ours, theirs = folder / program.folder, folder / peer.folder
        parity = compare_images(ours / FLOAT_FILE, theirs / FLOAT_FILE)
        different = [name for name in CONVERTED_FILES if not filecmp.cmp(ours / name, theirs / name, shallow=False)]
    medians = {stage: statistics.median(seconds[stage] for seconds in stages) for stage in stages[0]} if stages else {}
    return WholeRun(program.engine, program.threads, runs, medians, parity, different)

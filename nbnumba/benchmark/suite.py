"""A whole benchmark: start-up times, every workload, scaling and profile, then the report."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbnumba.benchmark.companions import measure_companions
from nbnumba.benchmark.derivatives import DerivativeRow, measure_derivatives
from nbnumba.benchmark.measure import C_PROGRAM, Peer, Program, measure_workload, spread_of
from nbnumba.benchmark.plots import plot_scaling, plot_throughput
from nbnumba.benchmark.processes import run_process
from nbnumba.benchmark.report import Results, write_results
from nbnumba.benchmark.scaling import measure_scaling
from nbnumba.benchmark.sequences import measure_sequences
from nbnumba.benchmark.sparse import measure_sparse
from nbnumba.benchmark.whole_program import measure_whole_program
from nbnumba.benchmark.workloads import Workload, write_inputs
from nbnumba.config.physics import NANOBRAGG

SMALL_IMAGE = "-cell 100 100 100 -default_F 100 -lambda 1 -N 5 -distance 100 -detpixels 64"


@dataclass(frozen=True)
class BenchmarkPlan:
    """What to measure.

    Attributes
    ----------
    workloads : tuple of Workload
    sizes : tuple of int
        Pixels along each edge; empty takes each workload's own.
    engines : tuple of str
        Engines of nbnumba.
    physics : tuple of str
        Of nbnumba's images.
    threads : tuple of int
        Numbers of threads.
    c_binary : Path or None
        The C program.
    repeats : int
        Counted repetitions.
    scaling, many, profile, sparse, derivatives : bool
        Further measurements.
    companions : mapping of str to Path
        The C programs noisify and nonBragg, by these names, as far as they shall be measured.
    peers : tuple of Peer
        Programs of others.
    """

    workloads: tuple[Workload, ...]
    sizes: tuple[int, ...]
    engines: tuple[str, ...]
    physics: tuple[str, ...]
    threads: tuple[int, ...]
    c_binary: Path | None
    repeats: int
    scaling: bool
    many: bool
    profile: bool
    companions: Mapping[str, Path]
    peers: tuple[Peer, ...] = ()
    sparse: bool = False
    derivatives: bool = False


def run_benchmark(plan: BenchmarkPlan, folder: Path, tell: Callable[[str], None]) -> None:
    """Measure and write results.json, summary.md and plots.

    Parameters
    ----------
    plan : BenchmarkPlan
    folder : Path
        Existing folder for the results.
    tell : callable
        Receives lines of progress.
    """
    with tempfile.TemporaryDirectory(prefix="nbnumba-bench-") as name:
        scratch = Path(name)
        programs = _place_programs(plan, scratch)
        rows = [
            row
            for workload in plan.workloads
            for pixels in plan.sizes or (workload.pixels,)
            for row in measure_workload(workload, pixels, programs, plan.repeats, scratch, tell)
        ]
        usual = [program for program in programs if program.physics == NANOBRAGG and program.peer is None]
        startup = _measure_startup(plan, scratch, tell)
        whole = measure_whole_program(usual, plan.repeats, scratch, tell) if plan.profile and usual else []
        companions = measure_companions(plan.companions, plan.threads[-1], plan.repeats, scratch, tell)
    points = measure_scaling(plan.engines[0], plan.threads, tell) if plan.scaling else []
    rates = measure_sequences(plan.engines, plan.physics, plan.threads, plan.repeats, tell) if plan.many else []
    sparse = measure_sparse(plan.engines[0], plan.threads[0], plan.repeats, tell) if plan.sparse else []
    derivatives = _measure_derivatives(plan, tell) if plan.derivatives else []
    write_results(folder, Results(rows, startup, whole, points, plan.c_binary, companions, rates, sparse, derivatives))
    if rows:
        plot_throughput(folder, rows)
    if points:
        plot_scaling(folder, points)


def _measure_derivatives(plan: BenchmarkPlan, tell: Callable[[str], None]) -> list[DerivativeRow]:
    return [row for engine in plan.engines for row in measure_derivatives(engine, plan.repeats, tell)]


def _place_programs(plan: BenchmarkPlan, scratch: Path) -> list[Program]:
    """All contenders, each with a folder and the input files in it."""
    programs = [
        Program(engine, threads, physics=physics)
        for threads in plan.threads
        for engine in plan.engines
        for physics in plan.physics
    ]
    programs += [Program(peer.name, threads, peer=peer) for threads in plan.threads for peer in plan.peers]
    if plan.c_binary is not None:
        programs = [Program(C_PROGRAM, threads, plan.c_binary) for threads in plan.threads] + programs
    for program in programs:
        place = scratch / program.folder
        place.mkdir()
        write_inputs(place)
    return programs


def _measure_startup(
    plan: BenchmarkPlan, scratch: Path, tell: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Wall time of help, and of a small image with a cold and with a warm kernel cache."""
    place = scratch / "startup"
    place.mkdir()
    ours = [sys.executable, "-m", "nbnumba_cli"]
    tell("start-up: help")
    times = {"nbnumba --help": spread_of(run_process([*ours, "--help"], place, {}).wall for _ in range(plan.repeats))}
    for engine in plan.engines:
        tell(f"start-up: {engine}, cold and warm")
        small = [*ours, *SMALL_IMAGE.split(), "--engine", engine]
        with tempfile.TemporaryDirectory(prefix="nbnumba-cold-") as cold:
            runs = [run_process(small, place, {"NUMBA_CACHE_DIR": cold}).wall for _ in range(plan.repeats + 1)]
        times[f"64x64 image, {engine}, cold cache (first run ever)"] = spread_of(runs[:1])
        times[f"64x64 image, {engine}, warm cache"] = spread_of(runs[1:])
    return times

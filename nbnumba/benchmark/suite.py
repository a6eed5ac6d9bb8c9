"""A whole benchmark: start-up times, every workload, scaling and profile, then the report."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbnumba.benchmark.measure import C_PROGRAM, Program, Row, measure_workload, spread_of
from nbnumba.benchmark.processes import run_process
from nbnumba.benchmark.report import plot_scaling, plot_throughput, write_results
from nbnumba.benchmark.scaling import measure_scaling
from nbnumba.benchmark.stages import profile_stages
from nbnumba.benchmark.workloads import WORKLOADS, Workload, write_inputs

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
    threads : tuple of int
        Numbers of threads.
    c_binary : Path or None
        The C program.
    repeats : int
        Counted repetitions.
    scaling, profile : bool
        Further measurements.
    """

    workloads: tuple[Workload, ...]
    sizes: tuple[int, ...]
    engines: tuple[str, ...]
    threads: tuple[int, ...]
    c_binary: Path | None
    repeats: int
    scaling: bool
    profile: bool


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
    with tempfile.TemporaryDirectory(prefix="nbnumba-bench-") as scratch:
        rows = _measure_rows(plan, Path(scratch), tell)
        startup = _measure_startup(plan.repeats, Path(scratch), tell)
    points = measure_scaling(plan.engines[0], tell) if plan.scaling else []
    extra: dict[str, Any] = {"startup_seconds": startup, "tables": {"Start-up": _startup_table(startup)}}
    if plan.profile:
        extra["profile"] = _measure_profile(plan, tell)
        extra["tables"]["Where the time goes (W1, 4096², all outputs)"] = _profile_table(extra["profile"])
    write_results(folder, rows, points, extra)
    if rows:
        plot_throughput(folder, rows)
    if points:
        plot_scaling(folder, points)


def _measure_rows(plan: BenchmarkPlan, scratch: Path, tell: Callable[[str], None]) -> list[Row]:
    programs = [Program(engine, threads) for threads in plan.threads for engine in plan.engines]
    if plan.c_binary is not None:
        programs = [Program(C_PROGRAM, threads, plan.c_binary) for threads in plan.threads] + programs
    for program in programs:
        place = scratch / program.folder
        place.mkdir()
        write_inputs(place)
    return [
        row
        for workload in plan.workloads
        for pixels in plan.sizes or (workload.pixels,)
        for row in measure_workload(workload, pixels, programs, plan.repeats, scratch, tell)
    ]


def _measure_startup(repeats: int, scratch: Path, tell: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Wall time of help, of a small image with a cold and with a warm kernel cache."""
    place = scratch / "startup"
    place.mkdir()
    ours = [sys.executable, "-m", "nbnumba_cli"]
    small = [*ours, *SMALL_IMAGE.split()]
    tell("start-up: help, cold and warm small image")
    with tempfile.TemporaryDirectory(prefix="nbnumba-cold-") as cold:
        first = run_process(small, place, {"NUMBA_CACHE_DIR": cold}).wall
        warm = [run_process(small, place, {"NUMBA_CACHE_DIR": cold}).wall for _ in range(repeats)]
    helps = [run_process([*ours, "--help"], place, dict(os.environ)).wall for _ in range(repeats)]
    return {
        "nbnumba --help": spread_of(helps),
        "64x64 image, warm cache": spread_of(warm),
        "64x64 image, first run ever": spread_of([first]),
    }


def _measure_profile(plan: BenchmarkPlan, tell: Callable[[str], None]) -> dict[str, float]:
    """Stages of a whole run that writes all four images."""
    with tempfile.TemporaryDirectory(prefix="nbnumba-profile-") as folder:
        return profile_stages(plan.engines[0], plan.threads[-1], WORKLOADS["W1"].all_files(), Path(folder), tell)


def _startup_table(startup: dict[str, dict[str, float]]) -> dict[str, list[Any]]:
    rows = [[what, *(f"{times[key]:.2f}" for key in ("median", "min", "max"))] for what, times in startup.items()]
    return {"head": ["run", "median, s", "min, s", "max, s"], "rows": rows}


def _profile_table(stages: dict[str, float]) -> dict[str, list[Any]]:
    return {"head": ["stage", "seconds"], "rows": [[name, f"{seconds:.3f}"] for name, seconds in stages.items()]}

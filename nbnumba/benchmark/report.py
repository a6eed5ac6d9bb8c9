"""Writes what was measured: results.json for programs, summary.md for people."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from nbnumba.benchmark.companions import CompanionRow
from nbnumba.benchmark.derivatives import DerivativeRow
from nbnumba.benchmark.measure import C_PROGRAM, Row, spread_of
from nbnumba.benchmark.scaling import ScalingPoint, scaling_laws
from nbnumba.benchmark.sequences import SequenceRate
from nbnumba.benchmark.sparse import CUTOFF, SparseRow
from nbnumba.benchmark.whole_program import WholeRun

TOO_SHORT = "too short to tell"
"""Where fixed costs scatter by more than the kernel takes."""

PACKAGES = ("nbnumba", "numba", "llvmlite", "numpy")


class Results(NamedTuple):
    """Everything that was measured.

    Attributes
    ----------
    rows : sequence of Row
        One per workload, size, engine and number of threads.
    startup : dict of str to dict
        Spread of wall times, seconds, by kind of run.
    whole : sequence of WholeRun
        One per program; may be empty.
    scaling : sequence of ScalingPoint
        Times against steps, pixels, domains and threads; may be empty.
    c_binary : Path or None
        The C program.
    companions : sequence of CompanionRow
        Of noisify and nonBragg; may be empty.
    rates : sequence of SequenceRate
        Images in a second; may be empty.
    sparse : sequence of SparseRow
        Sparse sums against full ones; may be empty.
    derivatives : sequence of DerivativeRow
        All sums behind derivatives against pixels alone; may be empty.
    """

    rows: Sequence[Row]
    startup: dict[str, dict[str, float]]
    whole: Sequence[WholeRun]
    scaling: Sequence[ScalingPoint]
    c_binary: Path | None
    companions: Sequence[CompanionRow] = ()
    rates: Sequence[SequenceRate] = ()
    sparse: Sequence[SparseRow] = ()
    derivatives: Sequence[DerivativeRow] = ()


def environment(c_binary: Path | None) -> dict[str, Any]:
    """The machine and versions that the figures belong to.

    Parameters
    ----------
    c_binary : Path or None
        The C program: its name and the beginning of its checksum are recorded.
    """
    program = {}
    if c_binary is not None:
        program = {"C program": f"{c_binary.name} (sha256 {hashlib.sha256(c_binary.read_bytes()).hexdigest()[:12]})"}
    return {
        "processor": _processor(), "logical CPUs": os.cpu_count(), "load": f"{os.getloadavg()[0]:.2f}",
        "system": platform.platform(), "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES}, **program,
    }  # fmt: skip


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def write_results(folder: Path, results: Results) -> None:
    """Write results.json and summary.md.

    Parameters
    ----------
    folder : Path
        Where to write.
    results : Results
        What was measured.
    """
    machine = environment(results.c_binary)
    plain = {
        "environment": machine, "rows": [asdict(row) for row in results.rows], "startup_seconds": results.startup,
        "whole_program": [asdict(run) for run in results.whole],
        "scaling": [point._asdict() for point in results.scaling],
        "companions": [asdict(row) for row in results.companions],
        "sequences": [rate._asdict() for rate in results.rates],
        "sparse": [{**asdict(row), "ratios": row.ratios} for row in results.sparse],
        "derivatives": [{**asdict(row), "ratios": row.ratios} for row in results.derivatives],
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    (folder / "summary.md").write_text("\n".join(summary_lines(machine, results)) + "\n", encoding="utf-8")


def summary_lines(machine: dict[str, Any], results: Results) -> list[str]:
    """The report for people, in Markdown.

    Parameters
    ----------
    machine : dict
        From `environment`.
    results : Results
        What was measured.

    Returns
    -------
    list of str
    """
    lines = ["# Benchmark", "", ", ".join(f"{key} {value}" for key, value in machine.items()), ""]
    if results.rows:
        lines += [*_ROWS_TEXT, *_table(_ROWS_HEAD, [_cells(row) for row in results.rows]), ""]
    lines += ["## Start-up", ""]
    lines += _table(["run", "wall, s"], [[what, _spread_text(spread)] for what, spread in results.startup.items()])
    if results.whole:
        lines += ["", "## Whole program: W1, 4096², all four files, warm cache", ""]
        lines += _table(_WHOLE_HEAD, [_whole_cells(run) for run in results.whole])
        lines += ["", "Where the time goes, median seconds of runs of their own:", "", *_stage_table(results.whole)]
    if results.companions:
        lines += ["", *_COMPANIONS_TEXT, *_table(_COMPANIONS_HEAD, [_companion_cells(r) for r in results.companions])]
    if results.rates:
        lines += ["", "## Many images", "", *_RATES_TEXT]
        lines += _table(_RATES_HEAD, [_rate_cells(rate) for rate in results.rates])
    if results.sparse:
        lines += ["", *_SPARSE_TEXT, "", *_table(_SPARSE_HEAD, [_sparse_cells(row) for row in results.sparse])]
    if results.derivatives:
        lines += ["", *_DERIVATIVES_TEXT]
        lines += _table(_DERIVATIVES_HEAD, [_derivative_cells(row) for row in results.derivatives])
    if results.scaling:
        lines += ["", "## Scaling", "", "Kernel time ~ quantity ^ slope; how far a time is off that line at most.", ""]
        laws = scaling_laws(results.scaling).items()
        lines += _table(
            ["quantity", "slope", "off by a factor"],
            [[quantity, f"{slope:.3f}", f"{factor:.2f}"] for quantity, (slope, factor) in laws],
        )
    return lines


_ROWS_TEXT = (
    "Median (minimum-maximum) of the repeated runs. The kernel time is the wall time of a run, from flags to files,",
    "less that of a run on one pixel (`-roi 0 0 0 0`); ± is half the 95 % interval of its median. For these the",
    "engine `cpu` runs in forks of a process that has imported and compiled what it needs. Own clock is what nbnumba",
    "prints of its pixel loop. CPU is user and system time of all cores together, with the same subtraction: other",
    "programs on the machine disturb it less. User, wall and peak are those of whole processes. Times C and times 1",
    "thread compare runs of the same round. Times C stands only where the images agree in every round: at most 2",
    "pixels in 10 000 differ in their bits, none by more than 1e-6. Times nanoBragg's physics is the kernel time of a",
    "round in exact physics over that in nanoBragg's. Programs of others (`--peer`) are compared with nbnumba's first",
    "engine at the same number of threads, and by the same bars: times nbnumba's time is theirs over nbnumba's.",
    "",
)

_ROWS_HEAD = (
    "workload", "pixels", "threads", "engine", "kernel, s", "±", "own clock, s", "M pixel-steps/s", "times C", "target",
    "times 1 thread", "kernel, CPU s", "times C, CPU", "user, s", "wall, s", "peak, MiB", "pixels that differ", "worst",
    "times nanoBragg's physics", "times nbnumba's time",
)  # fmt: skip

_RATES_TEXT = (
    "Images in a second of one process: the Er-1 crystal with 20 mosaic domains, turned by 0.1 degrees between images,",
    "descriptions and images in memory. *A sequence* is `Renderer.render_many`, *one by one* `Renderer.render`.",
    "Times n processes compares with as many processes of one thread, which took as many images in turn with it.",
    "DISAGREES stands where images of a sequence are not those made alone, bit by bit.",
    "",
)

_RATES_HEAD = (
    "engine", "physics", "precision", "threads", "pixels", "a sequence", "one by one", "times n processes", "images"
)  # fmt: skip


def _rate_cells(rate: SequenceRate) -> list[str]:
    return [
        rate.engine, rate.physics, rate.precision, str(rate.threads), f"{rate.pixels}²", _spread_text(rate.rates),
        _spread_text(rate.single_rates), "" if rate.of_processes is None else _spread_text(rate.of_processes),
        "equal" if rate.same_bits else "DISAGREES",
    ]  # fmt: skip


_WHOLE_HEAD = ("program", "threads", "wall, s", "user, s", "peak, MiB", "float image", "files that differ")


_SPARSE_TEXT = (
    f"## Spots that end: `--cutoff {CUTOFF:g}`",
    "",
    "A Gaussian protein crystal of 50 mosaic domains x 11 spindle steps, rendered both ways in one process. Times full",
    "is the time of the full sum over that with the cutoff, where no pixel differs by more than the cutoff.",
)

_SPARSE_HEAD = ("physics", "N", "pixels", "full, s", "cutoff, s", "summed", "times full", "largest difference / cutoff")


def _sparse_cells(row: SparseRow) -> list[str]:
    return [
        row.physics, str(row.cells), str(row.pixels), _spread_text(spread_of(row.full_seconds)),
        _spread_text(spread_of(row.sparse_seconds)), row.summed,
        _spread_text(spread_of(row.ratios)) if row.agrees else "DISAGREES", f"{row.worst:.2g}",
    ]  # fmt: skip


_DERIVATIVES_TEXT = (
    "## Derivatives",
    "",
    "A still of ten wavelengths and twenty mosaic domains, a table of amplitudes, one CPU thread or a GPU.",
    "Times photons alone is the time of photons and all sums behind their derivatives over that of photons alone; it",
    "stands where both have the same photons.",
    "",
)

_DERIVATIVES_HEAD = ("engine", "crystal", "terms", "photons, s", "with all sums, s", "times photons alone")


def _derivative_cells(row: DerivativeRow) -> list[str]:
    return [
        row.engine, row.shape, str(row.terms), _spread_text(spread_of(row.value_seconds)),
        _spread_text(spread_of(row.basis_seconds)), _spread_text(spread_of(row.ratios)) if row.agrees else "DISAGREES",
    ]  # fmt: skip


def _whole_cells(run: WholeRun) -> list[str]:
    agreement = ""
    if run.parity is not None:
        agreement = f"{run.parity.different_fraction:.1e} differ" if run.parity.agrees else "DISAGREES"
    return [
        run.engine, str(run.threads), _spread_text(spread_of(r.wall for r in run.runs)),
        f"{spread_of(r.user for r in run.runs)['median']:.3g}", f"{max(r.peak_memory for r in run.runs):.0f}",
        agreement, "" if run.parity is None else ", ".join(run.different_files) or "none",
    ]  # fmt: skip


_COMPANIONS_TEXT = (
    "## noisify and nonBragg",
    "",
    "Whole processes, warm cache, in turn with the C programs, which have one thread; median (minimum-maximum) of the",
    "ratios of each round. CPU is user and system time of all threads. The start of Python counts.",
    "",
)

_COMPANIONS_HEAD = ("program", "what", "pixels", "threads", "wall, s", "times C", "times C, CPU", "files that differ")


def _companion_cells(row: CompanionRow) -> list[str]:
    agrees = not row.different_files
    return [
        row.program, row.title, f"{row.pixels}²", str(row.threads),
        _spread_text(spread_of(run.wall for run in row.ours)),
        _spread_text(spread_of(row.ratios(lambda run: run.wall))) if agrees else "DISAGREES",
        _spread_text(spread_of(row.ratios(lambda run: run.cpu))) if agrees else "DISAGREES",
        ", ".join(row.different_files) or "none",
    ]  # fmt: skip


def _stage_table(runs: Sequence[WholeRun]) -> list[str]:
    ours = [run for run in runs if run.stages]
    head = ["stage", *(f"{run.engine}, {run.threads} threads" for run in ours)]
    stages = [[stage, *(f"{run.stages[stage]:.3f}" for run in ours)] for stage in ours[0].stages]
    return _table(head, [*stages, ["sum", *(f"{sum(run.stages.values()):.3f}" for run in ours)]])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]


def _spread_text(spread: dict[str, float], scale: float = 1.0, digits: int = 3) -> str:
    low, middle, high = (f"{spread[key] * scale:.{digits}g}" for key in ("min", "median", "max"))
    return f"{middle} ({low}-{high})"


def _cells(row: Row) -> list[str]:
    return [
        f"{row.workload}: {row.title}", f"{row.pixels}²", str(row.threads), row.engine,
        _spread_text(spread_of(row.kernel_seconds)),
        "" if row.uncertainty is None else f"{100 * row.uncertainty:.1f} %",
        _spread_text(spread_of(row.own_clock)) if row.own_clock else "",
        TOO_SHORT if row.throughput is None else _spread_text(row.throughput, 1e-6),
        "" if row.is_peer else _speed_up_text(row, row.speed_up),
        "" if row.engine == C_PROGRAM or row.is_peer else f"{row.target:g}",
        "" if row.thread_speed_up is None else _spread_text(row.thread_speed_up),
        _spread_text(spread_of(row.kernel_cpu_seconds)),
        "" if row.is_peer else _speed_up_text(row, row.cpu_speed_up),
        f"{spread_of(run.user for run in row.whole)['median']:.3g}",
        f"{spread_of(run.wall for run in row.whole)['median']:.3g}",
        f"{max(run.peak_memory for run in row.whole):.0f}",
        "" if row.parity is None else f"{row.parity.different_fraction:.1e}",
        "" if row.parity is None else f"{row.parity.worst_relative:.1e}",
        "" if row.physics_cost is None else _spread_text(row.physics_cost),
        _speed_up_text(row, row.of_nbnumba) if row.is_peer else "",
    ]  # fmt: skip


def _speed_up_text(row: Row, speed_up: dict[str, float] | None) -> str:
    if speed_up is not None:
        return _spread_text(speed_up)
    if row.parity is not None and not row.parity.agrees:
        return "DISAGREES"
    return "" if row.parity is None else TOO_SHORT

"""Writes what was measured: results.json, summary.md and plots."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbnumba.benchmark.measure import C_PROGRAM, Row, spread_of

if TYPE_CHECKING:
    from nbnumba.benchmark.scaling import ScalingPoint

PACKAGES = ("nbnumba", "numba", "llvmlite", "numpy")


def environment() -> dict[str, Any]:
    """The machine and versions that the figures belong to."""
    return {
        "processor": _processor(), "logical_cpus": os.cpu_count(), "system": platform.platform(),
        "python": platform.python_version(), **{name: version(name) for name in PACKAGES},
    }  # fmt: skip


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def write_results(folder: Path, rows: Sequence[Row], scaling: Sequence[ScalingPoint], extra: dict[str, Any]) -> None:
    """Write results.json and summary.md.

    Parameters
    ----------
    folder : Path
        Where to write.
    rows : sequence of Row
        One per workload, size, engine and number of threads.
    scaling : sequence of ScalingPoint
        Times against steps and pixels; may be empty.
    extra : dict
        Further sections for results.json, such as start-up times and the profile.
    """
    machine = environment()
    results = {
        "environment": machine, "rows": [row.as_dict() for row in rows],
        "scaling": [point._asdict() for point in scaling], **extra,
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "summary.md").write_text("\n".join(_summary(machine, rows, extra)) + "\n", encoding="utf-8")


def _summary(machine: dict[str, Any], rows: Sequence[Row], extra: dict[str, Any]) -> list[str]:
    lines = ["# Benchmark", "", ", ".join(f"{key} {value}" for key, value in machine.items()), ""]
    lines += [
        "Median (minimum-maximum) of the repeated runs. The kernel time is the wall time of the whole process less",
        "that of a run on one pixel. A speed-up stands only where the images agree: at most 2 pixels in 10 000 differ",
        "in their bits, none by more than 1e-6.", "",
    ]  # fmt: skip
    lines += _table(
        ["workload", "pixels", "threads", "engine", "kernel, s", "M pixel-steps/s", "times C", "target", "user, s",
         "wall, s", "peak, MiB", "pixels that differ", "worst"],
        [_cells(row) for row in rows],
    )  # fmt: skip
    for title, table in extra.get("tables", {}).items():
        lines += ["", f"## {title}", "", *_table(table["head"], table["rows"])]
    return lines


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]


def _spread_text(spread: dict[str, float], scale: float = 1.0, digits: int = 3) -> str:
    low, middle, high = (f"{spread[key] * scale:.{digits}g}" for key in ("min", "median", "max"))
    return f"{middle} ({low}-{high})"


def _cells(row: Row) -> list[str]:
    is_c = row.engine == C_PROGRAM
    disagrees = "" if row.parity is None else "DISAGREES"
    return [
        f"{row.workload}: {row.title}", f"{row.pixels}²", str(row.threads), row.engine,
        _spread_text(spread_of(row.kernel_seconds)), _spread_text(row.throughput, 1e-6),
        disagrees if row.speed_up is None else _spread_text(row.speed_up),
        "" if is_c else f"{row.target:g}",
        f"{spread_of(run.user for run in row.full)['median']:.3g}",
        f"{spread_of(run.wall for run in row.full)['median']:.3g}",
        f"{max(run.peak_memory for run in row.full):.0f}",
        "" if row.parity is None else f"{row.parity.different_fraction:.1e}",
        "" if row.parity is None else f"{row.parity.worst_relative:.1e}",
    ]  # fmt: skip


def plot_throughput(folder: Path, rows: Sequence[Row]) -> None:
    """Draw throughput.png: a bar for each program and workload, on a logarithmic axis.

    Parameters
    ----------
    folder : Path
        Where to write.
    rows : sequence of Row
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    programs = list(dict.fromkeys((row.engine, row.threads) for row in rows))
    places = list(dict.fromkeys((row.workload, row.pixels) for row in rows))
    figure = Figure(figsize=(2 + 1.1 * len(places), 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / max(len(programs), 1)
    for i, (engine, threads) in enumerate(programs):
        found = {(r.workload, r.pixels): r.throughput for r in rows if (r.engine, r.threads) == (engine, threads)}
        spots = [j + (i - (len(programs) - 1) / 2) * width for j, place in enumerate(places) if place in found]
        medians = [found[place]["median"] for place in places if place in found]
        label = f"{engine}, {threads} thread{'s' if threads > 1 else ''}"
        axes.bar(spots, medians, width, label=label)
    axes.set_yscale("log")
    axes.set_ylabel("pixel-steps per second")
    axes.set_xticks(range(len(places)), [f"{name}\n{pixels}²" for name, pixels in places])
    axes.grid(axis="y", which="both", alpha=0.3)
    axes.legend(ncols=2, fontsize="small")
    figure.savefig(folder / "throughput.png", dpi=130)


def plot_scaling(folder: Path, points: Sequence[ScalingPoint]) -> None:
    """Draw scaling.png: kernel time against steps per pixel, pixels and threads, with straight lines of slope one.

    Parameters
    ----------
    folder : Path
        Where to write.
    points : sequence of ScalingPoint
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    quantities = list(dict.fromkeys(point.against for point in points))
    figure = Figure(figsize=(4.6 * len(quantities), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    for i, quantity in enumerate(quantities):
        axes = figure.add_subplot(1, len(quantities), i + 1)
        x = [point.value for point in points if point.against == quantity]
        y = [point.seconds for point in points if point.against == quantity]
        power = -1 if quantity == "threads" else 1
        axes.loglog(x, y, "o", label="measured")
        axes.loglog(x, [y[-1] * (v / x[-1]) ** power for v in x], "-", alpha=0.5, label=f"slope {power}")
        axes.set_xlabel(quantity)
        axes.set_ylabel("kernel time, s")
        axes.grid(which="both", alpha=0.3)
        axes.legend(fontsize="small")
    figure.savefig(folder / "scaling.png", dpi=130)

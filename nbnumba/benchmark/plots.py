"""Draws what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from nbnumba.benchmark.measure import Row
from nbnumba.benchmark.scaling import ScalingPoint, plotted_seconds


def plot_throughput(folder: Path, rows: Sequence[Row]) -> None:
    """Draw throughput.png: a bar for each program and workload, on a logarithmic axis.

    Parameters
    ----------
    folder : Path
        Where to write.
    rows : sequence of Row
    """
    programs = list(dict.fromkeys((row.engine, row.threads) for row in rows))
    places = list(dict.fromkeys((row.workload, row.pixels) for row in rows))
    figure = Figure(figsize=(2 + 1.1 * len(places), 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / max(len(programs), 1)
    for i, (engine, threads) in enumerate(programs):
        found = {
            (row.workload, row.pixels): row.throughput
            for row in rows
            if (row.engine, row.threads) == (engine, threads) and row.throughput is not None
        }
        spots = [places.index(place) + (i - (len(programs) - 1) / 2) * width for place in found]
        medians = [spread["median"] for spread in found.values()]
        errors = [
            [abs(spread[end] - spread["median"]) for spread in found.values()] for end in ("min", "max")
        ]
        label = f"{engine}, {threads} thread{'s' if threads > 1 else ''}"
        axes.bar(spots, medians, width, yerr=errors, label=label, ecolor="0.3")
    axes.set_yscale("log")
    axes.set_ylabel("pixel-steps per second (median; lines: min, max)")
    axes.set_xticks(range(len(places)), [f"{name}\n{pixels}²" for name, pixels in places])
    axes.grid(axis="y", which="both", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(ncols=2, fontsize="small")
    figure.savefig(folder / "throughput.png", dpi=130)


def plot_scaling(folder: Path, points: Sequence[ScalingPoint]) -> None:
    """Draw scaling.png: kernel time against steps per pixel, pixels, domains and threads, beside lines of slope one.

    Parameters
    ----------
    folder : Path
        Where to write.
    points : sequence of ScalingPoint
    """
    quantities = list(dict.fromkeys(point.against for point in points))
    figure = Figure(figsize=(4.2 * len(quantities), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    for i, quantity in enumerate(quantities):
        axes = figure.add_subplot(1, len(quantities), i + 1)
        series = [point for point in points if point.against == quantity]
        x, y = [point.value for point in series], [plotted_seconds(point) for point in series]
        power = -1 if quantity == "threads" else 1
        axes.loglog(x, [y[-1] * (v / x[-1]) ** power for v in x], "-", alpha=0.5, label=f"slope {power}")
        axes.loglog(x, y, "o", label="measured")
        axes.set_xlabel(quantity)
        axes.set_ylabel("kernel time per pixel, s" if quantity == "steps per pixel" else "kernel time, s")
        axes.grid(which="both", alpha=0.3)
        axes.legend(fontsize="small")
        if quantity == "threads":
            axes.set_xticks(x, [str(count) for count in x])
            axes.xaxis.set_minor_locator(NullLocator())
    figure.savefig(folder / "scaling.png", dpi=130)

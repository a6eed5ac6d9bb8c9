"""Prints a comparison of traces: the first divergence in its context, then every key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nbnumba.trace.diff import Divergence, KeySummary, MissingLine, TraceComparison
from nbnumba.trace.file import Trace, TraceLine

CONTEXT_LINES = 3
"""Trace lines shown before and behind the first divergence."""

PLAIN_WIDTH = 120
"""Columns of a report that goes into a file or pipe."""

LISTED_RUNS = 10
"""Runs of missing lines that are named; the rest is counted."""


def print_report(comparison: TraceComparison, stream: TextIO, width: int | None = None) -> None:
    """Print a comparison for people, in colour on a terminal.

    Parameters
    ----------
    comparison : TraceComparison
        From `compare_traces`.
    stream : text file
        Where to print.
    width : int or None
        Columns; None takes the terminal's, PLAIN_WIDTH elsewhere.
    """
    console = Console(file=stream, width=width, highlight=False)
    if width is None and not console.is_terminal:
        console.width = PLAIN_WIDTH
    for name, trace in (("A", comparison.a), ("B", comparison.b)):
        console.print(f"{name}: {escape(trace.name)} ({len(trace.lines)} trace lines)")
    _print_first(console, comparison)
    _print_missing(console, comparison, comparison.missing_in_b, "A", "B")
    _print_missing(console, comparison, comparison.missing_in_a, "B", "A")
    for surplus, has, lacks in ((comparison.surplus_a, "A", "B"), (comparison.surplus_b, "B", "A")):
        if surplus:
            console.print(f"{surplus} further lines of {has} are not compared: {lacks} has no loop indices.")
    for keys, name in ((comparison.only_in_a, "A"), (comparison.only_in_b, "B")):
        if keys:
            console.print(f"Keys that only {name} has (not compared): {escape(', '.join(keys))}")
    if comparison.reordered:
        console.print(f"{comparison.reordered} pairs of lines stand in another order in B (not a difference).")
    _print_summary(console, comparison)
    console.print(_verdict(comparison))


def _verdict(comparison: TraceComparison) -> str:
    """The last line of the report."""
    if comparison.are_equal:
        return f"[green]equal[/]: {comparison.pairs} pairs of lines agree"
    if not comparison.pairs:
        return "[red]diverged[/]: the traces have no line in common"
    missing = len(comparison.missing_in_a) + len(comparison.missing_in_b)
    return (
        f"[red]diverged[/]: {len(comparison.divergences)} of {comparison.pairs} pairs of lines differ, "
        f"{missing} lines have no partner"
    )


def _print_first(console: Console, comparison: TraceComparison) -> None:
    """The first divergence, and the first differing value when the first divergence is a missing line."""
    first = comparison.first
    if isinstance(first, MissingLine):
        is_in_a = first in comparison.missing_in_b[:1]
        has, lacks = ("A", "B") if is_in_a else ("B", "A")
        place = f"after its line {first.after}" if first.after else "at its start"
        line = first.line
        what = f"line {line.number} of {has} ({_text(line)})"
        console.print(f"\n[bold red]First divergence[/]: {what} is missing in {lacks}, {place}")
        numbers = (line.number, first.after) if is_in_a else (first.after, line.number)
        _print_context(console, comparison, *numbers)
    if comparison.divergences:
        title = "First differing values" if isinstance(first, MissingLine) else "First divergence"
        _print_divergence(console, comparison, comparison.divergences[0], title)


def _print_divergence(console: Console, comparison: TraceComparison, divergence: Divergence, title: str) -> None:
    """One pair of lines with the figures of its worst value."""
    a, b, component = divergence.a, divergence.b, divergence.component
    console.print(f"\n[bold red]{title}[/]: {escape(a.key)}, line {a.number} of A, line {b.number} of B")
    which = f"value {component + 1} of {len(a.values)}" if len(a.values) > 1 else "value"
    console.print(f"  {which}: A {_value(a, component)}, B {_value(b, component)}")
    console.print(f"  absolute difference {divergence.absolute:.3g}, relative difference {divergence.relative:.3g}")
    _print_context(console, comparison, a.number, b.number)


def _value(line: TraceLine, component: int) -> str:
    """A printed value, or that there is none."""
    return escape(line.values[component]) if component < len(line.values) else "(none)"


def _print_context(console: Console, comparison: TraceComparison, number_a: int, number_b: int) -> None:
    """A few lines of both traces around two line numbers."""
    for name, trace, number in (("A", comparison.a, number_a), ("B", comparison.b, number_b)):
        for line in _around(trace, number):
            mark, style = (">", "bold") if line.number == number else (" ", "dim")
            text = f"  [{style}]{name} {mark}{line.number:7d}  {_text(line)}[/]"
            console.print(text, overflow="ellipsis", no_wrap=True)


def _around(trace: Trace, number: int) -> Sequence[TraceLine]:
    """The trace lines around a line number."""
    middle = next((i for i, line in enumerate(trace.lines) if line.number >= number), len(trace.lines))
    return trace.lines[max(middle - CONTEXT_LINES, 0) : middle + CONTEXT_LINES + 1]


def _text(line: TraceLine) -> str:
    """A line as it was printed, without its prefix, safe for rich."""
    return escape(" ".join((line.key, *line.values)))


def _print_missing(
    console: Console, comparison: TraceComparison, missing: Sequence[MissingLine], has: str, lacks: str
) -> None:
    """The runs of lines that one trace lacks."""
    if not missing:
        return
    console.print(f"\n[yellow]{len(missing)} lines of {has} have no partner in {lacks}[/]:")
    runs = list(_runs(missing))
    for run in runs[:LISTED_RUNS]:
        first, last = run[0].line, run[-1].line
        lines = f"line {first.number}" if len(run) == 1 else f"lines {first.number}-{last.number} ({len(run)} lines)"
        keys = ", ".join(dict.fromkeys(missed.line.key for missed in run))
        console.print(f"  {lines}, from {_text(first)}: {escape(keys)}", overflow="ellipsis", no_wrap=True)
    if len(runs) > LISTED_RUNS:
        console.print(f"  and {len(runs) - LISTED_RUNS} more places")


def _runs(missing: Sequence[MissingLine]) -> Iterator[list[MissingLine]]:
    """Missing lines that belong behind the same line of the other trace."""
    run: list[MissingLine] = []
    for missed in missing:
        if run and missed.after != run[-1].after:
            yield run
            run = []
        run.append(missed)
    if run:
        yield run


def _print_summary(console: Console, comparison: TraceComparison) -> None:
    """A row for each key with a difference of any size, and the names of the keys without."""
    different = {key: entry for key, entry in comparison.summary.items() if entry.worst_relative or entry.missing}
    if different:
        console.print(_summary_table(different))
    same = [f"{key} ({entry.count})" for key, entry in comparison.summary.items() if key not in different]
    if same:
        console.print(f"\nKeys without any difference (pairs): {escape(', '.join(same))}")


def _summary_table(summary: Mapping[str, KeySummary]) -> Table:
    """One row per key."""
    table = Table(title="Summary by key: differences, also those within the tolerance", title_justify="left")
    table.add_column("key")
    for heading in ("pairs", "divergent", "no partner", "worst absolute", "worst relative"):
        table.add_column(heading, justify="right")
    for key, entry in summary.items():
        style = "red" if entry.divergent else "yellow" if entry.missing else None
        figures = (f"{entry.worst_absolute:.3g}", f"{entry.worst_relative:.3g}")
        table.add_row(escape(key), str(entry.count), str(entry.divergent), str(entry.missing), *figures, style=style)
    return table

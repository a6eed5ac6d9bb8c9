"""nbnumba compare-traces: where two traces of one pixel part."""

from __future__ import annotations

import sys

import click

EXIT_DIVERGED = 3
EXIT_UNREADABLE = 5


@click.command("compare-traces", short_help="Show where two traces of a pixel part.")
@click.argument("a", metavar="A.log", type=click.Path())
@click.argument("b", metavar="B.log", type=click.Path())
@click.option("--rtol", type=click.FloatRange(min=0), default=1e-12, show_default=True, help="Relative tolerance.")
@click.option("--atol", type=click.FloatRange(min=0), default=0.0, show_default=True, help="Absolute tolerance.")
def command(a: str, b: str, rtol: float, atol: float) -> None:
    """Compare two traces line by line and show where they part first.

    Reads TRACE_C and TRACE_PY lines in both punctuations and passes over other output. Lines are paired by key and
    place in the loops. Integers and text must be the same, other numbers may differ by --rtol times the larger one or
    --atol; NaN equals NaN; floatimage_accumulated, a float32, may be off by one unit in its last place. Keys that only
    one side has are listed and don't count; a line that one side lacks though it has the key elsewhere does.

    \b
    Exit status: 0 equal, 2 wrong usage, 3 diverged, 5 unreadable.
    """
    from nbnumba.errors import InputFileError
    from nbnumba.trace.diff import compare_traces
    from nbnumba.trace.file import read_trace
    from nbnumba.trace.report import print_report

    try:
        traces = read_trace(a), read_trace(b)
    except InputFileError as error:
        click.echo(f"nbnumba: {error}", err=True)
        sys.exit(EXIT_UNREADABLE)
    comparison = compare_traces(*traces, rtol=rtol, atol=atol)
    print_report(comparison, sys.stdout)
    if not comparison.are_equal:
        sys.exit(EXIT_DIVERGED)

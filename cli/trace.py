"""nbnumba trace: every intermediate number of one pixel."""

from __future__ import annotations

import json
import sys

import click

from nbnumba.errors import UsageError


@click.command("trace", context_settings={"ignore_unknown_options": True})
@click.argument("slow", type=int)
@click.argument("fast", type=int)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option("--taps", metavar="NAMES",
              help="Comma-separated selections: f_cell, hkl_subpixel, hkl_bounds, intensity, accum.")
@click.option("--json", "json_file", metavar="FILE", help="Write the taps to FILE and print the trace as well.")
def command(slow: int, fast: int, flags: tuple[str, ...], taps: str | None, json_file: str | None) -> None:
    """Print TRACE_PY lines of the pixel SLOW FAST for nanoBragg FLAGS (after --), rendering that pixel only.

    The lines compare one by one with the TRACE_C lines of an instrumented nanoBragg.c: see compare-traces.
    With --taps the selections are printed as JSON instead, or written with --json.
    """
    from nbnumba.flags import interpret
    from nbnumba.io.atomic import atomic_write
    from nbnumba.lowering import lower
    from nbnumba.taps import tap_pixel
    from nbnumba.tracing import find_scan_state, record_pixel, trace_lines

    if json_file is not None and taps is None:
        raise UsageError("--json writes taps: name them with --taps")
    model = lower(interpret([flag for flag in flags if flag != "--"]).experiment)
    trace = record_pixel(model, slow, fast, find_scan_state(model, [(slow, fast)]))
    if taps is None or json_file is not None:
        sys.stdout.write("\n".join(trace_lines(model, trace)) + "\n")
    if taps is not None:
        text = json.dumps(tap_pixel(model, trace, taps.split(",")), indent=1) + "\n"
        if json_file is None:
            sys.stdout.write(text)
        else:
            with atomic_write(json_file) as output:
                output.write(text.encode())

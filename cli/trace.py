"""nbnumba trace: every intermediate number of chosen pixels."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from nbnumba_cli.additions import addition_options
from nbnumba_cli.console import warn
from nbnumba_cli.physics import chosen_physics, physics_options
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports

from nbnumba.errors import UsageError
from nbnumba.flags import interpret, parse_flags

if TYPE_CHECKING:
    from nbnumba.config import Physics
    from nbnumba.flags.additions import Additions
    from nbnumba.setup.model import Model
    from nbnumba.trace.record import PixelTrace


@click.command(
    "trace", short_help="Print every intermediate number of one pixel.",
    context_settings={"ignore_unknown_options": True},
)  # fmt: skip
@click.argument("slow", type=int)
@click.argument("fast", type=int)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@addition_options
@click.option("--taps", metavar="NAMES",
              help="Comma-separated selections: f_cell, hkl_subpixel, hkl_bounds, intensity, accum.")
@click.option("--json", "json_file", metavar="FILE", help="Write the taps to FILE and print the trace as well.")
@click.option("--spacegroup", metavar="NAME", help="Complete the reflections of -hkl by this symmetry.")
@physics_options()
def command(
    slow: int, fast: int, flags: tuple[str, ...], taps: str | None, json_file: str | None, spacegroup: str | None,
    additions: Additions, **physics: Any,
) -> None:
    """Print TRACE_PY lines of the pixel SLOW FAST for nanoBragg FLAGS (after --), rendering that pixel only.

    Pixels that the flags name with -trace_pixel follow. No image is written. The lines compare one by one with the
    TRACE_C lines of an instrumented nanoBragg.c: see compare-traces. With --taps the selections are printed as JSON
    instead, or written with --json: an object for one pixel, a list of them for several.
    """
    # before anything slow is imported
    parse_flags(flags)
    require_working_folder()
    wanted = chosen_physics(**physics)
    if json_file is not None and taps is None:
        raise UsageError("--json writes taps: name them with --taps")
    import_numba()
    show_reports()
    from nbnumba.engine.scan import run_interruptible

    # all of it: Ctrl-C would have to wait for a compiler that runs in the main thread
    run_interruptible(_trace, (slow, fast), flags, wanted, taps, json_file, spacegroup, additions)


def _trace(
    pixel: tuple[int, int], flags: Sequence[str], wanted: Physics, taps: str | None, json_file: str | None,
    spacegroup: str | None, additions: Additions,
) -> None:
    """Set up, record, print."""
    from nbnumba.io.atomic import check_distinct, check_target
    from nbnumba.output.report import model_warnings
    from nbnumba.setup.lowering import lower
    from nbnumba.trace.record import record_pixels
    from nbnumba.trace.taps import check_taps

    names = [] if taps is None else taps.split(",")
    check_taps(names)
    request = interpret(flags, wanted, spacegroup=spacegroup, additions=additions)
    warn(request.warnings)
    if json_file is not None:
        check_target(json_file)
        check_distinct({"--json": Path(json_file)}, [path for _, path in request.inputs])
    model = lower(request.experiment)
    warn(model_warnings(model))
    traces = record_pixels(model, [pixel, *request.trace_pixels])
    if taps is None:
        _print_lines(model, traces)
    else:
        _give_taps(model, list(traces), names, json_file)


def _print_lines(model: Model, traces: Iterable[PixelTrace]) -> None:
    """The trace as text."""
    from nbnumba.trace.record import trace_lines

    sys.stdout.writelines(f"{line}\n" for line in trace_lines(model, traces))


def _give_taps(model: Model, traces: Sequence[PixelTrace], names: Sequence[str], json_file: str | None) -> None:
    """The taps as JSON, to a file besides the trace or alone."""
    from nbnumba.io.atomic import atomic_write
    from nbnumba.io.json_text import to_json
    from nbnumba.trace.taps import tap_pixel

    tapped = [tap_pixel(model, trace, names) for trace in traces]
    text = to_json(tapped[0] if len(tapped) == 1 else tapped)
    if json_file is None:
        sys.stdout.write(text)
        return
    with atomic_write(json_file) as output:
        output.write(text.encode())
    _print_lines(model, traces)

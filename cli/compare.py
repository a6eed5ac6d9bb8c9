"""nbnumba compare, also nb-compare: our image against the C program's."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from nbnumba_cli.physics import chosen_physics, physics_arguments, physics_options
from nbnumba_cli.process import unwinding
from nbnumba_cli.startup import require_working_folder

from nbnumba.errors import NbnumbaError, UsageError, with_names

if TYPE_CHECKING:
    from nbnumba.compare.bundle import Outcome

EXIT_USAGE, EXIT_RUN_FAILED, EXIT_BELOW_THRESHOLD, EXIT_SHAPES_DIFFER, EXIT_IO = 1, 2, 3, 4, 5


class CompareUsageError(click.UsageError):
    """A usage error with this command's own status."""

    exit_code = EXIT_USAGE


class CompareCommand(click.Command):
    """A command whose usage errors end with status 1: 2 says that a program failed."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise CompareUsageError(error.format_message(), error.ctx) from None


class GreyScale(click.ParamType):  # type: ignore[type-arg]
    """``log`` or a percentile."""

    name = "log|percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """None for logarithmic greys."""
        if value == "log":
            return None
        try:
            percent = float(value)
        except ValueError:
            percent = -1.0
        if not 0.0 < percent <= 100.0:
            self.fail(f"{value}: give log or a percentage up to 100", param, ctx)
        return percent


@click.command("compare", cls=CompareCommand, short_help="Run the C program and nbnumba alike; compare their images.")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option("--c-bin", metavar="PATH", envvar="NB_C_BIN", help="The C program [default: $NB_C_BIN, ./nanoBragg].")
@click.option("--engine", metavar="NAME", help="Engine of nbnumba [default: its default].")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
              help="Longest run of either program.")
@click.option("--images", nargs=2, metavar="A B",
              help="Compare existing images: SMV, CBF, TIFF, NumPy or HDF5 by suffix, or raw float.")
@click.option("--shape", nargs=2, type=click.IntRange(min=1), metavar="SLOW FAST", help="Shape of raw float images.")
@click.option("--roi", nargs=4, type=int, metavar="XMIN XMAX YMIN YMAX", help="Compare these pixels only, inclusive.")
@click.option("--resample", is_flag=True, help="Where shapes differ, take the second image's nearest pixels.")
@click.option("--threshold", "thresholds", multiple=True, metavar="FIGURE=BAR",
              help="Replaces the bars above; may be repeated. A number alone is a correlation.")
@click.option("--peaks", type=click.IntRange(min=1), default=50, show_default=True, help="Strongest peaks to pair.")
@click.option("--trace", nargs=2, type=click.IntRange(min=0), metavar="SLOW FAST",
              help="Also compare this pixel's traces.")
@click.option("--outdir", default="compare_output", show_default=True, metavar="DIR",
              help="Where everything is written.")
@click.option("--save-diff", is_flag=True, help="Also write diff.bin, second image minus first.")
@click.option("--png-scale", type=GreyScale(), default="log", show_default=True,
              help="Greys of the previews: logarithmic, or linear up to a percentile of the pixels.")
@physics_options()
def command(flags: tuple[str, ...], **options: Any) -> None:
    """Run the C program and nbnumba with the same nanoBragg FLAGS (after --) and compare their float images.

    Both run in temporary folders; --outdir receives images, pictures, output, figures and the commands. Good means: at
    most 2 pixels in 10 000 differ in bits, none by more than 1e-6 (--threshold bits=2 --threshold relative=1e-6; also:
    absolute, rmse, sum, correlation). Relative differences have a floor at 1e-9 of the maximum.

    \b
    Exit status: 0 good, 1 wrong usage, 2 a program failed, 3 below threshold,
    4 shapes differ without --resample, 5 a file can't be read or written.
    """
    sys.exit(_run(flags, **options))


def _run(flags: tuple[str, ...], outdir: str, save_diff: bool, png_scale: float | None, **options: Any) -> int:
    """Compare, write, print; the exit status."""
    from nbnumba.compare.bundle import check_folder, summary_rows, write_bundle
    from nbnumba.io.plane import ShapeMismatchError

    try:
        require_working_folder()
        check_folder(Path(outdir), options["images"] or ())
        outcome = _compare(flags, **options)
        files = write_bundle(Path(outdir), outcome, png_scale, save_diff)
    except NbnumbaError as error:
        click.echo(f"nbnumba compare: {with_names(error.message, _option)}", err=True)
        statuses = {UsageError: EXIT_USAGE, ShapeMismatchError: EXIT_SHAPES_DIFFER}
        return statuses.get(type(error), EXIT_IO)
    for label, text in summary_rows(outcome):
        click.echo(f"{label:30s} {text}")
    click.echo(f"written to {outdir}: {' '.join(path.name for path in files)}")
    if outcome.assessment is not None:
        return 0 if outcome.assessment.is_good else EXIT_BELOW_THRESHOLD
    return EXIT_RUN_FAILED if any(run.failure for run in outcome.runs) else EXIT_SHAPES_DIFFER


def _option(field: str) -> str:
    """The option that sets what a message names."""
    return f"--{field.replace('_', '-')}" if field in ("c_bin", "roi", "shape", "threshold") else field


def _compare(
    flags: tuple[str, ...],
    c_bin: str | None,
    engine: str | None,
    timeout: float | None,
    images: tuple[str, str] | None,
    shape: tuple[int, int] | None,
    trace: tuple[int, int] | None,
    thresholds: tuple[str, ...],
    peaks: int,
    physics: str,
    fix: tuple[str, ...],
    keep: tuple[str, ...],
    **region: Any,
) -> Outcome:
    """Get two images, by running both programs or from files, and compare them."""
    from nbnumba.compare.bundle import compare_images, compare_runs
    from nbnumba.compare.metrics import parse_bars
    from nbnumba.compare.runner import find_c_binary, nbnumba_command, run_program
    from nbnumba.io.plane import read_plane

    assessing = {"bars": parse_bars(thresholds), "peak_count": peaks, **region}
    chosen = physics_arguments(chosen_physics(physics, fix, keep))
    run_options = {"--engine": engine, "--timeout": timeout, "--trace": trace, **dict.fromkeys(chosen[::2], chosen)}
    _check_mode(flags, images, run_options, shape)
    if images is not None:
        reference, image = (read_plane(path, shape) for path in images)
        return compare_images(images, reference, image, **assessing)
    programs = {"c": [str(find_c_binary(c_bin))], "py": nbnumba_command(engine, chosen)}
    if trace is not None:
        flags = (*flags, "-trace_pixel", *map(str, trace))
    with unwinding(), tempfile.TemporaryDirectory(prefix="nbnumba-compare-") as folder:
        runs = []
        for name, program in programs.items():
            place = Path(folder, name)
            place.mkdir()
            runs.append(run_program(name, program, flags, place, timeout))
    return compare_runs(runs, wants_trace=trace is not None, **assessing)


def _check_mode(
    flags: tuple[str, ...], images: tuple[str, str] | None, run_options: dict[str, Any], shape: tuple[int, int] | None
) -> None:
    """Refuse options that the other way of comparing would ignore."""
    if images is not None:
        unused = [option for option, value in run_options.items() if value is not None]
        if flags or unused:
            raise UsageError(f"--images runs no program: leave out {' '.join((*unused, *flags))}")
        return
    if not flags:
        raise UsageError("nothing to compare: give nanoBragg flags after --, or --images A B")
    if shape is not None:
        raise UsageError("--shape belongs to --images: a run says itself how large its image is")
    foreign = next((flag for flag in flags if flag.startswith("--")), None)
    if foreign is not None:
        raise UsageError(f"{foreign}: behind -- go nanoBragg's flags, which both programs know; they have one dash")


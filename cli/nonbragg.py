"""nbnumba nonbragg: nonBragg's flags in, its files out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from nbnumba_cli.console import progress_bar, say, warn, warn_of_threads
from nbnumba_cli.flag_command import FlagCommand
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports

from nbnumba.errors import UsageError
from nbnumba.flags.nonbragg import interpret_nonbragg
from nbnumba.flags.nonbragg_table import NONBRAGG_FLAGS

if TYPE_CHECKING:
    from nbnumba.background.nonbragg import AmorphousImage
    from nbnumba.flags.nonbragg import NonBraggRequest
    from nbnumba.setup.model import Window


class NonBraggCommand(FlagCommand):
    """Takes nonBragg's flags."""

    topics = NONBRAGG_FLAGS.topics

    def is_flag(self, argument: str) -> bool:
        """Whether an argument contains a flag: ``--seed`` is ``-seed``."""
        return bool(NONBRAGG_FLAGS.find(argument))


@click.command(
    "nonbragg", cls=NonBraggCommand, short_help="Render an amorphous sample and write nonBragg's files.",
    context_settings={"ignore_unknown_options": True, "max_content_width": 120},
    options_metavar="[--OPTIONS]",
)  # fmt: skip
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.  [default: all cores]")
@click.option("--png", metavar="FILE", help="Also write a preview for people, of the format that the suffix says.")
def command(flags: tuple[str, ...], threads: int | None, png: str | None) -> None:
    """Render the scattering of an amorphous sample (water, air, oil, ice powder) and write it as nonBragg does.

    FLAGS are nonBragg's, with one dash. They act from left to right; later ones win. As in nonBragg an argument stands
    for every flag that it contains: -thickness is -thick, -molecular_weight is -molecular. Needed is a curve: -stol,
    -4stol or -Q. With -img an image is turned back into a curve.

    Exit status: 0 on success, 2 for wrong usage, 1 for other failures, 130 after Ctrl-C.
    """
    require_working_folder()
    # before anything slow is imported
    NONBRAGG_FLAGS.tokenise(flags)
    import_numba()
    show_reports()
    from nbnumba.engine.scan import run_interruptible

    # all of it: Ctrl-C would be lost in a compiler that runs in the main thread
    run_interruptible(_render, flags, threads, png)


def _render(flags: Sequence[str], threads: int | None, png: str | None) -> None:
    """Read, render, write, report."""
    from nbnumba.background.nonbragg import render_amorphous
    from nbnumba.background.outputs import check_amorphous, write_amorphous
    from nbnumba.background.report import image_lines, result_warnings, setup_lines
    from nbnumba.background.setup import lower_amorphous

    request = interpret_nonbragg(flags)
    if png is not None:
        images = replace(request.files.images, png_path=Path(png))
        request = replace(request, files=replace(request.files, images=images))
    warn(request.warnings)
    warn_of_threads(threads)
    extracts = request.experiment.extraction is not None
    check_amorphous(request.files, extracts, [path for _, path in request.inputs])
    model = lower_amorphous(request.experiment)
    warn(model.warnings)
    _check_pixel(request, model.window)
    say(setup_lines(model, request.inputs))
    with progress_bar(request.progress) as progress:
        result = render_amorphous(model, request.files.images.adc_offset, threads, progress)
    warn(result_warnings(result))
    report = write_amorphous(result, request.files, threads)
    say(image_lines(result, report))
    _print_pixels(request, result)


def _check_pixel(request: NonBraggRequest, window: Window) -> None:
    """Refuse a pixel that is not rendered before it is waited for."""
    if request.printout_pixel is None:
        return
    fast, slow = request.printout_pixel
    w = window
    if not (w.fast_start <= fast < w.fast_stop and w.slow_start <= slow < w.slow_stop):
        raise UsageError(
            f"-printout_pixel {fast} {slow}: this pixel lies outside the region of interest, "
            f"fast {w.fast_start} to {w.fast_stop - 1}, slow {w.slow_start} to {w.slow_stop - 1}"
        )


def _print_pixels(request: NonBraggRequest, result: AmorphousImage) -> None:
    """Print the pixels that were asked for."""
    from nbnumba.background.report import pixel_detail_lines
    from nbnumba.output.report import pixel_lines

    if request.printout_pixel is not None:
        say(pixel_detail_lines(result.model, *request.printout_pixel))
    elif request.printout:
        say(pixel_lines(result.image, result.model.window))

"""nbnumba noisify: the flags of noisify.c in, its files out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from nbnumba_cli.console import progress_bar, say, warn, warn_of_threads
from nbnumba_cli.flag_command import FlagCommand
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports

from nbnumba.flags.noisify import interpret_noisify, parse_noisify
from nbnumba.flags.noisify_table import NOISIFY

if TYPE_CHECKING:
    from nbnumba.flags.noisify import NoisifyRequest


class NoisifyCommand(FlagCommand):
    """Takes noisify's flags."""

    topics = NOISIFY.topics

    def is_flag(self, argument: str) -> bool:
        """noisify finds its flags behind a second dash, too."""
        return bool(NOISIFY.find(argument))


@click.command(
    "noisify", cls=NoisifyCommand, short_help="Make a float image noisy, as noisify does.",
    context_settings={"ignore_unknown_options": True, "max_content_width": 120},
    options_metavar="[--OPTIONS]",
)  # fmt: skip
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.  [default: all cores]")
def command(flags: tuple[str, ...], threads: int | None) -> None:
    """Make a float image noisy and write the integer images of noisify, nanoBragg's companion.

    FLAGS are noisify's, with one dash. They act from left to right; later ones win. As in noisify any argument that
    contains a flag is that flag. Needed is the name of a float image. An error of 3 % in the calibration of the pixels
    is on; -calibration 0 turns it off.

    Exit status: 0 on success, 2 for wrong usage, 1 for other failures, 130 after Ctrl-C.
    """
    require_working_folder()
    # before anything slow is imported
    parse_noisify(flags)
    import_numba()
    show_reports()
    from nbnumba.engine.scan import run_interruptible

    # all of it: Ctrl-C would be lost in a compiler that runs in the main thread
    run_interruptible(_noisify, flags, threads)


def _noisify(flags: Sequence[str], threads: int | None) -> None:
    """Read, make noisy, write, report."""
    from nbnumba.readout.noisify import noisify
    from nbnumba.readout.report import noisify_lines, request_lines

    request = interpret_noisify(flags)
    options, pixel_size = request.options, request.pixel_size
    warn(request.warnings)
    warn_of_threads(threads)
    _check_writable(request)
    say(request_lines(request.image, options, pixel_size, request.input_path, request.header_path))
    with progress_bar(None, "spreading") as progress:
        report = noisify(request.image, options, pixel_size, request.header, request.files, threads, progress)
    say(noisify_lines(report, options))


def _check_writable(request: NoisifyRequest) -> None:
    """Refuse names of files that can't be written, or that are the input's; the header's file may be replaced."""
    from nbnumba.io.atomic import check_distinct, check_target

    files = request.files
    named = {"-intfile": files.int_path, "-pgmfile": files.pgm_path}
    if request.options.noise:
        named["-noisefile"] = files.noise_path
    for path in named.values():
        if path is not None:
            check_target(path)
    check_distinct(named, [request.input_path])

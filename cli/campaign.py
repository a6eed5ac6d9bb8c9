"""nbnumba campaign: images by the hundred thousand from a plan in one file."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from nbnumba_cli.console import say, warn
from nbnumba_cli.process import unwinding
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports

from nbnumba.errors import UsageError

if TYPE_CHECKING:
    from nbnumba.campaign.folder import Folder
    from nbnumba.campaign.running import Maker, Outcome
    from nbnumba.campaign.shots import Prepared

_PLAN = click.argument("plan", metavar="PLAN.toml")
_OUTPUT = click.option("-o", "--output", metavar="FOLDER", help="Folder of the images.  [default: the plan's]")
_SECONDS = 1.0
"""Between two lines of progress."""

FAILED_SHOTS = 1


@click.group("campaign", short_help="Make images by the thousand from a plan, with their truth.")
def command() -> None:
    """Make images by the thousand from a plan in one file: docs/campaigns.md.

    "plan" checks it, says what it costs and draws nine of its images; "run" makes what is not there yet, also after a
    crash; "status" says from any terminal how far it is; "merge" writes one table of labels and one file of all images.
    """


def _checked(path: str) -> Prepared:
    """A plan with its files."""
    require_working_folder()
    import_numba()
    show_reports()
    from nbnumba.campaign.shots import prepare

    return prepare(path)


def _require_file(plan: str) -> None:
    """Refuse a folder in place of a plan."""
    if Path(plan).is_dir():
        raise UsageError(f"{plan}: is a folder; give the file of a plan")


@command.command("plan", short_help="Check a plan, say what it costs, draw nine of its images.")
@_PLAN
@_OUTPUT
@click.option("--workers", type=int, metavar="N", help="Threads or processes.  [default: one for each core, or GPU]")
@click.option("--sheet", metavar="FILE", help="Contact sheet of nine images.  [default: PLAN.png]")
@click.option("--no-sheet", is_flag=True, help="Draw none.")
def plan_command(plan: str, output: str | None, workers: int | None, sheet: str | None, no_sheet: bool) -> None:
    """Check a plan and its files, and say before anything runs what it costs in time, disk and memory.

    Three shots are made to measure it, and nine for the contact sheet; no image is kept.
    """
    from nbnumba.campaign.estimate import check_sheet, contact_sheet, estimate, plan_warnings
    from nbnumba.campaign.folder import output_folder
    from nbnumba.io.atomic import check_distinct

    _require_file(plan)
    target = sheet or str(Path(plan).with_suffix(".png"))
    if not no_sheet:
        check_distinct({"--sheet": target}, [plan])
        check_sheet(target)
    elif sheet is not None:
        raise UsageError("--sheet: has no effect with --no-sheet; give one")
    prepared = _checked(plan)
    warn(plan_warnings(prepared))
    say(estimate(prepared, output_folder(prepared.plan, plan, output), workers).lines())
    if not no_sheet:
        contact_sheet(prepared, target)
        say([f"sheet       {target}"])


@command.command("run", short_help="Make the images that are not there yet.")
@_PLAN
@_OUTPUT
@click.option("--workers", type=int, metavar="N", help="Threads or processes.  [default: one for each core, or GPU]")
@click.option("--shard", "part", metavar="I/N", help="Make the I-th of N parts of the shards: for job arrays.")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers make the images.")
@click.option("--dask", "jobqueue", metavar="FILE", help="dask-jobqueue file: --workers N jobs of a batch system.")
@click.option("--progress/--no-progress", default=None, help="A line of progress.  [default: on a terminal]")
def run_command(
    plan: str, output: str | None, workers: int | None, part: str | None, scheduler: str | None, jobqueue: str | None,
    progress: bool | None,
) -> int:
    """Make the images of a plan. What is complete is kept: the same command goes on after Ctrl-C or a crash."""
    from nbnumba.campaign.folder import Folder, output_folder
    from nbnumba.campaign.running import check_workers, run

    _require_file(plan)
    chosen = _part(part)
    check_workers(workers)
    prepared = _checked(plan)
    path = output_folder(prepared.plan, plan, output)
    folder = Folder(path, prepared.plan, prepared.digest)
    with _maker(scheduler, jobqueue, workers) as maker, _progress_line(folder, progress):
        outcome = run(prepared, path, workers, chosen, maker=maker)
    return _report(outcome)


@contextlib.contextmanager
def _maker(scheduler: str | None, jobqueue: str | None, workers: int | None) -> Iterator[Maker | None]:
    """Who makes shards: None for this machine, or Dask."""
    if scheduler is None and jobqueue is None:
        yield None
        return
    if scheduler is not None and jobqueue is not None:
        raise UsageError("--scheduler and --dask both say who makes the images; give one")
    if scheduler is not None and workers is not None:
        raise UsageError("--workers: has no effect with --scheduler, which has workers of its own")
    from nbnumba.campaign.dask_workers import by_dask, jobqueue_client, scheduler_client

    # a signal must reach the jobs, too
    with unwinding():
        client = scheduler_client(scheduler) if scheduler else jobqueue_client(str(jobqueue), workers or 1)
        with client as connected:
            yield by_dask(connected)


def _part(text: str | None) -> tuple[int, int]:
    """Which part of how many."""
    if text is None:
        return 1, 1
    number, slash, parts = text.partition("/")
    if not (slash and number.isdecimal() and parts.isdecimal()):
        raise UsageError(f"--shard {text}: give two numbers, as in 3/64")
    return int(number), int(parts)


def _report(outcome: Outcome) -> int:
    """What a run did, and its exit status."""
    for failure in outcome.failures:
        click.echo(f"nbnumba: error: {' '.join(str(failure).split())}", err=True)
    say([f"{outcome.complete} of {outcome.shards} shards complete in {outcome.folder}, {outcome.images} images made"])
    return FAILED_SHOTS if outcome.failures else 0


@contextlib.contextmanager
def _progress_line(folder: Folder, wanted: bool | None) -> Iterator[None]:
    """A line on stderr that says how far the campaign is."""
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield
        return
    from nbnumba.campaign.standing import standing

    ended = threading.Event()
    start, end = ("\r\033[K", "") if sys.stderr.isatty() else ("", "\n")

    def show() -> None:
        while not ended.wait(_SECONDS):
            click.echo(f"{start}{standing(folder).line()}{end}", nl=False, err=True)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if folder.path.exists():
            click.echo(f"{start}{standing(folder).line()}", err=True)


@command.command("status", short_help="Say how far a campaign is.")
@click.argument("place", metavar="PLAN.toml|FOLDER")
@_OUTPUT
def status_command(place: str, output: str | None) -> None:
    """Say how far a campaign is, while it runs or later: PLAN.toml, or the folder of its images."""
    from nbnumba.campaign.standing import duration, standing

    state = standing(_folder_of(place, output))
    say([state.line()])
    say(
        f"shard {work.shard}: {work.images} images in {duration(work.seconds)} by {work.process}"
        for work in state.in_progress
    )
    say(f"failed: {failure}" for failure in state.failures)


@command.command("merge", short_help="Write one table of labels and one file of all images.")
@click.argument("place", metavar="PLAN.toml|FOLDER")
@_OUTPUT
@click.option("--partial", is_flag=True, help="Merge what is there, although shards are missing.")
def merge_command(place: str, output: str | None, partial: bool) -> None:
    """Write labels.parquet (or .h5) and a master file through which the images of all shards are read."""
    from nbnumba.campaign.merging import merge, missing_text

    folder = _folder_of(place, output)
    merged = merge(folder, partial)
    say([f"{merged.table}: labels of {merged.shards} shards"])
    if merged.master is not None:
        say([f"{merged.master}: their images"])
    if merged.missing:
        missing = missing_text(merged.missing, merged.shards + len(merged.missing))
        warn([f"{folder}: {missing}: run the campaign, and merge again"])


def _folder_of(place: str, output: str | None) -> Path:
    """The folder that a plan or its own name means."""
    from nbnumba.campaign.folder import Folder, output_folder
    from nbnumba.campaign.toml import read_plan

    if Path(place).is_dir():
        if output is not None:
            raise UsageError(f"--output: has no effect beside a folder, {place}; give one")
        return Path(place)
    plan = read_plan(place)
    path = output_folder(plan, place, output)
    Folder.open(path).check_plan(plan, Path(place).parent)
    return path

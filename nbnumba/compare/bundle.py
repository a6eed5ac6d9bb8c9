"""Puts everything that a comparison found into one folder: images, pictures, logs, figures, commands."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nbnumba.compare.assessment import Assessment, assess
from nbnumba.compare.peaks import MATCH_RADIUS
from nbnumba.compare.runner import ProgramRun
from nbnumba.errors import InputFileError, OutputFileError, UsageError
from nbnumba.io.atomic import atomic_write, check_target, file_identity
from nbnumba.io.extras import optional_package
from nbnumba.io.float_image import write_float_image
from nbnumba.io.json_text import to_json
from nbnumba.io.plane import ShapeMismatchError
from nbnumba.trace.diff import TraceComparison, compare_traces
from nbnumba.trace.file import extract_trace, parse_trace
from nbnumba.trace.report import print_report

BUNDLE_FILES = (
    "c.bin", "py.bin", "diff.bin", "c.png", "py.png", "diff.png", "c_stdout.txt", "c_stderr.txt", "py_stdout.txt",
    "py_stderr.txt", "commands.sh", "trace_c.log", "trace_py.log", "trace_diff.txt", "summary.json", "summary.md",
)  # fmt: skip
"""Every file that a bundle may hold; those of an earlier comparison are removed."""


@dataclass(frozen=True)
class TraceOutcome:
    """What became of the traces that were asked for.

    Attributes
    ----------
    comparison : TraceComparison or None
        None when a program printed no trace.
    note : str
        One line for the summary.
    """

    comparison: TraceComparison | None
    note: str


@dataclass(frozen=True)
class Outcome:
    """A comparison, finished or not.

    Attributes
    ----------
    names : tuple of 2 str
        What to call reference and image.
    runs : sequence of ProgramRun
        The programs that ran; empty when existing images were compared.
    assessment : Assessment or None
        None when there was nothing to compare.
    failure : str
        Why there was not; empty on success.
    trace : TraceOutcome or None
        None when no trace was asked for.
    """

    names: tuple[str, str]
    runs: Sequence[ProgramRun]
    assessment: Assessment | None
    failure: str = ""
    trace: TraceOutcome | None = None

    @property
    def verdict(self) -> str:
        """good, below threshold, or why there is no comparison."""
        if self.assessment is None:
            return f"no comparison: {self.failure}"
        return "good" if self.assessment.is_good else "below threshold"


def compare_images(
    names: tuple[str, str], reference: np.ndarray, image: np.ndarray, runs: Sequence[ProgramRun] = (), **assessing: Any
) -> Outcome:
    """Compare two images; different shapes give an outcome that says so.

    Parameters
    ----------
    names : tuple of 2 str
        What to call them.
    reference, image : ndarray, shape (slow, fast), float32
        Photons per pixel.
    runs : sequence of ProgramRun
        The programs that made them.
    **assessing
        Further arguments of `assess`.

    Returns
    -------
    Outcome
    """
    try:
        return Outcome(names, runs, assess(reference, image, **assessing))
    except ShapeMismatchError as error:
        return Outcome(names, runs, None, str(error))


def compare_runs(runs: Sequence[ProgramRun], wants_trace: bool, **assessing: Any) -> Outcome:
    """Compare what two programs made.

    Parameters
    ----------
    runs : sequence of 2 ProgramRun
        The C program and nbnumba.
    wants_trace : bool
        Whether they were asked for traces.
    **assessing
        Further arguments of `assess`.

    Returns
    -------
    Outcome
        Also when one of them failed.
    """
    reference, image = runs[0].image, runs[1].image
    names = Path(runs[0].command[0]).name, "nbnumba"
    if reference is None or image is None:
        failures = "; ".join(f"{name} {run.failure}" for name, run in zip(names, runs, strict=True) if run.failure)
        outcome = Outcome(names, runs, None, failures)
    else:
        outcome = compare_images(names, reference, image, runs, **assessing)
    return replace(outcome, trace=_compare_trace_output(names, runs)) if wants_trace else outcome


def _compare_trace_output(names: tuple[str, str], runs: Sequence[ProgramRun]) -> TraceOutcome:
    """Compare the traces that two programs printed."""
    traces = []
    for name, run in zip(names, runs, strict=True):
        try:
            traces.append(parse_trace(extract_trace(run.stdout).decode("utf-8", "replace"), f"trace_{run.name}.log"))
        except InputFileError:
            return TraceOutcome(None, f"{name} printed no trace line: it failed or can't trace")
    comparison = compare_traces(traces[0], traces[1])
    differ, missing = len(comparison.divergences), len(comparison.missing_in_a) + len(comparison.missing_in_b)
    verdict = "agree" if comparison.are_equal else f"diverge: {differ} pairs differ, {missing} lines have no partner"
    return TraceOutcome(comparison, f"{comparison.pairs} pairs of trace lines {verdict}")


def check_folder(folder: Path, kept: Sequence[str]) -> None:
    """Raise an error if no bundle can be written to a folder; to be called before the programs run.

    Parameters
    ----------
    folder : Path
        Need not exist.
    kept : sequence of str
        Images to be compared, which a bundle must not remove.

    Raises
    ------
    OutputFileError
        If the folder can't be made or takes no files.
    UsageError
        If an image has the name of one of a bundle's files.
    MissingPackageError
        If matplotlib, which draws the pictures, is not installed.
    """
    optional_package("matplotlib", "plots", folder)
    bundle = {file_identity(folder / name) for name in BUNDLE_FILES}
    for path in kept:
        if file_identity(path) in bundle:
            raise UsageError(f"{path}: the comparison would take its place in {folder}; name another folder for it")
    if folder.is_dir():
        for name in BUNDLE_FILES:
            check_target(folder / name)
        return
    try:
        nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    except OSError as error:
        raise OutputFileError(f"{folder}: can't be written: {error.strerror or error}") from error
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        raise OutputFileError(f"{folder}: can't be written: {nearest} is not a folder that takes files")


def write_bundle(
    folder: Path, outcome: Outcome, percentile: float | None = None, save_difference: bool = False
) -> list[Path]:
    """Write the folder of a comparison.

    Parameters
    ----------
    folder : Path
        Is created; files of an earlier comparison are removed.
    outcome : Outcome
        From `compare_images`.
    percentile : float or None
        Linear greys of the previews up to this percentile; None means logarithmic.
    save_difference : bool
        Also write ``diff.bin``, image minus reference as float32.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputFileError
        If a file can't be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in BUNDLE_FILES:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputFileError(f"{folder}: can't be written: {error.strerror or error}") from error
    for run in outcome.runs:
        _write(folder / f"{run.name}_stdout.txt", run.stdout)
        _write(folder / f"{run.name}_stderr.txt", run.stderr)
        if run.image is not None:
            write_float_image(folder / f"{run.name}.bin", run.image)
    if outcome.runs:
        _write(folder / "commands.sh", "".join(f"{shlex.join(run.command)}\n" for run in outcome.runs))
    if outcome.trace is not None:
        _write_traces(folder, outcome.trace, outcome.runs)
    if outcome.assessment is not None:
        _draw(folder, outcome, outcome.assessment, percentile)
        if save_difference:
            _write_difference(folder / "diff.bin", outcome.assessment)
    _write(folder / "summary.json", to_json(summarize(outcome)))
    _write(folder / "summary.md", _markdown(folder, outcome))
    return [folder / name for name in BUNDLE_FILES if (folder / name).exists()]


def _write(path: Path, content: bytes | str) -> None:
    """Write a whole file."""
    with atomic_write(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def _write_difference(path: Path, assessment: Assessment) -> None:
    """Image minus reference; two infinities give NaN."""
    with np.errstate(invalid="ignore"):
        write_float_image(path, assessment.image - assessment.reference)


def _write_traces(folder: Path, trace: TraceOutcome, runs: Sequence[ProgramRun]) -> None:
    """The trace lines of each program and the report of their comparison."""
    for run in runs:
        lines = extract_trace(run.stdout)
        if lines:
            _write(folder / f"trace_{run.name}.log", lines)
    report = io.StringIO()
    if trace.comparison is not None:
        print_report(trace.comparison, report, width=140)
    _write(folder / "trace_diff.txt", report.getvalue() or f"{trace.note}\n")


def _draw(folder: Path, outcome: Outcome, assessment: Assessment, percentile: float | None) -> None:
    """The three pictures."""
    from nbnumba.compare.pictures import draw_difference, draw_preview
    from nbnumba.pictures.greys import grey_scale

    greys = grey_scale(assessment.reference, percentile)
    draw_preview(folder / "c.png", assessment.reference, greys, outcome.names[0], assessment.corner)
    draw_preview(folder / "py.png", assessment.image, greys, outcome.names[1], assessment.corner)
    draw_difference(folder / "diff.png", assessment.reference, assessment.image, outcome.names, assessment.corner)


def summarize(outcome: Outcome) -> dict[str, Any]:
    """Everything in figures.

    Parameters
    ----------
    outcome : Outcome

    Returns
    -------
    dict
        For JSON.
    """
    summary: dict[str, Any] = {"verdict": outcome.verdict, "reference": outcome.names[0], "image": outcome.names[1]}
    summary["runs"] = [
        {"name": run.name, "command": list(run.command), "seconds": run.seconds,
         "compiled_kernels": run.has_compiled, "failure": run.failure or None}
        for run in outcome.runs
    ]
    if len(outcome.runs) == 2:
        summary["c_over_py_seconds"] = outcome.runs[0].seconds / outcome.runs[1].seconds
    if outcome.trace is not None:
        summary["trace"] = outcome.trace.note
    assessment = outcome.assessment
    if assessment is not None:
        summary["shapes_slow_fast"] = [list(shape) for shape in assessment.shapes]
        summary["region_slow_fast"] = {"first": list(assessment.corner), "shape": list(assessment.reference.shape)}
        extra = {"different_per_10000": assessment.metrics.different_per_10000}
        summary["metrics"] = {**asdict(assessment.metrics), **extra}
        summary["peaks"] = {**asdict(assessment.peaks), "match_radius": MATCH_RADIUS}
        summary["thresholds"] = [asdict(judgement) for judgement in assessment.judgements]
    return summary


_ROWS: tuple[tuple[str, Callable[[Assessment], str]], ...] = (
    ("pixels compared", lambda a: f"{a.metrics.pixels}"),
    ("bit-different pixels", lambda a: f"{a.metrics.different} ({a.metrics.different_per_10000:.4g} in 10 000)"),
    ("Pearson correlation", lambda a: f"{a.metrics.correlation:.12g}"),
    ("mean squared difference", lambda a: f"{a.metrics.mse:.6g}"),
    ("root mean squared difference", lambda a: f"{a.metrics.rmse:.6g}"),
    ("largest difference", lambda a: f"{a.metrics.max_absolute:.6g}"),
    ("largest relative difference", lambda a: f"{a.metrics.max_relative:.6g} at slow, fast {_worst_pixel(a)}"),
    ("sums", lambda a: f"{a.metrics.reference_sum:.12g}, {a.metrics.image_sum:.12g}"),
    ("ratio of the sums", lambda a: f"{a.metrics.sum_ratio:.12g}"),
    ("strongest peaks", lambda a: f"{a.peaks.reference_count}, {a.peaks.image_count}; {a.peaks.matched} matched"),
    ("distance of matched peaks", lambda a: f"mean {a.peaks.mean_distance:.4g}, max {a.peaks.max_distance:.4g} pixels"),
)
"""What a summary for people says: label and text."""


def _worst_pixel(assessment: Assessment) -> str:
    """Where on the detector the largest relative difference is."""
    slow, fast = assessment.metrics.worst_pixel
    return f"{slow + assessment.corner[0]}, {fast + assessment.corner[1]}"


def summary_rows(outcome: Outcome) -> list[tuple[str, str]]:
    """A comparison in lines for people.

    Parameters
    ----------
    outcome : Outcome

    Returns
    -------
    list of (str, str)
        Label and text.
    """
    runs = zip(outcome.names, outcome.runs, strict=False)
    rows = [(f"wall time of {name}", f"{run.seconds:.3f} s{_remark(run)}") for name, run in runs]
    if outcome.assessment is not None:
        rows += [(label, text(outcome.assessment)) for label, text in _ROWS]
        for judgement in outcome.assessment.judgements:
            met = "met" if judgement.is_met else "NOT MET"
            rows.append((f"threshold {judgement.figure}={judgement.bar:g}", f"{judgement.value:.6g}: {met}"))
    if outcome.trace is not None:
        rows.append(("traces", outcome.trace.note))
    rows.append(("verdict", outcome.verdict))
    return rows


def _remark(run: ProgramRun) -> str:
    """How a run failed, or why its time says little."""
    if run.failure:
        return f", {run.failure}"
    return ", compiling kernels, which the next run need not" if run.has_compiled else ""


def _markdown(folder: Path, outcome: Outcome) -> str:
    """The summary as a page."""
    lines = [f"# {outcome.names[1]} against {outcome.names[0]}: {outcome.verdict}", "", "| | |", "|---|---|"]
    lines += [f"| {label} | {text} |" for label, text in summary_rows(outcome)]
    if outcome.runs:
        lines += ["", "```", *(shlex.join(run.command) for run in outcome.runs), "```"]
    pictures = [name for name in ("diff.png", "c.png", "py.png") if (folder / name).exists()]
    lines += ["", *(f"![{name}]({name})" for name in pictures)]
    return "\n".join(lines) + "\n"

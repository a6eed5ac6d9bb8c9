"""nbnumba simulate: nanoBragg's flags in, its files out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from nbnumba_cli.additions import addition_options
from nbnumba_cli.background import background_option
from nbnumba_cli.console import progress_bar, say, warn, warn_of_threads
from nbnumba_cli.flag_command import FlagCommand
from nbnumba_cli.physics import chosen_physics, physics_options
from nbnumba_cli.readout_options import (
    NAMES,
    Detected,
    named_by_options,
    named_files,
    readout_facts,
    readout_hints,
    readout_options,
    readout_settings,
)
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports
from nbnumba_cli.truth import truth_option

from nbnumba.engine.registry import AUTOMATIC, DEFAULT_ENGINE, ENGINE_NAMES, PRECISIONS, check_engine, choose_engine
from nbnumba.errors import UsageError
from nbnumba.flags import interpret, parse_flags
from nbnumba.flags.background import with_backgrounds
from nbnumba.flags.table import TOPICS
from nbnumba.io.formats import COMPRESSIONS, SUFFIXES
from nbnumba.output.files import SMV_HEADERS

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.config import Physics
    from nbnumba.flags import Request
    from nbnumba.flags.additions import Additions
    from nbnumba.readout import Readout, ReadoutSettings
    from nbnumba.setup.model import Model
    from nbnumba.simulation import SimulationResult


class ImageNames(NamedTuple):
    """Values of --output, --compression, --smv-header and --truth, before what they need is imported."""

    paths: tuple[Path, ...]
    compression: str | None
    smv_header: str
    truth: bool


class SimulateCommand(FlagCommand):
    """Takes nanoBragg's flags."""

    topics = TOPICS


@click.command(
    "simulate", cls=SimulateCommand, short_help="Simulate an image and write nanoBragg's files.",
    context_settings={"ignore_unknown_options": True, "max_content_width": 120},
    options_metavar="[--OPTIONS]",
)  # fmt: skip
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option("--engine", type=click.Choice(ENGINE_NAMES), default=DEFAULT_ENGINE, show_default=True,
              help="What computes the pixels; auto takes an NVIDIA GPU where there is one.")
@click.option("--precision", type=click.Choice(PRECISIONS), default=PRECISIONS[0], show_default=True,
              help="single and mixed sum in float32 on a GPU: faster, and pixels are right to some 6 digits; mixed, "
                   "for data-centre GPUs, keeps Miller indices in float64, single is for desktop ones.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.  [default: all cores]")
@addition_options
@background_option
@click.option("--detector", metavar="NAME", help="Pixels and gaps of a detector that can be had, such as eiger-16m.")
@click.option("--png", metavar="FILE", help="Also write a preview for people, of the format that the suffix says.")
@click.option("--output", metavar="FILE", multiple=True,
              help=f"Also write photons in the format of the suffix: {', '.join(SUFFIXES)}; may be repeated.")
@click.option("--compression", type=click.Choice(COMPRESSIONS), help="Of NXmx files.  [default: bslz4]")
@truth_option
@click.option("--smv-header", type=click.Choice(SMV_HEADERS), default=SMV_HEADERS[0], show_default=True,
              help="Header of SMV images; dials is one from which dxtbx makes the right detector.")
@click.option("--spacegroup", metavar="NAME", help="Complete the reflections of -hkl by this symmetry.")
@click.option("--cutoff", type=float, metavar="PHOTONS",
              help="Leave out what changes no pixel by more: many times faster for Gaussian and top-hat spots.")
@click.option("--spots", metavar="FILE", help="Also write the list of spots: .csv, or .h5 with DIALS's columns.")
@physics_options()
@readout_options
def command(
    flags: tuple[str, ...], engine: str, precision: str, threads: int | None, png: str | None, spacegroup: str | None,
    additions: Additions, background: tuple[str, ...], output: tuple[str, ...], compression: str | None,
    smv_header: str, cutoff: float | None, detector: str | None, truth: bool, spots: str | None,
    **others: Any,
) -> None:
    """Simulate a diffraction image and write it as nanoBragg does.

    FLAGS are nanoBragg's, with one dash. They act from left to right; later ones win. As in nanoBragg the beginning of
    a flag suffices where no other one is meant: -matrix is -mat, -mosaic_domains is -mosaic_dom. Needed are -cell or
    -mat, and -hkl, -default_F or a cache; a model or reflection data behind -hkl bring their own cell.

    With --readout, or an option of one such as --psf, the files of --output hold what that detector writes of the
    photons, with -seed as its seed; nbnumba readout does the same to images that are there.

    Exit status: 0 on success, 2 for wrong usage, 1 for other failures, 130 after Ctrl-C.
    """
    # before anything slow is imported
    parse_flags(flags)
    require_working_folder()
    reading_out = {name: others.pop(name) for name in NAMES}
    wanted = chosen_physics(**others)
    _refuse_idle_readout(reading_out, output)
    additions = replace(additions, cutoff=cutoff)
    import_numba()
    show_reports()
    from nbnumba.engine.scan import run_interruptible

    # all of it: Ctrl-C would be lost in a compiler that runs in the main thread
    outputs = ImageNames(tuple(Path(path) for path in output), compression, smv_header, truth)
    run_interruptible(_simulate, flags, wanted, engine, precision, threads, png, spacegroup, additions,
                      background, reading_out, outputs, detector,
                      None if spots is None else Path(spots))  # fmt: skip


def _is_given(readout: dict[str, Any]) -> bool:
    """Whether any option asks for a readout."""
    return any(value is not None for value in readout.values())


def _refuse_idle_readout(readout: dict[str, Any], output: Sequence[str]) -> None:
    """Refuse a readout that no file would hold."""
    if _is_given(readout) and not output:
        raise UsageError("--readout, --psf and the like have no effect without --output FILE, which holds the counts")


def settled_engine(engine: str, precision: str) -> str:
    """The engine that was asked for, if it can run; auto says which one it stands for.

    Parameters
    ----------
    engine, precision : str
        Values of --engine and --precision.
    """
    chosen = choose_engine(engine)
    if engine == AUTOMATIC:
        from nbnumba.engine.cuda_device import devices

        names = ", ".join(device.name for device in devices()) or "no usable GPU"
        click.echo(f"nbnumba: --engine auto: {chosen} ({names})", err=True)
    return check_engine(chosen, precision)


def _simulate(
    flags: Sequence[str], physics: Physics, engine: str, precision: str, threads: int | None, png: str | None,
    spacegroup: str | None, additions: Additions, background: Sequence[str], reading_out: dict[str, Any],
    outputs: ImageNames, detector: str | None, spots: Path | None,
) -> None:
    """Read, simulate, write, report."""
    from nbnumba.numerics.c_random import clock_seed
    from nbnumba.output.images import ImageOutputs
    from nbnumba.output.report import image_lines, model_warnings, result_warnings, setup_lines
    from nbnumba.output.text import fact_lines
    from nbnumba.output.write import write_outputs
    from nbnumba.setup.lowering import lower
    from nbnumba.simulation import simulate_model

    engine = settled_engine(engine, precision)
    request = interpret(flags, physics, spacegroup=spacegroup, additions=additions, detector=detector)
    request = with_backgrounds(request, background)
    request = replace(request, inputs=request.inputs + named_files(reading_out))
    warn(request.warnings)
    extra = ImageOutputs(outputs.paths, outputs.compression, outputs.smv_header, truth=outputs.truth)
    files = replace(request.files, smv_header=extra.smv_header, png_path=None if png is None else Path(png))
    request = replace(request, files=files)
    warn_of_threads(threads)
    if request.files.noise_seed is None:
        # the report says which; the library warns
        request = replace(request, files=replace(request.files, noise_seed=clock_seed()))
    _check_files(request)
    model = lower(request.experiment)
    warn(model_warnings(model))
    settings = _readout_settings(reading_out, model) if _is_given(reading_out) else None
    if settings is not None:
        settings = _with_own_gaps(settings, detector, reading_out["gaps"])
        extra = replace(extra, readout=_checked_readout(settings, model, request))
    extra.check(model, request.files, [path for _, path in request.inputs])
    _check_spots(spots, request, extra.paths)
    _check_pixels(request, model)
    say(setup_lines(model, (*request.inputs, *request.notes)))
    with progress_bar(request.progress) as progress:
        result = simulate_model(model, engine, threads, progress=progress, precision=precision)
    warn(result_warnings(result))
    report = write_outputs(model, result.image, request.files, threads)
    images, facts = _read_out(result, extra.readout, settings, request.files.noise_seed or 0, threads)
    report = replace(report, written=report.written + extra.write(model, images))
    if spots is not None:
        result.spots.save(spots)
        report = replace(report, written=(*report.written, spots))
    say([*image_lines(result, report), *fact_lines(facts)])
    _print_pixels(request, result)


_READOUT_NAMES = {
    "Gaps.mask": "-mask", "PointSpread.pixel_size": "-pixel", "Readout.seed": "-seed", "Readout.image": "the image:",
}  # fmt: skip
"""Fields that other flags set than in `nbnumba readout`."""


def _readout_settings(options: dict[str, Any], model: Model) -> ReadoutSettings:
    """The figures of the detector that reads the image out."""
    from nbnumba.config.constants import HC_EV_ANGSTROM
    from nbnumba.io.plane import read_plane

    mask = model.experiment.detector.mask
    detected = Detected(
        1e6 * model.geometry.pixel_size, HC_EV_ANGSTROM / (1e10 * model.wavelength), mask,
        lambda path: read_plane(path, model.shapes[0]),
    )  # fmt: skip
    with named_by_options(_READOUT_NAMES):
        settings = readout_settings(options, detected)
    warn(readout_hints(settings))
    return settings


def _with_own_gaps(settings: ReadoutSettings, detector: str | None, asked: bool | None) -> ReadoutSettings:
    """Settings without modules where a detector that is known by name has a mask of its own."""
    if detector is None or asked or settings.gaps is None:
        return settings
    return replace(settings, gaps=replace(settings.gaps, module=None, width=(0, 0)))


def _checked_readout(settings: ReadoutSettings, model: Model, request: Request) -> Readout:
    """The readout, if it fits the image and the seed."""
    import numpy as np

    from nbnumba.readout import Readout

    with named_by_options(_READOUT_NAMES):
        readout = Readout.from_settings(settings)
        readout.check(np.broadcast_to(0.0, model.image_shape), request.files.noise_seed or 0)
        return readout


def _read_out(
    result: SimulationResult, readout: Readout | None, settings: ReadoutSettings | None, seed: int, threads: int | None
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """What --output gets, photons or counts, and what there is to say of it."""
    if readout is None or settings is None:
        return result.image, []
    with named_by_options(_READOUT_NAMES):
        counts = readout.apply(result.image, seed, threads=threads)
    return counts, readout_facts(readout, settings.saturation, result.image, counts, seed)


def _check_files(request: Request) -> None:
    """Refuse outputs that can't be written, or would take the place of an input, before they are waited for."""
    from nbnumba.io.smv import read_smv_header
    from nbnumba.output.write import check_writable

    factors = request.experiment.crystal.structure_factors
    was_cache = factors is not None and factors.reflections is None
    # a cache that was read is not written again
    inputs = {path: word for word, path in request.inputs if not (was_cache and word == "structure factors")}
    simulated = [p for p, word in inputs.items() if word in ("mask", "header") and read_smv_header(p).is_simulated]
    check_writable(request.files, [path for path in inputs if path not in simulated], simulated)


def _check_spots(path: Path | None, request: Request, others: Sequence[Path]) -> None:
    """Refuse a list of spots that can't be written, or would take the place of another file."""
    if path is None:
        return
    from nbnumba.io.atomic import check_distinct
    from nbnumba.io.spot_table import check_spots_path

    check_spots_path(path)
    outputs = {**request.files.by_field(), **{f"{{output[{n}]}}": other for n, other in enumerate(others)}}
    check_distinct({"{spots}": path}, [file for _, file in request.inputs])
    check_distinct({**outputs, "{spots}": path})


def _check_pixels(request: Request, model: Model) -> None:
    """Refuse pixels that are not rendered before they are waited for."""
    from nbnumba.engine.scan import pixel_number

    for slow, fast in request.trace_pixels:
        pixel_number(model.params, slow, fast, f"-trace_pixel {slow} {fast}")
    if request.printout_pixel is not None:
        fast, slow = request.printout_pixel
        pixel_number(model.params, slow, fast, f"-printout_pixel {fast} {slow}")


def _print_pixels(request: Request, result: SimulationResult) -> None:
    """Print the pixels that were asked for, and traces."""
    from nbnumba.output.report import pixel_detail_lines, pixel_lines

    if request.printout_pixel is not None:
        say(pixel_detail_lines(result, *request.printout_pixel))
    elif request.printout:
        say(pixel_lines(result.image, result.model.window))
    if request.trace_pixels:
        from nbnumba.trace.record import record_pixels, trace_lines

        say(trace_lines(result.model, record_pixels(result.model, request.trace_pixels, result.scan)))

"""nbnumba from-dials: the image of an experiment that DIALS describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from nbnumba_cli.additions import addition_options
from nbnumba_cli.background import background_option
from nbnumba_cli.console import progress_bar, say, warn
from nbnumba_cli.flag_command import FlagCommand
from nbnumba_cli.physics import chosen_physics, physics_options
from nbnumba_cli.simulate import settled_engine
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports
from nbnumba_cli.truth import truth_option

from nbnumba.config.physics import EXACT
from nbnumba.engine.registry import DEFAULT_ENGINE, ENGINE_NAMES, PRECISIONS
from nbnumba.errors import UsageError
from nbnumba.flags import parse_flags
from nbnumba.flags.background import with_backgrounds
from nbnumba.flags.override import OVERRIDES, override
from nbnumba.io.formats import COMPRESSIONS, SUFFIXES
from nbnumba.output.files import DIALS

if TYPE_CHECKING:
    from nbnumba.config import Physics
    from nbnumba.flags import Request
    from nbnumba.flags.additions import Additions

class FromDialsCommand(FlagCommand):
    """Takes those of nanoBragg's flags that place no detector and name no image."""

    topics = OVERRIDES


@click.command(
    "from-dials", cls=FromDialsCommand, short_help="Simulate what DIALS found: an image of an .expt file.",
    context_settings={"ignore_unknown_options": True, "max_content_width": 120},
    options_metavar="[--OPTIONS]",
)  # fmt: skip
@click.argument("expt", metavar="EXPT")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option("--experiment", type=click.IntRange(min=0), default=0, show_default=True, metavar="K",
              help="Which experiment of the list, from 0.")
@click.option("--image", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
              help="Which image of its scan, from 0.")
@click.option("--output", metavar="FILE", multiple=True, required=True,
              help=f"Photons in the format of the suffix: {', '.join(SUFFIXES)}; may be repeated.")
@click.option("--compression", type=click.Choice(COMPRESSIONS), help="Of NXmx files.  [default: bslz4]")
@truth_option
@click.option("--engine", type=click.Choice(ENGINE_NAMES), default=DEFAULT_ENGINE, show_default=True,
              help="What computes the pixels; auto takes an NVIDIA GPU where there is one.")
@click.option("--precision", type=click.Choice(PRECISIONS), default=PRECISIONS[0], show_default=True,
              help="Of sums on a GPU.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.  [default: all cores]")
@addition_options
@background_option
@click.option("--spacegroup", metavar="NAME", help="Complete the reflections of -hkl by this symmetry.")
@click.option("--cutoff", type=float, metavar="PHOTONS",
              help="Leave out what changes no pixel by more: many times faster for Gaussian and top-hat spots.")
@physics_options(EXACT)
def command(
    expt: str, flags: tuple[str, ...], experiment: int, image: int, output: tuple[str, ...], compression: str | None,
    engine: str, precision: str, threads: int | None, spacegroup: str | None, additions: Additions,
    background: tuple[str, ...], cutoff: float | None, truth: bool, **physics: Any,
) -> None:
    """Simulate one image of an experiment list of DIALS: what was measured, as it should look.

    EXPT gives the detector (all panels, their sensors and masks), beam, polarization, lattice and rotation; cctbx is
    not needed. FLAGS are nanoBragg's, with one dash, and say the rest: -hkl FILE (reflections, .mtz, .pdb or .cif) or
    -default_F, -N, -mosaic, -fluence, -phisteps (images of scans are cut into steps of 0.02 degrees unless you say so).
    They overrule the file where both speak; those that would place the detector are refused.

    Exit status: 0 on success, 2 for wrong usage, 1 for other failures, 130 after Ctrl-C.
    """
    # before anything slow is imported
    if expt.startswith("-"):
        raise UsageError(f"the experiment list comes first, then flags: nbnumba from-dials EXPT {expt} ...")
    parse_flags(flags)
    require_working_folder()
    wanted = chosen_physics(**physics)
    import_numba()
    show_reports()
    from nbnumba.engine.scan import run_interruptible

    outputs = (tuple(Path(path) for path in output), compression, truth)
    run_interruptible(_simulate, Path(expt), (experiment, image), flags, wanted, (engine, precision, threads),
                      spacegroup, replace(additions, cutoff=cutoff), background, outputs)  # fmt: skip


def _simulate(
    path: Path, place: tuple[int, int], flags: Sequence[str], physics: Physics,
    engine: tuple[str, str, int | None], spacegroup: str | None, additions: Additions, background: Sequence[str],
    outputs: tuple[tuple[Path, ...], str | None, bool],
) -> None:
    """Read, simulate, write, report."""
    from nbnumba.output.images import ImageOutputs
    from nbnumba.output.report import model_warnings, panel_lines, result_warnings, setup_lines
    from nbnumba.setup.lowering import lower
    from nbnumba.simulation import simulate_model

    name, precision, threads = engine
    name = settled_engine(name, precision)
    request = _request(path, place, flags, physics, spacegroup, additions)
    request = with_backgrounds(request, background)
    warn(request.warnings)
    model = lower(request.experiment)
    warn(model_warnings(model))
    paths, compression, truth = outputs
    images = ImageOutputs(paths, compression, DIALS, truth=truth)
    images.check(model, None, [path for _, path in request.inputs])
    say(setup_lines(model, (*request.inputs, *request.notes)))
    with progress_bar(request.progress) as progress:
        result = simulate_model(model, name, threads, progress=progress, precision=precision)
    warn(result_warnings(result))
    written = images.write(model, result.panels if len(result.panels) > 1 else result.panels[0])
    say(panel_lines(result, written))


def _request(
    path: Path, place: tuple[int, int], flags: Sequence[str], physics: Physics, spacegroup: str | None,
    additions: Additions,
) -> Request:
    """The experiment of the file, changed by the flags."""
    from nbnumba.io.experiment import experiment_of, pick_experiment

    number, image = place
    scene = pick_experiment(path, number).scene
    described = replace(experiment_of(scene, image), physics=physics)
    request = override(flags, described, path, spacegroup, additions)
    if scene.crystal is not None and scene.crystal.is_centred and request.experiment.crystal.default_F != 0.0:
        raise UsageError(
            f"-default_F {request.experiment.crystal.default_F:g}: {path} has a centred lattice (Hall symbol "
            f"{scene.crystal.space_group}), where it would put reflections that are systematically absent: give -hkl"
        )
    return request

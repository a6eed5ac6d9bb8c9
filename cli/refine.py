"""nbnumba refine: a measured shot and an experiment near it in, the refined experiment out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from nbnumba_cli.console import say
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports

from nbnumba.errors import InputFileError, NbnumbaError, UsageError, with_names

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.config import Experiment, StructureFactors
    from nbnumba.refine.shot import Refinement

_FLAGS = {
    "image": "IMAGE", "parameters": "--parameters", "crystal_system": "--crystal-system", "Crystal.cells": "--cells",
    "Crystal.shape": "--shape", "Crystal.mosaic_spread": "--mosaic", "Crystal.mosaic_domains": "--mosaic-domains",
    "experiment": "--experiment", "Crystal.structure_factors": "--hkl",
}  # fmt: skip
"""Field of the library -> option that sets it."""

_FAR = 3.0
"""Chi-squared per degree of freedom that tells of a wrong model, not of errors in amplitudes of some per cent."""

SHAPES = ("gauss", "round", "square")
SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "hexagonal", "rhombohedral", "cubic")

_UNITS = {
    "orientation": "deg", "mosaic_spread": "deg", "distance": "mm", "origin": "mm", "panel_rotation": "deg",
    "beam_direction": "deg", "wavelength_shift": "A", "B": "A^2", "F": "electrons",
}  # fmt: skip


@click.command("refine", short_help="Fit orientation, cell, size and geometry to a measured shot.")
@click.argument("image", metavar="IMAGE")
@click.option("--expt", required=True, metavar="FILE", help="DIALS experiment to start from, such as indexed.expt.")
@click.option("-o", "--output", required=True, metavar="FILE", help="Refined experiment: .expt.")
@click.option("--hkl", required=True, metavar="FILE", help="Structure factors: h k l F in P1, as `nbnumba hkl` writes.")
@click.option("--parameters", default="orientation,cell,scale,N", show_default=True, metavar="NAMES",
              help="What to refine, with commas: see docs/refine.md.")
@click.option("--crystal-system", type=click.Choice(SYSTEMS), default="triclinic", show_default=True,
              help="Which constants of the cell are free.")
@click.option("--cells", nargs=3, type=float, default=(15.0, 15.0, 15.0), show_default=True, metavar="NA NB NC",
              help="Size of the crystal, unit cells.")
@click.option("--shape", type=click.Choice(SHAPES), default="gauss", show_default=True, help="Of the crystal.")
@click.option("--mosaic", type=float, metavar="DEG", help="Mosaic spread (standard deviation of rotations).")
@click.option("--mosaic-domains", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
              help="Domains that stand for it.")
@click.option("--resolution", type=float, default=2.0, show_default=True, metavar="A", help="Limit of the spots.")
@click.option("--boxes", type=click.IntRange(min=5), default=300, show_default=True, metavar="N",
              help="Spots at most, the strongest.")
@click.option("--box", "edge", type=click.IntRange(min=7), default=15, show_default=True, metavar="PIXELS",
              help="Edge of the box around a spot.")
@click.option("--experiment", "number", type=int, default=0, show_default=True, metavar="N",
              help="Which experiment of the file.")
@click.option("--frame", type=int, default=0, show_default=True, metavar="N", help="Which image of IMAGE and the scan.")
@click.option("--gain", type=click.FloatRange(min=0.0, min_open=True), metavar="ADU",
              help="Detector units per photon.  [default: the experiment's]")
@click.option("--picture", metavar="FILE", help="Data, model and residuals of the ten strongest boxes, PNG.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.  [default: all cores]")
def command(**options: Any) -> None:
    """Fit an experiment to a measured IMAGE: pixels in boxes around expected spots, each above a plane of background.

    IMAGE is SMV, CBF, TIFF, NumPy or HDF5. The start should be within a spot's width or two of the truth, as indexing
    leaves it. Errors are standard errors from the Fisher information of Poisson counts.

    Exit status: 0 on success, 2 for wrong usage, 1 for other failures, 130 after Ctrl-C.
    """
    require_working_folder()
    import_numba()
    show_reports()
    from nbnumba.engine.scan import run_interruptible

    try:
        run_interruptible(_run, options)
    except NbnumbaError as error:
        raise type(error)(with_names(error.message, lambda field: _FLAGS.get(field, field))) from error


def _run(options: dict[str, Any]) -> None:
    """Read, refine, write, report."""
    from nbnumba.io.atomic import check_distinct, check_target
    from nbnumba.io.extras import optional_package
    from nbnumba.refine.shot import refine_shot

    if options["picture"]:
        optional_package("matplotlib", "plots", options["picture"])
    outputs = {"-o": options["output"], **({"--picture": options["picture"]} if options["picture"] else {})}
    check_distinct(outputs, [options["image"], options["expt"], options["hkl"]])
    for path in outputs.values():
        check_target(path)
    if Path(options["output"]).suffix != ".expt":
        raise UsageError(f"-o {options['output']}: the refined experiment is an .expt file")
    start = _start(options)
    panels = start.detector.panels
    assert panels is not None
    images = _images(options["image"], [panel.image_size[::-1] for panel in panels], options["frame"])
    photons = [
        (image - panel.pedestal) / (options["gain"] or panel.gain) for image, panel in zip(images, panels, strict=True)
    ]
    refinement = refine_shot(
        photons, start, options["parameters"], d_min=options["resolution"], edge=options["edge"],
        most=options["boxes"], crystal_system=options["crystal_system"], threads=options["threads"],
    )  # fmt: skip
    refinement.experiment.to_dials(options["output"])
    if options["picture"]:
        from nbnumba.refine.picture import draw_boxes

        draw_boxes(options["picture"], refinement)
    say([*report(refinement), f"wrote {', '.join(outputs.values())}"])


def _start(options: dict[str, Any]) -> Experiment:
    """What the file says, with the crystal that the options describe."""
    from nbnumba.io.experiment import experiment_of, pick_experiment

    # without a word on the fluence, for the scale is refined
    read = experiment_of(pick_experiment(options["expt"], options["number"]).scene, options["frame"])
    mosaic = {"mosaic_spread": options["mosaic"], "mosaic_domains": options["mosaic_domains"],
              "mosaic_distribution": "gaussian"} if options["mosaic"] else {}  # fmt: skip
    crystal = replace(
        read.crystal, cells=options["cells"], shape=options["shape"], structure_factors=_factors(options["hkl"]),
        interpolate=False, **mosaic,
    )  # fmt: skip
    return replace(read, crystal=crystal)


def _factors(path: str) -> StructureFactors:
    from nbnumba.io.hkl import read_hkl

    return read_hkl(path)


def _images(path: str, shapes: list[tuple[int, int]], frame: int) -> list[np.ndarray]:
    """The pixels of each panel."""
    import numpy as np

    from nbnumba.io.formats import read_pixels

    pixels = np.asarray(read_pixels(path), dtype=np.float64)
    sizes = [slow * fast for slow, fast in shapes]
    if pixels.size % sum(sizes):
        raise InputFileError(
            f"{path}: has {pixels.shape} pixels; the experiment has {len(shapes)} panel(s) of {shapes[0]} (slow, fast)"
        )
    frames = pixels.reshape(-1, sum(sizes))
    number = frame if len(frames) > 1 else 0
    if not 0 <= number < len(frames):
        raise UsageError(f"{path}: {{--frame}} {frame}: there are {len(frames)} images")
    pieces = np.split(frames[number], np.cumsum(sizes)[:-1])
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]


def report(refinement: Refinement) -> list[str]:
    """The lines of a report.

    Parameters
    ----------
    refinement : Refinement
    """
    lines = [f"{'parameter':<24} {'start':>12} {'refined':>14} {'error':>11}"]
    for name, value in refinement.values.items():
        family = re.split(r"[.\[:]", name)[0]
        unit = _UNITS.get(family, "")
        if family == "cell":
            unit = "A" if name[5:] in ("a", "b", "c") else "deg"
        start, error = refinement.start[name], refinement.errors[name]
        lines.append(f"{name:<24} {start:>12.6g} {value:>14.8g} {error:>11.2g} {unit}".rstrip())
    pixels = sum(int(box.good.sum()) for box in refinement.boxes)
    lines.append(f"{len(refinement.boxes)} boxes, {pixels} pixels, "
                 f"chi^2 per degree of freedom {refinement.chi_squared / refinement.degrees:.3f}")  # fmt: skip
    if refinement.chi_squared > _FAR * refinement.degrees:
        scaled = any(name == "scale" or name.startswith("F:") for name in refinement.values)
        lines.append("that is far from 1: what is not refined, " + ("" if scaled else "such as scale, ")
                     + "or the shape of the crystal, is not the image's")  # fmt: skip
    lines.append(f"median distance of spots from the model: {refinement.shift_before:.2f} px at the start, "
                 f"{refinement.shift_after:.2f} px refined")  # fmt: skip
    return lines



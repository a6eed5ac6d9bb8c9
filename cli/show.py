"""nbnumba show: images as people look at them."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from nbnumba_cli.startup import require_working_folder

from nbnumba.errors import NbnumbaError, UsageError, with_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EDGE = 8.0
"""Inches of a picture; a single one fills a figure of this size."""


@click.command("show", short_help="Draw images, with resolution rings and Miller indices.")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("-o", "--output", metavar="FILE.png", help="Write a PNG file instead of opening a window.")
@click.option("--linear", is_flag=True, help="Linear greys.  [default: logarithmic]")
@click.option("--no-rings", is_flag=True, help="Draw neither resolution rings nor the beam centre.")
@click.option("--labels", type=click.IntRange(min=0), default=10, show_default=True, metavar="N",
              help="Miller indices of the N strongest spots, where the lattice is known.")
@click.option("--frame", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
              help="Which frame of files that hold many, from 0.")
@click.option("--geometry", metavar="FILE.expt",
              help="Detector, beam and crystal.  [default: .expt of the image's name, or what the image says]")
@click.option("--shape", nargs=2, type=click.IntRange(min=1), metavar="SLOW FAST", help="Shape of raw float images.")
def command(images: tuple[str, ...], output: str | None, **options: Any) -> None:
    """Draw images of any format that nbnumba reads, side by side: SMV, CBF, NXmx, TIFF, NumPy, or raw floats.

    Panels are shown where they stand. Rings, beam centre and Miller indices need to know the geometry: NXmx, CBF and
    SMV files tell it, of any other image a DIALS experiment does. Pixels below zero are gaps.
    """
    from nbnumba.io.atomic import check_distinct, check_target
    from nbnumba.io.extras import optional_package

    require_working_folder()
    optional_package("matplotlib", "plots", "show")
    if output is None:
        _require_display()
    elif Path(output).suffix.lower() != ".png":
        raise UsageError(f"-o {output}: the picture is a PNG file: let its name end in .png")
    else:
        check_target(output)
        check_distinct({"-o": output}, images)
    labelled = click.get_current_context().get_parameter_source("labels") is not ParameterSource.DEFAULT
    try:
        figure = _draw(images, output is None, labelled, **options)
    except NbnumbaError as error:
        raise type(error)(with_names(error.message, "--{}".format)) from None
    if output is None:
        import matplotlib.pyplot as plt

        plt.show()
    else:
        from nbnumba.pictures.greys import save_figure

        save_figure(figure, output)


def _draw(
    images: tuple[str, ...], in_window: bool, labelled: bool, linear: bool, no_rings: bool, labels: int, frame: int,
    geometry: str | None, shape: tuple[int, int] | None,
) -> Figure:
    """All images in one figure; tells what can't be drawn of what was asked for."""
    from nbnumba.pictures.figure import draw_image
    from nbnumba.pictures.files import read_shown

    shown = [(path, read_shown(path, geometry, shape)) for path in images]
    columns = math.ceil(math.sqrt(len(shown)))
    rows = math.ceil(len(shown) / columns)
    figure = _new_figure(in_window, (_EDGE * columns, 0.9 * _EDGE * rows))
    for number, (path, image) in enumerate(shown, start=1):
        axes = figure.add_subplot(rows, columns, number)
        title = f"{Path(path).name}, frame {frame}" if frame else Path(path).name
        try:
            draw_image(axes, image.images, image.scene, frame, title, linear, not no_rings, labels)
        except UsageError as error:
            message = error.message.replace("{images} of", "pixels of")
            raise UsageError(f"{path}: {message}") from error
    for path, image in shown:
        if image.scene is None and not no_rings:
            click.echo(f"nbnumba: {path} does not tell its geometry: no rings (--geometry FILE.expt)", err=True)
        if labelled and labels > 0 and (image.scene is None or image.scene.crystal is None):
            click.echo(f"nbnumba: {path} does not tell its crystal: no labels (--geometry FILE.expt)", err=True)
    return figure


def _new_figure(in_window: bool, size: tuple[float, float]) -> Figure:
    """A figure, with a window if one is asked for."""
    if not in_window:
        from matplotlib.figure import Figure

        return Figure(figsize=size, layout="constrained")
    import matplotlib.pyplot as plt
    from matplotlib.backend_bases import FigureManagerBase

    figure = plt.figure(figsize=size, layout="constrained")
    if type(figure.canvas.manager) is FigureManagerBase:
        plt.close(figure)
        raise UsageError("matplotlib can open no window here: write a picture with -o FILE.png")
    return figure


def _require_display() -> None:
    """Refuse windows where there is no screen, before anything is read."""
    on_x = sys.platform.startswith("linux")
    if on_x and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise UsageError("no display to open a window on: write a picture with -o FILE.png")

"""A picture of the strongest boxes of a refinement: data, model and what is left."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nbnumba.io.atomic import atomic_write

if TYPE_CHECKING:
    from nbnumba.refine.shot import Refinement

DRAWN = 10
"""Boxes that are drawn."""

_LIMIT = 5.0
"""Standard deviations at which the colours of residuals end."""


def draw_boxes(path: str | os.PathLike[str], refinement: Refinement) -> None:
    """Draw the strongest boxes, one a column: photons, model on the same greys, residuals in standard deviations.

    Parameters
    ----------
    path : path
        PNG file to write.
    refinement : Refinement
        From `refine_shot`.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    boxes = list(zip(refinement.boxes, refinement.photons, strict=True))[:DRAWN]
    figure = Figure(figsize=(1.25 * len(boxes) + 0.9, 4.3), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(3, len(boxes), squeeze=False)
    residuals = None
    for column, (box, model) in enumerate(boxes):
        data = np.where(box.good, box.data, np.nan)
        brightest = float(np.nanmax(data))
        for row, image in enumerate((data, model)):
            axes[row, column].imshow(image, cmap="gray_r", vmin=0.0, vmax=brightest)
        left = (data - model) / np.sqrt(np.maximum(model, 1e-3))
        residuals = axes[2, column].imshow(left, cmap="RdBu_r", vmin=-_LIMIT, vmax=_LIMIT)
        axes[0, column].set_title("{} {} {}".format(*box.hkl), fontsize=8)
    for axis in axes.ravel():
        axis.set_xticks([])
        axis.set_yticks([])
    for row, label in enumerate(("data", "model", "residual")):
        axes[row, 0].set_ylabel(label)
    assert residuals is not None
    figure.colorbar(residuals, ax=axes[2, :].tolist(), label="σ")
    with atomic_write(path) as stream:
        figure.savefig(stream, format="png", dpi=110)

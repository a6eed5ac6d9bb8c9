"""How far into reciprocal space a detector sees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.kernels.params import FLAT, PanelWindow

if TYPE_CHECKING:
    from nbnumba.setup.model import Model

_POINTS = 33
"""Along each edge: corners see farthest, unless a panel stands behind the sample."""

_SOURCES_AT_ONCE = 4096


def finest_spacing(model: Model) -> float:
    """Smallest d = λ/(2 sin θ) of any point in the regions of interest and any source.

    Parameters
    ----------
    model : Model
        Panels and sources.

    Returns
    -------
    float
        Å; infinite if the detector sees nothing but the direct beam.
    """
    panels, sources = model.params.panels, model.params.sources.table
    reach = _longest_vector if panels.curved == FLAT else _longest_curved_vector
    farthest = max(reach(model, panel, sources) for panel in range(len(panels.planes)))
    return 1e10 / farthest if farthest > 0.0 else math.inf


def _points(model: Model, panel: int) -> np.ndarray:
    """Lab positions all over a flat panel's region of interest, its corners included, m."""
    panels, oversample = model.params.panels, model.params.sampling.oversample
    fdet, sdet, _, pix0 = panels.planes[panel, :12].reshape(4, 3)
    subpixel_fast, subpixel_slow = panels.planes[panel, 14:16]
    window = PanelWindow(*panels.windows[panel].tolist())
    fast = oversample * subpixel_fast * np.linspace(window.fast_min, window.fast_min + window.width, _POINTS)
    slow = oversample * subpixel_slow * np.linspace(window.slow_min, window.slow_min + window.height, _POINTS)
    points: np.ndarray = pix0 + fast[:, None, None] * fdet + slow[:, None] * sdet
    return points.reshape(-1, 3)


def _longest_vector(model: Model, panel: int, sources: np.ndarray) -> float:
    """Largest |d - i|/λ of a flat panel, 1/m."""
    points = _points(model, panel)
    diffracted = points / np.linalg.norm(points, axis=1, keepdims=True)
    longest = 0.0
    for start in range(0, len(sources), _SOURCES_AT_ONCE):
        some = sources[start : start + _SOURCES_AT_ONCE]
        # of the largest scattering angle: sources are seen from the sample
        cosines = -(diffracted @ some[:, :3].T).max(axis=0)
        longest = max(longest, float((np.sqrt(np.maximum(2.0 - 2.0 * cosines, 0.0)) / some[:, 3]).max()))
    return longest


def _longest_curved_vector(model: Model, panel: int, sources: np.ndarray) -> float:
    """A bound of |d - i|/λ of a curved panel, 1/m: both arcs together, along whichever axes, and the largest tilt."""
    points, plane = _points(model, panel), model.params.panels.planes[panel]
    own_axes = np.abs(points @ plane[:6].reshape(2, 3).T).sum(axis=1).max()
    # quirk `curved`
    lab_axes = np.abs(points[:, 1:]).sum(axis=1).max()
    tilts = np.arccos(np.clip(-(sources[:, :3] @ model.params.panels.beam), -1.0, 1.0))
    angle = min(float(max(own_axes, lab_axes)) / abs(float(plane[12])) + float(tilts.max()), math.pi)
    return 2.0 * math.sin(angle / 2.0) / float(sources[:, 3].min())

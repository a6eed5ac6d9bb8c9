"""How far into reciprocal space a detector sees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nbnumba.setup.model import DetectorGeometry

_POINTS = 33
"""Along each edge: corners see farthest, unless the detector stands behind the sample."""

_SOURCES_AT_ONCE = 4096


def finest_spacing(geometry: DetectorGeometry, sources: np.ndarray, curved: bool) -> float:
    """Smallest d = λ/(2 sin θ) of any point of the detector and any source.

    Parameters
    ----------
    geometry : DetectorGeometry
        Detector and beam, metres, lab frame.
    sources : ndarray, shape (n, 4), float64
        Unit vectors towards the sources, and wavelengths in metres.
    curved : bool
        Whether all pixels have the same distance.

    Returns
    -------
    float
        Å; infinite if the detector sees nothing but the direct beam.
    """
    points = _points(geometry)
    if curved:
        longest = _largest_curved_angle(points, geometry, sources)
        farthest = 2.0 * math.sin(longest / 2.0) / float(sources[:, 3].min())
    else:
        diffracted = points / np.linalg.norm(points, axis=1, keepdims=True)
        chunks = range(0, len(sources), _SOURCES_AT_ONCE)
        farthest = max(_longest_vector(diffracted, sources[i : i + _SOURCES_AT_ONCE]) for i in chunks)
    return 1e10 / farthest if farthest > 0.0 else math.inf


def _points(geometry: DetectorGeometry) -> np.ndarray:
    """Lab positions all over the flat detector, its corners included, m."""
    steps = np.linspace(0.0, 1.0, _POINTS)
    fast = geometry.pixels_fast * geometry.pixel_size * steps[:, None] * np.array(geometry.fdet)
    slow = geometry.pixels_slow * geometry.pixel_size * steps[:, None] * np.array(geometry.sdet)
    return (np.array(geometry.pix0) + fast[:, None, :] + slow[None, :, :]).reshape(-1, 3)


def _longest_vector(diffracted: np.ndarray, sources: np.ndarray) -> float:
    """Largest |d - i|/λ, 1/m, for unit vectors; sources look towards their sources."""
    # of the largest scattering angle
    cosines = -(diffracted @ sources[:, :3].T).max(axis=0)
    return float((np.sqrt(np.maximum(2.0 - 2.0 * cosines, 0.0)) / sources[:, 3]).max())


def _largest_curved_angle(points: np.ndarray, geometry: DetectorGeometry, sources: np.ndarray) -> float:
    """A bound of a curved detector's scattering angles, radians: lab y and z of a point are the lengths of two arcs."""
    arcs = float(np.abs(points[:, 1:]).sum(axis=1).max()) / abs(geometry.distance)
    tilts = np.arccos(np.clip(-(sources[:, :3] @ np.array(geometry.beam)), -1.0, 1.0))
    return min(arcs + float(tilts.max()), math.pi)

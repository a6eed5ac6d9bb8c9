"""The X-ray sources: a grid over divergence and dispersion, or the user's own list."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nbnumba.setup.vectors import Vector, rotate_about, scale, unit

if TYPE_CHECKING:
    from nbnumba.setup.model import DetectorGeometry, StepCounts

SOURCE_DISTANCE = 10.0
"""Distance of generated sources before they are made unit vectors, m; it shows in the report only."""


class SourceList(NamedTuple):
    """Sources in the order in which they are summed."""

    vectors: np.ndarray  # float64[n, 3], as generated or read
    weights: np.ndarray  # float64[n]
    units: np.ndarray  # float64[n, 4]: unit vector towards the source, wavelength (m)
    divergence_steps: int


def _angles(samples: StepCounts) -> list[float]:
    return [samples.step * i - samples.range / 2.0 for i in range(samples.steps)]


def _ellipse_term(angle: float, samples: StepCounts) -> float:
    """Squared distance from the beam axis along one direction; NaN for a range of zero width."""
    numerator = angle * angle - samples.step * samples.step / 4.0 * (1 - samples.steps % 2)
    return numerator / samples.range / samples.range if samples.range != 0.0 else math.nan


def _outside_ellipse(h: float, horizontal: StepCounts, v: float, vertical: StepCounts) -> bool:
    """Whether a divergence lies outside the round beam; a NaN never does."""
    return (_ellipse_term(h, horizontal) + _ellipse_term(v, vertical)) * 4.0 > 1.1


def divergence_directions(
    geometry: DetectorGeometry,
    horizontal: StepCounts,
    vertical: StepCounts,
    round_divergence: bool,
    distance: float = SOURCE_DISTANCE,
) -> list[Vector]:
    """Vectors from the sample towards each divergence step, horizontal outermost.

    Parameters
    ----------
    geometry : DetectorGeometry
        Beam, polarization and vertical axes (lab frame).
    horizontal, vertical : StepCounts
        Divergence samples, radians.
    round_divergence : bool
        Leave out the corners of the grid.
    distance : float
        Length of the vectors, m.

    Returns
    -------
    list of vectors
    """
    upstream = scale(geometry.beam, -distance)
    return [
        rotate_about(rotate_about(upstream, geometry.polar, v), geometry.vertical, h)
        for h in _angles(horizontal)
        for v in _angles(vertical)
        if not (round_divergence and _outside_ellipse(h, horizontal, v, vertical))
    ]


def generate_sources(
    geometry: DetectorGeometry,
    wavelength: float,
    horizontal: StepCounts,
    vertical: StepCounts,
    round_divergence: bool,
    dispersion: StepCounts,
    distance: float = SOURCE_DISTANCE,
) -> SourceList:
    """Sources on the divergence grid, each with every wavelength of the dispersion.

    Parameters
    ----------
    geometry : DetectorGeometry
        Beam, polarization and vertical axes (lab frame).
    wavelength : float
        Central wavelength, m.
    horizontal, vertical : StepCounts
        Divergence, radians.
    round_divergence : bool
        Leave out the corners of the grid.
    dispersion : StepCounts
        Δλ/λ, a fraction.
    distance : float
        Sample to sources, m.

    Returns
    -------
    SourceList
        Wavelengths innermost, equal weights.
    """
    directions = divergence_directions(geometry, horizontal, vertical, round_divergence, distance)
    wavelengths = [
        wavelength * (1.0 + dispersion.step * i - dispersion.range / 2.0) for i in range(dispersion.steps)
    ]
    rows = [(*direction, value) for direction in directions for value in wavelengths]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    weights = np.full(len(rows), 1.0 / max(len(rows), 1))
    return unitized(table[:, :3], weights, table[:, 3], len(directions))


def complete_sources(
    given: np.ndarray, geometry: DetectorGeometry, wavelength: float, distance: float = SOURCE_DISTANCE
) -> SourceList:
    """The user's sources with missing columns filled in.

    Parameters
    ----------
    given : ndarray, shape (n, 5), float64
        X, Y, Z, weight, wavelength (m); NaN means missing.
    geometry : DetectorGeometry
        Beam direction (lab frame).
    wavelength : float
        Central wavelength, m.
    distance : float
        Sample to a source of which only the direction of the beam is known, m.

    Returns
    -------
    SourceList
        In the order given.
    """
    defaults = np.array([*scale(geometry.beam, -distance), 1.0, wavelength])
    table = np.where(np.isnan(given), defaults, given)
    return unitized(table[:, :3], table[:, 3], table[:, 4], 0)


def unitized(vectors: np.ndarray, weights: np.ndarray, wavelengths: np.ndarray, divergence_steps: int) -> SourceList:
    """A list of sources with unit vectors.

    Parameters
    ----------
    vectors : ndarray, shape (n, 3), float64
        Towards the sources, any length.
    weights, wavelengths : ndarray, shape (n,), float64
        Weights, and wavelengths in m.
    divergence_steps : int
        Directions of the divergence; 0 for a list of the user's own.
    """
    units = np.array([unit((float(x), float(y), float(z))) for x, y, z in vectors]).reshape(-1, 3)
    return SourceList(vectors, weights, np.column_stack([units, wavelengths]), divergence_steps)

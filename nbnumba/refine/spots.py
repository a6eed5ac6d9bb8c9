"""Where spots are expected, and the boxes of pixels around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.setup.panels import ray_pixel
from nbnumba.setup.units import ANGSTROM

if TYPE_CHECKING:
    from nbnumba.config import Panel
    from nbnumba.setup.model import Model

_MOST_INDICES = 4_000_000
"""Reflections that are looked at, at most."""


@dataclass(frozen=True)
class Spots:
    """Expected spots.

    Attributes
    ----------
    hkl : ndarray, shape (n, 3), int64
    panel : ndarray, shape (n,), int64
    slow, fast : ndarray, shape (n,), float64
        Pixels; 0.5 is the middle of the first one.
    """

    hkl: np.ndarray
    panel: np.ndarray
    slow: np.ndarray
    fast: np.ndarray


def predict_spots(model: Model, panels: Sequence[Panel], d_min: float, tolerance: float) -> Spots:
    """The spots of reflections near the Ewald sphere at any angle of the rotation.

    `nbnumba.spots` lists what gives photons. A start has no brightness yet and is some tenths of a degree off: here all
    count that may diffract within a tolerance, whatever their amplitudes.

    Parameters
    ----------
    model : Model
        Of the pixels.
    panels : sequence of Panel
        Of its detector, in its lab frame.
    d_min : float
        Resolution limit, Å.
    tolerance : float
        How far a reflection may be from the sphere, 1/Å.

    Returns
    -------
    Spots
    """
    hkl, vectors, wavenumber = _indices(model, d_min)
    beam = np.array(model.geometry.beam) * wavenumber
    nearest, places = np.full(len(hkl), np.inf), np.full((len(hkl), 3), np.nan)
    for turned in _turned(model, vectors):
        rays = turned + beam
        distance = np.abs(np.linalg.norm(rays, axis=1) - wavenumber)
        closer = distance < nearest
        nearest[closer], places[closer] = distance[closer], rays[closer]
    near = nearest < tolerance
    return _on_panels(hkl[near], places[near], panels)


def _indices(model: Model, d_min: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Indices within the resolution, their vectors at spindle angle zero and 1/λ, 1/Å."""
    sources = model.params.sources.table
    wavenumber = 1.0 / (float(np.average(sources[:, 3], weights=sources[:, 4])) * ANGSTROM)
    lattice = model.lattice
    reach = [max(int(length / d_min), 1) for length in lattice.lengths]
    while math.prod(2 * r + 1 for r in reach) > _MOST_INDICES:
        reach = [max(r - 1, 1) for r in reach]
    grids = np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij")
    hkl = np.stack([grid.ravel() for grid in grids], axis=1)
    vectors = hkl @ np.array([lattice.a_star, lattice.b_star, lattice.c_star])
    length = np.linalg.norm(vectors, axis=1)
    inside = (length > 0.0) & (length <= 1.0 / d_min)
    return hkl[inside], vectors[inside], wavenumber


def _turned(model: Model, vectors: np.ndarray) -> list[np.ndarray]:
    """Reciprocal vectors at each spindle angle."""
    from nbnumba.refine.rotations import rotation

    spindle = np.array(model.geometry.spindle)
    return [vectors @ rotation(angle * spindle).T for angle in model.params.lattice.phi.tolist()]


def _on_panels(hkl: np.ndarray, rays: np.ndarray, panels: Sequence[Panel]) -> Spots:
    found = []
    for number, panel in enumerate(panels):
        pixel = ray_pixel(panel, rays)
        on = np.flatnonzero(np.all((pixel >= 0.0) & (pixel < panel.image_size), axis=1))
        found.append((hkl[on], np.full(len(on), number), pixel[on, 1], pixel[on, 0]))
    joined = [np.concatenate(part) for part in zip(*found, strict=True)]
    return Spots(*joined)


LEAST_BACKGROUND = 1e-2
"""Photons of a pixel's background, at least."""


def plane_terms(edge: int) -> np.ndarray:
    """What a plane over a box is a sum of: 1, and the slow and fast coordinate, shape (edge, edge, 3).

    Parameters
    ----------
    edge : int
    """
    slow, fast = np.mgrid[:edge, :edge]
    return np.stack([np.ones_like(slow), slow - edge / 2, fast - edge / 2], axis=-1).astype(np.float64)


@dataclass(frozen=True)
class Box:
    """A square of pixels around a spot, and what was measured there.

    Attributes
    ----------
    hkl : tuple of 3 int
        The expected reflection.
    panel, slow, fast : int
        Panel and first pixel.
    data, background : ndarray, shape (edge, edge), float64
        Photons, and the plane beneath the spot.
    good : ndarray, shape (edge, edge), bool
        Which pixels are measurements.
    """

    hkl: tuple[int, int, int]
    panel: int
    slow: int
    fast: int
    data: np.ndarray
    background: np.ndarray
    good: np.ndarray

    @property
    def strength(self) -> float:
        """Photons above the background over their standard deviation."""
        above = float((self.data - self.background)[self.good].sum())
        return above / math.sqrt(max(float(self.data[self.good].sum()), 1.0))

    def above_plane(self, spot: np.ndarray) -> Box:
        """With the plane that is most likely where the photons of the spot are known.

        Parameters
        ----------
        spot : ndarray, shape (edge, edge), float64
            Photons without the background.
        """
        terms, data, spot = plane_terms(len(spot))[self.good], self.data[self.good], spot[self.good]
        plane = self.background[self.good]
        for _ in range(2):
            weights = 1.0 / np.sqrt(spot + plane)
            found = np.linalg.lstsq(terms * weights[:, None], (data - spot) * weights, rcond=None)[0]
            plane = np.maximum(terms @ found, LEAST_BACKGROUND)
        return replace(self, background=np.maximum(plane_terms(len(self.data)) @ found, LEAST_BACKGROUND))

    def pixels(self) -> np.ndarray:
        """Panel, slow and fast index of the good pixels, shape (n, 3)."""
        slow, fast = np.nonzero(self.good)
        return np.column_stack([np.full(len(slow), self.panel), slow + self.slow, fast + self.fast])


def cut_boxes(images: Sequence[np.ndarray], masks: Sequence[np.ndarray], spots: Spots, edge: int) -> list[Box]:
    """Boxes around spots that lie on their panels as a whole and share no pixel, the strongest first.

    Parameters
    ----------
    images : sequence of ndarray, shape (slow, fast)
        Photons of each panel.
    masks : sequence of ndarray, shape (slow, fast), bool
        Which pixels are measurements.
    spots : Spots
    edge : int
        Pixels along an edge.
    """
    boxes = []
    for hkl, panel, slow, fast in zip(spots.hkl.tolist(), spots.panel, spots.slow, spots.fast, strict=True):
        first = int(slow) - edge // 2, int(fast) - edge // 2
        window = (slice(first[0], first[0] + edge), slice(first[1], first[1] + edge))
        data, good = images[panel][window], masks[panel][window]
        if min(first) < 0 or data.shape != (edge, edge) or good.mean() < 0.7:
            continue
        data = data.astype(np.float64)
        background = _plane(data, good)
        if background is not None:
            boxes.append(Box(tuple(hkl), int(panel), *first, data, background, good))
    boxes.sort(key=lambda box: -box.strength)
    return _apart(boxes, edge)


def _apart(boxes: Sequence[Box], edge: int) -> list[Box]:
    """Boxes that share no pixel with one before."""
    kept: list[Box] = []
    taken: dict[tuple[int, int, int], list[Box]] = {}
    for box in boxes:
        cell = (box.panel, box.slow // edge, box.fast // edge)
        around = [
            other for s in (-1, 0, 1) for f in (-1, 0, 1)
            for other in taken.get((cell[0], cell[1] + s, cell[2] + f), ())
        ]  # fmt: skip
        if all(abs(box.slow - other.slow) >= edge or abs(box.fast - other.fast) >= edge for other in around):
            kept.append(box)
            taken.setdefault(cell, []).append(box)
    return kept


def _plane(data: np.ndarray, good: np.ndarray) -> np.ndarray | None:
    """The background beneath a spot: a plane through the border of a box, less what stands out of it."""
    edge = len(data)
    slow, fast = np.mgrid[:edge, :edge]
    terms = plane_terms(edge)
    rim = max(edge // 5, 2)
    used = good & ((np.minimum(slow, edge - 1 - slow) < rim) | (np.minimum(fast, edge - 1 - fast) < rim))
    if not used.any():
        return None
    # a bright neighbour in the rim would tilt the first plane so far that it never left
    level = float(np.median(data[used]))
    used = used & (data < level + 4.0 * math.sqrt(max(level, 1.0)))
    for _ in range(3):
        if used.sum() < 3 * edge // 2:
            return None
        found = np.linalg.lstsq(terms[used], data[used], rcond=None)[0]
        plane = terms @ found
        spread = math.sqrt(max(float(np.mean((data - plane)[used] ** 2)), 0.1))
        used = used & (data - plane < 3.0 * spread)
    return np.maximum(plane, LEAST_BACKGROUND)

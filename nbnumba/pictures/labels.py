"""Which reflections the strongest spots are: peaks of the image, indexed with the lattice of the scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nbnumba.compare.peaks import find_peaks
from nbnumba.io.scene import Scene, lattice_in_lab
from nbnumba.setup.panels import Page, lab_position

_TOLERANCE = 0.3
"""Largest distance from a whole Miller index: a peak in between is a spot of something else, or a shape's fringe."""

_CANDIDATES = 10
"""Peaks looked at for each label wanted: fringes, noise and the direct beam are among them."""

_APART = 12.0
"""Pixels between labelled peaks at least: the pixels of one spot must not be labelled one by one."""


class Spot(NamedTuple):
    """A peak and its Miller indices.

    Attributes
    ----------
    hkl : tuple of 3 int
        Miller indices.
    place : tuple of 2 float
        Column and row of the page.
    value : float
        Of the strongest pixel.
    """

    hkl: tuple[int, int, int]
    place: tuple[float, float]
    value: float


def indexed_spots(scene: Scene, page: Page, images: Sequence[np.ndarray], count: int, frame: int = 0) -> list[Spot]:
    """The strongest peaks that the lattice explains.

    Parameters
    ----------
    scene : Scene
        With a crystal.
    page : Page
        Of this scene.
    images : sequence of ndarray, shape (slow, fast)
        Of each panel.
    count : int
        Spots at most.
    frame : int
        Image of the scan, from 0.

    Returns
    -------
    list of Spot
        Strongest first; each reflection once.
    """
    lattice = np.linalg.inv(lattice_in_lab(scene, frame))
    peaks = [
        (float(image[tuple(np.rint(peak).astype(int))]), number, peak)
        for number, image in enumerate(images) for peak in find_peaks(image, _CANDIDATES * count)
    ]  # fmt: skip
    found: list[Spot] = []
    for value, number, (slow, fast) in sorted(peaks, key=lambda peak: -peak[0]):
        pixel = np.array([fast + 0.5, slow + 0.5])
        ray = lab_position(scene.panels[number], pixel)
        index = lattice @ (ray / np.linalg.norm(ray) - scene.unit_s0) / scene.wavelength
        nearest = np.rint(index).astype(int)
        place = page.place(number, pixel)
        spot = Spot(tuple(nearest.tolist()), tuple(place.tolist()), value)
        if np.abs(index - nearest).max() <= _TOLERANCE and nearest.any() and _is_new(spot, found):
            found.append(spot)
        if len(found) == count:
            break
    return found


def _is_new(spot: Spot, found: Sequence[Spot]) -> bool:
    """Whether neither the reflection nor its place has a label yet."""
    return all(
        other.hkl != spot.hkl and np.hypot(*np.subtract(other.place, spot.place)) > _APART for other in found
    )  # fmt: skip

"""The page of a picture: the panels of a scene where they stand, and the way between directions, panels and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbnumba.config import Convention, Detector, LabFrame, Panel
from nbnumba.io.scene import Scene, Vector, as_vector
from nbnumba.setup.panels import Page, View, lab_position, lay_out, place_panels, ray_pixel

_RING_POINTS = 720
"""Points of a resolution ring: one every half degree."""


def plain_page(image: np.ndarray) -> Page:
    """An image as it is: column and row of the page are its own.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Any real numbers.

    Returns
    -------
    Page
    """
    precision = np.float64 if image.dtype == np.float64 else np.float32
    return Page(image.astype(precision), (View(np.array([-0.5, -0.5]), np.eye(2)),))


def page_of(scene: Scene, images: Sequence[np.ndarray]) -> Page:
    """The page of a scene; a single panel is shown as it is, several as they are seen along the beam.

    Parameters
    ----------
    scene : Scene
        Detector and beam.
    images : sequence of ndarray, shape (slow, fast)
        Of each panel.

    Returns
    -------
    Page
    """
    if len(images) == 1:
        return plain_page(images[0])
    frame = LabFrame(Convention.CUSTOM, beam=scene.unit_s0, polar=across_beam(scene)[0])
    return lay_out(place_panels(Detector(panels=scene.panels, frame=frame)), images, np.nan)


def across_beam(scene: Scene) -> tuple[Vector, Vector]:
    """Two directions at right angles to the beam and to each other.

    Parameters
    ----------
    scene : Scene
        Says where the beam goes.

    Returns
    -------
    tuple of 2 tuple of 3 float
        Unit vectors.
    """
    beam = np.asarray(scene.unit_s0)
    first = np.cross(beam, np.eye(3)[np.argmin(np.abs(beam))])
    first = first / np.linalg.norm(first)
    return as_vector(first), as_vector(np.cross(beam, first))


def on_page(scene: Scene, page: Page, directions: np.ndarray) -> Iterator[np.ndarray]:
    """Where rays from the sample meet each panel.

    Parameters
    ----------
    scene : Scene
        The detector.
    page : Page
        Of this scene.
    directions : ndarray, shape (n, 3)
        Of the rays, any length.

    Yields
    ------
    ndarray, shape (n, 2), float64
        Column and row of the page; NaN for rays that miss the panel.
    """
    for number, panel in enumerate(scene.panels):
        yield page.place(number, seen_pixels(panel, directions))


def seen_pixels(panel: Panel, directions: np.ndarray) -> np.ndarray:
    """Where rays from the sample meet a panel.

    Parameters
    ----------
    panel : Panel
        Of the detector.
    directions : ndarray, shape (n, 3)
        Of the rays, any length.

    Returns
    -------
    ndarray, shape (n, 2), float64
        Fast, slow in pixels from the outer corner of the first one; NaN for rays that miss the panel.
    """
    pixel = ray_pixel(panel, directions)
    pixel[~np.all((pixel >= 0.0) & (pixel <= panel.image_size), axis=-1)] = np.nan
    return pixel


def cone(scene: Scene, two_theta: float) -> np.ndarray:
    """Rays at an angle to the beam, all the way around.

    Parameters
    ----------
    scene : Scene
        Says where the beam goes.
    two_theta : float
        Radians.

    Returns
    -------
    ndarray, shape (n, 3), float64
        Unit vectors; the last is the first again.
    """
    around = np.linspace(0.0, 2.0 * np.pi, _RING_POINTS + 1)[:, None]
    u, v = np.array(across_beam(scene))
    across = np.cos(around) * u + np.sin(around) * v
    return np.asarray(np.cos(two_theta) * np.asarray(scene.unit_s0) + np.sin(two_theta) * across)


def two_theta_of(scene: Scene, directions: np.ndarray) -> np.ndarray:
    """The angle between the beam and rays from the sample.

    Parameters
    ----------
    scene : Scene
        Says where the beam goes.
    directions : ndarray, shape (..., 3)
        Of any length.

    Returns
    -------
    ndarray, shape (...), float64
        Radians.
    """
    cosine = directions @ np.asarray(scene.unit_s0) / np.linalg.norm(directions, axis=-1)
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)))


def edges(scene: Scene) -> np.ndarray:
    """Points along the borders of all panels: corners and middles of the sides.

    Parameters
    ----------
    scene : Scene
        The detector.

    Returns
    -------
    ndarray, shape (8 · panels, 3), float64
        mm, lab frame of the scene.
    """
    places = np.array([(x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0) if (x, y) != (0.5, 0.5)])
    return np.concatenate([lab_position(panel, places * panel.image_size) for panel in scene.panels])

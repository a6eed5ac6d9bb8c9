"""What a file says about an image besides its pixels: detector, beam, goniometer, scan and crystal, as dxtbx has them.

Everything stands in the lab frame of DIALS and imgCIF (beam along -z, spindle along x), in mm, Å and degrees. Writers
turn a `Scene` into the words of their format, readers turn a file into one; formats know nothing of each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nbnumba.config import Panel, Spectrum
from nbnumba.errors import UsageError
from nbnumba.setup.frames import dials_rotation

Vector = tuple[float, float, float]

IDENTITY = np.eye(3)


@dataclass(frozen=True)
class Goniometer:
    """One axis that turns, between rotations that stay: a vector v of the crystal becomes S·R(axis, φ)·F·v.

    Attributes
    ----------
    axis : tuple of 3 float
        Unit rotation axis.
    fixed_rotation : ndarray, shape (3, 3), float64
        F: on the crystal's side of the axis.
    setting_rotation : ndarray, shape (3, 3), float64
        S: on the lab's side.
    """

    axis: Vector = (1.0, 0.0, 0.0)
    fixed_rotation: np.ndarray = field(default_factory=IDENTITY.copy)
    setting_rotation: np.ndarray = field(default_factory=IDENTITY.copy)

    def rotation(self, degrees: float) -> np.ndarray:
        """S·R(axis, φ)·F.

        Parameters
        ----------
        degrees : float
            Spindle angle φ.

        Returns
        -------
        ndarray, shape (3, 3), float64
        """
        return np.asarray(self.setting_rotation @ axis_rotation(self.axis, degrees) @ self.fixed_rotation)


def axis_rotation(axis: Vector, degrees: float) -> np.ndarray:
    """The active right-handed rotation about a unit axis.

    Parameters
    ----------
    axis : tuple of 3 float
        Unit vector.
    degrees : float
        Angle.

    Returns
    -------
    ndarray, shape (3, 3), float64
    """
    x, y, z = axis
    across = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = math.radians(degrees)
    return np.asarray(IDENTITY + math.sin(angle) * across + (1.0 - math.cos(angle)) * (across @ across))


@dataclass(frozen=True)
class Scan:
    """How the spindle moves from image to image.

    Attributes
    ----------
    start : float
        Spindle angle at which the first image begins, degrees.
    width : float
        Rotation during one image, degrees; not zero.
    images : int
        Images that are known of; a writer counts for itself.
    first : int
        Number of the first image.
    """

    start: float
    width: float
    images: int = 1
    first: int = 1

    def middle(self, image: int) -> float:
        """Spindle angle in the middle of an image.

        Parameters
        ----------
        image : int
            Counted from 0.

        Returns
        -------
        float
            Degrees.
        """
        return self.start + (image + 0.5) * self.width


@dataclass(frozen=True)
class CrystalModel:
    """The crystal's lattice as DIALS keeps it: before the goniometer turns it.

    Attributes
    ----------
    A : ndarray, shape (3, 3), float64
        Columns a*, b*, c*, 1/Å; ``A @ (h, k, l)`` is a reciprocal-lattice vector.
    space_group : str
        Hall symbol.
    A_at_scan_points : ndarray, shape (images + 1, 3, 3), float64, or None
        A at the beginning of each image and the end of the last, where refinement let it vary.
    """

    A: np.ndarray
    space_group: str = "P 1"
    A_at_scan_points: np.ndarray | None = None

    @property
    def is_centred(self) -> bool:
        """Whether the Hall symbol is that of a cell of several lattice points: some reflections are absent.

        One with a change of basis may be of either kind, and is not.
        """
        letter = self.space_group.strip().lstrip("-")[:1]
        return letter not in ("", "P") and "(" not in self.space_group

    def A_of_image(self, image: int) -> np.ndarray:  # noqa: N802  (A is the field's symbol)
        """A in the middle of an image, without the goniometer: the mean of the two scan points around it.

        Parameters
        ----------
        image : int
            Counted from 0.

        Returns
        -------
        ndarray, shape (3, 3), float64
        """
        if self.A_at_scan_points is None:
            return self.A
        mean: np.ndarray = (self.A_at_scan_points[image] + self.A_at_scan_points[image + 1]) / 2.0
        return mean


@dataclass(frozen=True)
class Scene:
    """Everything around the pixels of an image, or of a series of them.

    Attributes
    ----------
    panels : tuple of Panel
        The detector.
    wavelength : float
        Å.
    unit_s0 : tuple of 3 float
        Direction in which the beam travels.
    spectrum : Spectrum or None
        None for a single wavelength.
    polarization_normal : tuple of 3 float
        Unit normal of the plane of polarization; its sign has no meaning.
    polarization_fraction : float or None
        Share of the photons polarized in that plane, (1 + Kahn factor)/2; None for an image without polarization
        factor, or where a file does not say.
    flux : float
        Photons/s; 0 means not known.
    exposure : float
        Exposure of one image, s; 0 means not known.
    goniometer : Goniometer or None
        None for stills.
    scan : Scan or None
        None for stills.
    crystal : CrystalModel or None
        None where the file holds none.
    provenance : mapping
        Where the image comes from; JSON types only.
    """

    panels: tuple[Panel, ...]
    wavelength: float
    unit_s0: Vector = (0.0, 0.0, -1.0)
    spectrum: Spectrum | None = None
    polarization_normal: Vector = (0.0, 1.0, 0.0)
    polarization_fraction: float | None = 0.5
    flux: float = 0.0
    exposure: float = 0.0
    goniometer: Goniometer | None = None
    scan: Scan | None = None
    crystal: CrystalModel | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.panels:
            raise UsageError("{Scene.panels}: at least one panel is needed")
        if not (math.isfinite(self.wavelength) and self.wavelength > 0.0):
            raise UsageError(f"{{Scene.wavelength}} is {self.wavelength}: a positive number of Å is needed")
        if self.polarization_fraction is not None and not 0.0 <= self.polarization_fraction <= 1.0:
            raise UsageError(
                f"{{Scene.polarization_fraction}} is {self.polarization_fraction}: a share lies between 0 and 1"
            )
        if self.scan is not None and self.goniometer is None:
            raise UsageError("{Scene.scan} needs {Scene.goniometer}: which axis turns?")


@dataclass(frozen=True)
class ImageFile:
    """What a file of images holds.

    Attributes
    ----------
    images : ndarray, shape (slow, fast) or (frames, slow, fast), or with an axis of panels before the last two
        Pixels as they are stored.
    scene : Scene or None
        None where the format has none.
    """

    images: np.ndarray
    scene: Scene | None = None


def lattice_in_lab(scene: Scene, image: int = 0) -> np.ndarray:
    """The A matrix in the middle of an image, turned by the goniometer.

    Parameters
    ----------
    scene : Scene
        With a crystal.
    image : int
        Counted from 0; stills have only that.

    Returns
    -------
    ndarray, shape (3, 3), float64
        Columns a*, b*, c* in the lab frame, 1/Å.

    Raises
    ------
    UsageError
        If the scene has no crystal.
    """
    if scene.crystal is None:
        raise UsageError("{Scene.crystal}: there is none")
    matrix = scene.crystal.A_of_image(image)
    if scene.goniometer is None or scene.scan is None:
        return matrix
    return np.asarray(scene.goniometer.rotation(scene.scan.middle(image)) @ matrix)


def as_vector(array: np.ndarray) -> Vector:
    """An array as a tuple.

    Parameters
    ----------
    array : ndarray, shape (3,)
        Any numbers.

    Returns
    -------
    tuple of 3 float
        Without negative zeros, which would look like a mistake in a file.
    """
    x, y, z = (float(value) + 0.0 for value in array)
    return x, y, z


def turn_panel(panel: Panel, turn: np.ndarray) -> Panel:
    """The same panel in another lab frame.

    Parameters
    ----------
    panel : Panel
        Any panel.
    turn : ndarray, shape (3, 3), float64
        Rotation that takes vectors into the new frame.

    Returns
    -------
    Panel
    """
    origin, fast, slow = (as_vector(turn @ vector) for vector in (panel.origin, panel.fast, panel.slow))
    return replace(panel, origin=origin, fast=fast, slow=slow)


def turn_scene(scene: Scene, turn: np.ndarray) -> Scene:
    """The same scene in another lab frame.

    Parameters
    ----------
    scene : Scene
        Any scene.
    turn : ndarray, shape (3, 3), float64
        Rotation that takes vectors into the new frame.

    Returns
    -------
    Scene
    """
    def turned(vector: Vector) -> Vector:
        return as_vector(turn @ vector)

    goniometer, crystal = scene.goniometer, scene.crystal
    if goniometer is not None:
        goniometer = Goniometer(
            turned(goniometer.axis), turn @ goniometer.fixed_rotation @ turn.T,
            turn @ goniometer.setting_rotation @ turn.T,
        )
    if crystal is not None:
        points = crystal.A_at_scan_points
        crystal = replace(crystal, A=turn @ crystal.A, A_at_scan_points=None if points is None else turn @ points)
    return replace(
        scene, panels=tuple(turn_panel(panel, turn) for panel in scene.panels), unit_s0=turned(scene.unit_s0),
        polarization_normal=turned(scene.polarization_normal), goniometer=goniometer, crystal=crystal,
    )  # fmt: skip


def square_to_beam(scene: Scene) -> Scene:
    """The scene turned, if need be, so that the beam travels exactly along -z: many formats know no other beam.

    Parameters
    ----------
    scene : Scene
        Any scene.

    Returns
    -------
    Scene
        x stays as near to where it was as it can.
    """
    if scene.unit_s0 == (0.0, 0.0, -1.0):
        return scene
    return replace(turn_scene(scene, squaring_turn(scene)), unit_s0=(0.0, 0.0, -1.0))


def squaring_turn(scene: Scene) -> np.ndarray:
    """The rotation that `square_to_beam` makes.

    Parameters
    ----------
    scene : Scene
        Any scene.

    Returns
    -------
    ndarray, shape (3, 3), float64
        It takes vectors into the new frame.
    """
    if scene.unit_s0 == (0.0, 0.0, -1.0):
        return IDENTITY
    return dials_rotation(scene.unit_s0, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))

"""What nonBragg renders, and what it writes: a description in the units that users type."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nbnumba.config import Beam, Convention, Detector, LabFrame, Pivot, Sampling
from nbnumba.config.amorphous import AmorphousSample
from nbnumba.config.arrays import freeze, is_frozen, real_array
from nbnumba.config.description import Description
from nbnumba.config.radial_curve import ABSCISSAE
from nbnumba.config.rules import BOOLEAN, LARGEST_NUMBER, POSITIVE, Rule, Rules, UnfitError, instance, optional
from nbnumba.output.files import OutputFiles

if TYPE_CHECKING:
    import numpy as np

NONBRAGG_DETECTOR = Detector(frame=LabFrame(Convention.CUSTOM, Pivot.BEAM))
"""The detector that nonBragg starts from: the axes are nanoBragg's in the MOSFLM convention."""


def _read_points(value: Any) -> np.ndarray:
    points = real_array(value, 2)
    if is_frozen(points):
        return points
    if points.shape[1] != 2:
        raise UnfitError(f"must have 2 columns, an abscissa and F, not {points.shape[1]}")
    points = points.astype(float)
    if not (abs(points[:, 0]) < LARGEST_NUMBER).all() or (abs(points[:, 1]) > LARGEST_NUMBER).any():
        raise UnfitError("holds a number that is not finite; every point needs an abscissa and F")
    return freeze(points, float)


def _read_pixels(value: Any) -> np.ndarray:
    pixels = real_array(value, 2)
    if pixels.dtype != "uint16":
        raise UnfitError(f"must be an array of uint16, not of {pixels.dtype}")
    return freeze(pixels, "uint16")


def _read_values(value: Any) -> tuple[int, ...]:
    values = tuple(value)
    if not all(isinstance(entry, int) and 0 <= entry < 2**16 for entry in values):
        raise ValueError(value)
    return values


def _read_abscissa(value: Any) -> str:
    if value not in ABSCISSAE:
        raise ValueError(value)
    return str(value)


@dataclass(frozen=True, eq=False)
class Extraction(Description):
    """An image to turn back into a curve of F.

    Attributes
    ----------
    image : ndarray, shape (slow, fast), uint16
        Pixel values.
    ignored : tuple of int
        Values of pixels to leave out.
    gain : float
        Pixel values per photon.
    """

    image: np.ndarray
    ignored: tuple[int, ...] = ()
    gain: float = 1.0

    RULES: ClassVar[Rules] = {
        "image": Rule("an array of pixel values", _read_pixels),
        "ignored": Rule("whole numbers from 0 to 65535", _read_values),
        "gain": POSITIVE,
    }


@dataclass(frozen=True, eq=False)
class AmorphousExperiment(Description):
    """Sample, beam, detector and sampling of one image; every default is nonBragg's.

    Attributes
    ----------
    points : ndarray, shape (n, 2), float64
        Abscissa, 1/Å, and F, electrons, as a file states them; a missing F is NaN.
    abscissa : str
        What the abscissa is: "stol" for sin(θ)/λ, "4stol" for 4 sin(θ)/λ, "Q" for 4π sin(θ)/λ.
    sample : AmorphousSample
        The block of material.
    beam : Beam
        Polarization, divergence, dispersion and sources; their weights count, but are not normalised (quirk
        `weights-sum`).
    detector : Detector
        Its lab axes are those of its frame, whatever the frame's convention; the sensor has no thickness (quirk
        `no-sensor`). Beam centre, closest point and origin are measured along its fast and slow axes.
    sampling : Sampling
        Region of interest and subpixels; the spindle stands in the header alone.
    source_distance : float
        Distance of generated sources before they are made unit vectors, mm.
    amplitude_map : bool
        Make an image of F instead of photons.
    extraction : Extraction or None
        An image of the detector's size to turn back into a curve.
    """

    points: np.ndarray
    abscissa: str = "stol"
    sample: AmorphousSample = AmorphousSample()
    beam: Beam = Beam()
    detector: Detector = NONBRAGG_DETECTOR
    sampling: Sampling = Sampling()
    source_distance: float = 10000.0
    amplitude_map: bool = False
    extraction: Extraction | None = None

    RULES: ClassVar[Rules] = {
        "points": Rule("an array of points", _read_points),
        "abscissa": Rule(f"one of {', '.join(ABSCISSAE)}", _read_abscissa),
        "sample": instance(AmorphousSample),
        "beam": instance(Beam),
        "detector": instance(Detector),
        "sampling": instance(Sampling),
        "source_distance": POSITIVE,
        "amplitude_map": BOOLEAN,
        "extraction": optional(instance(Extraction)),
    }


@dataclass(frozen=True)
class AmorphousFiles:
    """Which files are written; the names are nonBragg's.

    Attributes
    ----------
    images : OutputFiles
        The images.
    curve_path : Path
        Curve of F, written when one was extracted.
    """

    images: OutputFiles = OutputFiles()
    curve_path: Path = Path("output.stol")

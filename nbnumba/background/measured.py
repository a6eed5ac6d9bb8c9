"""Radial curves from measured images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config import Background, Crystal, RadialCurve
from nbnumba.config.radial_curve import SHELL_WIDTH, mean_in_shells
from nbnumba.engine.registry import DEFAULT_ENGINE, make_engine
from nbnumba.engine.scan import render
from nbnumba.errors import UsageError
from nbnumba.setup.lowering import lower

if TYPE_CHECKING:
    from nbnumba.config import Experiment

FLAT = RadialCurve(np.array([0.0, 1.0]), np.ones(2))
"""F of 1."""

RISING = RadialCurve(np.array([0.0, 100.0]), np.array([0.0, 100.0]))
"""F that is sin θ/λ, as far as any light reaches."""


def curve_from_image(
    image: np.ndarray,
    experiment: Experiment,
    thickness: float,
    density: float,
    molar_mass: float,
    mask: np.ndarray | None = None,
    width: float = SHELL_WIDTH,
    median: bool = False,
    beyond: str = "constant",
) -> RadialCurve:
    """The F that scatters the photons of an image: the root of the mean F² in shells of sin θ/λ.

    Parameters
    ----------
    image : ndarray, shape of a simulated image
        Photons per pixel, without the detector's offset.
    experiment : Experiment
        Beam, detector and sampling of that image; its crystal and backgrounds don't matter.
    thickness : float
        Of the material along the beam, mm.
    density : float
        Of the material, g/cm³.
    molar_mass : float
        Of its molecule, g/mol.
    mask : ndarray, shape of `image`, or None
        Pixels of value 0 are left out, as are those outside of the region of interest.
    width : float
        Width of the shells, 1/Å.
    median : bool
        Take the median of F² in a shell, which Bragg spots do not move as long as they are few, not the mean.
    beyond : str
        As in `RadialCurve`.

    Returns
    -------
    RadialCurve
        At the mean sin θ/λ of each shell with at least 10 pixels; 0 where photons are missing.

    Raises
    ------
    UsageError
        If image or mask do not have the detector's shape, pixels are no numbers, or fewer than two shells hold enough.
    """
    flat, rising = (_photons(experiment, Background(curve, thickness, density, molar_mass)) for curve in (FLAT, RISING))
    used = flat > 0.0 if mask is None else (flat > 0.0) & (_of_shape(mask, flat.shape, "mask") != 0)
    photons = _of_shape(image, flat.shape, "image").astype(np.float64)[used]
    if not np.isfinite(photons).all():
        raise UsageError("{image} holds pixels that are infinite or no numbers: give a {mask} that is 0 there")
    stol = np.sqrt(rising[used] / flat[used])
    return mean_in_shells(stol, photons / flat[used], width, "median" if median else "mean", beyond)


def _of_shape(array: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    """An array that must have the image's shape."""
    if np.shape(array) != shape:
        raise UsageError(f"{{{name}}} has the shape {np.shape(array)}, an image of the experiment {shape}")
    return np.asarray(array)


def _photons(experiment: Experiment, background: Background) -> np.ndarray:
    """What a material alone scatters."""
    model = lower(replace(experiment, crystal=Crystal(), background=(background,)))
    image = np.zeros(model.image_shape)
    return render(model.params, make_engine(DEFAULT_ENGINE), image, scatterers=model.scatterers).image

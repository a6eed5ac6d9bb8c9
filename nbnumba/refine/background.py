"""What is added to the photons of the crystal: amorphous materials of the experiment, and an image of any origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.background import scattered_into
from nbnumba.engine.background_slopes import add_background_slopes
from nbnumba.errors import UsageError
from nbnumba.refine.families import Family

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nbnumba.config import Experiment
    from nbnumba.engine.derivatives import PixelList
    from nbnumba.kernels.derivatives import Extras
    from nbnumba.setup.model import Model


class BackgroundFactors(Family):
    """A factor of each material's thickness, and one of the image."""

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        materials = zip(experiment.background, values.tolist(), strict=False)
        scaled = (replace(material, thickness=material.thickness * factor) for material, factor in materials)
        return replace(experiment, background=tuple(scaled))


class PixelBackground:
    """Photons of the background in each pixel: linear in its factors, and the same for all crystals.

    They are made once, unless panels, beam or wavelengths are parameters.

    Parameters
    ----------
    model : Model
        Of an experiment whose materials count.
    image : array_like, shape (n,), or None
        Photons that are added as they are, whatever the fluence.
    pixels : PixelList
    threads : int
    moves : bool
        Whether panels or sources will be others than those of the model.

    Attributes
    ----------
    family : BackgroundFactors or None
        The factors; None where there is no background.
    moves : bool

    Raises
    ------
    UsageError
        If the image has other pixels, or the curve of a material ends before them.
    """

    def __init__(self, model: Model, image: ArrayLike | None, pixels: PixelList, threads: int, moves: bool) -> None:
        self._pixels, self._threads, self.moves = pixels, threads, moves
        self._molecules = self._made(model)
        self._image = None if image is None else _checked(image, len(pixels.slow))
        self.family = _factors(len(self._molecules) + (image is not None))

    def _made(self, model: Model) -> list[np.ndarray]:
        """Photons of one molecule of each material in each pixel."""
        return [scattered_into(model.params, s.curve, self._pixels, self._threads) for s in model.scatterers]

    def of_materials(self, model: Model) -> np.ndarray | None:
        """Photons of the materials, shape (n,); None if there are none.

        Parameters
        ----------
        model : Model
            Of the experiment with its parameters.
        """
        return np.sum(self._scattered(model), axis=0) if self._molecules else None

    def add_slopes(self, model: Model, extras: Extras, blocks: tuple[int, int], basis: np.ndarray) -> None:
        """Add the materials to the basis of some blocks of pixels.

        Parameters
        ----------
        model : Model
            Of the experiment with its parameters.
        extras : Extras
        blocks : tuple of 2 int
            The first, and the one behind the last.
        basis : ndarray, shape (n, columns), float64
            In the order of the list; changed.
        """
        add_background_slopes(model.params, extras, model.scatterers, self._pixels, *blocks, basis)

    def of_image(self, factors: np.ndarray | None) -> np.ndarray | float:
        """Photons of the image.

        Parameters
        ----------
        factors : ndarray, shape (k,), float64, or None
            Those of the family, if they vary.
        """
        if self._image is None:
            return 0.0
        return self._image if factors is None else self._image * factors[-1]

    def columns(self, model: Model, factors: np.ndarray) -> np.ndarray:
        """Derivatives of the pixels by the factors.

        Parameters
        ----------
        model : Model
            Of the experiment with its parameters.
        factors : ndarray, shape (k,), float64

        Returns
        -------
        ndarray, shape (n, k), float64
        """
        of_materials = [photons / factor for photons, factor in zip(self._scattered(model), factors, strict=False)]
        return np.column_stack([*of_materials, *([] if self._image is None else [self._image])])

    def _scattered(self, model: Model) -> list[np.ndarray]:
        molecules = self._made(model) if self.moves else self._molecules
        pairs = zip(molecules, model.scatterers, strict=True)
        return [molecule * scatterer.scale for molecule, scatterer in pairs]


def _factors(count: int) -> BackgroundFactors | None:
    if count == 0:
        return None
    names = ("background",) if count == 1 else tuple(f"background[{number}]" for number in range(count))
    # a material of no thickness is none
    return BackgroundFactors(names, np.ones(count), np.full(count, 0.1), np.full(count, 1e-12), np.full(count, np.inf))


def _checked(image: ArrayLike, count: int) -> np.ndarray:
    photons = np.asarray(image, dtype=np.float64).ravel()
    if len(photons) != count:
        raise UsageError(f"{{background}} has {len(photons)} pixels; the model has {count}")
    return photons


def check_background(experiment: Experiment, has_image: bool, names: Sequence[str]) -> None:
    """Refuse a factor of nothing.

    Parameters
    ----------
    experiment : Experiment
    has_image : bool
    names : sequence of str
        From `check_names`.

    Raises
    ------
    UsageError
    """
    if "background" in names and not (experiment.background or has_image):
        raise UsageError(
            "{parameters}: the scale of a background needs one: give {background} or {Experiment.background}"
        )

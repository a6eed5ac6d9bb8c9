"""The corrected cases: what nanoBragg.c computes once a quirk is mended in it, or what follows from its images."""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from golden import GOLDEN_DATA, INPUT_FOLDERS, Difference, image_difference, inside, relative_differences

from nbnumba.config import Experiment, Physics
from nbnumba.config.physics import SWITCHES
from nbnumba.flags import interpret

CORRECTED = GOLDEN_DATA / "corrected"


class Tolerance(NamedTuple):
    """How far an image may be from the reference.

    Attributes
    ----------
    bits : bool
        Whether the golden bars hold: upstream's own branch made the reference, so that bits can be compared.
    of_maximum, of_pixel : float
        Largest difference over the reference's maximum, and over the reference's pixel.
    """

    bits: bool = False
    of_maximum: float = np.inf
    of_pixel: float = np.inf


_TOLERANCES = {
    "bits": Tolerance(bits=True),
    # eight roundings of float32: the reference is one formula, the image another with the same meaning
    "1e-6 of the maximum": Tolerance(of_maximum=1e-6),
    "1e-6 of each pixel": Tolerance(of_pixel=1e-6),
    # the reference is a sum in float64 of images that are rounded to float32, by 6e-8 each
    "2e-7 of each pixel": Tolerance(of_pixel=2e-7),
}


@dataclass(frozen=True)
class CorrectedCase:
    """One image without some of nanoBragg's quirks.

    Attributes
    ----------
    name : str
        Name of the case and of its folder.
    fix : tuple of str
        Quirks that are switched off.
    args : tuple of str
        nanoBragg's flags.
    tolerance : Tolerance
    """

    name: str
    fix: tuple[str, ...]
    args: tuple[str, ...]
    tolerance: Tolerance

    @functools.cached_property
    def image(self) -> np.ndarray:
        """The reference, float32 or float64."""
        with np.load(CORRECTED / self.name / "image.npz") as arrays:
            return arrays["image"]

    def experiment(self, folder: Path) -> Experiment:
        """What the flags describe, read in a folder that gets the input files."""
        return read_experiment(self.args, Physics("nanobragg", fix=self.fix), folder)

    def difference(self, image: np.ndarray) -> Difference:
        """How an image of the reference's dtype differs."""
        maximum = float(self.image.max())
        if self.image.dtype == np.float32:
            return image_difference(image, self.image, maximum)
        different = int((image != self.image).sum())
        return Difference(image.size, different, float(relative_differences(image, self.image, maximum).max()))

    def is_met_by(self, image: np.ndarray) -> bool:
        """Whether an image is within the tolerance."""
        difference, (bits, of_maximum, of_pixel) = self.difference(image), self.tolerance
        off = np.abs(image.astype(np.float64) - self.image).max() / self.image.max()
        return (difference.is_within_bars or not bits) and off <= of_maximum and difference.worst <= of_pixel


def read_experiment(args: tuple[str, ...], physics: Physics, folder: Path) -> Experiment:
    """What flags describe, read in a folder that gets the input files which they name."""
    for source in (place / word for word in args for place in INPUT_FOLDERS):
        if source.is_file():
            shutil.copy(source, folder)
    with inside(folder):
        return interpret(list(args), physics).experiment


@functools.cache
def corrected_cases() -> tuple[CorrectedCase, ...]:
    """All cases, by name."""
    cases = []
    for path in sorted(CORRECTED.glob("*/case.json")):
        facts = json.loads(path.read_text())
        # curved-flag is what nbnumba has never had: -curved_det as last argument is heard
        fix = tuple(name for name in facts["fix"].split(",") if name in SWITCHES)
        tolerance = _TOLERANCES[facts["tolerance"].partition(" (")[0]]
        cases.append(CorrectedCase(facts["name"], fix, tuple(facts["args"].split()), tolerance))
    return tuple(cases)

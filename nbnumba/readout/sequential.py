"""noisify.c's readout as a stage: from photons to detector units with its own sequence of random numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from nbnumba.config.rules import NOT_NEGATIVE, Rules, instance
from nbnumba.readout.c_noise import NoisyReadout
from nbnumba.readout.names import NOISIFY
from nbnumba.readout.noisify_spread import spread_photons
from nbnumba.readout.options import NoisifyOptions, Profile
from nbnumba.readout.stage import ONE_PANEL, Stage, Strip, require


@dataclass(frozen=True, eq=False)
class NoisifyChain(Stage):
    """Source fluctuation, calibration error, photons, point spread, gain, readout noise and offset of noisify.c.

    They can't be taken apart: their random numbers come from one shuffle table, pixel after pixel (quirks
    `shared-table`, `flicker-per-pixel`, `psf-wrap`). Values are truncated and wrap as in C.

    Attributes
    ----------
    options : NoisifyOptions
        Its seed, if it has one, replaces the image's; the image number is added, as in ``-seed``.
    pixel_size : float
        Edge of a pixel, µm; for a point spread.
    """

    options: NoisifyOptions
    pixel_size: float = 0.0

    RULES: ClassVar[Rules] = {"options": instance(NoisifyOptions), "pixel_size": NOT_NEGATIVE}

    in_order = True

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse several panels; see `Stage.check`."""
        require(len(shape) == 2, "PhotonCounting.generator", f"{NOISIFY} {ONE_PANEL}")

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Read out a whole image; see `Stage.apply`."""
        seed = (strip.seed if self.options.seed is None else self.options.seed) + strip.image_number
        readout = NoisyReadout(replace(self.options, seed=seed), seed)
        photons, spread = values.astype(np.float32), self.options.point_spread
        readout.count(photons)
        if spread.acts:
            fwhm, pixel = float(np.float32(spread.fwhm / 1e6)), self.pixel_size / 1e6
            photons = spread_photons(photons, spread.profile is Profile.FIBER, fwhm, pixel, spread.radius, 1).image
        return readout.digitize(photons).astype(np.float64)

"""From expected photons to counted ones: the source's fluctuation and the statistics of counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nbnumba.config.rules import Rules, optional
from nbnumba.numerics.c_random import poidev, poisson_state, ran1_state
from nbnumba.numerics.counter_arrays import draw_poisson, draw_uniform
from nbnumba.numerics.jit import jit
from nbnumba.readout.names import COUNT_GENERATORS
from nbnumba.readout.stage import FRACTION, ONE_PANEL, SEED, Purpose, Stage, Strip, require, word


@dataclass(frozen=True, eq=False)
class SourceFluctuation(Stage):
    """Fluctuation of the source from image to image: one factor for all pixels of an image.

    The factor has a gamma distribution of mean 1, that of the energy of a pulse of M = 1/rms² modes (E. L. Saldin,
    E. A. Schneidmiller and M. V. Yurkov, Opt. Commun. 148, 383 (1998)): exponential for one mode, Gaussian for many,
    and never negative.

    Attributes
    ----------
    rms : float
        Relative standard deviation, 0 to 1.
    seed : int or None
        Replaces the image's seed.
    """

    rms: float
    seed: int | None = None

    RULES: ClassVar[Rules] = {"rms": FRACTION, "seed": optional(SEED)}

    def factor(self, strip: Strip) -> float:
        """The factor of an image.

        Parameters
        ----------
        strip : Strip
            Any part of the image.
        """
        from scipy.special import gammaincinv

        if self.rms == 0.0:
            return 1.0
        (uniform,) = draw_uniform(1, 0, strip.key(Purpose.SOURCE, self.seed))
        modes = self.rms**-2
        return float(gammaincinv(modes, uniform) / modes)

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Scale the image; see `Stage.apply`."""
        values *= self.factor(strip)
        return values


@dataclass(frozen=True, eq=False)
class PhotonCounting(Stage):
    """Counting statistics: each pixel becomes a Poisson deviate, a whole number, of its expected photons.

    Attributes
    ----------
    seed : int or None
        Replaces the image's seed.
    generator : str
        "philox": each pixel's count depends on seed, image number and pixel alone. "nanobragg": the sequence of
        nanoBragg.c's noise image, one pixel after the other on one thread, for an image of one panel; above a million
        photons not whole. Its seed is the sum of the seed and the image number, as in ``-seed``.
    """

    seed: int | None = None
    generator: str = COUNT_GENERATORS[0]

    RULES: ClassVar[Rules] = {"seed": optional(SEED), "generator": word(*COUNT_GENERATORS)}

    @property
    def in_order(self) -> bool:  # type: ignore[override]
        """Whether the generator is a sequence."""
        return self.generator == "nanobragg"

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse several panels where one sequence runs through the image; see `Stage.check`."""
        one_panel = len(shape) == 2 or not self.in_order
        require(one_panel, "PhotonCounting.generator", f"{self.generator} {ONE_PANEL}")

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Count; see `Stage.apply`."""
        least = values.min()
        require(least >= 0.0, "PhotonCounting", f"gets {least:g} photons from the stages before it")
        if self.in_order:
            seed = strip.seed if self.seed is None else self.seed
            drawn = _nanobragg_counts(values, ran1_state(-(seed + strip.image_number)), poisson_state())
            return np.asarray(drawn)
        counts = draw_poisson(values.reshape(-1), strip.first_pixel, strip.key(Purpose.PHOTONS, self.seed))
        return counts.reshape(values.shape)


@jit
def _nanobragg_counts(values: np.ndarray, state: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """Counts of a whole image, pixel after pixel."""
    counts = np.empty_like(values)
    for slow in range(values.shape[0]):
        for fast in range(values.shape[1]):
            counts[slow, fast] = poidev(np.float32(values[slow, fast]), state, memory)
    return counts

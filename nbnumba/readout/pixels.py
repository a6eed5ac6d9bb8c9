"""Pixels that say nothing about their photons: dead ones, hot ones, and gaps between modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from nbnumba.config.rules import (
    DEPTH,
    NOT_NEGATIVE_INTEGER,
    NUMBER,
    POSITIVE_INTEGER,
    Rules,
    optional,
    several,
)
from nbnumba.numerics.counter_arrays import draw_uniform
from nbnumba.numerics.counter_random import stream_key
from nbnumba.readout.stage import FRACTION, PIXEL_MAP, SEED, Purpose, Stage, Strip, require, require_shape


def _chosen(fraction: float, seed: int, purpose: Purpose, count: int, strip: Strip) -> np.ndarray:
    """Which pixels a detector of this seed has lost: the same in every image."""
    return draw_uniform(count, strip.first_pixel, stream_key(seed, purpose)) < fraction


def _check_choice(name: str, fraction: float, places: np.ndarray | None) -> None:
    """Refuse two choices of pixels at once."""
    one = places is None or fraction == 0.0
    require(one, f"{name}.fraction", f"{fraction} has no effect beside {{{name}.places}}")


@dataclass(frozen=True, eq=False)
class DeadPixels(Stage):
    """Pixels that report one value whatever meets them. They belong to the detector: the same ones in every image.

    Attributes
    ----------
    fraction : float
        Of all pixels, 0 to 1.
    value : float
        What they report.
    seed : int
        Which pixels: each seed is another detector.
    places : ndarray, shape (slow, fast) or (panel, slow, fast), or None
        Not zero where a pixel is dead, in place of `fraction` and `seed`.
    """

    fraction: float = 0.0
    value: float = 0.0
    seed: int = 0
    places: np.ndarray | None = field(default=None, repr=False)

    RULES: ClassVar[Rules] = {"fraction": FRACTION, "value": NUMBER, "seed": SEED, "places": optional(PIXEL_MAP)}

    def _check(self) -> None:
        """Refuse two choices of pixels at once."""
        _check_choice("DeadPixels", self.fraction, self.places)

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse an image of another size than the map; see `Stage.check`."""
        require_shape("DeadPixels.places", self.places, shape)

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Overwrite dead pixels; see `Stage.apply`."""
        if self.places is not None:
            dead = strip.rows_of(self.places, len(values)) != 0
        else:
            dead = _chosen(self.fraction, self.seed, Purpose.DEAD, values.size, strip).reshape(values.shape)
        values[dead] = self.value
        return values


@dataclass(frozen=True, eq=False)
class HotPixels(Stage):
    """Pixels that report far too much. They belong to the detector: the same ones in every image.

    Attributes
    ----------
    fraction : float
        Of all pixels, 0 to 1.
    value : float
        What they report; infinity becomes the largest value that the stages behind this one let pass.
    seed : int
        Which pixels: each seed is another detector.
    places : ndarray, shape (slow, fast) or (panel, slow, fast), or None
        Not zero where a pixel is hot, in place of `fraction` and `seed`.
    """

    fraction: float = 0.0
    value: float = float("inf")
    seed: int = 0
    places: np.ndarray | None = field(default=None, repr=False)

    RULES: ClassVar[Rules] = {"fraction": FRACTION, "value": DEPTH, "seed": SEED, "places": optional(PIXEL_MAP)}

    def _check(self) -> None:
        """Refuse two choices of pixels at once."""
        _check_choice("HotPixels", self.fraction, self.places)

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse an image of another size than the map; see `Stage.check`."""
        require_shape("HotPixels.places", self.places, shape)

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Overwrite hot pixels; see `Stage.apply`."""
        if self.places is not None:
            hot = strip.rows_of(self.places, len(values)) != 0
        else:
            hot = _chosen(self.fraction, self.seed, Purpose.HOT, values.size, strip).reshape(values.shape)
        values[hot] = self.value
        return values


@dataclass(frozen=True, eq=False)
class Gaps(Stage):
    """Places without a sensor: between the modules of a detector, or wherever a mask says so.

    Attributes
    ----------
    module : tuple of 2 int, or None
        Pixels of a module along the slow and fast axis; the first module begins at the first pixel.
    width : tuple of 2 int
        Pixels between modules along the slow and fast axis.
    mask : ndarray, shape (slow, fast) or (panel, slow, fast), or None
        0 where there is no sensor, as in nanoBragg's -mask and in dxtbx.
    value : float
        What stands there: 0, or -1 in images of a signed type.
    """

    module: tuple[int, int] | None = None
    width: tuple[int, int] = (0, 0)
    mask: np.ndarray | None = field(default=None, repr=False)
    value: float = 0.0

    RULES: ClassVar[Rules] = {
        "module": optional(several(2, POSITIVE_INTEGER)), "width": several(2, NOT_NEGATIVE_INTEGER),
        "mask": optional(PIXEL_MAP), "value": NUMBER,
    }  # fmt: skip

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse an image of another size than the mask; see `Stage.check`."""
        require_shape("Gaps.mask", self.mask, shape)

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Overwrite gaps; see `Stage.apply`."""
        if self.mask is not None:
            values[strip.rows_of(self.mask, len(values)) == 0] = self.value
        if self.module is not None:
            rows = np.arange(strip.first_row, strip.first_row + len(values)) % (self.module[0] + self.width[0])
            columns = np.arange(values.shape[1]) % (self.module[1] + self.width[1])
            values[rows >= self.module[0]] = self.value
            values[:, columns >= self.module[1]] = self.value
        return values

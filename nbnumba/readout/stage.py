"""What all stages of a readout share: their interface, their random streams and the wording of what they refuse."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbnumba.config.arrays import check_finite, freeze, real_array
from nbnumba.config.description import Description
from nbnumba.config.rules import NOT_NEGATIVE, NOT_NEGATIVE_INTEGER, Rule, UnfitError
from nbnumba.errors import UsageError
from nbnumba.numerics.counter_random import stream_key

ONE_PANEL = "draws images of one panel only; give philox"
"""What sequences of random numbers need."""


class Purpose(enum.IntEnum):
    """What random numbers are drawn for; each purpose has a stream of its own. The numbers never change."""

    SOURCE = 1
    PHOTONS = 2
    CALIBRATION = 3
    READOUT = 4
    DEAD = 5
    HOT = 6


@dataclass(frozen=True)
class Strip:
    """Rows of an image that a stage works on, and which image that is.

    Attributes
    ----------
    first_row : int
        Of these rows, on their panel.
    shape : tuple of 2 int
        Slow, fast: the whole panel.
    panel : int
        Number of the panel.
    seed, image_number : int
        Of the image.
    """

    first_row: int
    shape: tuple[int, int]
    panel: int
    seed: int
    image_number: int

    @property
    def first_pixel(self) -> int:
        """Number of the first pixel in the image, counted through all panels."""
        return (self.panel * self.shape[0] + self.first_row) * self.shape[1]

    def key(self, purpose: Purpose, own_seed: int | None) -> tuple[np.uint64, np.uint64]:
        """Key of the numbers that are drawn anew for each image.

        Parameters
        ----------
        purpose : Purpose
            What they are for.
        own_seed : int or None
            Takes the place of the image's seed.

        Returns
        -------
        tuple of 2 uint64
        """
        return stream_key(self.seed if own_seed is None else own_seed, purpose, self.image_number)

    def rows_of(self, whole: np.ndarray, rows: int) -> np.ndarray:
        """These rows of a map of the whole detector.

        Parameters
        ----------
        whole : ndarray, shape (slow, fast) or (panel, slow, fast)
            The map.
        rows : int
            How many.

        Returns
        -------
        ndarray, shape (rows, fast)
            A view.
        """
        panel = whole if whole.ndim == 2 else whole[self.panel]
        return panel[self.first_row : self.first_row + rows]


class Stage(Description):
    """A step from photons to counts: image -> image.

    A stage is a frozen dataclass that checks its fields when it is made and keeps no state: all that it draws follows
    from its fields, the image's seed and number, and the pixel.
    """

    in_order = False
    """Whether the pixels of an image must be drawn one after the other."""

    def reach(self, shape: tuple[int, int]) -> int:
        """Rows on either side that a row depends on.

        Parameters
        ----------
        shape : tuple of 2 int
            Slow, fast.
        """
        return 0

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse an image that this stage does not fit.

        Parameters
        ----------
        shape : tuple of int
            Slow, fast, or panel, slow, fast.

        Raises
        ------
        UsageError
            If the image has another size than a map, or none that the stage can work on.
        """

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Do this step for some rows of an image.

        Parameters
        ----------
        values : ndarray, shape (rows, fast), float64
            C-contiguous; may be changed.
        strip : Strip
            Which rows.

        Returns
        -------
        ndarray, shape (rows, fast), float64
            Rows next to the first and last ones of `values` are right only if all that they depend on was there.
        """
        raise NotImplementedError


def require(good: bool, field: str, problem: str) -> None:
    """Refuse what a rule of one field can't see.

    Parameters
    ----------
    good : bool
        Whether all is well.
    field : str
        ``Class.field``.
    problem : str
        What is wrong with it.

    Raises
    ------
    UsageError
        If it is not good.
    """
    if not good:
        raise UsageError(f"{{{field}}} {problem}")


def require_shape(field: str, whole: np.ndarray | None, shape: tuple[int, ...]) -> None:
    """Refuse a map of another size than the image, with UsageError."""
    if whole is not None:
        require(whole.shape == shape, field, f"has {size_text(whole.shape)}, the image has {size_text(shape)}")


def size_text(shape: tuple[int, ...]) -> str:
    """A shape for messages."""
    axes = "slow x fast" if len(shape) == 2 else "panel x slow x fast"
    return f"{' x '.join(map(str, shape))} ({axes}) pixels"


def _fraction(value: Any) -> float:
    value = NOT_NEGATIVE.read(value)
    if value > 1.0:
        raise UnfitError(f"must be a fraction from 0 to 1, not {value} (nor a percentage)")
    return float(value)


FRACTION = Rule("a fraction from 0 to 1", _fraction)
SEED = NOT_NEGATIVE_INTEGER


def word(*words: str) -> Rule:
    """One of several words, in any case.

    Parameters
    ----------
    *words : str
        As they are kept.
    """

    def read(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in words:
            raise ValueError(value)
        return value.lower()

    return Rule(f"{', '.join(words[:-1])} or {words[-1]}", read)


def _pixel_map(value: Any) -> np.ndarray:
    """An array of one number for each pixel of a panel, or of several."""
    array = real_array(value, max(2, min(np.ndim(value), 3)))
    check_finite(array)
    return freeze(array, np.float64)


def _positive_map(value: Any) -> np.ndarray:
    array = _pixel_map(value)
    if array.min() < 0.0:
        raise UnfitError("must hold numbers of zero or more")
    return array


PIXEL_MAP = Rule("an array of numbers", _pixel_map)
POSITIVE_MAP = Rule("an array of numbers of zero or more", _positive_map)

"""The input of noisify on the scale of photons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from nbnumba.config.constants import R_E_SQUARED
from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.errors import UsageError
from nbnumba.output.strips import row_strips
from nbnumba.readout.options import NoisifyOptions

Strips = Callable[[], Iterable[np.ndarray]]
"""Gives the rows of an image, in strips."""


def expected_strips(image: np.ndarray, options: NoisifyOptions) -> Strips:
    """The expected photons, anew at each call: that takes less time than to keep the image.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Input.
    options : NoisifyOptions
        Its scale and fluence.

    Returns
    -------
    callable
        Gives strips of float32.
    """
    factor = options.fluence * R_E_SQUARED * options.scale

    def strips() -> Iterator[np.ndarray]:
        for rows in row_strips(image):
            # a product of doubles becomes float32, infinite where it is too large
            with np.errstate(over="ignore", invalid="ignore"):
                yield np.multiply(rows, factor, dtype=np.float64).astype(np.float32)

    return strips


def check_pixels(image: np.ndarray, options: NoisifyOptions) -> list[str]:
    """Look for pixels that are odd.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Input.
    options : NoisifyOptions
        What becomes of it.

    Returns
    -------
    list of str
        What the user should know about them.

    Raises
    ------
    UsageError
        If the point spread would carry what is no finite number of photons into all pixels.
    """
    lowest, highest = float(image.min()), float(image.max())
    if lowest >= 0.0 and highest * options.fluence * R_E_SQUARED * abs(options.scale) < LARGEST_NUMBER:
        return []
    expected = list(expected_strips(image, options)())
    warnings = []
    negative = sum(int((rows < 0.0).sum()) for rows in expected)
    if negative:
        fewest = min(float(np.fmin.reduce(rows, axis=None)) for rows in expected)
        warnings.append(f"{negative} pixels are negative, down to {fewest:g} photons: nothing is counted there")
    bad = sum(int(rows.size - np.isfinite(rows).sum()) for rows in expected)
    if bad and options.point_spread.acts:
        raise UsageError(f"{bad} pixels are infinite or no numbers: a point spread would carry them into all others")
    if bad:
        warnings.append(f"{bad} pixels are infinite or no numbers: what becomes of them means nothing")
    return warnings

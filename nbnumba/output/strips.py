"""Images in strips of rows: converted and written while they are in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nbnumba.setup.model import Window

STRIP_PIXELS = 1 << 18
"""Pixels of a strip."""


def row_strips(image: np.ndarray) -> Iterator[np.ndarray]:
    """Consecutive rows of an image, in pieces that fit into the processor's cache.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Image.

    Yields
    ------
    ndarray, shape (any, fast)
        A view of the image.
    """
    height = max(STRIP_PIXELS // image.shape[1], 1)
    for first in range(0, len(image), height):
        yield image[first : first + height]


def window_strips(image: np.ndarray, window: Window) -> Iterator[tuple[np.ndarray, Window]]:
    """The strips of an image, each with its part of a region of interest.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Whole detector.
    window : Window
        Region of interest.

    Yields
    ------
    rows : ndarray, shape (any, fast)
        A view of the image.
    window : Window
        What of the region of interest lies in these rows, counted from the first of them.
    """
    first = 0
    for rows in row_strips(image):
        start, stop = (min(max(edge - first, 0), len(rows)) for edge in window[2:])
        yield rows, window._replace(slow_start=start, slow_stop=stop)
        first += len(rows)

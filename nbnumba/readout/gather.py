"""What the pixels of an image get from the sources around them.

noisify.c scatters: each source pixel adds to the pixels around it. Here each row of the image gathers what its pixels
get, so that rows are independent of one another; every pixel sees its sources in the order in which C scans them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.threads import share_out
from nbnumba.numerics.jit import device_jit, jit

if TYPE_CHECKING:
    from nbnumba.engine.scan import Progress

_PROGRESS_STEPS = 64
"""How often progress is told."""

_SCATTERED_ROW, _SCATTERED_SOURCE, _SCATTERED_TERM = 3, 150, 3
"""What taking the sources of a row one by one costs, in terms of a row taken as a whole: for each pixel of the row, for
each source, and for each pixel that a source adds to."""

_WHOLE = 2
"""A circle of so many times a kernel's radius holds its corners."""


@dataclass(frozen=True)
class Sources:
    """The source pixels of an image, as `gather` takes them.

    Attributes
    ----------
    photons : ndarray, shape (slow, fast), float64
        Photons of each; none is negative.
    radii : ndarray, shape (slow, fast) or (0, 0), int32
        How far each spreads, pixels; empty if all spread over the whole kernel.
    rows : ndarray, shape (slow, 4), int64
        Of each row: sources with photons, pixels along its own row that they reach, their smallest and largest radius.
    """

    photons: np.ndarray
    radii: np.ndarray
    rows: np.ndarray

    @classmethod
    def alike(cls, image: np.ndarray, radius: int) -> Sources:
        """All pixels of an image spread over a whole kernel.

        Parameters
        ----------
        image : ndarray, shape (slow, fast)
            Photons.
        radius : int
            Of the kernel, pixels.

        Returns
        -------
        Sources
        """
        photons = np.maximum(image, 0.0, dtype=np.float64)
        rows = np.full((len(image), 4), _WHOLE * radius, np.int64)
        rows[:, 0] = np.count_nonzero(photons, axis=1)
        rows[:, 1] = rows[:, 0] * (2 * radius + 1)
        return cls(photons, np.empty((0, 0), np.int32), rows)


def gather(
    sources: Sources, kernel: np.ndarray, spread: np.ndarray, wraps: bool, threads: int,
    progress: Progress | None = None,
) -> None:  # fmt: skip
    """Add to each pixel what it gets from the sources around it, in the order in which C scans them.

    Parameters
    ----------
    sources : Sources
        Source pixels.
    kernel : ndarray, shape (2 radius + 1, 2 radius + 1), float64
        Along the slow and fast axis.
    spread : ndarray, shape (slow, fast), float32 or float64
        Changed. float32 is rounded after each addition, as noisify.c does.
    wraps : bool
        Whether the column right of the image appears in its first column, one row lower.
    threads : int
        CPU threads.
    progress : callable or None
        Called with the pixels done and the pixels in all.
    """
    slow, fast = spread.shape
    height = slow if progress is None else max(slow // _PROGRESS_STEPS, threads)
    for start in range(0, slow, height):
        if progress is not None:
            progress(start * fast, spread.size)

        def work(first: int, last: int, start: int = start) -> None:
            rows = (start + first, start + last)
            _gather_rows(*rows, sources.photons, sources.radii, sources.rows, kernel, wraps, spread)

        share_out(work, min(height, slow - start), threads)
    if progress is not None:
        progress(spread.size, spread.size)


@jit
def _gather_rows(
    first: int, last: int, photons: np.ndarray, radii: np.ndarray, rows: np.ndarray, kernel: np.ndarray, wraps: bool,
    spread: np.ndarray,
) -> None:  # fmt: skip
    """Rows of the image."""
    radius, width = kernel.shape[0] // 2, photons.shape[1]
    for y in range(first, last):
        before = spread[y, 0]
        for y0 in range(max(y - radius, 0), min(y + radius + 1, photons.shape[0])):
            count, work, least, largest = rows[y0]
            dy, weights = y - y0, kernel[radius + y - y0]
            if count == 0 or abs(dy) > largest:
                continue
            one_by_one = _SCATTERED_ROW * width + _SCATTERED_SOURCE * count + _SCATTERED_TERM * work
            if one_by_one < width * (2 * min(largest, radius) + 1):
                _scatter_row(photons[y0], radii, y0, dy, weights, spread[y])
            elif least == largest:
                _add_row(photons[y0], largest, dy, weights, spread[y])
            else:
                _add_row_by_radius(photons[y0], radii[y0], largest, dy, weights, spread[y])
        if wraps:
            spread[y, 0] = before
            _gather_first_pixel(y, photons, radii, kernel, spread)


@device_jit
def _reach(radius: int, dy: int, centre: int) -> int:
    """How far a circle inside a kernel extends along a row at a distance from its centre; -1 for nothing."""
    square = radius * radius - dy * dy
    return min(int(math.sqrt(square)), centre) if square >= 0 and abs(dy) <= centre else -1


@device_jit
def _add_row(row: np.ndarray, radius: int, dy: int, weights: np.ndarray, target: np.ndarray) -> None:
    """What a row of sources, all of one radius, adds to a row of the image."""
    centre = weights.size // 2
    far = min(_reach(radius, dy, centre), row.size - 1)
    for dx in range(far, -far - 1, -1):
        start, stop = max(dx, 0), min(row.size, row.size + dx)
        weight, pixels, photons = weights[centre + dx], target[start:stop], row[start - dx : stop - dx]
        if weight != 0.0:
            for x in range(pixels.size):
                pixels[x] = pixels[x] + photons[x] * weight


@device_jit
def _add_row_by_radius(
    row: np.ndarray, radii: np.ndarray, largest: int, dy: int, weights: np.ndarray, target: np.ndarray
) -> None:
    """What a row of sources adds to a row of the image."""
    centre = weights.size // 2
    far = min(_reach(largest, dy, centre), row.size - 1)
    for dx in range(far, -far - 1, -1):
        start, stop = max(dx, 0), min(row.size, row.size + dx)
        weight, pixels, photons = weights[centre + dx], target[start:stop], row[start - dx : stop - dx]
        reaches, square = radii[start - dx : stop - dx], np.int32(dx * dx + dy * dy)
        for x in range(pixels.size):
            reach = reaches[x]
            pixels[x] = pixels[x] + (photons[x] if np.int32(reach * reach) >= square else 0.0) * weight


@device_jit
def _scatter_row(
    row: np.ndarray, radii: np.ndarray, y0: int, dy: int, weights: np.ndarray, target: np.ndarray
) -> None:
    """What a row of few sources, or of few that reach far, adds to a row of the image: one source after the other."""
    centre = weights.size // 2
    for x0 in range(row.size):
        photons = row[x0]
        if photons > 0.0:
            reach = _reach(radii[y0, x0] if radii.size else _WHOLE * centre, dy, centre)
            start, stop = max(x0 - reach, 0), min(x0 + reach + 1, row.size)
            pixels, near = target[start:stop], weights[centre + start - x0 :]
            for x in range(pixels.size):
                pixels[x] = pixels[x] + photons * near[x]


@device_jit
def _gather_first_pixel(
    y: int, photons: np.ndarray, radii: np.ndarray, kernel: np.ndarray, spread: np.ndarray
) -> None:
    """The first pixel of a row: what is its own, and what lands right of the row above it."""
    radius, width = kernel.shape[0] // 2, photons.shape[1]
    near = min(radius + 1, width)
    for y0 in range(max(y - 1 - radius, 0), min(y + radius + 1, photons.shape[0])):
        for part in range(2):
            # sources that reach one of the two; what lies between them reaches neither
            for x0 in range(0 if part == 0 else max(near, width - radius), near if part == 0 else width):
                value = photons[y0, x0]
                own = radii[y0, x0] if radii.size else _WHOLE * radius
                if x0 <= _reach(own, y - y0, radius):
                    spread[y, 0] = spread[y, 0] + value * kernel[radius + y - y0, radius - x0]
                if y > 0 and width - x0 <= _reach(own, y - 1 - y0, radius):
                    spread[y, 0] = spread[y, 0] + value * kernel[radius + y - 1 - y0, radius + width - x0]

"""The point spread of noisify.c: each pixel is rendered as far as its photons matter, and the rest goes everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.threads import share_out
from nbnumba.numerics.jit import device_jit, jit
from nbnumba.readout.gather import Sources, gather
from nbnumba.readout.point_spread import FIBER_G, fiber_kernel, gaussian_kernel

if TYPE_CHECKING:
    from nbnumba.engine.scan import Progress

_LOST_NOISE = 10.0
"""Beyond the automatic radius lies so small a part of the photon noise of a pixel."""


@dataclass(frozen=True)
class Spread:
    """An image after the point spread.

    Attributes
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons.
    largest : float
        Largest pixel before, photons; 0 if none is positive.
    automatic_radius : int or None
        Radius chosen for the largest pixel, pixels; None if the user chose it, or if there were no photons.
    lost : float or None
        Photons beyond the radius of their pixel, spread evenly over the image; None if there were no photons.
    """

    image: np.ndarray
    largest: float
    automatic_radius: int | None
    lost: float | None


def spread_photons(
    image: np.ndarray, fiber: bool, fwhm: float, pixel_size: float, radius: int, threads: int,
    progress: Progress | None = None,
) -> Spread:  # fmt: skip
    """Blur an image as noisify.c does (quirks `psf-wrap`, `psf-edge`).

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons; negative ones vanish. All finite.
    fiber : bool
        Profile of a fibre-optic taper, else a Gaussian.
    fwhm, pixel_size : float
        Full width at half maximum and pixel, m.
    radius : int
        How far each pixel is rendered, pixels. 0 chooses for each pixel; a negative one renders nothing, so that all
        photons are spread evenly.
    threads : int
        CPU threads.
    progress : callable or None
        Called with the pixels done and the pixels in all.

    Returns
    -------
    Spread
    """
    width, longest = fwhm / pixel_size, max(image.shape)
    largest = max(float(image.max()), 0.0)
    if radius <= 0 and largest == 0.0:
        return Spread(np.zeros_like(image), largest, None, None)
    chosen = None if radius > 0 else _automatic_radius(largest, fiber, width, True)
    sources, lost = _render_sources(image, fiber, width, min(radius, longest), threads)
    spread = np.zeros_like(image)
    if radius >= 0:
        make_kernel = fiber_kernel if fiber else gaussian_kernel
        kernel = make_kernel(fwhm, pixel_size, min(chosen or radius, longest), threads=threads)
        gather(sources, kernel, spread, True, threads, progress)
    _add_everywhere(spread, lost / spread.size)
    return Spread(spread, largest, chosen, lost)


def _add_everywhere(image: np.ndarray, photons: float) -> None:
    """Add the same to all pixels: the sum of doubles becomes float32."""
    for row in image:
        row[:] = row.astype(np.float64) + photons


@jit
def _automatic_radius(photons: float, fiber: bool, width: float, of_kernel: bool) -> int:
    """Radius beyond which a tenth of a pixel's photon noise falls; at least 1 (C fails below 0.01 photons).

    The kernel's has a formula of its own, which differs in rounding.
    """
    part = math.sqrt(photons) / _LOST_NOISE / photons
    if fiber:
        extent = width * FIBER_G * (photons / (math.sqrt(photons) / _LOST_NOISE))
    elif of_kernel:
        extent = math.sqrt(-math.log(part) / math.log(4) / 2) * width
    else:
        extent = math.sqrt(-math.log(part) / math.log(16)) * width
    # no image is larger; NaN is no extent
    return 1 + int(math.ceil(min(extent, 2.0**30))) if extent > 0.0 else 1


def _render_sources(
    image: np.ndarray, fiber: bool, width: float, radius: int, threads: int
) -> tuple[Sources, float]:
    """The source pixels, and the photons that lie beyond their radii: the sum in scan order."""
    slow, fast = image.shape
    photons, beyond = np.empty(image.shape), np.empty(image.shape)
    radii, rows = np.empty(image.shape, np.int32), np.empty((slow, 4), np.int64)
    share_out(
        lambda first, last: _render_rows(first, last, image, fiber, width, radius, photons, radii, rows, beyond),
        slow, threads,
    )  # fmt: skip
    return Sources(photons, radii, rows), _sum_in_order(beyond)


@jit
def _sum_in_order(values: np.ndarray) -> float:
    """The sum, one after the other."""
    total = 0.0
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            total += values[row, column]
    return total


@jit
def _render_rows(
    first: int, last: int, image: np.ndarray, fiber: bool, width: float, radius: int, photons: np.ndarray,
    radii: np.ndarray, rows: np.ndarray, beyond: np.ndarray,
) -> None:  # fmt: skip
    """Photons, radii and tails of the sources in some rows, and what `Sources` says of each row."""
    longest = max(image.shape[0], image.shape[1])
    for y in range(first, last):
        count, work, least, largest = 0, 0, longest, 0
        for x in range(image.shape[1]):
            value = np.float64(image[y, x])
            photons[y, x], radii[y, x], beyond[y, x] = 0.0, 0, 0.0
            if value > 0.0:
                own = min(radius if radius != 0 else _automatic_radius(value, fiber, width, False), longest)
                photons[y, x], radii[y, x] = value, own
                beyond[y, x] = _beyond(value, own, fiber, width)
                count += 1
                work += 2 * own + 1
                least, largest = min(least, own), max(largest, own)
        rows[y, 0], rows[y, 1], rows[y, 2], rows[y, 3] = count, work, least, largest


@device_jit
def _beyond(photons: float, radius: int, fiber: bool, width: float) -> float:
    """Photons beyond a radius."""
    if fiber:
        g = width * FIBER_G
        return photons * g / math.sqrt(g * g + radius * radius)
    return photons * math.exp(-math.log(16) * (radius / width * (radius / width)))

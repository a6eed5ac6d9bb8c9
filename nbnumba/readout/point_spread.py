"""Point spread: what a detector makes of a photon, as a kernel, and its application to an image.

The profiles are those of noisify.c: a Gaussian, and the spread of a fibre-optic taper (J. M. Holton, C. Nielsen and
K. A. Frankel, J. Synchrotron Rad. 19, 1006 (2012)). Each value of a kernel is the exact integral over a pixel.

noisify.c scatters: each source pixel adds to the pixels around it. Here each row of the image gathers what its pixels
get, so that rows are independent of one another; every pixel sees its sources in the order in which C scans them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.threads import share_out, thread_count
from nbnumba.errors import UsageError
from nbnumba.numerics.jit import device_jit, jit

if TYPE_CHECKING:
    from nbnumba.engine.scan import Progress

EDGES = ("lose", "conserve", "wrap")
"""What becomes of photons that would land outside the image."""

_FFT_RADIUS = 8
"""Kernels of a larger radius are applied by Fourier transforms, which then take less time than the sum."""

_PROGRESS_STEPS = 64
"""How often progress is told."""

_SCATTERED_ROW, _SCATTERED_SOURCE, _SCATTERED_TERM = 3, 150, 3
"""What taking the sources of a row one by one costs, in terms of a row taken as a whole: for each pixel of the row, for
each source, and for each pixel that a source adds to."""

FIBER_G = 0.652383013252053
"""Radius g of the fibre profile over its full width at half maximum: 1/(2 sqrt(2**(2/3) - 1))."""

_GAUSS_X, _GAUSS_Y = math.sqrt(math.log(2)), math.sqrt(math.log(16))
_GAUSS_SCALE = math.sqrt(math.log(16) / math.log(2))

_WHOLE = 2
"""A circle of so many times a kernel's radius holds its corners."""


@device_jit
def _corner(fiber: bool, x: float, y: float, width: float) -> float:
    """Integral from the centre to a point, of g/(2 pi) (g**2 + r**2)**(-3/2) or of a Gaussian of FWHM 1."""
    if fiber:
        return math.atan((x * y) / (width * math.sqrt(width * width + x * x + y * y))) / 2.0 / math.pi
    return 0.125 * (math.erf(2 * x * _GAUSS_X) * math.erf(y * _GAUSS_Y) * _GAUSS_SCALE)


@device_jit
def _over_pixel(fiber: bool, x: float, y: float, half: float, width: float) -> float:
    """Integral of a profile over a pixel around a point."""
    return (
        _corner(fiber, x + half, y + half, width) - _corner(fiber, x + half, y - half, width)
        - _corner(fiber, x - half, y + half, width) + _corner(fiber, x - half, y - half, width)
    )  # fmt: skip


@jit
def _fill_rows(
    fiber: bool, first: int, last: int, unit: float, width: float, subpixels: int, kernel: np.ndarray
) -> None:
    """Rows of a kernel; `unit` is the length, in pixels, that coordinates are counted in."""
    radius, half = kernel.shape[0] // 2, 1.0 / unit / 2.0
    for row in range(first, last):
        for column in range(kernel.shape[1]):
            dy, dx = row - radius, column - radius
            total = 0.0
            if dx * dx + dy * dy <= radius * radius:
                for i in range(subpixels):
                    y = (dy - ((i + 0.5) / subpixels - 0.5)) / unit
                    for j in range(subpixels):
                        x = (dx - ((j + 0.5) / subpixels - 0.5)) / unit
                        total += _over_pixel(fiber, x, y, half, width)
            kernel[row, column] = total / (subpixels * subpixels)


def gaussian_kernel(
    fwhm: float, pixel_size: float, radius: int, subpixels: int = 1, threads: int | None = None
) -> np.ndarray:
    """Share of a photon's signal that each pixel around it gets, for a Gaussian point spread.

    Parameters
    ----------
    fwhm : float
        Full width at half maximum, in any unit of length.
    pixel_size : float
        Edge of a pixel, in the same unit.
    radius : int
        Pixels farther away than this get nothing.
    subpixels : int
        Positions along each edge of its pixel where the photon may land, all alike; 1 is the pixel's centre.
    threads : int or None
        CPU threads; None takes all cores.

    Returns
    -------
    ndarray, shape (2 radius + 1, 2 radius + 1), float64
        Offsets along the slow and fast axis; its sum is 1 less what lies beyond the radius.

    Raises
    ------
    UsageError
        If a width or the pixel is not above zero, or there is no radius or subpixel.
    """
    _check_kernel(fwhm, pixel_size, radius, subpixels)
    # in units of the width
    return _filled(False, fwhm / pixel_size, 1.0, radius, subpixels, threads)


def fiber_kernel(
    fwhm: float, pixel_size: float, radius: int, subpixels: int = 1, threads: int | None = None
) -> np.ndarray:
    """Share of a photon's signal that each pixel around it gets, for the point spread of a fibre-optic taper.

    Its tails fall with the third power of the distance: g/sqrt(g**2 + radius**2) lies beyond the radius, where g is
    0.652 of the width.

    Parameters
    ----------
    fwhm, pixel_size, radius, subpixels, threads
        As in `gaussian_kernel`.

    Returns
    -------
    ndarray, shape (2 radius + 1, 2 radius + 1), float64

    Raises
    ------
    UsageError
        As in `gaussian_kernel`.
    """
    _check_kernel(fwhm, pixel_size, radius, subpixels)
    # in pixels
    return _filled(True, 1.0, fwhm / pixel_size * FIBER_G, radius, subpixels, threads)


def _check_kernel(fwhm: float, pixel_size: float, radius: int, subpixels: int) -> None:
    """Refuse what gives no kernel."""
    if not (fwhm > 0.0 and pixel_size > 0.0 and math.isfinite(fwhm / pixel_size)):
        raise UsageError(f"point spread: {{fwhm}} {fwhm:g} and {{pixel_size}} {pixel_size:g} must be above zero")
    if radius < 0 or subpixels < 1:
        raise UsageError(f"point spread: {{radius}} {radius} must be 0 or more, {{subpixels}} {subpixels} 1 or more")


def _filled(
    fiber: bool, unit: float, width: float, radius: int, subpixels: int, threads: int | None
) -> np.ndarray:
    """A kernel whose rows are filled by several threads."""
    kernel = np.empty((2 * radius + 1, 2 * radius + 1))
    share_out(
        lambda first, last: _fill_rows(fiber, first, last, unit, width, subpixels, kernel),
        len(kernel), thread_count(threads),
    )  # fmt: skip
    return kernel


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


def convolve(image: np.ndarray, kernel: np.ndarray, edges: str = "lose", threads: int | None = None) -> np.ndarray:
    """Spread the photons of each pixel over those around it.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32 or float64
        Photons; negative ones are taken for none.
    kernel : ndarray, shape (2 radius + 1, 2 radius + 1), float64
        From `gaussian_kernel` or `fiber_kernel`, or any other; along the slow and fast axis.
    edges : str
        What becomes of photons that land outside: "lose" drops them. "conserve" spreads all photons of a pixel over
        those that are on the image, also those that lie beyond the kernel. "wrap" is what noisify.c does (quirk
        `psf-wrap`): the column right of the image appears in its first column, one row lower, and the rest is lost.
    threads : int or None
        CPU threads; None takes all cores.

    Returns
    -------
    ndarray, shape (slow, fast), float64

    Raises
    ------
    UsageError
        If there is no such treatment of the edges, or the kernel has no central pixel.
    """
    if edges not in EDGES:
        raise UsageError(f"unknown {{edges}} '{edges}': choose one of {', '.join(EDGES)}")
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise UsageError(f"{{kernel}}: a square with an odd edge is needed, not the shape {kernel.shape}")
    radius = len(kernel) // 2
    if edges == "conserve":
        share = _share_inside(image.shape, kernel)
        image = np.divide(image, share, out=np.zeros(image.shape), where=share > 0.0)
    kernel = np.ascontiguousarray(kernel, np.float64)
    if radius > _FFT_RADIUS and edges != "wrap":
        return _convolve_by_fft(image, kernel, thread_count(threads))
    spread = np.zeros(image.shape)
    gather(Sources.alike(image, radius), kernel, spread, edges == "wrap", thread_count(threads))
    return spread


def _share_inside(shape: tuple[int, ...], kernel: np.ndarray) -> np.ndarray:
    """For each pixel of an image, the sum of the kernel's values that stay on the image."""
    sums = np.zeros((len(kernel) + 1, len(kernel) + 1))
    sums[1:, 1:] = kernel.cumsum(axis=0).cumsum(axis=1)
    radius = len(kernel) // 2
    (top, bottom), (left, right) = (
        (np.clip(radius - place, 0, None), np.clip(radius + count - place, None, len(kernel)))
        for count in shape
        for place in [np.arange(count)]
    )
    return sums[np.ix_(bottom, right)] - sums[np.ix_(top, right)] - sums[np.ix_(bottom, left)] + sums[np.ix_(top, left)]


def _convolve_by_fft(image: np.ndarray, kernel: np.ndarray, threads: int) -> np.ndarray:
    """The same as the sum, but for rounding; no pixel is negative."""
    import scipy.fft
    import scipy.signal

    with scipy.fft.set_workers(threads):
        spread = scipy.signal.fftconvolve(np.maximum(image, 0.0, dtype=np.float64), kernel, mode="same")
    return np.maximum(spread, 0.0, out=spread)


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
        corner = spread[y, 0]
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
            spread[y, 0] = corner
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

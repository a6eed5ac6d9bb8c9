"""Point spread: what a detector makes of a photon, as a kernel, and its application to an image.

The profiles are those of noisify.c: a Gaussian, and the spread of a fibre-optic taper (J. M. Holton, C. Nielsen and
K. A. Frankel, J. Synchrotron Rad. 19, 1006 (2012)). Each value of a kernel is the exact integral over a pixel.
"""

from __future__ import annotations

import math

import numpy as np

from nbnumba.engine.threads import share_out, thread_count
from nbnumba.errors import UsageError
from nbnumba.numerics.jit import device_jit, jit
from nbnumba.readout.gather import Sources, gather

EDGES = ("lose", "conserve", "wrap")
"""What becomes of photons that would land outside the image."""

_FFT_RADIUS = 8
"""Kernels of a larger radius are applied by Fourier transforms, which then take less time than the sum."""

FIBER_G = 0.652383013252053
"""Radius g of the fibre profile over its full width at half maximum: 1/(2 sqrt(2**(2/3) - 1))."""

_GAUSS_X, _GAUSS_Y = math.sqrt(math.log(2)), math.sqrt(math.log(16))
_GAUSS_SCALE = math.sqrt(math.log(16) / math.log(2))


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
        share = share_inside(image.shape, kernel)
        image = np.divide(image, share, out=np.zeros(image.shape), where=share > 0.0)
    kernel = np.ascontiguousarray(kernel, np.float64)
    if edges != "wrap" and (radius > _FFT_RADIUS or _leaves_circle(kernel)):
        return _convolve_by_fft(image, kernel, thread_count(threads))
    spread = np.zeros(image.shape)
    gather(Sources.alike(image, radius), kernel, spread, edges == "wrap", thread_count(threads))
    return spread


def _leaves_circle(kernel: np.ndarray) -> bool:
    """Whether a kernel has values outside of the circle that touches its edges, which `gather` would not see."""
    radius = len(kernel) // 2
    slow, fast = np.indices(kernel.shape) - radius
    return bool(kernel[slow * slow + fast * fast > radius * radius].any())


def share_inside(shape: tuple[int, ...], kernel: np.ndarray, rows: slice = slice(None)) -> np.ndarray:
    """For each pixel of an image, the sum of the kernel's values that stay on the image.

    Parameters
    ----------
    shape : tuple of 2 int
        Slow, fast: the whole image.
    kernel : ndarray, shape (2 radius + 1, 2 radius + 1), float64
        Along the slow and fast axis.
    rows : slice
        Of the image; all of them by default.

    Returns
    -------
    ndarray, shape (rows, fast), float64
    """
    sums = np.zeros((len(kernel) + 1, len(kernel) + 1))
    sums[1:, 1:] = kernel.cumsum(axis=0).cumsum(axis=1)
    radius = len(kernel) // 2
    (top, bottom), (left, right) = (
        (np.clip(radius - place, 0, None), np.clip(radius + count - place, None, len(kernel)))
        for count, part in zip(shape, (rows, slice(None)), strict=True)
        for place in [np.arange(count)[part]]
    )
    return sums[np.ix_(bottom, right)] - sums[np.ix_(top, right)] - sums[np.ix_(bottom, left)] + sums[np.ix_(top, left)]


def _convolve_by_fft(image: np.ndarray, kernel: np.ndarray, threads: int) -> np.ndarray:
    """The same as the sum, but for rounding; no pixel is negative."""
    import scipy.fft
    import scipy.signal

    with scipy.fft.set_workers(threads):
        spread = scipy.signal.fftconvolve(np.maximum(image, 0.0, dtype=np.float64), kernel, mode="same")
    return np.asarray(np.maximum(spread, 0.0, out=spread))

"""The stage that spreads photons over neighbouring pixels."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from nbnumba.config.arrays import freeze
from nbnumba.config.lengths import read_length
from nbnumba.config.rules import NOT_NEGATIVE_INTEGER, POSITIVE, Rule, Rules, UnfitError, optional
from nbnumba.errors import UsageError
from nbnumba.readout.names import EDGES, PROFILES
from nbnumba.readout.point_spread import FIBER_G, convolve, fiber_kernel, gaussian_kernel, share_inside
from nbnumba.readout.stage import POSITIVE_MAP, Stage, Strip, require, size_text, word

_KEPT_TAIL = {"gauss": 1e-9, "fiber": 1e-3}
"""Share of a profile that may lie beyond the automatic radius."""


_NARROWEST = 0.01
"""Widths in pixels below which a unit was mistaken."""

_IN_PIXELS = re.compile(r"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*px\s*")


def _read_kernel(value: Any) -> np.ndarray:
    """A kernel as it is kept."""
    kernel = POSITIVE_MAP.read(value)
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise UnfitError(f"must be a square with an odd edge, not of shape {kernel.shape}")
    if not kernel.any():
        raise UnfitError("must not be 0 everywhere")
    return freeze(kernel, np.float64)


@dataclass(frozen=True, eq=False)
class PointSpread(Stage):
    """Photons of a pixel spread over those around it.

    Before `PhotonCounting`, each photon lands in one pixel: direct detection. Behind it, each counted photon gives a
    share of its signal to each pixel, so that neighbours are correlated and noise is smoothed: phosphor and fibre
    optics.

    Attributes
    ----------
    profile : str
        "gauss", or "fiber" for a fibre-optic taper (J. M. Holton, C. Nielsen and K. A. Frankel, J. Synchrotron Rad. 19,
        1006 (2012)).
    fwhm : float
        Full width at half maximum, µm.
    pixel_size : float
        Edge of a pixel, µm.
    radius : int or None
        Pixels farther away get nothing; None takes what leaves out 1e-9 of a Gaussian and 0.1 % of a fibre's profile,
        or ends at the image's edges. The rest is scaled to conserve photons.
    edges : str
        "lose" photons that land outside, or "conserve" them: the pixel's photons are spread over those on the image.
    kernel : ndarray, shape (n, n), float64, n odd, or None
        Share that each pixel around gets, along the slow and fast axis, in place of `profile`, `fwhm` and `radius`. It
        is not scaled.
    """

    profile: str = "gauss"
    fwhm: float = 0.0
    pixel_size: float = 0.0
    radius: int | None = None
    edges: str = "lose"
    kernel: np.ndarray | None = field(default=None, repr=False)

    RULES: ClassVar[Rules] = {
        "profile": word(*PROFILES), "fwhm": POSITIVE, "pixel_size": POSITIVE, "radius": optional(NOT_NEGATIVE_INTEGER),
        "edges": word(*EDGES), "kernel": optional(Rule("an array of numbers", _read_kernel)),
    }  # fmt: skip

    def _check(self) -> None:
        """Refuse a profile without a width, one that would stay in its pixel, and figures that a kernel replaces."""
        if self.kernel is not None:
            idle = [name for name in ("fwhm", "radius") if getattr(self, name)]
            require(not idle, f"PointSpread.{''.join(idle[:1])}", "has no effect beside {PointSpread.kernel}")
        for name in ("fwhm", "pixel_size"):
            given = self.kernel is not None or getattr(self, name) > 0.0
            require(given, f"PointSpread.{name}", "must be a length above zero, in µm")
        fits = self.kernel is not None or self.fwhm >= _NARROWEST * self.pixel_size
        pixel = f"{{PointSpread.pixel_size}} {self.pixel_size:g} µm"
        require(fits, "PointSpread.fwhm", f"{self.fwhm:g} µm: of {pixel} no photon leaves its own")

    @classmethod
    def from_text(cls, text: str, pixel_size: float | None, **rest: Any) -> PointSpread:
        """A point spread in words: ``fiber:80um``, ``gauss:0.1mm`` or ``gauss:1.5px``.

        Parameters
        ----------
        text : str
            Profile, colon, full width at half maximum with its unit, or in pixels (px).
        pixel_size : float or None
            Edge of a pixel, µm; a width in pixels does without.
        **rest
            `radius` and `edges`.

        Returns
        -------
        PointSpread

        Raises
        ------
        UsageError
            If it is no profile and width, or the edge of a pixel is not known.
        """
        profile, _, width = text.partition(":")
        in_pixels = _IN_PIXELS.fullmatch(width)
        if in_pixels is not None:
            pixel_size = 1.0 if pixel_size is None else pixel_size
            return cls(profile, float(in_pixels[1]) * pixel_size, pixel_size, **rest)
        try:
            fwhm = read_length(width, "um", "")
        except UnfitError:
            example = "a profile and its width, as in fiber:80um or gauss:1.5px"
            raise UsageError(f"{{PointSpread}} {text} must be {example}") from None
        if pixel_size is None:
            raise UsageError(f"{{PointSpread.pixel_size}} is needed for {text}, or a width in pixels (px)")
        return cls(profile, fwhm, pixel_size, **rest)

    def reach(self, shape: tuple[int, int]) -> int:
        """Radius of the kernel; see `Stage.reach`."""
        if self.kernel is not None:
            return len(self.kernel) // 2
        return min(self._automatic_radius() if self.radius is None else self.radius, max(shape) - 1)

    def _automatic_radius(self) -> int:
        """Radius beyond which little lies."""
        width, tail = self.fwhm / self.pixel_size, _KEPT_TAIL[self.profile]
        if self.profile == "fiber":
            return math.ceil(width * FIBER_G * math.sqrt(tail**-2 - 1.0))
        return 1 + math.ceil(width * math.sqrt(-math.log(tail) / math.log(16.0)))

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse an image that is smaller than the spread; see `Stage.check`."""
        wide = f"is wider than the image of {size_text(shape)}"
        if self.kernel is None:
            fits = self.fwhm / self.pixel_size < min(shape[-2:])
            # a pixel of 1 µm is that of widths in pixels
            pixels = f"of {{PointSpread.pixel_size}} {self.pixel_size:g} µm"
            width = f"{self.fwhm:g} µm {wide} {pixels}" if self.pixel_size != 1.0 else f"{self.fwhm:g} pixels {wide}"
            require(fits, "PointSpread.fwhm", width)
        else:
            fits = len(self.kernel) < 2 * max(shape[-2:])
            require(fits, "PointSpread.kernel", f"of {len(self.kernel)} pixels {wide}")

    def apply(self, values: np.ndarray, strip: Strip) -> np.ndarray:
        """Spread; see `Stage.apply`."""
        kernel = self.kernel
        if kernel is None:
            kernel = _scaled_kernel(self.profile, self.fwhm / self.pixel_size, self.reach(strip.shape))
        if self.edges == "conserve":
            values /= share_inside(strip.shape, kernel, slice(strip.first_row, strip.first_row + len(values)))
        return convolve(values, kernel, "lose", threads=1)


@functools.lru_cache(maxsize=4)
def _scaled_kernel(profile: str, width: float, radius: int) -> np.ndarray:
    """A kernel of sum 1; the width is in pixels."""
    kernel = (fiber_kernel if profile == "fiber" else gaussian_kernel)(width, 1.0, radius, threads=1)
    return np.asarray(kernel / kernel.sum())

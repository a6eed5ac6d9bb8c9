"""Point spread against simtbx, an independent program: kernels, its edges, whole images."""

from __future__ import annotations

import math

import numpy as np
import pytest
from golden import GOLDEN_DATA

from nbnumba.readout import Digitize, Gain, PointSpread, Readout
from nbnumba.readout.point_spread import FIBER_G, convolve, fiber_kernel, gaussian_kernel

GOLDEN = np.load(GOLDEN_DATA / "simtbx" / "point_spread.npz")
PHOTONS = 1e6
"""Of the single source pixel, in the middle of 81 x 81."""

MAKERS = {"gauss": gaussian_kernel, "fiber": fiber_kernel}


def beyond(profile: str, width: float, radius: int) -> float:
    """Share of a profile outside a radius, closed form."""
    if profile == "gauss":
        return math.exp(-math.log(16.0) * (radius / width) ** 2)
    g = FIBER_G * width
    return g / math.hypot(g, radius)


# radius r0 is chosen by simtbx from the photons: 1 + ceil(width sqrt(ln(1e4)/ln(16)))
@pytest.mark.parametrize(("profile", "width", "radius", "name"), [
    ("gauss", 0.8, 15, "r15"), ("gauss", 2.5, 15, "r15"), ("gauss", 0.8, 3, "r0"), ("gauss", 2.5, 6, "r0"),
    ("fiber", 0.8, 15, "r15"), ("fiber", 2.5, 15, "r15"),
])  # fmt: skip
def test_kernels_are_simtbxs(profile, width, radius, name):
    expected = GOLDEN[f"psf_{profile}_fwhm{width}_{name}"]
    kernel = MAKERS[profile](width, 1.0, radius)
    for corner in (kernel[radius:, radius:], kernel[radius::-1, radius::-1], kernel[radius:, radius::-1]):
        image = np.zeros((41, 41))
        image[: radius + 1, : radius + 1] = corner * PHOTONS
        # simtbx spreads evenly what lies beyond the radius
        image += beyond(profile, width, radius) * PHOTONS / 81**2
        np.testing.assert_allclose(image, expected, rtol=0.0, atol=1e-12 * PHOTONS)


def spread_as_simtbx(name: str, profile: str, width: float, radius: int, edges: str) -> np.ndarray:
    """An image spread by simtbx's rules."""
    image = GOLDEN[name]
    lost = image.sum() * beyond(profile, width, radius)
    return convolve(image, MAKERS[profile](width, 1.0, radius), edges) + lost / image.size


def test_spread_images_are_simtbxs_with_the_column_that_wraps():
    for name, case in (("psf_edge", ("gauss", 2.5, 8)),):
        expected = GOLDEN[f"{name}_gauss_fwhm2.5_r8"]
        image = spread_as_simtbx(f"{name}_gauss_fwhm2.5_r8_input", *case, "wrap")
        # sums of some 200 terms, in an order of their own
        np.testing.assert_allclose(image, expected, rtol=0.0, atol=1e-12 * PHOTONS)
    for profile in ("gauss", "fiber"):
        image = spread_as_simtbx("psf_image_input", profile, 1.2, 10, "wrap")
        np.testing.assert_allclose(image, GOLDEN[f"psf_image_{profile}_fwhm1.2_r10"], rtol=1e-12)


@pytest.mark.parametrize("profile", ["gauss", "fiber"])
def test_the_stage_spreads_like_simtbx_but_for_the_wrap_and_the_tail(profile):
    source = GOLDEN["psf_image_input"]
    readout = Readout(PointSpread(profile, 1.2, 1.0, radius=10), Gain(1e4), Digitize("int32"))
    tail = source.sum() * beyond(profile, 1.2, 10) / source.size
    # the stage's kernel has the sum 1; simtbx wraps a column to the first one
    expected = (GOLDEN[f"psf_image_{profile}_fwhm1.2_r10"] - tail) / MAKERS[profile](1.2, 1.0, 10).sum()
    image = readout.apply(source, seed=0) / 1e4
    # in steps of 1e-4 photons, rounded
    np.testing.assert_allclose(image[:, 1:], expected[:, 1:], rtol=0.0, atol=0.51e-4)

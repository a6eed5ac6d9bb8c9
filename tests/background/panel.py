"""A small panel behind the sample, off the beam, and a beam of 1 Å along x."""

from __future__ import annotations

import numpy as np

from nbnumba.background.photons import ScatteringGeometry

PANEL = ScatteringGeometry(
    pixels_fast=60, pixels_slow=40, pixel_size=1e-3, pix0=(0.1, 0.012, -0.02), fdet=(0.0, 0.0, 1.0),
    sdet=(0.0, -1.0, 0.0), sources=np.array([[-1.0, 0.0, 0.0, 1e-10]]), weights=np.ones(1), kahn_factor=None,
)  # fmt: skip

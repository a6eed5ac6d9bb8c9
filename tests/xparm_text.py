"""A file as XDS writes it, and what it says."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

BEAM = np.array([0.001, -0.002, 1.0]) / 0.97
SPINDLE = np.array([0.9999, 0.01, -0.005])
AXES = np.array([[-14.9, -22.4, 51.2], [-19.9, 51.6, 16.8], [-135.4, -34.4, -54.5]])
ORIGIN, DISTANCE, PIXEL = (1224.8, 1187.9), 264.9, 0.172
TILT = Rotation.from_euler("xyz", [1.0, 2.0, 0.5], degrees=True).as_matrix()

XPARM = "\n".join((
    " XPARM.XDS    VERSION June 30, 2023",
    f"  1  82.0  0.15  {SPINDLE[0]} {SPINDLE[1]} {SPINDLE[2]}",
    f"  0.97  {BEAM[0]} {BEAM[1]} {BEAM[2]}",
    "  1  57.9 57.8 150.0 90 90 90",
    *("  ".join(map(str, axis)) for axis in AXES),
    f"  1  2463 2527 {PIXEL} {PIXEL}",
    f"  {ORIGIN[0]} {ORIGIN[1]} {DISTANCE}",
    *("  ".join(map(repr, TILT[:, k].tolist())) for k in range(3)),
    "  1 1 2463 1 2527",
    "  0 0 0 1 0 0 0 1 0",
))  # fmt: skip

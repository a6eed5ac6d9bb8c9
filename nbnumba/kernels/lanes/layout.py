"""Where the numbers of a block of pixels lie in its scratch: one float64 array, a section of LANES for each quantity.

One array with offsets known at compile time is what lets LLVM vectorise: between several arrays it would have to check
at run time that none overlaps another.
"""

from __future__ import annotations

from nbnumba.kernels.params import PIXELS_PER_BLOCK

LANES = PIXELS_PER_BLOCK
"""Pixels that are computed side by side."""

VECTOR = 8
"""The lanes of a block are filled up to a multiple of this many float64, the widest vector of any processor."""

(
    RAMP,  # 0, 1, 2…
    GAUSSIAN_CONSTANTS,  # of `lattice.gaussian_constants`
    FAST, SLOW,  # pixel on the detector
    X, Y, Z,  # subpixel position, m; then unit vector towards it
    AIRPATH,  # length of that position, m
    OMEGA, OMEGA_SUM,  # solid angle, and its sum over layers and subpixels if each has its own, steradian
    CAPTURE,  # fraction absorbed in this layer
    POLARIZATION,  # factor; 0 while unknown
    QX, QY, QZ,  # scattering vector, 1/m
    ACTIVE,  # 1 where the source's scattering vector is within the resolution limit, else 0
    H, K, L,  # fractional Miller indices
    ANGLE_A, ANGLE_B, ANGLE_C,  # cells × π × index modulo π; then their sines
    PHASE_A, PHASE_B, PHASE_C,  # π × index modulo π; then their sines
    LATTICE,  # F_latt, its sign left open
    CELL,  # F_cell, electrons; before that, its position in the table
    INTENSITY,  # running sum
    KEPT,  # running sum before a source that some lanes must skip
    INTERPOLATING,  # 1 while the pixel's interpolation is on, else 0
    EVALUATED,  # 1 once the pixel has reached the spindle loop, else 0; only if some may not reach it
    NEIGHBOUR,  # position in the table of the first of 4×4×4 neighbours; negative where nothing is interpolated
) = (section * LANES for section in range(32))  # fmt: skip

WEIGHTS_H, WEIGHTS_K, WEIGHTS_L = (section * LANES for section in (32, 36, 40))
"""Weights of four neighbours along each axis, four sections for each."""

SCRATCH = 44 * LANES
"""Length of the scratch array."""

"""Where the numbers of a block of pixels lie in its scratch: one float64 array, a section of LANES for each quantity.

One array with offsets known at compile time is what lets LLVM vectorise: between several arrays it would have to check
at run time that none overlaps another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LANES = 96
"""Pixels that are computed side by side."""

VECTOR = 8
"""The lanes of a block are filled up to a multiple of this many float64, the widest vector of any processor."""

(
    RAMP,  # 0, 1, 2…
    GAUSSIAN_CONSTANTS,  # of `shapes.gauss.gaussian_constants`
    FAST, SLOW,  # pixel on the panel
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
    KEPT,  # running sum before a source that some lanes must skip; sum of the weighted groups, if there are groups
    INTERPOLATING,  # 1 while the pixel's interpolation is on, else 0
    EVALUATED,  # 1 once the pixel has reached the spindle loop, else 0; only if some may not reach it
    NEIGHBOUR,  # position in the table of the first of 4×4×4 neighbours; negative where nothing is interpolated
    WEIGHT,  # what the crystal's sum of a layer, subpixel and source is multiplied by, but for what is the source's own
) = (section * LANES for section in range(33))  # fmt: skip

WEIGHTS_H, WEIGHTS_K, WEIGHTS_L = (section * LANES for section in (33, 37, 41))
"""Weights of four neighbours along each axis, four sections for each."""

SCRATCH = 45 * LANES
"""Length of the scratch array."""

(
    SQUARED,  # F_latt²
    PULL_X, PULL_Y, PULL_Z,  # of the domain, see `kernels.derivatives.drawn`
    SLOPE_H, SLOPE_K, SLOPE_L,  # derivatives of an interpolated F_cell by the indices
    ABSORBED,  # derivative of the captured fraction's logarithm by the parallax
    FACTOR,  # the weight of a group, all of it
) = (SCRATCH + section * LANES for section in range(9))  # fmt: skip

SUMS = SCRATCH + 9 * LANES
"""Sums of a group: T, then nine of indices, three of distances and three of the pull."""

COLUMNS = SUMS + 16 * LANES
"""Where the columns of `kernels.derivatives` begin, a section for each; the scratch of derivatives ends with them."""

Pass = Callable[..., Any]


def touches(reads: tuple[int, ...] = (), writes: tuple[int, ...] = ()) -> Callable[[Pass], Pass]:
    """State which sections a pass over the lanes reads and which it assigns; a test holds it to that.

    Parameters
    ----------
    reads : tuple of int
        Sections whose values may matter.
    writes : tuple of int
        Sections that may be assigned; those that are not read are assigned before they are used.

    Returns
    -------
    callable
        Decorator.
    """

    def mark(function: Pass) -> Pass:
        function.reads, function.writes = reads, writes  # type: ignore[attr-defined]
        return function

    return mark

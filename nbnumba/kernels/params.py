"""The flat argument that every kernel takes: numbers and arrays in SI units, nothing nested.

Numba passes a NamedTuple of scalars and arrays unchanged to CPU and CUDA kernels; nested tuples and records fail there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SHAPE_SQUARE, SHAPE_ROUND, SHAPE_GAUSS, SHAPE_TOPHAT = range(4)
"""Codes of `KernelParams.shape`, in the order of `CrystalShape`."""

STATUS_EVALUATED = 1
"""Bit of a pixel's status: at least one source reached the spindle loop."""

STATUS_OUT_OF_RANGE = 2
"""Bit of a pixel's status: interpolation met the edge of the structure-factor grid."""

PIXELS_PER_BLOCK = 96
"""Pixels that are rendered side by side; each block has its own entry in the sums of solid angle."""


class KernelParams(NamedTuple):
    """Everything the loop nest reads. Vectors are float64[3] in the lab frame; lengths are metres.

    Pixels are numbered by `n`, counting along the rows of the clipped region of interest:
    ``slow = roi_slow_min + n // roi_width``, ``fast = roi_fast_min + n % roi_width``.
    """

    # region of interest, clipped to the detector (pixels)
    roi_fast_min: int
    roi_slow_min: int
    roi_width: int
    roi_height: int
    mask: np.ndarray  # uint16[slow, fast] of the whole detector, or [0, 0] when has_mask is False
    has_mask: bool

    # detector
    pixel_size: float
    subpixel_size: float
    oversample: int
    distance: float
    close_distance: float
    fdet: np.ndarray
    sdet: np.ndarray
    odet: np.ndarray
    pix0: np.ndarray
    beam: np.ndarray
    polar_axis: np.ndarray
    curved: bool
    point_pixel: bool
    thickness: float
    thick_step: float
    thick_steps: int
    mu: float  # 1/m

    # what is evaluated per subpixel
    oversample_thick: bool
    oversample_polar: bool
    oversample_omega: bool

    # beam
    sources: np.ndarray  # float64[n, 4]: unit vector towards the source, wavelength (m)
    polarization: bool
    kahn_factor: float
    dmin: float  # m

    # crystal
    phi_steps: int
    phi: np.ndarray  # float64[phi_steps], radians
    phi_rows: np.ndarray  # int64[2, phi_steps]: lattice row of each step, [0] in the first evaluation, [1] ever after
    phi_vectors: np.ndarray  # float64[rows, 9]: a, b, c (m) after the spindle rotation
    domains: int
    lattice: np.ndarray  # float64[rows, domains, 9]: a, b, c (m) after spindle and mosaic rotation
    reciprocal: np.ndarray  # float64[9]: a*, b*, c* (1/Å) of the unrotated crystal
    metric: np.ndarray  # float64[6]: `setup.cell.reciprocal_metric`, its squares times (Na·Nb·Nc)²·fudge
    cells: np.ndarray  # float64[3]: Na, Nb, Nc
    shape: int
    fudge: float

    # structure factors
    amplitudes: np.ndarray  # float64[h_size·k_size·l_size], electrons, l fastest; the last plane of each axis is zero
    has_amplitudes: bool
    h_size: int
    k_size: int
    l_size: int
    h_min: int
    k_min: int
    l_min: int
    default_F: float  # noqa: N815
    interpolate: bool

    # scale
    background: float  # I_bg, added before scaling
    water: bool  # water in the beam: a zero lattice factor still counts as an evaluation
    r_e_squared: float  # m²
    fluence: float  # photons/m²
    steps: int

"""The argument of every kernel: numbers and arrays in SI units, nested by topic.

Numba passes nested NamedTuples of scalars and arrays to CPU and CUDA kernels alike; a function takes the topics that it
reads. What differs between panels stands in arrays with a row for each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STATUS_EVALUATED = 1
"""Bit of a pixel's status: at least one source reached the spindle loop."""

STATUS_OUT_OF_RANGE = 2
"""Bit of a pixel's status: interpolation met the edge of the structure-factor grid and stays off (`interp-sticky`)."""

PIXELS_PER_BLOCK = 96
"""Pixels that are rendered side by side, all of one panel; each block has its own entry in the sums of solid angle."""

FLAT, CURVED_AS_C, CURVED = range(3)
"""Codes of `Panels.curved`: a plane, nanoBragg's arcs (quirk `curved`), arcs along the detector's own axes."""


class Panels(NamedTuple):
    """Where pixels are, one row for each panel; vectors in the lab frame, lengths in metres.

    Pixels are numbered by `n`, panel after panel, along the rows of each region of interest. A panel's first number is
    a multiple of PIXELS_PER_BLOCK: between panels some numbers belong to no pixel.
    """

    planes: np.ndarray  # float64[panels, PLANE_SIZE]: `Plane`, vectors written out
    windows: np.ndarray  # int64[panels, 7]: `PanelWindow`
    mask: np.ndarray  # uint16, a value for each element of the image, or [0] when has_mask is False; 0 is masked
    has_mask: bool
    curved: int
    point_pixel: bool
    beam: np.ndarray  # float64[3]: direction of the beam


class PanelWindow(NamedTuple):
    """The region of interest of a panel, clipped to it, and where its pixels lie in the image."""

    first: int  # number of its first pixel
    fast_min: int
    slow_min: int
    width: int
    height: int
    offset: int  # position of the panel's pixel (0, 0) in the flat image
    stride: int  # positions from one row of the panel to the next


class Plane(NamedTuple):
    """One panel."""

    fdet: tuple[float, float, float]  # unit vectors along the fast and slow axes and outward
    sdet: tuple[float, float, float]
    odet: tuple[float, float, float]
    pix0: tuple[float, float, float]  # outer corner of the first pixel
    distance: float  # along the beam; radius of a curved detector
    close_distance: float
    subpixel_fast: float  # edges of a subpixel
    subpixel_slow: float
    area: float  # of a pixel, m²; 1 where nanoBragg leaves it out (quirk `point-pixel`)
    thickness: float  # of the sensor
    layer_step: float  # from one layer to the next
    first_depth: float  # of the first layer behind the surface
    mu: float  # 1/m


PLANE_SIZE = 12 + len(Plane._fields) - 4
"""Columns of `Panels.planes`."""


class Sampling(NamedTuple):
    """How finely a pixel is evaluated."""

    layers: int
    oversample: int
    dmin: float  # m; 0 means no limit


class Weighting(NamedTuple):
    """Where capture fraction, polarization and solid angle enter the sum.

    Each factor has one place: the running sum at every step (quirk `oversample-compound`), the crystal's sum of each
    layer, subpixel and source, or, with its last value, the sum of the pixel.
    """

    fresh_capture: bool  # evaluated for each subpixel; else for the first one of each layer
    fresh_polarization: bool  # for each subpixel and source; else for the first of the pixel
    fresh_omega: bool  # for each subpixel; else for the first of the pixel
    running: bool  # whether factors multiply the running sum
    running_capture: bool  # these
    running_polarization: bool
    running_omega: bool
    grouped: bool  # whether the crystal's sums are weighted, by the sources' weights too; never with a running sum
    group_capture: bool  # multiplies the crystal's sum
    group_polarization: bool
    group_omega: bool
    water: float  # background that each crystal's sum gets, electrons²
    final_capture: bool  # multiplies the sum of the pixel
    final_polarization: bool
    final_omega: bool


class Sources(NamedTuple):
    """The X-ray sources."""

    table: np.ndarray  # float64[n, 5]: unit vector towards the source, wavelength (m), weight (mean 1)
    polarization: bool
    kahn_factor: float
    polar_axis: np.ndarray  # float64[3]: direction of the E-vector


class Lattice(NamedTuple):
    """The crystal: its rotated cells and its shape."""

    phi: np.ndarray  # float64[phi_steps], radians
    phi_rows: np.ndarray  # int64[2, phi_steps]: lattice row of each step, [0] in the first evaluation, [1] ever after
    phi_vectors: np.ndarray  # float64[rows, 9]: a, b, c (m) after the spindle rotation
    vectors: np.ndarray  # float64[rows, domains, 9]: a, b, c (m) after spindle and mosaic rotation
    reciprocal: np.ndarray  # float64[9]: a*, b*, c* (1/Å) of the unrotated crystal
    metric: np.ndarray  # float64[6]: `setup.cell.reciprocal_metric` with which ρ²·fudge adds up
    cells: np.ndarray  # float64[3]: Na, Nb, Nc
    shape: int  # position in `nbnumba.shapes.SHAPES`
    fudge: float
    index_radius: bool  # whether spots are measured in 1/N of an index; else by Na·Nb·Nc/Å (quirk `gauss-radius`)


class Factors(NamedTuple):
    """The table of structure factors."""

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
    sticky: bool  # whether the edge of the table turns interpolation off for all later evaluations (`interp-sticky`)


class Scale(NamedTuple):
    """From the sum to photons."""

    background: float  # added to the sum of a pixel before scaling
    water: bool  # water in the beam: a zero lattice factor still counts as an evaluation
    r_e_squared: float  # m²
    fluence: float  # photons/m²
    steps: int


class Curve(NamedTuple):
    """Amplitude of one molecule of an amorphous material against sin(θ)/λ."""

    abscissae: np.ndarray  # float64[n], 1/m, ascending
    coefficients: np.ndarray  # float64[n - 1, 4]: cubic of each interval, electrons, highest power of 1/m first
    ends: bool  # whether nothing is known beyond the first and last point; else these hold


class Scatterer(NamedTuple):
    """An amorphous material in the beam."""

    curve: Curve
    scale: float  # r_e²·fluence·molecules


class KernelParams(NamedTuple):
    """Everything that the loop nest reads."""

    panels: Panels
    sampling: Sampling
    weighting: Weighting
    sources: Sources
    lattice: Lattice
    factors: Factors
    scale: Scale


def last_pixel(panels: Panels) -> int:
    """One past the last pixel number.

    Parameters
    ----------
    panels : Panels

    Returns
    -------
    int
    """
    window = PanelWindow(*(int(value) for value in panels.windows[-1]))
    return window.first + window.width * window.height

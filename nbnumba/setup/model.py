"""What the set-up derives from an `Experiment`: every quantity in SI units (cells in Å), once per run.

`lowering.lower` makes a `Model`; kernels read `Model.params`; headers, reports and traces read the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.config import Convention, CrystalShape, Experiment, Pivot
    from nbnumba.kernels.params import KernelParams, Scatterer

Vector = tuple[float, float, float]


class Window(NamedTuple):
    """A region of interest inside an image: pixels from each start to before each stop."""

    fast_start: int
    fast_stop: int
    slow_start: int
    slow_stop: int


def region_in(shape: tuple[int, ...], window: Window | None) -> Window:
    """A region of interest that lies inside an image.

    Parameters
    ----------
    shape : tuple of 2 int
        Slow, fast.
    window : Window or None
        None stands for all of the image.

    Raises
    ------
    UsageError
        If it does not.
    """
    slow, fast = shape
    if window is None:
        return Window(0, fast, 0, slow)
    inside = Window(*window)
    if not (0 <= inside.fast_start <= inside.fast_stop <= fast and 0 <= inside.slow_start <= inside.slow_stop <= slow):
        raise UsageError(f"{{window}} {tuple(window)} does not lie in an image of {slow} x {fast} pixels (slow, fast)")
    return inside


@dataclass(frozen=True)
class DetectorGeometry:
    """Detector and lab axes after every rotation; metres, lab frame, angles in radians.

    ``x_beam, y_beam`` are the beam centre as the convention means it; ``f_beam, s_beam`` the direct beam and
    ``f_close, s_close`` the point of closest approach along the fast and slow axes; ``x_close, y_close`` as given.
    ``org_x, org_y`` is the XDS origin in pixels, ``dials_origin`` is in mm.
    """

    convention: Convention
    pivot: Pivot
    pixels_fast: int
    pixels_slow: int
    pixel_size: float
    size_fast: float
    size_slow: float
    beam: Vector
    polar: Vector
    vertical: Vector
    spindle: Vector
    twotheta_axis: Vector
    fdet: Vector
    sdet: Vector
    odet: Vector
    pix0: Vector
    distance: float
    close_distance: float
    x_beam: float
    y_beam: float
    f_beam: float
    s_beam: float
    x_close: float
    y_close: float
    f_close: float
    s_close: float
    org_x: float
    org_y: float
    dials_origin: Vector
    twotheta: float


@dataclass(frozen=True)
class Lattice:
    """Unit cell and its orientation at spindle angle zero.

    Lengths in Å, angles in radians, ``a, b, c`` in Å and ``a_star, b_star, c_star`` in 1/Å (lab frame).
    """

    lengths: Vector
    angles: Vector
    reciprocal_lengths: Vector
    reciprocal_angles: Vector
    volume: float
    a: Vector
    b: Vector
    c: Vector
    a_star: Vector
    b_star: Vector
    c_star: Vector
    random_misset: Vector | None  # radians, when drawn at random


@dataclass(frozen=True)
class StepCounts:
    """A sampled range after the sampling rules: SI units (radians, metres or a fraction)."""

    range: float
    step: float
    steps: int


@dataclass(frozen=True)
class Model:
    """One simulation, ready to run, in SI units unless stated.

    Attributes
    ----------
    experiment : Experiment
        What it was made from, in user units.
    geometry : DetectorGeometry
        The detector's plane, or the first of `panels`.
    panels : tuple of DetectorGeometry
        Every panel.
    windows : tuple of Window
        Region of interest on each panel.
    lattice : Lattice
        Unit cell and its orientation at spindle angle zero.
    cells : tuple of 3 float
        Unit cells along a, b, c.
    crystal_size : tuple of 3 float
        Along a, b, c, m.
    shape : CrystalShape
        Of the crystal.
    wavelength : float
        Nominal, m.
    flux, fluence : float
        Photons/s, made consistent with the fluence; photons/m².
    source_weights, source_vectors : ndarray, shape (n,) and (n, 3), float64
        As they were given: weights before the physics, vectors before they are made unit vectors.
    horizontal_divergence, vertical_divergence, dispersion : StepCounts
        Of the sources: radians, and a fraction of the wavelength.
    divergence_steps : int
        Directions of the divergence.
    phi, phi_start : StepCounts and float
        Spindle angles during the image and at its beginning, radians.
    thickness, mu : StepCounts and float
        Of the sensor: m, and its attenuation, 1/m.
    mosaic_spread : float
        Radians.
    mosaic_umats : ndarray, shape (domains, 9), float64
        Rotation of each mosaic domain.
    misset_seed : int or None
        Of the random orientation.
    recommended_oversample, reciprocal_pixel_size : int and float
        Subpixels along an edge that resolve a reflection; what a pixel covers divided by the distance and wavelength.
    interpolation : bool
        Whether structure factors are interpolated between Miller indices.
    params : KernelParams
        Argument of every kernel.
    scatterers : tuple of Scatterer
        Amorphous materials in the beam.
    warnings : tuple of str
        What the user should know.
    """

    experiment: Experiment
    geometry: DetectorGeometry
    lattice: Lattice
    cells: tuple[float, float, float]
    crystal_size: Vector
    shape: CrystalShape
    wavelength: float
    flux: float
    fluence: float
    source_weights: np.ndarray
    source_vectors: np.ndarray
    horizontal_divergence: StepCounts
    vertical_divergence: StepCounts
    divergence_steps: int
    dispersion: StepCounts
    phi: StepCounts
    phi_start: float
    thickness: StepCounts
    mu: float
    mosaic_spread: float
    mosaic_umats: np.ndarray
    misset_seed: int | None
    panels: tuple[DetectorGeometry, ...]
    windows: tuple[Window, ...]
    recommended_oversample: int
    reciprocal_pixel_size: float
    interpolation: bool
    params: KernelParams
    scatterers: tuple[Scatterer, ...]
    warnings: tuple[str, ...]

    @property
    def window(self) -> Window:
        """Region of interest on the first panel, which is all of nanoBragg's detector."""
        return self.windows[0]

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Slow, fast pixels of each panel."""
        return tuple((panel.pixels_slow, panel.pixels_fast) for panel in self.panels)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Slow, fast pixels; of a detector of panels all pixels, one panel after the other."""
        pixels = sum(slow * fast for slow, fast in self.shapes)
        return self.shapes[0] if self.experiment.detector.panels is None else (pixels,)

"""Photons that an amorphous sample scatters onto a flat panel: nonBragg's formula, with the quirks put right.

Per subpixel and sensor layer every source gives ``w·F²·P·Ω·capture``; weights w add up to 1, subpixels share the pixel,
and F is read by a shape-preserving interpolation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.background.curve import RadialCurve
from nbnumba.background.pixels import AmorphousParams, render_monotone
from nbnumba.background.scan import Progress, Scan
from nbnumba.config.constants import AVOGADRO, R_E_SQUARED
from nbnumba.engine.threads import thread_count
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    from nbnumba.setup.vectors import Vector


@dataclass(frozen=True)
class ScatteringGeometry:
    """One flat panel and the light on the sample: metres, lab frame.

    Attributes
    ----------
    pixels_fast, pixels_slow : int
        Pixels along its axes.
    pixel_size : float
        Edge of a pixel, m.
    pix0 : tuple of 3 float
        Outer corner of the first pixel, m.
    fdet, sdet : tuple of 3 float
        Unit vectors along the fast and slow axis, at right angles.
    sources : ndarray, shape (n, 4), float64
        Unit vector towards each source, and its wavelength, m.
    weights : ndarray, shape (n,), float64
        Share of each source; divided by their sum.
    kahn_factor : float or None
        Degree of linear polarization K; None leaves the polarization factor out.
    polar_axis : tuple of 3 float
        E-vector of the polarization.
    oversample : int
        Subpixels along each edge of a pixel.
    sensor_thickness : float
        m; 0 means that every photon counts once.
    layers : int
        Layers that the sensor is cut into.
    mu : float
        Attenuation coefficient of the sensor, 1/m.
    """

    pixels_fast: int
    pixels_slow: int
    pixel_size: float
    pix0: Vector
    fdet: Vector
    sdet: Vector
    sources: np.ndarray
    weights: np.ndarray
    kahn_factor: float | None = 0.0
    polar_axis: Vector = (0.0, 0.0, 1.0)
    oversample: int = 1
    sensor_thickness: float = 0.0
    layers: int = 1
    mu: float = 0.0


def molecules_in_beam(volume: float, density: float, molar_mass: float) -> float:
    """Number of molecules in a volume.

    Parameters
    ----------
    volume : float
        m³.
    density : float
        g/m³.
    molar_mass : float
        g/mol.

    Returns
    -------
    float
    """
    return volume * density * AVOGADRO / molar_mass


def background_photons(
    curve: RadialCurve,
    geometry: ScatteringGeometry,
    fluence: float,
    molecules: float,
    threads: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Photons per pixel that the molecules of an amorphous sample scatter, on an absolute scale.

    Thin sample: no absorption, no multiple and no Compton scattering.

    Parameters
    ----------
    curve : RadialCurve
        F of one molecule.
    geometry : ScatteringGeometry
        Panel and sources.
    fluence : float
        Photons/m².
    molecules : float
        Molecules in the beam, as `molecules_in_beam` gives them.
    threads : int or None
        CPU threads; None takes all cores.
    progress : callable or None
        Called with the pixels done and the pixels in all.

    Returns
    -------
    ndarray, shape (slow, fast), float64

    Raises
    ------
    UsageError
        If the weights do not add up to a positive number, the panel's plane passes through the sample, or the image
        reaches beyond a curve that refuses that.
    """
    params = _params(curve, geometry, fluence, molecules)
    image = np.zeros((geometry.pixels_slow, geometry.pixels_fast))
    scan = Scan(render_monotone, params, image, image.size, thread_count(threads))
    for _ in scan.spans(progress):
        pass
    curve.check_reach(*(value * 1e-10 for value in scan.reach))
    return image


def pixel_stol(geometry: ScatteringGeometry) -> np.ndarray:
    """sin θ/λ of every pixel's middle, for the mean direction and wavelength of the sources.

    Parameters
    ----------
    geometry : ScatteringGeometry
        Detector and sources.

    Returns
    -------
    ndarray, shape (slow, fast), float64
        1/Å.
    """
    x, y, z, wavelength = np.average(geometry.sources, axis=0, weights=geometry.weights)
    length = math.sqrt(x * x + y * y + z * z)
    mean = np.array([[x / length, y / length, z / length, wavelength]])
    middles = replace(
        geometry, sources=mean, weights=np.ones(1), kahn_factor=None, oversample=1, sensor_thickness=0.0, layers=1
    )
    image = np.zeros((geometry.pixels_slow, geometry.pixels_fast))
    params = _params(RadialCurve(np.array([0.0, 1.0]), np.ones(2)), middles, 1.0, 1.0)
    scan = Scan(render_monotone, params, image, image.size, thread_count(None), keeps_last=True)
    return np.concatenate([last.stol for _, _, last in scan.spans()]).reshape(image.shape) * 1e-10


def _params(
    curve: RadialCurve, geometry: ScatteringGeometry, fluence: float, molecules: float
) -> AmorphousParams:
    """The argument of the loop."""
    g = geometry
    pix0, fdet, sdet = (np.array(vector, dtype=np.float64) for vector in (g.pix0, g.fdet, g.sdet))
    odet = np.cross(fdet, sdet)
    close_distance = float(pix0 @ odet)
    if close_distance == 0.0:
        raise UsageError("{ScatteringGeometry.pix0}: the plane of the panel passes through the sample")
    weights = np.asarray(g.weights, dtype=np.float64)
    total = float(weights.sum())
    if not total > 0.0:
        raise UsageError("{ScatteringGeometry.weights} must add up to a number above zero")
    # outward, whichever way the axes turn: solid angles are positive
    odet, close_distance = (odet, close_distance) if close_distance > 0.0 else (-odet, -close_distance)
    has_sensor = g.sensor_thickness > 0.0 and g.mu > 0.0
    layers = g.layers if has_sensor else 1
    return AmorphousParams(
        roi_fast_min=0, roi_slow_min=0, roi_width=g.pixels_fast,
        area=g.pixel_size * g.pixel_size, subpixel_size=g.pixel_size / g.oversample, oversample=g.oversample,
        distance=close_distance, close_distance=close_distance,
        fdet=fdet, sdet=sdet, odet=odet, pix0=pix0, beam=odet, polar_axis=np.array(g.polar_axis, dtype=np.float64),
        curved=False, point_pixel=False,
        layers=layers, layer_step=g.sensor_thickness / layers, mu=g.mu if has_sensor else 0.0,
        sources=np.ascontiguousarray(g.sources, dtype=np.float64), weights=weights / total,
        polarization=g.kahn_factor is not None, kahn_factor=g.kahn_factor or 0.0,
        abscissae=curve.stol * 1e10, amplitudes=curve.amplitude, coefficients=curve.cubics(),
        lowest_place=0, highest_place=curve.stol.size - 2,
        r_e_squared=R_E_SQUARED, fluence=fluence, molecules=molecules, steps=g.oversample**2, amplitude_map=False,
    )  # fmt: skip

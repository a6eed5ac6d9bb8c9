"""What an amorphous material scatters into one pixel: layer, subpixel, source, as in the crystal's nest.

Nothing of the crystal enters, and every factor is evaluated for each subpixel and source, so that an image of it holds
for all crystals in front of the same detector.
"""

from __future__ import annotations

import math

from nbnumba.kernels.pixel import parallax, subpixel_position, tangent_distance
from nbnumba.numerics.jit import device_jit
from nbnumba.numerics.vectors import direction, load, magnitude
from nbnumba.physics.absorption import captured_fraction
from nbnumba.physics.amorphous import monotone_amplitude, point_below, point_below_anywhere
from nbnumba.physics.polarization import kahn_polarization
from nbnumba.physics.scattering import detector_coordinate, scattering_vector, sine_theta_over_lambda
from nbnumba.physics.solid_angle import pixel_solid_angle


@device_jit
def amplitude_at(curve, stol, place):
    """F of one molecule, and the point of the curve below.

    Parameters
    ----------
    curve : Curve
    stol : float64
        sin(θ)/λ, 1/m.
    place : int
        Point from which the one below is looked for; negative anywhere.

    Returns
    -------
    amplitude : float64
        Electrons; NaN where the curve says nothing.
    place : int
    """
    last = curve.abscissae.size - 1
    if curve.ends and (stol < curve.abscissae[0] or stol > curve.abscissae[last]):
        return math.nan, place
    if place < 0:
        place = point_below_anywhere(curve.abscissae, stol)
    place = point_below(curve.abscissae, 0, last - 1, stol, place)
    return monotone_amplitude(curve.abscissae, curve.coefficients, place, stol), place


@device_jit
def scattered_by_sources(sources, curve, diffracted, place):
    """Mean of w·F²·P over the sources for one ray, electrons², and the point of the curve below the last one.

    Parameters
    ----------
    sources : Sources
    curve : Curve
    diffracted : tuple of 3 float64
        Unit vector from the sample to the subpixel, lab frame.
    place : int
        As in `amplitude_at`.

    Returns
    -------
    float64
    place : int
    """
    total = 0.0
    for source in range(sources.table.shape[0]):
        beam = sources.table[source]
        incident = (-beam[0], -beam[1], -beam[2])
        stol = sine_theta_over_lambda(scattering_vector(diffracted, incident, beam[3]))
        amplitude, place = amplitude_at(curve, stol, place)
        term = beam[4] * amplitude * amplitude
        if sources.polarization:
            term *= kahn_polarization(sources.kahn_factor, incident, diffracted, load(sources.polar_axis))
        total += term
    return total / sources.table.shape[0], place


@device_jit
def background_pixel(panels, sampling, sources, curve, plane, slow, fast):
    """Mean over the subpixels of F²·polarization·solid angle·capture of one molecule, electrons²·steradian.

    Parameters
    ----------
    panels : Panels
    sampling : Sampling
    sources : Sources
    curve : Curve
    plane : Plane
        The pixel's panel.
    slow, fast : int
        Pixel on the panel.

    Returns
    -------
    float64
        NaN if a subpixel lies beyond a curve that ends there.
    """
    oversample = sampling.oversample
    total = 0.0
    place = -1
    for layer in range(sampling.layers):
        depth = layer * plane.layer_step + plane.first_depth
        for sub in range(oversample * oversample):
            position = subpixel_position(
                panels, plane, detector_coordinate(fast, sub % oversample, oversample, plane.subpixel_fast),
                detector_coordinate(slow, sub // oversample, oversample, plane.subpixel_slow), depth,
            )  # fmt: skip
            airpath = magnitude(position)
            inverse = 1.0 / airpath
            diffracted = direction(position, airpath, inverse)
            close_distance = tangent_distance(panels, plane, position, airpath)
            weight = pixel_solid_angle(plane.area, airpath, inverse, close_distance, panels.point_pixel)
            if plane.thickness != 0.0:
                cosine = parallax(panels, plane, diffracted)
                weight *= captured_fraction(layer, plane.layer_step, plane.mu, cosine)
            scattered, place = scattered_by_sources(sources, curve, diffracted, place)
            total += scattered * weight
    return total / (oversample * oversample)

"""Where a subpixel is and which scattering vector it sees."""

from __future__ import annotations

import math

import numpy as np

from nbnumba.numerics.jit import device_jit, pass_jit
from nbnumba.numerics.vectors import dot, magnitude, quotient, rotate_about


@device_jit
def detector_coordinate(pixel, subpixel, oversample, subpixel_size):
    """Distance of a subpixel's centre from the detector's outer corner along one axis, m.

    Parameters
    ----------
    pixel, subpixel : int
        Pixel on the axis and subpixel inside it.
    oversample : int
        Subpixels per pixel edge.
    subpixel_size : float64
        Edge of a subpixel, m.
    """
    return subpixel_size * (pixel * oversample + subpixel) + subpixel_size / 2.0


@device_jit
def flat_position(fast_coordinate, slow_coordinate, depth, fdet, sdet, odet, pix0):
    """Lab position of a point of a flat sensor, m.

    Parameters
    ----------
    fast_coordinate, slow_coordinate : float64
        Distances from the detector's corner along its axes, m.
    depth : float64
        Distance behind the sensor's surface, m.
    fdet, sdet, odet : tuple of 3 float64
        Unit vectors along the fast and slow axes and outward, lab frame.
    pix0 : tuple of 3 float64
        Corner of the first pixel, m, lab frame.
    """
    return (
        fast_coordinate * fdet[0] + slow_coordinate * sdet[0] + depth * odet[0] + pix0[0],
        fast_coordinate * fdet[1] + slow_coordinate * sdet[1] + depth * odet[1] + pix0[1],
        fast_coordinate * fdet[2] + slow_coordinate * sdet[2] + depth * odet[2] + pix0[2],
    )


@device_jit
def curved_position(flat, distance, beam, fdet, sdet):
    """Lab position of a point of a sensor curved around the sample, m.

    Parameters
    ----------
    flat : tuple of 3 float64
        Where the point lies on a flat sensor; its lab y and z, whatever the convention, become the lengths of the arcs
        (quirk `curved`).
    distance : float64
        Sample to every point of the sensor, m.
    beam, fdet, sdet : tuple of 3 float64
        Unit vectors along the beam and the detector's axes, lab frame.
    """
    centre = (distance * beam[0], distance * beam[1], distance * beam[2])
    return rotate_about(rotate_about(centre, sdet, flat[1] / distance), fdet, flat[2] / distance)


@device_jit
def arc_position(flat, radius, beam, fdet, sdet):
    """Lab position of a point of a sensor curved around the sample, its arcs along the detector's own axes, m.

    The fast arc turns first, then the slow one, each by its length over the radius (source: nanoBragg's model with the
    axes that it means; see quirk `curved`).

    Parameters
    ----------
    flat : tuple of 3 float64
        Where the point lies on the plane that touches the sensor at the beam.
    radius : float64
        Sample to the point, m.
    beam, fdet, sdet : tuple of 3 float64
        Unit vectors along the beam and the detector's axes, lab frame; perpendicular to one another.
    """
    along_f, along_s = dot(flat, fdet) / radius, dot(flat, sdet) / radius
    sine_f, cosine_f = math.sin(along_f) * radius, math.cos(along_f) * radius
    sine_s, cosine_s = math.sin(along_s) * cosine_f, math.cos(along_s) * cosine_f
    return (
        sine_f * fdet[0] + cosine_s * beam[0] + sine_s * sdet[0],
        sine_f * fdet[1] + cosine_s * beam[1] + sine_s * sdet[1],
        sine_f * fdet[2] + cosine_s * beam[2] + sine_s * sdet[2],
    )


@device_jit
def scattering_vector(diffracted, incident, wavelength):
    """q = (d - i)/λ, 1/m.

    Parameters
    ----------
    diffracted, incident : tuple of 3 float64
        Unit vectors, lab frame.
    wavelength : float64
        m.
    """
    inverse = 1.0 / wavelength
    return (
        quotient(diffracted[0] - incident[0], wavelength, inverse),
        quotient(diffracted[1] - incident[1], wavelength, inverse),
        quotient(diffracted[2] - incident[2], wavelength, inverse),
    )


@device_jit
def sine_theta_over_lambda(q):
    """Half the length of the scattering vector, 1/m.

    Parameters
    ----------
    q : tuple of 3 float64
        Scattering vector, 1/m.
    """
    return 0.5 * magnitude(q)


@device_jit
def beyond_resolution(stol, dmin):
    """Whether a scattering vector lies beyond the resolution limit.

    Parameters
    ----------
    stol : float64
        sin(θ)/λ, 1/m.
    dmin : float64
        Smallest lattice spacing, m; 0 means no limit.
    """
    return dmin > 0.0 and stol > 0.0 and dmin > 0.5 / stol


@device_jit
def miller_index(axis_x, axis_y, axis_z, q):
    """Fractional Miller index: the projection of q on a direct cell vector.

    Parameters
    ----------
    axis_x, axis_y, axis_z : float64
        Direct cell vector, m, lab frame.
    q : tuple of 3 float64
        Scattering vector, 1/m.
    """
    return axis_x * q[0] + axis_y * q[1] + axis_z * q[2]


@device_jit
def nearest_index(index):
    """Nearest whole Miller index as a float64, halves rounded down.

    Parameters
    ----------
    index : float64
        Fractional Miller index.
    """
    return float(math.ceil(index - 0.5))


@pass_jit
def nearest(index):
    """`nearest_index` by an instruction that has a vector form.

    Parameters
    ----------
    index : float64
        Fractional Miller index.
    """
    return np.ceil(index - 0.5)

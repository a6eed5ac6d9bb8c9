"""Polarization of the scattered beam."""

from __future__ import annotations

from nbnumba.numerics.jit import device_jit
from nbnumba.numerics.vectors import cross, dot, unit


@device_jit
def cosine_of_twice_azimuth(incident, diffracted, axis):
    """cos 2ψ, where ψ is the angle of the diffracted ray around the incident beam from the E-vector.

    With y = sin ψ and x = cos ψ up to a common factor, cos 2ψ is (x² - y²)/(x² + y²): neither the arctangent nor the
    cosine that nanoBragg takes is needed. It is 1 where the ray is parallel to the beam, as arctan(0/0) = 0 has it.

    Parameters
    ----------
    incident, diffracted : tuple of 3 float64
        Unit vectors, lab frame.
    axis : tuple of 3 float64
        Polarization direction (E-vector) of the central beam, lab frame.
    """
    b_in = unit(cross(axis, incident))
    e_in = unit(cross(incident, b_in))
    y, x = dot(diffracted, b_in), dot(diffracted, e_in)
    radius_squared = x * x + y * y
    return 1.0 if radius_squared == 0.0 else (x * x - y * y) / radius_squared


@device_jit
def kahn_polarization(kahn_factor, incident, diffracted, axis):
    """Polarization factor ½(1 + cos²2θ - K·cos2ψ·sin²2θ) (Kahn et al. 1982).

    Parameters
    ----------
    kahn_factor : float64
        Degree of linear polarization K.
    incident, diffracted : tuple of 3 float64
        Unit vectors, lab frame.
    axis : tuple of 3 float64
        Polarization direction (E-vector) of the central beam, lab frame.
    """
    cos_2theta = dot(incident, diffracted)
    cos_squared = cos_2theta * cos_2theta
    if kahn_factor == 0.0:
        return 0.5 * (1.0 + cos_squared)
    sin_squared = 1.0 - cos_squared
    cos_2psi = cosine_of_twice_azimuth(incident, diffracted, axis)
    return 0.5 * (1.0 + cos_squared - kahn_factor * cos_2psi * sin_squared)


@device_jit
def polarization_slope(kahn_factor, incident, diffracted, axis):
    """Derivative of `kahn_polarization` by the diffracted direction.

    On the unit sphere cos 2ψ·sin² 2θ is the difference of the squared components along E-vector and B-vector, so that
    the factor is a polynomial in the direction.

    Parameters
    ----------
    kahn_factor, incident, diffracted, axis
        As in `kahn_polarization`.

    Returns
    -------
    tuple of 3 float64
        Only its components across the diffracted direction mean anything.
    """
    b_in = unit(cross(axis, incident))
    e_in = unit(cross(incident, b_in))
    along_i = dot(diffracted, incident)
    along_e, along_b = -kahn_factor * dot(diffracted, e_in), kahn_factor * dot(diffracted, b_in)
    return (
        along_i * incident[0] + along_e * e_in[0] + along_b * b_in[0],
        along_i * incident[1] + along_e * e_in[1] + along_b * b_in[1],
        along_i * incident[2] + along_e * e_in[2] + along_b * b_in[2],
    )

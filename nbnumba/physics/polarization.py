"""Polarization of the scattered beam."""

from __future__ import annotations

import math

from nbnumba._jit import device_jit
from nbnumba.physics.vectors import cross, dot, unit


@device_jit
def azimuth(incident, diffracted, axis):
    """Angle of the diffracted ray around the incident beam, from the E-vector, radians.

    Parameters
    ----------
    incident, diffracted : tuple of 3 float64
        Unit vectors, lab frame.
    axis : tuple of 3 float64
        Polarization direction (E-vector) of the central beam, lab frame.
    """
    b_in = unit(cross(axis, incident))
    e_in = unit(cross(incident, b_in))
    return -math.atan2(dot(diffracted, b_in), dot(diffracted, e_in))


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
    sin_squared = 1.0 - cos_squared
    psi = azimuth(incident, diffracted, axis) if kahn_factor != 0.0 else 0.0
    return 0.5 * (1.0 + cos_squared - kahn_factor * math.cos(2.0 * psi) * sin_squared)

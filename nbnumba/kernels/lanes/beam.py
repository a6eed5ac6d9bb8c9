"""Passes over the lanes: scattering vectors, the resolution limit and polarization."""

from __future__ import annotations

from nbnumba._jit import pass_jit
from nbnumba.kernels.lanes.layout import ACTIVE, POLARIZATION, QX, QY, QZ, X, Y, Z
from nbnumba.physics.polarization import kahn_polarization
from nbnumba.physics.scattering import beyond_resolution, scattering_vector, sine_theta_over_lambda
from nbnumba.physics.vectors import load, unit_again


@pass_jit
def scatter(incident, wavelength, lanes, s):
    """Scattering vector of every subpixel for one source.

    Parameters
    ----------
    incident : tuple of 3 float64
        Unit vector along the beam, lab frame.
    wavelength : float64
        m.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    for i in range(lanes):
        q = scattering_vector((s[X + i], s[Y + i], s[Z + i]), incident, wavelength)
        s[QX + i], s[QY + i], s[QZ + i] = q


@pass_jit
def limit_resolution(dmin, lanes, s):
    """Mark the lanes whose scattering vectors are within the resolution limit if there is one, and count them.

    Parameters
    ----------
    dmin : float64
        Smallest lattice spacing, m; 0 means no limit.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.
    """
    if dmin <= 0.0:
        return lanes
    active = 0
    for i in range(lanes):
        beyond = beyond_resolution(sine_theta_over_lambda((s[QX + i], s[QY + i], s[QZ + i])), dmin)
        s[ACTIVE + i] = 0.0 if beyond else 1.0
        active += 0 if beyond else 1
    return active


@pass_jit
def _polarize(kahn_factor, axis, always, incident, lanes, s):
    """Polarization factor of the active lanes that don't know theirs, or of all when it is asked for anew.

    Parameters
    ----------
    kahn_factor : float64
        Degree of linear polarization.
    axis, incident : tuple of 3 float64
        Unit vectors along the E-vector and the beam, lab frame.
    always : bool
        Ask anew.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    bool
        Whether every lane knows its factor now.
    """
    incident = unit_again(incident)
    unknown = 0
    for i in range(lanes):
        # nanoBragg normalises this vector once more here, and later sources see the result
        diffracted = unit_again((s[X + i], s[Y + i], s[Z + i]))
        factor = kahn_polarization(kahn_factor, incident, diffracted, axis)
        wanted = (s[ACTIVE + i] != 0.0) & ((s[POLARIZATION + i] == 0.0) | always)
        s[X + i] = diffracted[0] if wanted else s[X + i]
        s[Y + i] = diffracted[1] if wanted else s[Y + i]
        s[Z + i] = diffracted[2] if wanted else s[Z + i]
        factor = factor if wanted else s[POLARIZATION + i]
        s[POLARIZATION + i] = factor
        unknown += 1 if factor == 0.0 else 0
    return unknown == 0


@pass_jit
def polarize(params, incident, lanes, s):
    """`_polarize` with the run's parameters.

    Parameters
    ----------
    params : KernelParams
    incident : tuple of 3 float64
        Unit vector along the beam, lab frame.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    bool
        Whether every lane knows its factor now.
    """
    axis, always = load(params.polar_axis), params.oversample_polar
    if params.kahn_factor == 0.0:
        # the literal lets the compiler drop the azimuth
        return _polarize(0.0, axis, always, incident, lanes, s)
    return _polarize(params.kahn_factor, axis, always, incident, lanes, s)

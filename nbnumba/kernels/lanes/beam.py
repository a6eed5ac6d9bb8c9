"""Passes over the lanes: scattering vectors, the resolution limit and polarization."""

from __future__ import annotations

from nbnumba.kernels.lanes.layout import ACTIVE, POLARIZATION, QX, QY, QZ, X, Y, Z
from nbnumba.numerics.jit import pass_jit
from nbnumba.numerics.vectors import load, unit_again
from nbnumba.physics.polarization import kahn_polarization
from nbnumba.physics.scattering import beyond_resolution, scattering_vector, sine_theta_over_lambda


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
def _polarize_all(kahn_factor, axis, incident, lanes, s):
    """Polarization factor of every lane; in how many it is zero, hence still unknown."""
    unknown = 0
    for i in range(lanes):
        factor = kahn_polarization(kahn_factor, incident, (s[X + i], s[Y + i], s[Z + i]), axis)
        s[POLARIZATION + i] = factor
        unknown += 1 if factor == 0.0 else 0
    return unknown


@pass_jit
def _polarize_some(params, incident, lanes, s):
    """Polarization factor of the active lanes that don't know theirs or need it anew; in how many it is zero."""
    axis, kahn_factor, always = load(params.polar_axis), params.kahn_factor, params.oversample_polar
    unknown = 0
    for i in range(lanes):
        if s[ACTIVE + i] != 0.0 and (s[POLARIZATION + i] == 0.0 or always):
            diffracted = unit_again((s[X + i], s[Y + i], s[Z + i]))
            s[X + i], s[Y + i], s[Z + i] = diffracted
            s[POLARIZATION + i] = kahn_polarization(kahn_factor, incident, diffracted, axis)
        unknown += 1 if s[POLARIZATION + i] == 0.0 else 0
    return unknown


@pass_jit
def polarize(params, incident, everywhere, lanes, s):
    """Polarization factors for one source.

    Parameters
    ----------
    params : KernelParams
    incident : tuple of 3 float64
        Unit vector along the beam, lab frame.
    everywhere : bool
        Whether all lanes need theirs; else those that are active and don't know it.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    int
        Lanes that don't know their factor yet.
    """
    incident = unit_again(incident)
    if not everywhere:
        return _polarize_some(params, incident, lanes, s)
    if params.sources.shape[0] > 1:
        # nanoBragg normalises these vectors once more here, and later sources see the result
        for i in range(lanes):
            s[X + i], s[Y + i], s[Z + i] = unit_again((s[X + i], s[Y + i], s[Z + i]))
    if params.kahn_factor == 0.0:
        # the literal lets the compiler drop the azimuth; the factor of an unpolarized beam is at least a half
        _polarize_all(0.0, load(params.polar_axis), incident, lanes, s)
        return 0
    return _polarize_all(params.kahn_factor, load(params.polar_axis), incident, lanes, s)

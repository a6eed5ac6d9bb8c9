"""Passes over the lanes: scattering vectors, the resolution limit and polarization."""

from __future__ import annotations

from nbnumba.numerics.jit import pass_jit
from nbnumba.numerics.scratch import ACTIVE, POLARIZATION, QX, QY, QZ, X, Y, Z, touches
from nbnumba.numerics.vectors import load, unit_again
from nbnumba.physics.polarization import kahn_polarization
from nbnumba.physics.scattering import beyond_resolution, scattering_vector, sine_theta_over_lambda


@touches(reads=(X, Y, Z), writes=(QX, QY, QZ))
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


@touches(reads=(QX, QY, QZ), writes=(ACTIVE,))
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
def _polarize_some(sources, always, incident, lanes, s):
    """Polarization factor of the active lanes that don't know theirs or need it anew; in how many it is zero."""
    axis, kahn_factor = load(sources.polar_axis), sources.kahn_factor
    unknown = 0
    for i in range(lanes):
        if s[ACTIVE + i] != 0.0 and (s[POLARIZATION + i] == 0.0 or always):
            diffracted = unit_again((s[X + i], s[Y + i], s[Z + i]))
            s[X + i], s[Y + i], s[Z + i] = diffracted
            s[POLARIZATION + i] = kahn_polarization(kahn_factor, incident, diffracted, axis)
        unknown += 1 if s[POLARIZATION + i] == 0.0 else 0
    return unknown


@touches(reads=(X, Y, Z, ACTIVE, POLARIZATION), writes=(X, Y, Z, POLARIZATION))
@pass_jit
def polarize(sources, always, incident, everywhere, lanes, s):
    """Polarization factors for one source, in nanoBragg's way: of the lanes that don't know theirs.

    Parameters
    ----------
    sources : Sources
    always : bool
        Whether a factor that is known is computed anew.
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
        return _polarize_some(sources, always, incident, lanes, s)
    # nanoBragg normalises these vectors once more here, and later sources see the result
    for i in range(lanes):
        s[X + i], s[Y + i], s[Z + i] = unit_again((s[X + i], s[Y + i], s[Z + i]))
    return polarize_group(sources, incident, lanes, s)


@touches(reads=(X, Y, Z), writes=(POLARIZATION,))
@pass_jit
def polarize_group(sources, incident, lanes, s):
    """Polarization factors of all lanes for one source.

    Parameters
    ----------
    sources : Sources
    incident : tuple of 3 float64
        Unit vector along the beam, lab frame.
    lanes, s
        As in `nbnumba.kernels.lanes.detector.place_pixels`.

    Returns
    -------
    int
        Lanes whose factor is zero.
    """
    if sources.kahn_factor == 0.0:
        # the literal lets the compiler drop the azimuth; the factor of an unpolarized beam is at least a half
        _polarize_all(0.0, load(sources.polar_axis), incident, lanes, s)
        return 0
    return _polarize_all(sources.kahn_factor, load(sources.polar_axis), incident, lanes, s)

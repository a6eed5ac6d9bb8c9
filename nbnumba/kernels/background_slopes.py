"""What amorphous materials give to the basis of derivatives: photons and the columns of rays and lines."""

from __future__ import annotations

from nbnumba.kernels.background import amplitude_at
from nbnumba.kernels.derivatives import close_group, weigh_group
from nbnumba.numerics.jit import device_jit
from nbnumba.physics.amorphous import monotone_slope
from nbnumba.physics.scattering import scattering_vector, sine_theta_over_lambda


@device_jit
def add_material(params, which, plane, source, ray, absorbed, omega, basis):
    """Add what molecules of one material scatter in one layer, subpixel and source.

    Takes the place of `kernels.derivatives.add_group`.

    Parameters
    ----------
    params : KernelParams
    which : tuple of (Extras, Curve, float64)
        The curve of a molecule, and what its photons are multiplied by.
    plane, source, ray, absorbed, omega
        As in `kernels.derivatives.weigh_group`.
    basis : ndarray, shape (columns,), float64
        Changed.
    """
    extras, curve, scale = which
    group = weigh_group(params, plane, source, ray, absorbed, omega)
    q = scattering_vector(ray[0], group[0], params.sources.table[source, 3])
    stol = sine_theta_over_lambda(q)
    amplitude, place = amplitude_at(curve, stol, -1)
    term = scale * amplitude * amplitude
    # d(F²)/dq = 2·F·dF/dstol·q/(2·|q|), and |q| is twice sin(θ)/λ
    rate = 0.0
    if stol > 0.0:
        rate = scale * amplitude * monotone_slope(curve.abscissae, curve.coefficients, place, stol) / (2.0 * stol)
    close_group(params, extras, source, ray, group, term, (rate * q[0], rate * q[1], rate * q[2]), basis)

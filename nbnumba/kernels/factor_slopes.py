"""Derivatives of a pixel by the structure factors of single reflections, in the loop nest of images.

A term F²·L² belongs to one reflection, the nearest: its derivative is 2·F·L², which needs no division by F.
"""

from __future__ import annotations

from nbnumba.kernels.pixel import render_pixel
from nbnumba.numerics.jit import device_jit
from nbnumba.physics.scattering import miller_index, nearest_index
from nbnumba.physics.structure_factor import table_position
from nbnumba.shapes.registry import lattice_factor


@device_jit
def add_factor_slopes(params, which, q, intensity, weight, interpolating, events):
    """Add 2·F·L² of every spindle step and mosaic domain to the sum of its reflection.

    Takes the place of `kernels.pixel.add_crystal`; the intensity stays as it is.

    Parameters
    ----------
    params : KernelParams
        With a table and without interpolation.
    which : tuple
        First the sums: see `pixel_factor_slopes`.
    q : tuple of 3 float64
        Scattering vector, 1/m.
    intensity : float64
    weight : tuple of 4 float64
        As in `kernels.pixel.add_domain`.
    interpolating : bool
    events : None
    """
    lattice, factors = params.lattice, params.factors
    sums, touched, count = which[0]
    for tic in range(lattice.phi_rows.shape[1]):
        row = lattice.phi_rows[1, tic]
        for domain in range(lattice.vectors.shape[1]):
            v = lattice.vectors[row, domain]
            h = miller_index(v[0], v[1], v[2], q)
            k = miller_index(v[3], v[4], v[5], q)
            l = miller_index(v[6], v[7], v[8], q)  # noqa: E741
            h0, k0, l0 = nearest_index(h), nearest_index(k), nearest_index(l)
            position = int(table_position(factors, h0, k0, l0))
            if position >= 0:
                shape, _ = lattice_factor(lattice, h, k, l, h0, k0, l0)
                slope = 2.0 * factors.amplitudes[position] * shape * shape * weight[3]
                # what is added to one sum has the sign of its F: no sum comes back to zero
                if sums[position] == 0.0 and slope != 0.0:
                    touched[count[0]] = position
                    count[0] += 1
                sums[position] += slope
    return intensity, interpolating


@device_jit
def pixel_factor_slopes(params, plane, slow, fast, sums, touched, count):
    """Derivatives of one pixel by the reflections of the table, without the factor r_e²·fluence/steps.

    Parameters
    ----------
    params : KernelParams
        Of exact physics, with a table and without interpolation.
    plane : Plane
        The pixel's panel.
    slow, fast : int
        Pixel on the panel.
    sums : ndarray, shape (table,), float64
        Zero; added to.
    touched : ndarray, shape (table,), int64
        Assigned: the positions of `sums` that are no longer zero, in the order in which they were met.
    count : ndarray, shape (1,), int64
        Zero; assigned: how many there are.
    """
    render_pixel(params, plane, slow, fast, False, False, add_factor_slopes, (sums, touched, count), None)

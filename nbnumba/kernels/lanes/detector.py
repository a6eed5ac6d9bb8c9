"""Passes over the lanes: where the subpixels are, what they subtend and what their sensor layer absorbs."""

from __future__ import annotations

from nbnumba.kernels.lanes.layout import (
    AIRPATH,
    CAPTURE,
    FAST,
    OMEGA,
    OMEGA_SUM,
    RAMP,
    SLOW,
    X,
    Y,
    Z,
)
from nbnumba.numerics.jit import pass_jit
from nbnumba.numerics.vectors import direction, dot, load, magnitude
from nbnumba.physics.absorption import captured_fraction
from nbnumba.physics.scattering import curved_position, detector_coordinate, flat_position
from nbnumba.physics.solid_angle import solid_angle_by_powers


@pass_jit
def place_pixels(params, first, lanes, s):
    """Number the pixels of the block, along the rows of the region of interest.

    Parameters
    ----------
    params : KernelParams
    first : int
        Pixel number of lane 0.
    lanes : int
        Lanes in use.
    s : ndarray, shape (SCRATCH,), float64
        Scratch.
    """
    width = params.roi_width
    row, column = first // width, first % width
    slow, fast = row + params.roi_slow_min, params.roi_fast_min
    if column + lanes <= width:
        for i in range(lanes):
            s[FAST + i] = float(fast + column) + s[RAMP + i]
            s[SLOW + i] = float(slow)
    else:
        for i in range(lanes):
            s[FAST + i] = float(fast + column)
            s[SLOW + i] = float(slow)
            column += 1
            if column == width:
                column, slow = 0, slow + 1


@pass_jit
def _keep_position(position, i, s):
    """Store the position of one lane's subpixel and its length."""
    s[X + i], s[Y + i], s[Z + i] = position
    s[AIRPATH + i] = magnitude(position)


@pass_jit
def _place(params, sub_fast, sub_slow, depth, lanes, s):
    """Positions of one subpixel of every pixel."""
    fdet, sdet, odet, pix0 = load(params.fdet), load(params.sdet), load(params.odet), load(params.pix0)
    oversample, size = float(params.oversample), params.subpixel_size
    if s[SLOW] == s[SLOW + lanes - 1]:
        slow = detector_coordinate(s[SLOW], sub_slow, oversample, size)
        for i in range(lanes):
            fast = detector_coordinate(s[FAST + i], sub_fast, oversample, size)
            _keep_position(flat_position(fast, slow, depth, fdet, sdet, odet, pix0), i, s)
    else:
        for i in range(lanes):
            fast = detector_coordinate(s[FAST + i], sub_fast, oversample, size)
            slow = detector_coordinate(s[SLOW + i], sub_slow, oversample, size)
            _keep_position(flat_position(fast, slow, depth, fdet, sdet, odet, pix0), i, s)
    if params.curved:
        beam, radius = load(params.beam), params.distance
        for i in range(lanes):
            flat = (s[X + i], s[Y + i], s[Z + i])
            _keep_position(curved_position(flat, radius, beam, fdet, sdet), i, s)


@pass_jit
def place_subpixels(params, sub_fast, sub_slow, depth, omega_afresh, lanes, s):
    """Unit vectors from the sample to one subpixel of every pixel, and the solid angles.

    Parameters
    ----------
    params : KernelParams
    sub_fast, sub_slow : float64
        Subpixel inside the pixel.
    depth : float64
        Distance behind the sensor's surface, m.
    omega_afresh : bool
        Whether the solid angle must be computed; else that of an earlier subpixel serves.
    lanes, s
        As in `place_pixels`.
    """
    _place(params, sub_fast, sub_slow, depth, lanes, s)
    pixel, distance, point_pixel = params.pixel_size, params.close_distance, params.point_pixel
    for i in range(lanes):
        airpath = s[AIRPATH + i]
        # not beside the root, which takes as long: here multiplications go on meanwhile
        inverse = 1.0 / airpath
        s[X + i], s[Y + i], s[Z + i] = direction((s[X + i], s[Y + i], s[Z + i]), airpath, inverse)
        if omega_afresh:
            s[OMEGA + i] = solid_angle_by_powers(pixel, inverse, distance, point_pixel)
    if params.oversample_omega:
        for i in range(lanes):
            s[OMEGA_SUM + i] += s[OMEGA + i]


@pass_jit
def absorb(params, layer, lanes, s):
    """Fraction of the photons that the sensor layer absorbs.

    Parameters
    ----------
    params : KernelParams
    layer : int
        Layer, 0 at the surface.
    lanes, s
        As in `place_pixels`.
    """
    odet, step, mu = load(params.odet), params.thick_step, params.mu
    for i in range(lanes):
        parallax = dot((s[X + i], s[Y + i], s[Z + i]), odet)
        s[CAPTURE + i] = captured_fraction(layer, step, mu, parallax)

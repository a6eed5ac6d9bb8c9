"""Passes over the lanes: where the subpixels are, what they subtend and what their sensor layer absorbs."""

from __future__ import annotations

import math

from nbnumba.kernels.params import CURVED, CURVED_AS_C, FLAT
from nbnumba.numerics.jit import pass_jit
from nbnumba.numerics.scratch import (
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
    touches,
)
from nbnumba.numerics.vectors import direction, dot, load, magnitude
from nbnumba.physics.absorption import captured_fraction
from nbnumba.physics.scattering import arc_position, curved_position, detector_coordinate, flat_position
from nbnumba.physics.solid_angle import solid_angle_by_powers


@touches(reads=(RAMP,), writes=(FAST, SLOW))
@pass_jit
def place_pixels(window, first, lanes, s):
    """Number the pixels of the block, along the rows of the region of interest.

    Parameters
    ----------
    window : PanelWindow
    first : int
        Pixel number of lane 0.
    lanes : int
        Lanes in use.
    s : ndarray, shape (SCRATCH,), float64
        Scratch.
    """
    width = window.width
    number = first - window.first
    row, column = number // width, number % width
    slow, fast = row + window.slow_min, window.fast_min
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
def _place(panels, plane, sub, oversample, depth, lanes, s):
    """Positions of one subpixel of every pixel."""
    fdet, sdet, odet, pix0 = plane.fdet, plane.sdet, plane.odet, plane.pix0
    size_fast, size_slow = plane.subpixel_fast, plane.subpixel_slow
    if s[SLOW] == s[SLOW + lanes - 1]:
        slow = detector_coordinate(s[SLOW], sub[1], oversample, size_slow)
        for i in range(lanes):
            fast = detector_coordinate(s[FAST + i], sub[0], oversample, size_fast)
            _keep_position(flat_position(fast, slow, depth, fdet, sdet, odet, pix0), i, s)
    else:
        for i in range(lanes):
            fast = detector_coordinate(s[FAST + i], sub[0], oversample, size_fast)
            slow = detector_coordinate(s[SLOW + i], sub[1], oversample, size_slow)
            _keep_position(flat_position(fast, slow, depth, fdet, sdet, odet, pix0), i, s)
    if panels.curved != FLAT:
        _curve(panels, plane, depth, lanes, s)


@pass_jit
def _curve(panels, plane, depth, lanes, s):
    """Bend the flat positions around the sample."""
    beam, fdet, sdet = load(panels.beam), plane.fdet, plane.sdet
    if panels.curved == CURVED_AS_C:
        for i in range(lanes):
            flat = (s[X + i], s[Y + i], s[Z + i])
            _keep_position(curved_position(flat, plane.distance, beam, fdet, sdet), i, s)
    else:
        for i in range(lanes):
            flat = (s[X + i], s[Y + i], s[Z + i])
            _keep_position(arc_position(flat, plane.distance + depth, beam, fdet, sdet), i, s)


@touches(reads=(FAST, SLOW, OMEGA_SUM), writes=(X, Y, Z, AIRPATH, OMEGA, OMEGA_SUM))
@pass_jit
def place_subpixels(params, plane, sub, depth, omega_afresh, lanes, s):
    """Unit vectors from the sample to one subpixel of every pixel, and the solid angles.

    Parameters
    ----------
    params : KernelParams
    plane : Plane
        The panel.
    sub : tuple of 2 float64
        Subpixel inside the pixel, fast and slow.
    depth : float64
        Distance behind the sensor's surface, m.
    omega_afresh : bool
        Whether the solid angle must be computed; else that of an earlier subpixel serves.
    lanes, s
        As in `place_pixels`.
    """
    _place(params.panels, plane, sub, float(params.sampling.oversample), depth, lanes, s)
    if params.panels.curved == CURVED:
        _aim_curved(plane, params.panels.point_pixel, omega_afresh, lanes, s)
    else:
        _aim(plane, params.panels.point_pixel, omega_afresh, lanes, s)
    if params.weighting.fresh_omega:
        for i in range(lanes):
            s[OMEGA_SUM + i] += s[OMEGA + i]


@pass_jit
def _aim(plane, point_pixel, omega_afresh, lanes, s):
    """Unit vectors and solid angles."""
    area, distance = plane.area, plane.close_distance
    for i in range(lanes):
        airpath = s[AIRPATH + i]
        # not beside the root, which takes as long: here multiplications go on meanwhile
        inverse = 1.0 / airpath
        s[X + i], s[Y + i], s[Z + i] = direction((s[X + i], s[Y + i], s[Z + i]), airpath, inverse)
        if omega_afresh:
            s[OMEGA + i] = solid_angle_by_powers(area, inverse, distance, point_pixel)


@pass_jit
def _aim_curved(plane, point_pixel, omega_afresh, lanes, s):
    """`_aim` where pixels have planes of their own: see `kernels.pixel.tangent_distance`."""
    for i in range(lanes):
        airpath = s[AIRPATH + i]
        inverse, position = 1.0 / airpath, (s[X + i], s[Y + i], s[Z + i])
        s[X + i], s[Y + i], s[Z + i] = direction(position, airpath, inverse)
        if omega_afresh:
            along = dot(position, plane.fdet)
            distance = math.sqrt(airpath * airpath - along * along)
            s[OMEGA + i] = solid_angle_by_powers(plane.area, inverse, distance, point_pixel)


@touches(reads=(X, Y, Z), writes=(CAPTURE,))
@pass_jit
def absorb(panels, plane, layer, lanes, s):
    """Fraction of the photons that the sensor layer absorbs.

    Parameters
    ----------
    panels : Panels
    plane : Plane
        The panel.
    layer : int
        Layer, 0 at the surface.
    lanes, s
        As in `place_pixels`.
    """
    odet, step, mu = plane.odet, plane.layer_step, plane.mu
    if panels.curved == CURVED:
        captured = captured_fraction(layer, step, mu, 1.0)
        for i in range(lanes):
            s[CAPTURE + i] = captured
    else:
        for i in range(lanes):
            parallax = dot((s[X + i], s[Y + i], s[Z + i]), odet)
            s[CAPTURE + i] = captured_fraction(layer, step, mu, parallax)

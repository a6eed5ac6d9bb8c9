"""Solid angle of a pixel."""

from __future__ import annotations

from nbnumba.numerics.jit import device_jit
from nbnumba.numerics.vectors import quotient


@device_jit
def pixel_solid_angle(area, airpath, inverse, close_distance, point_pixel):
    """Solid angle of a pixel: its area over R² times the obliquity, steradian.

    Parameters
    ----------
    area : float64
        Of the pixel, m².
    airpath, inverse : float64
        Sample to subpixel, m, and 1 / airpath.
    close_distance : float64
        Sample to the plane of the pixel, m.
    point_pixel : bool
        Leave out the obliquity. nanoBragg then leaves out the area, too (quirk `point-pixel`: an area of 1).
    """
    if point_pixel:
        return quotient(area * inverse, airpath, inverse)
    seen_square_on = quotient(quotient(area, airpath, inverse), airpath, inverse)
    return quotient(seen_square_on * close_distance, airpath, inverse)


@device_jit
def solid_angle_by_powers(area, inverse, close_distance, point_pixel):
    """`pixel_solid_angle` without its divisions, whose last bit no pixel shows.

    Parameters
    ----------
    area, inverse, close_distance, point_pixel
        As in `pixel_solid_angle`.
    """
    seen = area if point_pixel else area * close_distance * inverse
    return seen * inverse * inverse

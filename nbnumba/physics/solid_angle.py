"""Solid angle of a pixel."""

from __future__ import annotations

from nbnumba.numerics.jit import device_jit
from nbnumba.numerics.vectors import quotient


@device_jit
def pixel_solid_angle(pixel_size, airpath, inverse, close_distance, point_pixel):
    """Solid angle of a pixel: p²/R² times the obliquity, steradian.

    Parameters
    ----------
    pixel_size : float64
        Pixel edge, m.
    airpath, inverse : float64
        Sample to subpixel, m, and 1 / airpath.
    close_distance : float64
        Sample to detector plane, m.
    point_pixel : bool
        Inverse square law only: 1/R², per m² of pixel (quirk `point-pixel`).
    """
    if point_pixel:
        return quotient(inverse, airpath, inverse)
    seen_square_on = quotient(quotient(pixel_size * pixel_size, airpath, inverse), airpath, inverse)
    return quotient(seen_square_on * close_distance, airpath, inverse)


@device_jit
def solid_angle_by_powers(pixel_size, inverse, close_distance, point_pixel):
    """`pixel_solid_angle` without its divisions, whose last bit no pixel shows.

    Parameters
    ----------
    pixel_size, inverse, close_distance, point_pixel
        As in `pixel_solid_angle`.
    """
    area = 1.0 if point_pixel else pixel_size * pixel_size * close_distance * inverse
    return area * inverse * inverse

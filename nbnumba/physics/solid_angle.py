"""Solid angle of a pixel."""

from __future__ import annotations

from nbnumba._jit import device_jit


@device_jit
def pixel_solid_angle(pixel_size, airpath, close_distance, point_pixel):
    """Solid angle of a pixel: p²/R² times the obliquity, steradian.

    Parameters
    ----------
    pixel_size : float64
        Pixel edge, m.
    airpath : float64
        Sample to subpixel, m.
    close_distance : float64
        Sample to detector plane, m.
    point_pixel : bool
        Inverse square law only: 1/R², per m² of pixel (quirk `point-pixel`).
    """
    if point_pixel:
        return 1.0 / airpath / airpath
    return pixel_size * pixel_size / airpath / airpath * close_distance / airpath

"""Absorption in the sensor."""

from __future__ import annotations

import math

from nbnumba.numerics.jit import device_jit


@device_jit
def captured_fraction(layer, thick_step, mu, parallax):
    """Fraction of the photons that one layer of the sensor absorbs.

    Parameters
    ----------
    layer : int
        Layer, 0 at the surface.
    thick_step : float64
        Thickness of a layer, m.
    mu : float64
        Attenuation coefficient, 1/m.
    parallax : float64
        Cosine between the ray and the detector normal.
    """
    return math.exp(-layer * thick_step * mu / parallax) - math.exp(-(layer + 1) * thick_step * mu / parallax)


@device_jit
def captured_slope(layer, thick_step, mu, parallax):
    """Derivative of `captured_fraction` by the parallax.

    Parameters
    ----------
    layer, thick_step, mu, parallax
        As in `captured_fraction`.
    """
    front, back = layer * thick_step * mu / parallax, (layer + 1) * thick_step * mu / parallax
    return (front * math.exp(-front) - back * math.exp(-back)) / parallax

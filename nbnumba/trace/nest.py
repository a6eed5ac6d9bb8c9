"""The loop nest with recording switched on."""

from __future__ import annotations

from nbnumba.kernels.panels import panel_of, panel_plane
from nbnumba.kernels.pixel import add_crystal, render_pixel
from nbnumba.numerics.jit import jit


@jit
def render_pixel_recorded(params, number, slow, fast, opening, interpolating, rows, cursor):
    """Photons in one pixel, with every intermediate number appended to a log.

    Parameters
    ----------
    params, slow, fast, opening, interpolating
        As in `nbnumba.kernels.pixel.render_pixel`.
    number : int
        Number of the pixel.
    rows : ndarray, shape (n, EVENT_WIDTH), float64
        Log; events beyond its end are only counted.
    cursor : ndarray, shape (1,), int64
        Number of events so far.
    """
    plane = panel_plane(params.panels, panel_of(params.panels, number))
    return render_pixel(params, plane, slow, fast, opening, interpolating, add_crystal, None, (rows, cursor))[0]

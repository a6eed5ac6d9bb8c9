"""Which panel a pixel is on, and that panel's plane."""

from __future__ import annotations

from nbnumba.kernels.params import PanelWindow, Plane
from nbnumba.numerics.jit import device_jit


@device_jit
def panel_of(panels, number):
    """The panel that holds a pixel number: the last one that begins at or before it.

    Parameters
    ----------
    panels : Panels
    number : int
        Pixel number.

    Returns
    -------
    int
    """
    low, high = 0, panels.windows.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if panels.windows[middle, 0] <= number:
            low = middle
        else:
            high = middle
    return low


@device_jit
def panel_window(panels, panel):
    """The region of interest of a panel.

    Parameters
    ----------
    panels : Panels
    panel : int

    Returns
    -------
    PanelWindow
    """
    w = panels.windows[panel]
    return PanelWindow(w[0], w[1], w[2], w[3], w[4], w[5], w[6])


@device_jit
def panel_plane(panels, panel):
    """The plane of a panel.

    Parameters
    ----------
    panels : Panels
    panel : int

    Returns
    -------
    Plane
    """
    p = panels.planes[panel]
    return Plane(
        (p[0], p[1], p[2]), (p[3], p[4], p[5]), (p[6], p[7], p[8]), (p[9], p[10], p[11]),
        p[12], p[13], p[14], p[15], p[16], p[17], p[18], p[19], p[20],
    )  # fmt: skip

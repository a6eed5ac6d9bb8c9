"""What the loop nest records about a pixel when tracing is switched on at compile time.

A log is a pair of arrays: rows ``[code, values…]`` and a one-element cursor. ``None`` in its place makes numba drop
every recording branch, so that the image path carries no trace of tracing.
"""

from __future__ import annotations

from nbnumba.numerics.jit import device_jit

SUBPIXEL, SOURCE, POLARIZATION, PHI, DOMAIN, LATTICE_PARTS, LATTICE_FACTOR, TERM, FINAL = range(9)
"""Event codes; the values of each are listed where the loop nest records it."""

EVENT_WIDTH = 17
"""Columns of a log row: the code and at most 16 values."""


@device_jit
def record(events, code, values):
    """Append one event; when the log is full only the cursor moves on, so that the length needed is known.

    Parameters
    ----------
    events : tuple of (ndarray (n, EVENT_WIDTH) float64, ndarray (1,) int64)
        Log and cursor.
    code : int
        Event code.
    values : tuple of float64
        At most EVENT_WIDTH - 1 numbers.
    """
    rows, cursor = events
    row = cursor[0]
    cursor[0] = row + 1
    if row < rows.shape[0]:
        rows[row, 0] = code
        for i in range(len(values)):
            rows[row, 1 + i] = values[i]

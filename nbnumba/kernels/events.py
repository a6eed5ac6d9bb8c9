"""What the loop nest records about a pixel when tracing is switched on at compile time: the schema of its events.

A log is a pair of arrays: rows ``[code, values…]`` and a one-element cursor. ``None`` in its place makes numba drop
every recording branch, so that the image path carries no trace of tracing. The nest writes events by name, and whoever
reads a log gets the same named tuples back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nbnumba.numerics.jit import device_jit


class Subpixel(NamedTuple):
    """A point of the sensor: indices, detector coordinates, position (m, lab frame), what it subtends and absorbs."""

    layer: float
    sub_slow: float
    sub_fast: float
    fast: float  # m from the detector's corner
    slow: float
    depth: float
    x: float
    y: float
    z: float
    airpath: float
    dx: float  # unit vector from the sample
    dy: float
    dz: float
    omega: float  # steradian
    obliquity: float
    capture: float


class Source(NamedTuple):
    """A source seen from that point: direction of its beam, wavelength (m), scattering vector and sin θ/λ (1/m)."""

    number: float
    ix: float
    iy: float
    iz: float
    wavelength: float
    qx: float
    qy: float
    qz: float
    stol: float
    cos_2theta: float


class Polarization(NamedTuple):
    """The polarization factor that holds."""

    factor: float


class SpindleStep(NamedTuple):
    """A spindle step and the lattice row that it uses."""

    number: float
    row: float


class Domain(NamedTuple):
    """A mosaic domain: its cell vectors (m, lab frame), fractional and nearest Miller indices."""

    number: float
    ax: float
    ay: float
    az: float
    bx: float
    by: float
    bz: float
    cx: float
    cy: float
    cz: float
    h: float
    k: float
    l: float  # noqa: E741
    h0: float
    k0: float
    l0: float


class Shape(NamedTuple):
    """F_latt, and the numbers that it is made of: see `trace_keys` of the shape."""

    factor: float
    part0: float
    part1: float
    part2: float


class Term(NamedTuple):
    """An evaluation: F_cell, the term F_cell²·F_latt² and the sum that it was added to."""

    amplitude: float
    term: float
    accumulated: float


class Group(NamedTuple):
    """The crystal's sum of a layer, subpixel and source after its weighting, and the sum of the pixel so far."""

    weight: float
    accumulated: float


class Final(NamedTuple):
    """The pixel: its sum, the factors that it was multiplied by, photons."""

    intensity: float
    capture: float
    polarization: float
    omega: float
    photons: float


SCHEMA = (Subpixel, Source, Polarization, SpindleStep, Domain, Shape, Term, Group, Final)
"""Every event; its position is its code."""

SUBPIXEL, SOURCE, POLARIZATION, SPINDLE_STEP, DOMAIN, SHAPE, TERM, GROUP, FINAL = range(len(SCHEMA))

EVENT_WIDTH = 1 + max(len(event._fields) for event in SCHEMA)
"""Columns of a log row: the code and the values."""

Event = Subpixel | Source | Polarization | SpindleStep | Domain | Shape | Term | Group | Final


def read_events(rows: np.ndarray) -> Iterator[Event]:
    """The events of a log, in the order of evaluation.

    Parameters
    ----------
    rows : ndarray, shape (n, EVENT_WIDTH), float64
        Log.

    Yields
    ------
    Event
        One of the types of SCHEMA.
    """
    for code, *values in rows.tolist():
        event = SCHEMA[int(code)]
        yield event(*values[: len(event._fields)])


@device_jit
def record(events, code, event):
    """Append one event; when the log is full only the cursor moves on, so that the length needed is known.

    Parameters
    ----------
    events : tuple of (ndarray (n, EVENT_WIDTH) float64, ndarray (1,) int64)
        Log and cursor.
    code : int
        Position of its type in SCHEMA.
    event : Event
        All values float64.
    """
    rows, cursor = events
    row = cursor[0]
    cursor[0] = row + 1
    if row < rows.shape[0]:
        rows[row, 0] = code
        for i in range(len(event)):
            rows[row, 1 + i] = event[i]

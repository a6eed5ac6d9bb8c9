"""Refined geometry and orientation from XDS (XPARM.XDS, GXPARM.XDS)."""

from __future__ import annotations

import os

import numpy as np

from nbnumba.config import Panel
from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.reading import read_input
from nbnumba.io.scene import CrystalModel, Goniometer, Scan, Scene, as_vector
from nbnumba.setup.frames import dials_rotation, unit_vector

_COUNTS = (6, 4, 7, 3, 3, 3, 5, 3, 3, 3, 3)
"""Numbers in each line behind the first."""


def read_xparm(path: str | os.PathLike[str]) -> Scene:
    """Read detector, beam, spindle and crystal of an XDS run.

    Parameters
    ----------
    path : path
        XPARM.XDS or GXPARM.XDS as versions since 2010 write them.

    Returns
    -------
    Scene
        Turned into the lab frame of DIALS. XDS counts pixels from 1 at their centres: its ORGX is half a pixel more
        than the distance from the outer corner.

    Raises
    ------
    InputFileError
        If the file can't be read, is no such file, or describes a detector of several segments.
    """
    lines = read_input(path).decode("latin-1").splitlines()
    if not lines or "XPARM.XDS" not in lines[0]:
        raise InputFileError(f"{path}: is no XPARM.XDS: its first line does not say so")
    rows = [_numbers(path, lines, number + 1, count) for number, count in enumerate(_COUNTS)]
    (first, start, width, *spindle), (wavelength, *beam) = rows[0], rows[1]
    segments, pixels_x, pixels_y, size_x, size_y = rows[6]
    if segments > 1:
        raise InputFileError(f"{path}: a detector of {segments:g} segments is not read; only one is")
    org_x, org_y, distance = rows[7]
    x, y, normal = (np.array(row) for row in rows[8:11])
    origin = distance * normal - (org_x - 0.5) * size_x * x - (org_y - 0.5) * size_y * y
    try:
        turn = dials_rotation(beam, spindle)
        return Scene(
            panels=(Panel(
                as_vector(turn @ origin), as_vector(turn @ _unit(x)), as_vector(turn @ _unit(y)), (size_x, size_y),
                (int(pixels_x), int(pixels_y)), name="detector",
            ),),
            wavelength=wavelength, polarization_fraction=None,
            goniometer=Goniometer(as_vector(turn @ _unit(np.array(spindle)))),
            scan=Scan(start, width, first=int(first)),
            crystal=CrystalModel(np.linalg.inv(np.array(rows[3:6]) @ turn.T)),
        )  # fmt: skip
    except (UsageError, ValueError, np.linalg.LinAlgError) as error:
        raise InputFileError(f"{path}: describes no experiment: {error}") from error


def _numbers(path: str | os.PathLike[str], lines: list[str], number: int, count: int) -> list[float]:
    """The numbers of a line, counted from 0."""
    words = lines[number].split() if number < len(lines) else []
    try:
        values = [float(word) for word in words[:count]]
    except ValueError:
        values = []
    if len(values) < count:
        raise InputFileError(f"{path}: line {number + 1} must hold {count} numbers")
    return values


def _unit(vector: np.ndarray) -> np.ndarray:
    # the zero vector gives NaN, which Panel refuses
    with np.errstate(invalid="ignore"):
        return unit_vector(vector)

"""The ground truth of an image without rendering it: scattering vector and nearest Miller indices of each pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.engine.threads import share_out, thread_count
from nbnumba.kernels.panels import panel_plane
from nbnumba.kernels.pixel import subpixel_position
from nbnumba.numerics.jit import jit
from nbnumba.numerics.vectors import direction, magnitude
from nbnumba.physics.scattering import detector_coordinate, miller_index, nearest_index, scattering_vector
from nbnumba.setup.vectors import rotate_about

if TYPE_CHECKING:
    from nbnumba.setup.model import Model

_PIECE = 1 << 16
"""Pixels that are worth a thread of their own."""


@dataclass(frozen=True)
class Truth:
    """What the centre of each pixel sees; the arrays have the shape of the image and an axis of three.

    Attributes
    ----------
    q : ndarray, shape (..., 3), float64
        Scattering vector (d - i)/λ, 1/Å, in the lab frame of the simulation: its length is 1/d.
    hkl : ndarray, shape (..., 3), int32
        Nearest Miller indices.
    shapes : tuple of (int, int)
        Slow, fast pixels of each panel.
    """

    q: np.ndarray
    hkl: np.ndarray
    shapes: tuple[tuple[int, int], ...]

    @property
    def panels(self) -> list[Truth]:
        """That of each panel, with arrays of shape (slow, fast, 3): views."""
        pieces, offset = [], 0
        q, hkl = self.q.reshape(-1, 3), self.hkl.reshape(-1, 3)
        for slow, fast in self.shapes:
            piece = slice(offset, offset + slow * fast)
            shape = (slow, fast, 3)
            pieces.append(Truth(q[piece].reshape(shape), hkl[piece].reshape(shape), ((slow, fast),)))
            offset += slow * fast
        return pieces

    def turned(self, turn: np.ndarray) -> Truth:
        """The same in another lab frame.

        Parameters
        ----------
        turn : ndarray, shape (3, 3), float64
            Rotation that takes vectors into the new frame.
        """
        return self if np.array_equal(turn, np.eye(3)) else replace(self, q=self.q @ turn.T)


@jit
def _see(panels, ends, oversample, incident, wavelength, lattice, start, stop, q, hkl):
    panel = 0
    for n in range(start, stop):
        while n >= ends[panel]:
            panel += 1
        plane = panel_plane(panels, panel)
        stride = panels.windows[panel, 6]
        pixel = n - panels.windows[panel, 5]
        position = subpixel_position(
            panels, plane, detector_coordinate(pixel % stride, 0, 1, plane.subpixel_fast * oversample),
            detector_coordinate(pixel // stride, 0, 1, plane.subpixel_slow * oversample), 0.0,
        )  # fmt: skip
        airpath = magnitude(position)
        vector = scattering_vector(direction(position, airpath, 1.0 / airpath), incident, wavelength)
        for axis in range(3):
            index = miller_index(lattice[axis, 0], lattice[axis, 1], lattice[axis, 2], vector)
            q[n, axis] = 1e-10 * vector[axis]
            hkl[n, axis] = int(nearest_index(index))


def truth_of(model: Model, threads: int | None = None) -> Truth:
    """What every pixel of a simulation sees, those outside the region of interest and masked ones, too.

    Parameters
    ----------
    model : Model
        From `nbnumba.lower`.
    threads : int or None
        CPU threads; None takes all cores.

    Returns
    -------
    Truth
        At the centre of each pixel on the sensor's surface, for the nominal wavelength along the beam and the lattice
        in the middle of the rotation without its mosaic domains.
    """
    panels = model.params.panels
    ends = np.cumsum([slow * fast for slow, fast in model.shapes])
    q = np.empty((int(ends[-1]), 3))
    hkl = np.empty(q.shape, dtype=np.int32)
    lattice, oversample = _lattice(model), model.params.sampling.oversample

    def work(first: int, end: int) -> None:
        _see(panels, ends, oversample, model.geometry.beam, model.wavelength, lattice, first, end, q, hkl)

    share_out(work, len(q), thread_count(threads), _PIECE)
    shape = (*model.image_shape, 3)
    return Truth(q.reshape(shape), hkl.reshape(shape), model.shapes)


def _lattice(model: Model) -> np.ndarray:
    """a, b, c in the middle of the rotation, m; rows."""
    lattice = model.lattice
    angle = model.phi_start + model.phi.range / 2.0
    axes = (lattice.a, lattice.b, lattice.c)
    turned = axes if math.isclose(angle, 0.0) else [rotate_about(axis, model.geometry.spindle, angle) for axis in axes]
    return 1e-10 * np.array(turned)

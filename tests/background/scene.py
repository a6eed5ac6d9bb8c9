"""A small panel behind the sample, off the beam, and a beam of 1 Å along x."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbnumba import Background, Beam, Detector, Experiment, LabFrame, Panel, RadialCurve, Sampling, Sensor, simulate

PANEL = Panel(origin=(100.0, 12.0, -20.0), fast=(0.0, 0.0, 1.0), slow=(0.0, -1.0, 0.0), pixel_size=(1.0, 1.0),
              image_size=(60, 40))  # fmt: skip
LAB = LabFrame("custom", beam=(1.0, 0.0, 0.0), polar=(0.0, 0.0, 1.0))
BEAM = Beam(fluence=1e24, polarization=False, size=0.1)
FLAT = RadialCurve([0.0, 1.0], [3.0, 3.0])

MOLECULES = 0.1e-3**3 * 1e6 * 6.02214179e23 / 18.0
"""Molecules of water in a cube of 0.1 mm."""


def experiment(
    *curves: RadialCurve, panel: Panel = PANEL, beam: Beam = BEAM, layers: int | None = None, oversample: int = 1
) -> Experiment:
    """Cubes of 0.1 mm with the density and molar mass of water."""
    return Experiment(
        detector=Detector(panels=(panel,), frame=LAB, sensor=Sensor(layers=layers)), beam=beam,
        sampling=Sampling(oversample=oversample),
        background=tuple(Background(curve, 0.1, 1.0, 18.0) for curve in curves),
    )  # fmt: skip


def photons(*curves: RadialCurve, **changes: Any) -> np.ndarray:
    """What these cubes scatter onto the panel: shape (slow, fast), float64."""
    return simulate(experiment(*curves, **changes), engine="cpu", dtype=np.float64).panels[0]


def middles(panel: Panel = PANEL) -> np.ndarray:
    """Where the middles of the pixels lie, mm: shape (slow, fast, 3)."""
    fast, slow = (np.arange(count) + 0.5 for count in panel.image_size)
    fast, slow = fast * panel.pixel_size[0], slow * panel.pixel_size[1]
    return np.array(panel.origin) + fast[:, None] * np.array(panel.fast) + slow[:, None, None] * np.array(panel.slow)


def stol(panel: Panel = PANEL) -> np.ndarray:
    """sin θ/λ of the middles, 1/Å."""
    position = middles(panel)
    cosine = position[..., 0] / np.linalg.norm(position, axis=-1)
    return np.sqrt((1.0 - cosine) / 2.0)

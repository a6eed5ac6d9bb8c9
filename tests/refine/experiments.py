"""Small experiments that have every parameter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nbnumba import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    Panel,
    Sampling,
    Sensor,
    Spectrum,
    Spread,
    StructureFactors,
    UnitCell,
)

FACTORS = StructureFactors(np.random.default_rng(1).uniform(50.0, 300.0, (21, 23, 25)), -10, -11, -12)

PANELS = (
    Panel((-17.0, 14.0, -60.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (2.0, 1.8), (8, 7), thickness=0.3, mu=3.0),
    Panel(
        (2.0, 15.0, -65.0), (math.cos(0.2), 0.0, math.sin(0.2)), (0.0, -1.0, 0.0), (2.0, 1.8), (8, 7), thickness=0.3,
        mu=3.0,
    ),
)  # fmt: skip
"""Two of 56 pixels, one of them tilted."""


def experiment(**fields: Any) -> Experiment:
    """Two panels, a spectrum of three lines, a table of structure factors, anisotropic mosaicity, two spindle steps."""
    given: dict[str, Any] = {
        "shape": "gauss", "interpolate": False, "mosaic_spread": (0.5, 1.0, 1.5), "layers": 2, "oversample": 2,
        "polarization": True, "divergence": Spread(), "sources": None, "point_pixel": False, "dmin": 0.0,
        "water": 0.0, "distribution": "gaussian",
    }  # fmt: skip
    given |= fields
    spectrum = None if given["sources"] is not None else Spectrum([1.0, 1.02, 1.05], weights=[1.0, 2.0, 3.0])
    return Experiment(
        Crystal(
            unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), misset=(10.0, 20.0, 30.0), cells=(5, 6, 7),
            shape=given["shape"], default_F=20.0, structure_factors=FACTORS, interpolate=given["interpolate"],
            mosaic_spread=given["mosaic_spread"], mosaic_domains=3, mosaic_distribution=given["distribution"],
        ),
        Beam(
            kahn_factor=0.7, fluence=1e26, polarization=given["polarization"], spectrum=spectrum,
            sources=given["sources"], horizontal_divergence=given["divergence"],
        ),
        Detector(panels=PANELS, sensor=Sensor(layers=given["layers"]), point_pixel=given["point_pixel"]),
        Sampling(
            oversample=given["oversample"], phi=3.0, oscillation=1.0, phi_steps=2, dmin=given["dmin"],
            water=given["water"],
        ),
    )  # fmt: skip

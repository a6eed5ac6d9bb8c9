"""Scenes and simulations that the tests of files share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nbnumba import Beam, Convention, Crystal, Detector, Experiment, LabFrame, Panel, Sampling, Sensor, UnitCell, lower
from nbnumba.io.scene import Goniometer, Scan, Scene, axis_rotation
from nbnumba.setup.model import Model

CONVENTIONS = (Convention.MOSFLM, Convention.DENZO, Convention.XDS, Convention.DIALS, Convention.ADXV)

TILT = axis_rotation((0.6, 0.0, 0.8), 12.0) @ axis_rotation((0.0, 1.0, 0.0), -7.0)
"""A rotation that leaves no axis in place."""


def simulation(convention: Convention = Convention.MOSFLM, **fields: Any) -> Model:
    """A detector of 30 x 40 pixels whose beam is off its middle, set up but not rendered."""
    xds = convention in (Convention.XDS, Convention.DIALS)
    detector = Detector(
        frame=LabFrame(convention=convention), pixel_size=0.2, pixels_fast=30, pixels_slow=40, distance=100.0,
        beam_center=(None, None) if xds else (2.2, 3.5), origin_pixels=(12.3, 17.9) if xds else (None, None),
        **fields.pop("detector", {}),
    )  # fmt: skip
    return lower(Experiment(
        crystal=Crystal(unit_cell=UnitCell(60.0, 70.0, 80.0, 95.0, 100.0, 105.0), misset=(10.0, 20.0, 30.0),
                        default_F=100.0),
        beam=Beam(wavelength=1.1, kahn_factor=0.8, flux=1e12, exposure=0.25, **fields.pop("beam", {})),
        detector=detector, sampling=Sampling(**fields),
    ))  # fmt: skip


def thick_simulation() -> Model:
    """The same with a sensor of 0.45 mm."""
    return simulation(detector={"sensor": Sensor(thickness=450.0, attenuation_depth=234.0)})


def panel(**fields: Any) -> Panel:
    """30 x 40 pixels square to the beam."""
    given: dict[str, Any] = {
        "origin": (-3.7, 2.9, -100.1), "fast": (1.0, 0.0, 0.0), "slow": (0.0, -1.0, 0.0), "pixel_size": (0.2, 0.2),
        "image_size": (30, 40), "name": "p0",
    }  # fmt: skip
    return Panel(**{**given, **fields})


def tilted_panel(**fields: Any) -> Panel:
    """The same turned about the sample."""
    flat = panel()
    turned = {"origin": TILT @ flat.origin, "fast": TILT @ flat.fast, "slow": TILT @ flat.slow}
    return panel(**{**turned, **fields})


def four_panels() -> tuple[Panel, ...]:
    """Four panels of 30 x 10 pixels, each tilted its own way, side by side."""
    made = []
    for k in range(4):
        turn = axis_rotation((0.0, 0.6, 0.8), 4.0 * k) @ TILT
        made.append(panel(
            origin=(-14.0 + 7.0 * k, 2.5 - 0.3 * k, -100.0 + k), fast=turn[:, 0], slow=turn[:, 1], image_size=(30, 10),
            name=f"p{k}",
        ))  # fmt: skip
    return tuple(made)


def scene(*panels: Panel, **fields: Any) -> Scene:
    """A still of 1.1 Å; one flat panel if none is given."""
    return Scene(panels=panels or (panel(),), wavelength=1.1, exposure=0.25, flux=1e12, **fields)


def sweep(*panels: Panel, **fields: Any) -> Scene:
    """The same as images of half a degree each from 10 degrees on."""
    return replace(scene(*panels), **{"goniometer": Goniometer(), "scan": Scan(10.0, 0.5), **fields})


def counts(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """Poisson counts around 5, int32."""
    return np.random.default_rng(seed).poisson(5.0, shape).astype(np.int32)

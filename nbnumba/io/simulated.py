"""The scene of a simulation: what its files say about it."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.config import Panel, Spectrum
from nbnumba.errors import UsageError
from nbnumba.io.scene import (
    CrystalModel,
    Goniometer,
    Scan,
    Scene,
    Vector,
    as_vector,
    axis_rotation,
    turn_panel,
)
from nbnumba.setup.frames import dials_rotation

if TYPE_CHECKING:
    from nbnumba.setup.model import Model


def scene_of(model: Model) -> Scene:
    """The scene of a simulation, turned into the frame of DIALS.

    The frame follows from the beam and the spindle, not from the convention. Where the spindle lies along the beam, x
    is the E-vector instead.

    Parameters
    ----------
    model : Model
        From `nbnumba.lower`.

    Returns
    -------
    Scene
        The detector's panels, or nanoBragg's plane as one; a goniometer and scan if the spindle turns during the
        image, otherwise the crystal as it stands.

    Raises
    ------
    UsageError
        If the detector is curved, or its axes are not at a right angle.
    """
    geometry = model.geometry
    if model.experiment.detector.curved:
        raise UsageError("{Detector.curved}: no file can describe a curved detector; write pixels alone (.npy, .tif)")
    turn = frame_of(model)
    scan = None
    if model.phi.range != 0.0:
        scan = Scan(math.degrees(model.phi_start), math.degrees(model.phi.range))
    spindle = as_vector(turn @ geometry.spindle)
    beam = model.experiment.beam
    return Scene(
        panels=_panels(model, turn),
        wavelength=model.wavelength * 1e10,
        spectrum=_spectrum(model),
        polarization_normal=_upwards(turn @ geometry.vertical),
        polarization_fraction=(1.0 + beam.kahn_factor) / 2.0 if beam.polarization else None,
        flux=model.flux,
        exposure=beam.exposure,
        goniometer=None if scan is None else Goniometer(spindle),
        scan=scan,
        crystal=_crystal(model, turn, spindle, scan),
        provenance=_provenance(model),
    )


def frame_of(model: Model) -> np.ndarray:
    """The rotation that takes vectors of a simulation's lab frame into that of its `scene_of`.

    Parameters
    ----------
    model : Model
        From `nbnumba.setup.lowering.lower`.

    Returns
    -------
    ndarray, shape (3, 3), float64
    """
    geometry = model.geometry
    return dials_rotation(geometry.beam, geometry.spindle, geometry.polar, geometry.vertical, geometry.fdet)


def _upwards(normal: np.ndarray) -> Vector:
    """Of the two normals of a plane the one that programs expect."""
    return as_vector(normal if normal[1] >= 0.0 else -normal)


def _panels(model: Model, turn: np.ndarray) -> tuple[Panel, ...]:
    panels = model.experiment.detector.panels
    if panels is None:
        return (_plane(model, turn),)
    return panels if np.array_equal(turn, np.eye(3)) else tuple(turn_panel(panel, turn) for panel in panels)


def _plane(model: Model, turn: np.ndarray) -> Panel:
    """nanoBragg's plane as a panel."""
    geometry, sensor = model.geometry, model.experiment.detector.sensor
    pixel = geometry.pixel_size * 1000.0
    mask = model.experiment.detector.mask
    return Panel(
        origin=as_vector(turn @ geometry.pix0 * 1000.0), fast=as_vector(turn @ geometry.fdet),
        slow=as_vector(turn @ geometry.sdet), pixel_size=(pixel, pixel),
        image_size=(geometry.pixels_fast, geometry.pixels_slow), name="detector",
        thickness=sensor.thickness / 1000.0,
        mu=max(model.mu, 0.0) / 1000.0 if sensor.thickness > 0.0 else 0.0,
        mask=None if mask is None else np.asarray(mask) != 0,
    )


def _spectrum(model: Model) -> Spectrum | None:
    """Sources by wavelength, with the weights that they have in the image."""
    sources = model.params.sources.table
    wavelengths, place = np.unique(sources[:, 3], return_inverse=True)
    if len(wavelengths) == 1:
        return None
    return Spectrum(wavelengths=wavelengths * 1e10, weights=np.bincount(place, sources[:, 4]))


def _crystal(model: Model, turn: np.ndarray, spindle: Vector, scan: Scan | None) -> CrystalModel:
    lattice = model.lattice
    reciprocal = turn @ np.column_stack([lattice.a_star, lattice.b_star, lattice.c_star])
    if scan is None:
        reciprocal = axis_rotation(spindle, math.degrees(model.phi_start)) @ reciprocal
    return CrystalModel(reciprocal)


def _provenance(model: Model) -> dict[str, Any]:
    """Program, version and the whole experiment."""
    from nbnumba import __version__

    return {"program": "nbnumba", "version": __version__, "experiment": _plain(model.experiment)}


def _plain(value: Any) -> Any:
    """A description in JSON's types; of an array its shape and a hash, which tell whether it is the same."""
    if dataclasses.is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()
        return {"shape": list(value.shape), "dtype": str(value.dtype), "sha256": digest}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value

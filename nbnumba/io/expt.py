"""Experiment models of DIALS (.expt), JSON: beam, detector, goniometer, scan and crystal of each experiment."""

from __future__ import annotations

import functools
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nbnumba.config import Panel
from nbnumba.config.panel import LARGEST_COUNT
from nbnumba.config.rules import NUMBER, POSITIVE_INTEGER, argument
from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.io.atomic import atomic_write
from nbnumba.io.json_text import to_json
from nbnumba.io.nxmx_metadata import THINNEST_SENSOR
from nbnumba.io.pixels import Rectangle, bad_bands, mask_without, split_frames
from nbnumba.io.reading import read_input
from nbnumba.io.scene import (
    IDENTITY,
    CrystalModel,
    Goniometer,
    Scan,
    Scene,
    Vector,
    as_vector,
    axis_rotation,
)
from nbnumba.setup.frames import unit_vector

_MODELS = ("beam", "detector", "goniometer", "scan", "crystal")
INDEX_FIRST = "index the images first (dials.index)"
"""What to do about a missing crystal."""

_PANEL_FIELDS = ("name", "mu", "material", "gain", "pedestal")

_STANDS_FOR_NONE = 1.001 * THINNEST_SENSOR
"""mm; metres in a file cost a rounding."""


@dataclass(frozen=True)
class DialsExperiment:
    """One experiment of a list.

    Attributes
    ----------
    scene : Scene
        Beam, detector, goniometer, scan and crystal.
    identifier : str
        As DIALS gave it.
    images : tuple of str
        Image files, or one template with # for the number.
    frames : tuple of int
        Places of the images in a file of many, from 0; empty where each image has a file.
    """

    scene: Scene
    identifier: str = ""
    images: tuple[str, ...] = field(default_factory=tuple)
    frames: tuple[int, ...] = field(default_factory=tuple)


def read_expt(path: str | os.PathLike[str], need_crystal: bool = True) -> list[DialsExperiment]:
    """Read an experiment list.

    Parameters
    ----------
    path : path
        .expt file of any version of DIALS that writes JSON.
    need_crystal : bool
        Refuse experiments that were not indexed.

    Returns
    -------
    list of DialsExperiment
        Panels in the lab frame, whatever hierarchy the file has; of stills, what a goniometer did is in the crystal.

    Raises
    ------
    InputFileError
        If the file can't be read, is no experiment list, or an experiment lacks beam, detector or crystal.
    """
    try:
        data = json.loads(read_input(path))
    except ValueError as error:
        raise InputFileError(f"{path}: is no JSON, which .expt files are: {error}") from error
    if not isinstance(data, dict) or data.get("__id__") != "ExperimentList":
        raise InputFileError(f"{path}: is no experiment list of DIALS: __id__ is not ExperimentList")
    experiments = data.get("experiment") or []
    if not experiments:
        raise InputFileError(f"{path}: holds no experiment")
    try:
        # thousands of stills share a detector of hundreds of panels
        panels = functools.cache(functools.partial(_panels_of, data))
        return [_experiment(path, data, number, row, need_crystal, panels) for number, row in enumerate(experiments)]
    except UsageError as error:
        raise InputFileError(f"{path}: {error}") from error
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise InputFileError(f"{path}: is no complete experiment list: {type(error).__name__} {error}") from error


@contextmanager
def _within(name: str, place: int) -> Iterator[None]:
    """Say in which model something is missing or of another kind than it should be."""
    try:
        yield
    except UsageError:
        raise
    except KeyError as error:
        raise UsageError(f"{name} {place} has no {error.args[0]}") from error
    except (IndexError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{name} {place} is no model of DIALS: {error}") from error


def _panels_of(data: Mapping[str, Any], place: int) -> tuple[Panel, ...]:
    with _within("detector", place):
        return _read_panels(data["detector"][place])


def _model(data: Mapping[str, Any], name: str, place: Any) -> Any:
    """The model that an experiment names by its place in the list of its kind."""
    if place is None:
        return None
    models = data.get(name) or ()
    if not isinstance(place, int) or not isinstance(models, list) or not 0 <= place < len(models):
        held = len(models) if isinstance(models, (list, tuple)) else "no list"
        raise UsageError(f"an experiment has {name} {place}, but the list holds {held}")
    if not isinstance(models[place], Mapping):
        raise UsageError(f"{name} {place} is no model of DIALS but {models[place]!r}")
    return models[place]


def _experiment(
    path: str | os.PathLike[str], data: Mapping[str, Any], number: int, row: Mapping[str, Any], need_crystal: bool,
    panels: Callable[[int], tuple[Panel, ...]],
) -> DialsExperiment:
    if not isinstance(row, Mapping):
        raise UsageError(f"experiment {number} names no models but is {row!r}")
    models: dict[str, Any] = {name: _model(data, name, row.get(name)) for name in _MODELS}
    needed = {
        "detector": "import images first (dials.import)", "beam": "import images first (dials.import)",
        **({"crystal": INDEX_FIRST} if need_crystal else {}),
    }  # fmt: skip
    for name, remedy in needed.items():
        if models[name] is None:
            raise InputFileError(f"{path}: experiment {number} has no {name}: {remedy}")
    with _within("scan", row.get("scan", 0)):
        scan, exposure = _read_scan(path, models["scan"])
    with _within("beam", row["beam"]):
        beam = _read_beam(models["beam"])
    with _within("goniometer", row.get("goniometer", 0)):
        goniometer = _read_goniometer(models["goniometer"]) if scan is not None else None
    with _within("crystal", row.get("crystal", 0)):
        crystal = None if models["crystal"] is None else _read_crystal(models["crystal"], scan)
    scene = Scene(
        panels=panels(row["detector"]), **beam, exposure=exposure, goniometer=goniometer, scan=scan, crystal=crystal
    )
    with _within("imageset", row.get("imageset", 0)):
        images, frames = _read_images(data, row)
    return DialsExperiment(scene, row.get("identifier", ""), images, frames)


def _read_beam(beam: Mapping[str, Any]) -> dict[str, Any]:
    """What a scene says of the beam."""
    return {
        "wavelength": float(beam["wavelength"]),
        "unit_s0": tuple(-value + 0.0 for value in _direction("the beam's direction", beam["direction"])),
        "polarization_normal": _direction(
            "the beam's polarization_normal", beam.get("polarization_normal", (0.0, 1.0, 0.0))
        ),
        "polarization_fraction": float(beam["polarization_fraction"]) if "polarization_fraction" in beam else None,
        "flux": float(beam.get("flux", 0.0)),
    }


def _read_scan(path: str | os.PathLike[str], scan: Mapping[str, Any] | None) -> tuple[Scan | None, float]:
    """The scan, none for stills; and the exposure of an image, s."""
    if scan is None:
        return None, 0.0
    first, last = (int(number) for number in scan["image_range"])
    images = last - first + 1
    if images < 1:
        raise UsageError(f"the scan's image_range {first} {last} holds no image")
    table = scan.get("properties", scan)
    angles = [argument("oscillation", NUMBER, angle) for angle in table.get("oscillation", ())]
    exposures = table.get("exposure_time") or [0.0]
    exposure = float(exposures[0])
    if "properties" not in scan:
        start, width = angles
    elif images > 1 and angles:
        start, width = angles[0], angles[1] - angles[0]
    else:
        if angles:
            message = f"{path}: a scan of one image does not state its width here; it is taken for a still"
            warnings.warn(NbnumbaWarning(message), stacklevel=2)
        return None, exposure
    return (Scan(start, width, images, first) if width != 0.0 else None), exposure


def _read_goniometer(goniometer: Mapping[str, Any] | None) -> Goniometer:
    if goniometer is None:
        return Goniometer()
    if "axes" in goniometer:
        return _multi_axis(goniometer["axes"], goniometer["angles"], int(goniometer["scan_axis"]))
    return Goniometer(
        _axis(goniometer["rotation_axis"]), *(
            np.array(goniometer.get(name, IDENTITY), dtype=np.float64).reshape(3, 3)
            for name in ("fixed_rotation", "setting_rotation")
        ),
    )  # fmt: skip


def _direction(name: str, vector: Sequence[float]) -> Vector:
    """A vector of unit length."""
    axis = np.asarray(vector, dtype=np.float64)
    if axis.shape != (3,) or not np.isfinite(axis).all() or not axis.any():
        raise UsageError(f"{name} {vector} has no direction")
    return as_vector(unit_vector(axis))


def _axis(vector: Sequence[float]) -> Vector:
    """A rotation axis of unit length."""
    return _direction("the goniometer's axis", vector)


def _multi_axis(axes: Sequence[Sequence[float]], angles: Sequence[float], moving: int) -> Goniometer:
    """Axes in the order from the crystal to the base, of which one turns."""
    units = [_axis(axis) for axis in axes]
    turns = [axis_rotation(axis, float(angle)) for axis, angle in zip(units, angles, strict=True)]
    fixed, setting = IDENTITY, IDENTITY
    for turn in turns[:moving]:
        fixed = turn @ fixed
    for turn in turns[moving + 1 :]:
        setting = turn @ setting
    return Goniometer(units[moving], fixed, setting)


def _read_crystal(crystal: Mapping[str, Any], scan: Scan | None) -> CrystalModel:
    real = np.array([crystal[f"real_space_{axis}"] for axis in "abc"], dtype=np.float64)
    if not np.isfinite(real).all():
        raise UsageError("the crystal's real_space_a, b, c are not all numbers")
    if np.linalg.matrix_rank(real) < 3:
        raise UsageError("the crystal's real_space_a, b, c lie in a plane")
    points = crystal.get("A_at_scan_points")
    if points and scan is not None and len(points) != scan.images + 1:
        raise UsageError(f"{len(points)} A_at_scan_points don't fit a scan of {scan.images} images: it needs one more")
    return CrystalModel(
        np.linalg.inv(real), str(crystal.get("space_group_hall_symbol", "P 1")).strip(),
        None if not points else np.array(points, dtype=np.float64).reshape(-1, 3, 3),
    )


def _read_images(data: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    if row.get("imageset") is None:
        return (), ()
    imageset = data["imageset"][row["imageset"]]
    names = [imageset["template"]] if "template" in imageset else imageset.get("images", [])
    return tuple(names), tuple(imageset.get("single_file_indices", ()))


def _read_panels(detector: Mapping[str, Any]) -> tuple[Panel, ...]:
    """Panels in the lab frame: each stands in the frame of its group, that one in the group above."""
    rows = detector["panels"]
    frames = [np.eye(4)] * len(rows)
    if "hierarchy" in detector:
        _walk(detector["hierarchy"], np.eye(4), frames)
    return tuple(_read_panel(row, frame) for row, frame in zip(rows, frames, strict=True))


def _walk(node: Mapping[str, Any], above: np.ndarray, frames: list[np.ndarray]) -> None:
    """Note for every panel below a group the frame in which it stands."""
    if "panel" in node:
        frames[node["panel"]] = above
        return
    here = above @ _frame(node)
    for child in node.get("children", ()):
        _walk(child, here, frames)


def _frame(node: Mapping[str, Any]) -> np.ndarray:
    """The 4x4 matrix from a group's own coordinates to those of the group above."""
    frame = np.eye(4)
    fast, slow = (np.asarray(node[f"{axis}_axis"], dtype=np.float64) for axis in ("fast", "slow"))
    frame[:3] = np.column_stack([fast, slow, np.cross(fast, slow), node["origin"]])
    return frame


def _read_panel(row: Mapping[str, Any], frame: np.ndarray) -> Panel:
    width, height = (argument("image_size", POSITIVE_INTEGER, value) for value in row["image_size"])
    size = (width, height)
    smallest, largest = row.get("trusted_range", (0.0, LARGEST_COUNT))
    return Panel(
        origin=as_vector(frame[:3, :3] @ row["origin"] + frame[:3, 3]),
        fast=as_vector(frame[:3, :3] @ row["fast_axis"]), slow=as_vector(frame[:3, :3] @ row["slow_axis"]),
        pixel_size=row["pixel_size"], image_size=size,
        trusted_range=(smallest, largest) if smallest < largest else (0.0, LARGEST_COUNT),
        mask=mask_without(row.get("mask") or (), size),
        **{name: row[name] for name in _PANEL_FIELDS if row.get(name) is not None},
        thickness=_thickness(row),
    )  # fmt: skip


def _thickness(row: Mapping[str, Any]) -> float:
    """Of the sensor, mm; one that only stands for none, in images of this program, would absorb nothing."""
    thickness = float(row.get("thickness") or 0.0)
    return 0.0 if 0.0 <= thickness <= _STANDS_FOR_NONE else thickness


def write_expt(path: str | os.PathLike[str], experiments: Sequence[DialsExperiment]) -> None:
    """Write an experiment list that DIALS and this program read.

    Parameters
    ----------
    path : path
        File to write.
    experiments : sequence of DialsExperiment
        Each brings its own models; hierarchies of panels are not kept.

    Raises
    ------
    OutputFileError
        If the file can't be written.

    Warns
    -----
    NbnumbaWarning
        If a mask is no set of whole rows and columns, which is all that is written of it; or a spectrum is left out.
    """
    lists: dict[str, list[Any]] = {name: [] for name in (*_MODELS, "imageset", "profile", "scaling_model")}
    rows = []
    for experiment in experiments:
        row: dict[str, Any] = {"__id__": "Experiment", "identifier": experiment.identifier}
        for name, model in _models(path, experiment).items():
            row[name] = len(lists[name])
            lists[name].append(model)
        rows.append(row)
    text = to_json({"__id__": "ExperimentList", "experiment": rows, **lists})
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))


def write_scene(path: str | os.PathLike[str], images: np.ndarray | Sequence[np.ndarray], scene: Scene) -> None:
    """Write the experiment of simulated images: what DIALS should find.

    Parameters
    ----------
    path : path
        File to write.
    images : ndarray or sequence of ndarray
        Counted; the file holds no pixels.
    scene : Scene
        Detector, beam and crystal.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    if scene.scan is not None:
        scene = replace(scene, scan=replace(scene.scan, images=len(split_frames(images, scene.panels))))
    write_expt(path, [DialsExperiment(scene)])


def _models(path: str | os.PathLike[str], experiment: DialsExperiment) -> dict[str, Any]:
    """The models that an experiment has."""
    scene = experiment.scene
    if scene.spectrum is not None:
        warnings.warn(NbnumbaWarning(f"{path}: holds one wavelength, the spectrum is left out"), stacklevel=3)
    panels = [_panel_dict(path, panel) for panel in scene.panels]
    models: dict[str, Any] = {
        "beam": _beam_dict(scene),
        "detector": {"panels": panels, "hierarchy": {
            **_group_dict("", (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
            "children": [{"panel": i} for i in range(len(panels))],
        }},
    }  # fmt: skip
    if scene.goniometer is not None:
        models["goniometer"] = {
            "rotation_axis": scene.goniometer.axis,
            "fixed_rotation": scene.goniometer.fixed_rotation.ravel().tolist(),
            "setting_rotation": scene.goniometer.setting_rotation.ravel().tolist(),
        }
    if scene.scan is not None:
        models["scan"] = _scan_dict(scene.scan, scene.exposure)
    if scene.crystal is not None:
        models["crystal"] = _crystal_dict(scene.crystal)
    if experiment.images:
        models["imageset"] = _imageset_dict(experiment)
    return models


def _beam_dict(scene: Scene) -> dict[str, Any]:
    known = {} if scene.polarization_fraction is None else {"polarization_fraction": scene.polarization_fraction}
    return {
        "direction": [-value + 0.0 for value in scene.unit_s0], "wavelength": scene.wavelength, "divergence": 0.0,
        "sigma_divergence": 0.0, "polarization_normal": scene.polarization_normal, **known, "flux": scene.flux,
        "transmission": 1.0,
    }  # fmt: skip


def _group_dict(name: str, origin: Sequence[float], fast: Sequence[float], slow: Sequence[float]) -> dict[str, Any]:
    """What panels and groups of panels have in common, with the values of a group."""
    return {
        "name": name, "type": "", "fast_axis": fast, "slow_axis": slow, "origin": origin, "raw_image_offset": [0, 0],
        "image_size": [0, 0], "pixel_size": [0.0, 0.0], "trusted_range": [0.0, 0.0], "thickness": 0.0, "material": "",
        "mu": 0.0, "identifier": "", "mask": [], "gain": 1.0, "pedestal": 0.0,
        "px_mm_strategy": {"type": "SimplePxMmStrategy"},
    }  # fmt: skip


def _panel_dict(path: str | os.PathLike[str], panel: Panel) -> dict[str, Any]:
    # only with both numbers can DIALS correct for the depth in the sensor
    strategy = "ParallaxCorrectedPxMmStrategy" if panel.thickness > 0.0 and panel.mu > 0.0 else "SimplePxMmStrategy"
    return {
        **_group_dict(panel.name, panel.origin, panel.fast, panel.slow), "type": "SENSOR_PAD",
        "image_size": panel.image_size, "pixel_size": panel.pixel_size, "trusted_range": panel.trusted_range,
        "mask": _mask_rectangles(path, panel), "thickness": panel.thickness,
        **{name: getattr(panel, name) for name in _PANEL_FIELDS},
        "px_mm_strategy": {"type": strategy},
    }  # fmt: skip


def _mask_rectangles(path: str | os.PathLike[str], panel: Panel) -> list[Rectangle]:
    """What is bad from end to end of rows or columns."""
    rectangles, complete = bad_bands(panel.mask)
    if not complete:
        message = f"{path}: of the mask only whole rows and columns are written, .expt holds rectangles"
        warnings.warn(NbnumbaWarning(message), stacklevel=4)
    return rectangles


def _scan_dict(scan: Scan, exposure: float) -> dict[str, Any]:
    return {
        "image_range": [scan.first, scan.first + scan.images - 1], "batch_offset": 0,
        "oscillation": [scan.start, scan.width], "exposure_time": [exposure] * scan.images,
        "epochs": [exposure * number for number in range(scan.images)], "valid_image_ranges": {},
    }  # fmt: skip


def _crystal_dict(crystal: CrystalModel) -> dict[str, Any]:
    real = np.linalg.inv(crystal.A)
    model = {
        "__id__": "crystal", **{f"real_space_{axis}": row.tolist() for axis, row in zip("abc", real, strict=True)},
        "space_group_hall_symbol": crystal.space_group,
    }  # fmt: skip
    if crystal.A_at_scan_points is not None:
        model["A_at_scan_points"] = [matrix.ravel().tolist() for matrix in crystal.A_at_scan_points]
    return model


def _imageset_dict(experiment: DialsExperiment) -> dict[str, Any]:
    lookups = dict.fromkeys(("mask", "gain", "pedestal", "dx", "dy"), "")
    frames = {"single_file_indices": list(experiment.frames)} if experiment.frames else {}
    if experiment.scene.scan is not None:
        return {"__id__": "ImageSequence", "template": experiment.images[0], **frames, **lookups, "params": {}}
    return {"__id__": "ImageSet", "images": list(experiment.images), **frames, **lookups, "params": {}}

"""What an NXmx file says besides its pixels: groups and fields of the NXmx application definition."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nbnumba.errors import UsageError
from nbnumba.io.json_text import to_json
from nbnumba.io.scene import Goniometer, Scan, Scene, Vector
from nbnumba.setup.frames import DIALS_TO_NEXUS
from nbnumba.setup.panels import ray_pixel

if TYPE_CHECKING:
    import h5py

    from nbnumba.config import Panel

THINNEST_SENSOR = 1e-6
"""mm, written for a sensor of no depth: dxtbx refuses 0, and a depth moves spots by less than itself."""

DETECTOR = "/entry/instrument/detector"
_AXES = "/entry/sample/transformations"
_SECONDS = "s"


class PerFrame:
    """Data sets with a row for each frame: angles of a sweep; wavelength, spectrum and crystal of stills.

    Parameters
    ----------
    scene : Scene
        Of the whole file.
    """

    def __init__(self, scene: Scene) -> None:
        self._scan = scene.scan
        self._sets: dict[str, h5py.Dataset] = {}
        self._count: h5py.Dataset | None = None
        self._frames = 0

    def create(self, group: h5py.Group, name: str, example: np.ndarray | float, **attributes: Any) -> None:
        """A data set that grows with the frames.

        Parameters
        ----------
        group : h5py.Group
            Where it lies.
        name : str
            Its name, by which `append` knows what to write.
        example : ndarray or float
            Has the shape of a row.
        **attributes
            Of the data set.
        """
        shape = np.shape(example)
        data = group.create_dataset(name, shape=(0, *shape), maxshape=(None, *shape), dtype=np.float64)
        data.attrs.update(attributes)
        self._sets[name] = data

    def count_in(self, data: h5py.Dataset) -> None:
        """Keep the number of frames in a scalar data set.

        Parameters
        ----------
        data : h5py.Dataset
            Written by every `append`.
        """
        self._count = data

    def append(self, scene: Scene) -> None:
        """Write the rows of the next frame.

        Parameters
        ----------
        scene : Scene
            Of this frame.

        Raises
        ------
        UsageError
            If it has not what the first frame had.
        """
        rows = {name: self._row(name, scene) for name in self._sets}
        for name, row in rows.items():
            if np.shape(row) != self._sets[name].shape[1:]:
                raise UsageError(f"frame {self._frames + 1}: {name} has another shape than in the first frame")
        for name, row in rows.items():
            self._sets[name].resize(self._frames + 1, axis=0)
            self._sets[name][self._frames] = row
        self._frames += 1
        if self._count is not None:
            self._count[()] = self._frames

    def _row(self, name: str, scene: Scene) -> np.ndarray | float:
        if name == "incident_wavelength":
            return scene.wavelength
        if name == "incident_wavelength_spectrum_weights" and scene.spectrum is not None:
            return scene.spectrum.shares
        if name == "crystal_A" and scene.crystal is not None:
            return scene.crystal.A
        if self._scan is not None:
            return self._scan.start + self._scan.width * (self._frames + (name == "omega_end"))
        raise UsageError(f"frame {self._frames + 1}: {name} is missing, the first frame has one")


def write_metadata(file: h5py.File, scene: Scene, layout: str, dtype: np.dtype, per_frame: PerFrame) -> None:
    """Write everything but the pixels, which lie in /entry/data/data already.

    Parameters
    ----------
    file : h5py.File
        Open for writing.
    scene : Scene
        Beam along -z.
    layout : str
        One of `nbnumba.io.formats.LAYOUTS`.
    dtype : dtype
        Of the pixels.
    per_frame : PerFrame
        Takes the data sets that grow.
    """
    file.attrs.update({"NX_class": "NXroot", "default": "entry"})
    entry = file["entry"]
    entry.attrs.update({"NX_class": "NXentry", "default": "data"})
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, value in (("definition", "NXmx"), ("start_time", now), ("end_time_estimated", now)):
        entry[name] = value
    entry["data"].attrs.update({"NX_class": "NXdata", "signal": "data"})
    _write_scale(entry["data"], scene.panels[0])
    _group(entry, "source", "NXsource")["name"] = "simulation"
    instrument = _group(entry, "instrument", "NXinstrument")
    instrument["name"] = "nbnumba"
    _write_beam(_group(instrument, "beam", "NXbeam"), scene, per_frame)
    _write_detector(_group(instrument, "detector", "NXdetector"), scene, layout, dtype, per_frame)
    _write_sample(_group(entry, "sample", "NXsample"), scene, per_frame)
    _write_provenance(_group(entry, "nbnumba", "NXprocess"), scene, per_frame)


def _write_scale(group: h5py.Group, panel: Panel) -> None:
    """How pixel values become photons: (value + offset) · factor."""
    if panel.gain != 1.0 or panel.pedestal != 0.0:
        group["data_scaling_factor"] = 1.0 / panel.gain
        group["data_offset"] = -panel.pedestal


def _group(parent: h5py.Group, name: str, kind: str) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    return group


def _field(group: h5py.Group, name: str, value: Any, units: str) -> h5py.Dataset:
    group[name] = value
    group[name].attrs["units"] = units
    return group[name]


def _write_beam(group: h5py.Group, scene: Scene, per_frame: PerFrame) -> None:
    if scene.scan is None:
        per_frame.create(group, "incident_wavelength", scene.wavelength, units="angstrom")
    else:
        _field(group, "incident_wavelength", scene.wavelength, "angstrom")
    if scene.spectrum is not None:
        _field(group, "incident_wavelength_spectrum", scene.spectrum.angstroms, "angstrom")
        name = "incident_wavelength_spectrum_weights"
        if scene.scan is None:
            per_frame.create(group, name, scene.spectrum.shares)
        else:
            group[name] = scene.spectrum.shares
        group["incident_wavelength"].attrs["variant"] = "incident_wavelength_spectrum"
    if scene.flux > 0.0:
        _field(group, "total_flux", scene.flux, "Hz")
    if scene.polarization_fraction is not None:
        group["incident_polarization_stokes"] = _stokes(scene)


def _stokes(scene: Scene) -> np.ndarray:
    """Stokes vectors, one row: intensity, linear along x or y, linear along the diagonals, circular."""
    degree = 2.0 * (scene.polarization_fraction or 0.0) - 1.0
    electric = DIALS_TO_NEXUS @ np.cross(scene.polarization_normal, scene.unit_s0)
    twice = 2.0 * math.atan2(electric[1], electric[0])
    return np.array([[1.0, degree * math.cos(twice), degree * math.sin(twice), 0.0]])


def _write_detector(
    group: h5py.Group, scene: Scene, layout: str, dtype: np.dtype, per_frame: PerFrame
) -> None:
    panels = scene.panels
    first = panels[0]
    group["description"] = first.name or "detector"
    group["type"] = "simulation"
    group["sensor_material"] = first.material or "Si"
    _field(group, "sensor_thickness", max(first.thickness, THINNEST_SENSOR) / 1000.0, "m")
    group["saturation_value"] = _number(first.trusted_range[1], dtype)
    group["underload_value"] = _number(first.trusted_range[0], dtype)
    if dtype.kind != "f":
        group["bit_depth_readout"] = group["bit_depth_image"] = 8 * dtype.itemsize
    if scene.exposure > 0.0:
        _field(group, "frame_time", scene.exposure, _SECONDS)
        _field(group, "count_time", scene.exposure, _SECONDS)
    for name, size in zip(("x_pixel_size", "y_pixel_size"), first.pixel_size, strict=True):
        _field(group, name, size / 1000.0, "m")
    for name in ("distance", "detector_distance"):
        _field(group, name, abs(float(np.dot(np.cross(first.fast, first.slow), first.origin))) / 1000.0, "m")
    for name, value in zip(("beam_center_x", "beam_center_y"), ray_pixel(first, scene.unit_s0), strict=True):
        if math.isfinite(value):
            _field(group, name, value, "pixels")
    group["data"] = _soft_link("/entry/data/data")
    specific = _group(group, "detectorSpecific", "NXcollection")
    specific["nimages"], specific["ntrigger"] = np.uint32(0), np.uint32(1)
    per_frame.count_in(specific["nimages"])
    _write_mask(group, panels, layout)
    _write_modules(group, panels, layout)


def _number(value: float, dtype: np.dtype) -> int | float:
    """A limit of the trusted range; of an integer type the two largest values are no counts."""
    return float(value) if dtype.kind == "f" else int(min(value, np.iinfo(dtype).max - 2))


def _soft_link(path: str) -> h5py.SoftLink:
    import h5py

    return h5py.SoftLink(path)


def _write_mask(group: h5py.Group, panels: Sequence[Panel], layout: str) -> None:
    """0 where a pixel is good. Several panels in a slab say so by pixel values alone: dxtbx 3.12 fails on a mask."""
    if all(panel.mask is None for panel in panels) or (layout == "slab" and len(panels) > 1):
        return
    masks = [np.zeros(panel.image_size[::-1], bool) if panel.mask is None else ~panel.mask for panel in panels]
    mask = (np.stack(masks) if layout == "stacked" else masks[0]).astype(np.uint32)
    group.create_dataset("pixel_mask", data=mask, compression="gzip", shuffle=True)
    group["detectorSpecific/pixel_mask"] = group["pixel_mask"]


def _axis(
    group: h5py.Group, name: str, value: Any, kind: str, units: str, vector: ArrayLike, depends_on: str,
    offset: ArrayLike | None = None,
) -> h5py.Dataset:
    """A transformation: a translation by, or rotation about, a vector of NeXus' frame."""
    data = _field(group, name, value, units)
    _describe_axis(data, kind, vector, depends_on)
    if offset is not None:
        data.attrs.update({"offset": np.asarray(offset, dtype=np.float64), "offset_units": "mm"})
    return data


def _describe_axis(data: h5py.Dataset, kind: str, vector: ArrayLike, depends_on: str) -> None:
    data.attrs.update({
        "transformation_type": kind, "vector": np.asarray(vector, dtype=np.float64), "depends_on": depends_on,
    })  # fmt: skip


def _write_modules(group: h5py.Group, panels: Sequence[Panel], layout: str) -> None:
    transformations = _group(group, "transformations", "NXtransformations")
    _axis(transformations, "det_z", 0.0, "translation", "mm", (0.0, 0.0, 1.0), ".")
    transformations["det_z"].attrs["equipment_component"] = "detector_arm"
    group["depends_on"] = f"{DETECTOR}/transformations/det_z"
    row = 0
    for k, panel in enumerate(panels):
        name = "module" if len(panels) == 1 else f"module_{k}"
        module = _group(group, name, "NXdetector_module")
        fast, slow = panel.image_size
        stacked = layout == "stacked"
        module["data_origin"] = np.array([k, 0, 0] if stacked else [row, 0], dtype=np.int64)
        module["data_size"] = np.array([1, slow, fast] if stacked else [slow, fast], dtype=np.int64)
        row += slow
        _axis(
            module, "module_offset", 0.0, "translation", "mm", (1.0, 0.0, 0.0), f"{DETECTOR}/transformations/det_z",
            DIALS_TO_NEXUS @ panel.origin,
        )
        for axis, vector, size in zip(("fast", "slow"), (panel.fast, panel.slow), panel.pixel_size, strict=True):
            _axis(
                module, f"{axis}_pixel_direction", size, "translation", "mm", DIALS_TO_NEXUS @ vector,
                f"{DETECTOR}/{name}/module_offset", (0.0, 0.0, 0.0),
            )


def _write_sample(group: h5py.Group, scene: Scene, per_frame: PerFrame) -> None:
    group["name"] = "simulated crystal"
    if scene.scan is None or scene.goniometer is None:
        group["depends_on"] = "."
        return
    axes = _group(group, "transformations", "NXtransformations")
    inner = _still_rotation(axes, "setting", scene.goniometer.setting_rotation, ".")
    _write_spindle(axes, scene.goniometer, scene.scan, per_frame, inner)
    group["depends_on"] = _still_rotation(axes, "fixed", scene.goniometer.fixed_rotation, f"{_AXES}/omega")


def _write_spindle(
    group: h5py.Group, goniometer: Goniometer, scan: Scan, per_frame: PerFrame, depends_on: str
) -> None:
    per_frame.create(group, "omega", scan.start, units="deg")
    _describe_axis(group["omega"], "rotation", DIALS_TO_NEXUS @ goniometer.axis, depends_on)
    per_frame.create(group, "omega_end", scan.start + scan.width, units="deg")


def _still_rotation(group: h5py.Group, name: str, rotation: np.ndarray, depends_on: str) -> str:
    """A rotation that does not change; the path that whatever stands on it depends on."""
    axis, degrees = axis_and_angle(rotation)
    if degrees == 0.0:
        return depends_on
    _axis(group, name, degrees, "rotation", "deg", DIALS_TO_NEXUS @ axis, depends_on)
    return f"{_AXES}/{name}"


def axis_and_angle(rotation: np.ndarray) -> tuple[Vector, float]:
    """The axis and the angle of a rotation matrix.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3), float64
        Proper rotation.

    Returns
    -------
    axis : tuple of 3 float
        Unit vector.
    degrees : float
        0 to 180.
    """
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_matrix(rotation).as_rotvec()
    angle = float(np.linalg.norm(turn))
    if angle == 0.0:
        return (1.0, 0.0, 0.0), 0.0
    x, y, z = (float(value) / angle for value in turn)
    return (x, y, z), math.degrees(angle)


def _write_provenance(group: h5py.Group, scene: Scene, per_frame: PerFrame) -> None:
    """How the images were made; the crystal in the frame of DIALS, before the goniometer turns it."""
    origin = dict(scene.provenance)
    group["program"] = origin.pop("program", "nbnumba")
    group["version"] = origin.pop("version", "unknown")
    group["arguments"] = to_json(origin)
    if scene.crystal is None:
        return
    if scene.scan is None:
        per_frame.create(group, "crystal_A", scene.crystal.A, units="1/angstrom")
    else:
        _field(group, "crystal_A", scene.crystal.A, "1/angstrom")

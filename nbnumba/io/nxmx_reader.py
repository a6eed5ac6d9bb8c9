"""Reading NXmx files: frames and the scene, through the library nxmx, which follows chains of transformations."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.config import Panel, Spectrum
from nbnumba.config.panel import LARGEST_COUNT
from nbnumba.errors import InputFileError, NbnumbaError, UsageError
from nbnumba.io.atomic import reason
from nbnumba.io.extras import optional_package
from nbnumba.io.nxmx_metadata import THINNEST_SENSOR
from nbnumba.io.scene import CrystalModel, Goniometer, ImageFile, Scan, Scene, as_vector
from nbnumba.setup.frames import DIALS_TO_NEXUS, unit_vector

if TYPE_CHECKING:
    import h5py
    from nxmx import NXbeam, NXdetector, NXentry, NXsample, NXtransformationsAxis

_THIN = 1.001 * THINNEST_SENSOR


def read_nxmx(path: str | os.PathLike[str], frames: slice = slice(None)) -> ImageFile:
    """Read frames and the scene of an NXmx file.

    Files of other programs are read too, such as the master files of EIGER detectors: their data sets, data_000001
    and so on, are joined.

    Parameters
    ----------
    path : path
        File to read.
    frames : slice
        Which frames.

    Returns
    -------
    ImageFile
        Images of shape (frames, slow, fast) or, for stacked panels, (frames, panel, slow, fast), as stored; wavelength,
        spectrum and crystal are those of the first of these frames.

    Raises
    ------
    InputFileError
        If the file is no NXmx file, is damaged or lacks what must be there.
    MissingPackageError
        If h5py, hdf5plugin or nxmx is not installed.
    """
    library = optional_package("h5py", "hdf5", path)
    optional_package("hdf5plugin", "hdf5", path)
    nxmx = optional_package("nxmx", "hdf5", path)
    with _one_line(path), library.File(path, "r") as file:
        entries = nxmx.NXmx(file).entries
        if not entries:
            raise InputFileError(f"{path}: is no NXmx file: no entry has the definition NXmx")
        data = entries[0].data[0]
        images, count = _read_frames(data, frames)
        numbers = range(count)[frames]
        if not numbers:
            raise InputFileError(f"{path}: holds {count} frame(s), none of those that were asked for")
        return ImageFile(images, _scene(nxmx, file, entries[0], numbers))


@contextlib.contextmanager
def _one_line(path: str | os.PathLike[str]) -> Iterator[None]:
    """What goes wrong in a file that others made, as one line."""
    try:
        yield
    except UsageError as error:
        raise InputFileError(f"{path}: {error}") from error
    except NbnumbaError:
        raise
    except OSError as error:
        raise InputFileError(f"{path}: can't be read: {reason(error)}") from error
    except KeyError as error:
        raise InputFileError(f"{path}: is no complete NXmx file: {str(error).strip(chr(34))}") from error
    except (IndexError, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise InputFileError(f"{path}: is no complete NXmx file: {error or type(error).__name__}") from error


def _read_frames(group: Any, frames: slice) -> tuple[np.ndarray, int]:
    """Pixels, and how many frames there are in all."""
    name = group.signal if group.signal in group else "data"
    if name in group:
        return group[name][frames], len(group[name])
    parts = [group[part] for part in sorted(group) if part.startswith("data_0")]
    if not parts:
        raise KeyError("/entry/data holds no data")
    count = sum(len(part) for part in parts)
    wanted = range(count)[frames]
    starts = np.cumsum([0, *(len(part) for part in parts)])
    rows = []
    for number in wanted:
        which = int(np.searchsorted(starts, number, side="right")) - 1
        rows.append(parts[which][number - starts[which]])
    return np.array(rows, dtype=parts[0].dtype).reshape(len(rows), *parts[0].shape[1:]), count


def _scene(nxmx: Any, file: h5py.File, entry: NXentry, frames: range) -> Scene:
    detector, beam = entry.instruments[0].detectors[0], entry.instruments[0].beams[0]
    frame = frames[0]
    goniometer, scan = _goniometer(nxmx, entry.samples[0], frames)
    group = file[beam.path]
    wavelength = np.ravel(beam.incident_wavelength.to("angstrom").magnitude)
    flux = beam.total_flux
    exposure = detector.frame_time
    return Scene(
        panels=_panels(nxmx, detector, entry.data[0]),
        wavelength=float(wavelength[min(frame, len(wavelength) - 1)]),
        spectrum=_spectrum(beam, group, frame),
        flux=0.0 if flux is None else float(np.ravel(flux.to("Hz").magnitude)[0]),
        exposure=0.0 if exposure is None else float(exposure.to("s").magnitude),
        goniometer=goniometer, scan=scan,
        **_polarization(group), **_simulation(file, frame),
    )  # fmt: skip


def _panels(nxmx: Any, detector: NXdetector, data: Any) -> tuple[Panel, ...]:
    mask = detector.pixel_mask
    bad = None if mask is None else np.asarray(mask) != 0
    thickness = float(np.ravel(detector.sensor_thickness.to("mm").magnitude)[0])
    saturation, underload = detector.saturation_value, detector.underload_value
    shared: dict[str, Any] = {
        "trusted_range": (
            0.0 if underload is None else float(underload), LARGEST_COUNT if saturation is None else float(saturation),
        ),
        "thickness": 0.0 if thickness <= _THIN else thickness, "material": detector.sensor_material,
        "gain": 1.0 / float(data["data_scaling_factor"][()]) if "data_scaling_factor" in data else 1.0,
        "pedestal": -float(data["data_offset"][()]) if "data_offset" in data else 0.0,
    }  # fmt: skip
    panels = []
    for module in detector.modules:
        fast_axis, slow_axis = module.fast_pixel_direction, module.slow_pixel_direction
        position = _matrix(nxmx, fast_axis.depends_on)
        turn = DIALS_TO_NEXUS @ position[:3, :3]
        size = [int(count) for count in module.data_size]
        panels.append(Panel(
            origin=as_vector(DIALS_TO_NEXUS @ position[:3, 3]),
            fast=as_vector(turn @ unit_vector(fast_axis.vector)), slow=as_vector(turn @ unit_vector(slow_axis.vector)),
            pixel_size=(_millimetres(fast_axis), _millimetres(slow_axis)), image_size=(size[-1], size[-2]),
            name=str(module.path).rpartition("/")[2], mask=_good(bad, list(module.data_origin), size), **shared,
        ))  # fmt: skip
    return tuple(panels)


def _matrix(nxmx: Any, axis: NXtransformationsAxis | None, frame: int = 0) -> np.ndarray:
    """The 4x4 matrix, mm, of all that an axis stands on."""
    if axis is None:
        return np.eye(4)
    matrices = nxmx.get_cumulative_transformation(nxmx.get_dependency_chain(axis))
    matrix: np.ndarray = matrices[min(frame, len(matrices) - 1)]
    return matrix


def _millimetres(axis: NXtransformationsAxis) -> float:
    return float(np.ravel(axis[()].to("mm").magnitude)[0])


def _good(bad: np.ndarray | None, origin: Sequence[int], size: Sequence[int]) -> np.ndarray | None:
    """A module's part of the mask, True where good; None where all is."""
    if bad is None or bad.ndim != len(size):
        return None
    part = bad[tuple(slice(int(start), int(start) + count) for start, count in zip(origin, size, strict=True))]
    part = part.reshape(size[-2:])
    return ~part if part.any() else None


def _goniometer(nxmx: Any, sample: NXsample, frames: range) -> tuple[Goniometer | None, Scan | None]:
    """The axis that moves between two that don't; none for stills."""
    if sample.depends_on is None:
        return None, None
    chain = list(nxmx.get_dependency_chain(sample.depends_on))
    moving = [i for i, axis in enumerate(chain) if axis.transformation_type == "rotation" and _width(axis) != 0.0]
    if not moving:
        return None, None
    place, axis = moving[0], chain[moving[0]]
    # the chain begins at the crystal
    fixed, setting = (
        DIALS_TO_NEXUS @ _rotation(nxmx, part) @ DIALS_TO_NEXUS for part in (chain[:place], chain[place + 1 :])
    )
    start, width = _degrees(axis[0]), _width(axis)
    vector = as_vector(DIALS_TO_NEXUS @ unit_vector(axis.vector))
    scan = Scan(start + frames[0] * width, width, images=len(frames), first=frames[0] + 1)
    return Goniometer(vector, fixed, setting), scan


def _rotation(nxmx: Any, axes: Sequence[NXtransformationsAxis]) -> np.ndarray:
    if not axes:
        return np.eye(3)
    rotation: np.ndarray = nxmx.get_cumulative_transformation(axes)[0][:3, :3]
    return rotation


def _degrees(angle: Any) -> float:
    return float(angle.to("degree").magnitude)


def _width(axis: NXtransformationsAxis) -> float:
    """Degrees that a rotation axis turns during a frame."""
    if axis.end is not None:
        return _degrees(axis.end[0]) - _degrees(axis[0])
    return _degrees(axis[1]) - _degrees(axis[0]) if len(axis) > 1 else 0.0


def _spectrum(beam: NXbeam, group: h5py.Group, frame: int) -> Spectrum | None:
    name = "incident_wavelength_spectrum"
    if name not in group or f"{name}_weights" not in group:
        return None
    channels, weights = (_of_frame(group[field], frame) for field in (name, f"{name}_weights"))
    return Spectrum(wavelengths=channels, weights=weights)


def _of_frame(data: h5py.Dataset, frame: int) -> np.ndarray:
    """A row of what changes from frame to frame, all of what doesn't."""
    return np.asarray(data[frame] if data.ndim > 1 else data[()], dtype=np.float64)


def _polarization(group: h5py.Group) -> dict[str, Any]:
    if "incident_polarization_stokes" not in group:
        return {"polarization_fraction": None}
    intensity, straight, diagonal = np.reshape(group["incident_polarization_stokes"][()], (-1, 4))[0, :3]
    half = math.atan2(diagonal, straight) / 2.0
    electric = DIALS_TO_NEXUS @ np.array([math.cos(half), math.sin(half), 0.0])
    normal = np.cross((0.0, 0.0, -1.0), electric)
    return {
        "polarization_fraction": (1.0 + math.hypot(straight, diagonal) / intensity) / 2.0,
        "polarization_normal": as_vector(normal if normal[1] >= 0.0 else -normal),
    }


def _simulation(file: h5py.File, frame: int) -> dict[str, Any]:
    """What this program adds: how the image was made, and the crystal."""
    group = file.get("entry/nbnumba")
    if group is None:
        return {}
    words = {name: group[name].asstr()[()] for name in ("program", "version")}
    made: dict[str, Any] = {"provenance": {**words, **json.loads(group["arguments"].asstr()[()])}}
    if "crystal_A" in group:
        matrices = group["crystal_A"]
        made["crystal"] = CrystalModel(matrices[frame] if matrices.ndim == 3 else matrices[()])
    return made

"""Detector geometry of CrystFEL (.geom): text that places each panel in pixels and metres, beam along +z."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nbnumba.config import Panel
from nbnumba.config.panel import LARGEST_COUNT
from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.io.atomic import atomic_write
from nbnumba.io.pixels import Rectangle, bad_bands, mask_without
from nbnumba.io.reading import read_input
from nbnumba.io.scene import Scene, as_vector, square_to_beam
from nbnumba.setup.frames import DIALS_TO_NEXUS
from nbnumba.setup.panels import lab_position

_HC_EV_ANGSTROM = 12398.419843320025
"""CrystFEL's energies are in eV by the exact constants, not nanoBragg's digits."""

_METRES = {"m": 1.0, "mm": 1e-3, "": 1.0}
_ANGSTROM = {"A": 1.0, "m": 1e10, "": 1e10}
_ELECTRON_VOLT = {"eV": 1.0, "keV": 1e3, "MeV": 1e6, "": 1.0}
_TERM = re.compile(r"([-+]?\s*[\d.]*(?:[eE][-+]?\d+)?)\s*([xyz])")
_ROUNDED = 1e-3
"""Axes are written with few digits; they are made right-angled if they are this near."""


def read_geom(
    path: str | os.PathLike[str], wavelength: float | None = None, distance: float | None = None
) -> Scene:
    """Read a detector geometry.

    Parameters
    ----------
    path : path
        .geom file.
    wavelength : float or None
        Å; needed where the file only says in which field of the image files it stands.
    distance : float or None
        clen, mm; needed likewise.

    Returns
    -------
    Scene
        Panels in the lab frame of DIALS, bad regions as masks.

    Raises
    ------
    InputFileError
        If the file can't be read or a panel lacks a number.
    UsageError
        If wavelength or distance are not there and not given.

    Warns
    -----
    NbnumbaWarning
        If the file names masks, which lie in the image files.
    """
    settings, panels, bad = _parse(path)
    if not panels:
        raise InputFileError(f"{path}: holds no panel")
    if any(name.startswith("mask") for table in (settings, *panels.values()) for name in table):
        warnings.warn(NbnumbaWarning(f"{path}: masks in image files are not read"), stacklevel=2)
    return Scene(
        panels=tuple(
            _masked(path, _panel(path, name, table, settings, distance), table, bad) for name, table in panels.items()
        ),
        wavelength=_wavelength(path, settings) if wavelength is None else wavelength,
        polarization_fraction=None,
    )


Table = dict[str, str]


def _parse(path: str | os.PathLike[str]) -> tuple[Table, dict[str, Table], dict[str, Table]]:
    """Settings of the whole file, of panels and of bad regions; panels begin with the settings that stand above."""
    settings: Table = {}
    panels: dict[str, Table] = {}
    bad: dict[str, Table] = {}
    for line in read_input(path).decode("utf-8", "replace").splitlines():
        key, equals, value = line.partition(";")[0].partition("=")
        if not equals:
            continue
        owner, slash, name = key.strip().rpartition("/")
        value = value.strip()
        if not slash:
            settings[name] = value
        elif owner.startswith("bad"):
            bad.setdefault(owner, {})[name] = value
        else:
            panels.setdefault(owner, dict(settings))[name] = value
    return settings, panels, bad


def _number(path: str | os.PathLike[str], name: str, table: Mapping[str, str], key: str) -> float:
    try:
        return float(table[key])
    except KeyError:
        raise InputFileError(f"{path}: panel {name} has no {key}") from None
    except ValueError:
        raise InputFileError(f"{path}: panel {name}: {key} = {table[key]} is no number") from None


def _quantity(path: str | os.PathLike[str], text: str, units: Mapping[str, float], remedy: str) -> float:
    """A number with its unit, in the unit of the table."""
    words = text.split()
    try:
        return float(words[0]) * units[words[1] if len(words) > 1 else ""]
    except (IndexError, ValueError, KeyError):
        raise UsageError(f"{path}: {text!r} is no number here, it stands in the image files: give {remedy}") from None


def _wavelength(path: str | os.PathLike[str], settings: Mapping[str, str]) -> float:
    if "wavelength" in settings:
        return _quantity(path, settings["wavelength"], _ANGSTROM, "{wavelength}")
    if "photon_energy" in settings:
        return _HC_EV_ANGSTROM / _quantity(path, settings["photon_energy"], _ELECTRON_VOLT, "{wavelength}")
    raise UsageError(f"{path}: says neither wavelength nor photon_energy: give {{wavelength}}")


def _panel(
    path: str | os.PathLike[str], name: str, table: Mapping[str, str], settings: Mapping[str, str],
    distance: float | None,
) -> Panel:
    metre = _number(path, name, table, "res")
    if not metre > 0.0:
        raise InputFileError(f"{path}: panel {name}: res = {table['res']} is not positive")
    first_fs, last_fs, first_ss, last_ss = (
        int(_number(path, name, table, key)) for key in ("min_fs", "max_fs", "min_ss", "max_ss")
    )
    fast, slow, sizes = _axes(path, name, table)
    shift = [_quantity(path, settings.get(f"detector_shift_{axis}", "0"), _METRES, "a number") for axis in "xy"]
    length = _quantity(path, table.get("clen", ""), _METRES, "{distance}") if distance is None else distance / 1e3
    corner = np.array([
        _number(path, name, table, "corner_x") / metre + shift[0],
        _number(path, name, table, "corner_y") / metre + shift[1],
        length + float(table.get("coffset", "0").split()[0]),
    ])  # fmt: skip
    try:
        return Panel(
            origin=as_vector(DIALS_TO_NEXUS @ corner * 1e3), fast=as_vector(DIALS_TO_NEXUS @ fast),
            slow=as_vector(DIALS_TO_NEXUS @ slow), pixel_size=(sizes[0] / metre * 1e3, sizes[1] / metre * 1e3),
            image_size=(last_fs - first_fs + 1, last_ss - first_ss + 1), name=name,
            trusted_range=(0.0, float(table.get("max_adu", LARGEST_COUNT))),
            gain=float(table.get("adu_per_photon", 1.0)),
        )  # fmt: skip
    except (UsageError, ValueError) as error:
        raise InputFileError(f"{path}: panel {name}: {error}") from error


def _axes(
    path: str | os.PathLike[str], name: str, table: Mapping[str, str]
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Unit vectors at a right angle, the nearest to those of the file, and the lengths of those, pixels."""
    given = np.array([_direction(path, name, table, key) for key in ("fs", "ss")])
    lengths = np.linalg.norm(given, axis=1)
    if not lengths.min() > 0.0:
        raise InputFileError(f"{path}: panel {name}: fs or ss is no direction")
    axes = given / lengths[:, None]
    if abs(axes[0] @ axes[1]) > _ROUNDED:
        raise InputFileError(f"{path}: panel {name}: fs and ss are not at a right angle, which a panel needs")
    left, _, right = np.linalg.svd(axes, full_matrices=False)
    fast, slow = left @ right
    return fast, slow, (float(lengths[0]), float(lengths[1]))


def _direction(path: str | os.PathLike[str], name: str, table: Mapping[str, str], key: str) -> np.ndarray:
    """A sum such as +0.99x -0.01y; a letter alone counts once."""
    text = table.get(key)
    if text is None:
        raise InputFileError(f"{path}: panel {name} has no {key}")
    vector = np.zeros(3)
    for number, axis in _TERM.findall(text):
        digits = number.replace(" ", "")
        vector["xyz".index(axis)] += float(digits + "1" if digits in ("", "+", "-") else digits)
    return vector


def _masked(path: str | os.PathLike[str], panel: Panel, table: Table, bad: Mapping[str, Table]) -> Panel:
    """The panel without its bad regions."""
    mask = np.ones(panel.image_size[::-1], dtype=np.bool_)
    for region, limits in bad.items():
        if "min_fs" in limits and limits.get("panel", panel.name) == panel.name:
            part = mask_without([_box(path, region, limits, table)], panel.image_size)
            mask &= True if part is None else part
        elif "min_x" in limits:
            mask &= ~_inside(path, region, limits, panel, float(table["res"]))
    return panel if mask.all() else replace(panel, mask=mask)


def _box(path: str | os.PathLike[str], region: str, limits: Mapping[str, str], table: Mapping[str, str]) -> Rectangle:
    """A bad region in pixels of its panel; the file counts those of the image, the last one included."""
    first_fs, first_ss, last_fs, last_ss = (
        max(int(_number(path, region, limits, f"{end}_{axis}")) - int(float(table[f"min_{axis}"])) + (end == "max"), 0)
        for end in ("min", "max") for axis in ("fs", "ss")
    )  # fmt: skip
    return first_fs, first_ss, last_fs, last_ss


def _inside(
    path: str | os.PathLike[str], region: str, limits: Mapping[str, str], panel: Panel, metre: float
) -> np.ndarray:
    """Pixels whose centres lie in a rectangle of the lab, which is given in pixels."""
    fast, slow = np.meshgrid(*(np.arange(size) + 0.5 for size in panel.image_size))
    lab = lab_position(panel, np.stack([fast, slow], axis=-1)) @ DIALS_TO_NEXUS * metre / 1e3
    inside = np.ones(panel.image_size[::-1], dtype=np.bool_)
    for k, axis in enumerate("xy"):
        inside &= lab[..., k] >= _number(path, region, limits, f"min_{axis}")
        inside &= lab[..., k] <= _number(path, region, limits, f"max_{axis}")
    return inside


def write_geom(path: str | os.PathLike[str], scene: Scene) -> None:
    """Write the geometry of an NXmx file of this program, in which panels stand one below the other.

    Parameters
    ----------
    path : path
        File to write.
    scene : Scene
        Detector and wavelength; turned so that the beam travels along +z of CrystFEL.

    Raises
    ------
    UsageError
        If panels differ in width: they would not stand below each other.
    OutputFileError
        If the file can't be written.

    Warns
    -----
    NbnumbaWarning
        If a mask is no set of whole rows and columns, which is all that is written of it.
    """
    check_geom(path, scene)
    panels = square_to_beam(scene).panels
    clen = -panels[0].origin[2] / 1e3
    lines = [
        "; Geometry for CrystFEL, written by nbnumba",
        # plain numbers are metres and eV in every version, units are not known to all readers
        f"photon_energy = {_HC_EV_ANGSTROM / scene.wavelength:.15g}", f"clen = {clen:.15g}",
        "data = /entry/data/data", "dim0 = %", "dim1 = ss", "dim2 = fs", "",
    ]  # fmt: skip
    row = 0
    for k, panel in enumerate(panels):
        lines += _panel_lines(path, f"p{k}", panel, row, clen)
        row += panel.image_size[1]
    with atomic_write(path) as stream:
        stream.write("\n".join(lines).encode("utf-8"))


def write_geom_of(path: str | os.PathLike[str], images: object, scene: Scene) -> None:
    """Write the geometry of images; see `write_geom`.

    Parameters
    ----------
    path, scene
        As in `write_geom`.
    images : object
        Not used: the file holds no pixels.
    """
    write_geom(path, scene)


def check_geom(path: str | os.PathLike[str], scene: Scene) -> None:
    """Raise what `write_geom` would for such a scene.

    Parameters
    ----------
    path, scene
        As in `write_geom`.

    Raises
    ------
    UsageError
        As in `write_geom`.
    """
    if len({panel.image_size[0] for panel in scene.panels}) > 1:
        raise UsageError(f"{path}: panels of different widths don't stand below each other in one image")


def _panel_lines(path: str | os.PathLike[str], name: str, panel: Panel, row: int, clen: float) -> list[str]:
    metre = 1e3 / panel.pixel_size[0]
    x, y, z = DIALS_TO_NEXUS @ panel.origin / 1e3
    fast, slow = panel.image_size
    ratio = panel.pixel_size[1] / panel.pixel_size[0]
    values: dict[str, Any] = {
        "min_fs": 0, "max_fs": fast - 1, "min_ss": row, "max_ss": row + slow - 1, "res": f"{metre:.15g}",
        "fs": _sum(DIALS_TO_NEXUS @ panel.fast), "ss": _sum(DIALS_TO_NEXUS @ panel.slow * ratio),
        "corner_x": f"{x * metre:.12f}", "corner_y": f"{y * metre:.12f}", "coffset": f"{z - clen:.15f}",
        "adu_per_photon": f"{panel.gain:.12g}", "max_adu": f"{panel.trusted_range[1]:.12g}",
    }  # fmt: skip
    lines = [f"{name}/{key} = {value}" for key, value in values.items()]
    bands, complete = bad_bands(panel.mask)
    if not complete:
        message = f"{path}: of the mask only whole rows and columns are written as bad regions"
        warnings.warn(NbnumbaWarning(message), stacklevel=3)
    for k, (f, s, f_end, s_end) in enumerate(bands):
        limits = {"min_fs": f, "max_fs": f_end - 1, "min_ss": row + s, "max_ss": row + s_end - 1, "panel": name}
        lines += [f"bad_{name}_{k}/{key} = {value}" for key, value in limits.items()]
    return [*lines, ""]


def _sum(vector: np.ndarray) -> str:
    """A direction as a sum of x, y and z."""
    terms = zip(vector, "xyz", strict=True)
    return " ".join(f"{value:+.15f}{axis}" for value, axis in terms if axis != "z" or value != 0.0)

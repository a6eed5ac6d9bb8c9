"""Lists of spots: text with commas, or the columns of a DIALS reflection table in HDF5."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nbnumba.errors import UsageError
from nbnumba.io.atomic import atomic_write, check_target, write_lines
from nbnumba.io.extras import optional_package

HDF5_SUFFIXES = (".h5", ".hdf5", ".refl")

GROUP = "dials/processing/group_0"
"""Where DIALS keeps the reflections of a first set of experiments."""

PREDICTED = 1
"""Flag of a reflection of DIALS that was predicted."""


def check_spots_path(path: Path) -> None:
    """Raise now what would go wrong after the simulation.

    Parameters
    ----------
    path : Path

    Raises
    ------
    UsageError
        If the suffix names no format of lists of spots.
    MissingPackageError
        If h5py is needed and not installed.
    OutputFileError
        If the file can't be written.
    """
    if path.suffix.lower() not in (".csv", *HDF5_SUFFIXES):
        raise UsageError(f"{path}: lists of spots are written as .csv, or in HDF5 as {', '.join(HDF5_SUFFIXES)}")
    if path.suffix.lower() in HDF5_SUFFIXES:
        optional_package("h5py", "hdf5", path)
    check_target(path)


def write_spots(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write a list of spots.

    Parameters
    ----------
    path : Path
        .csv, .h5, .hdf5 or .refl.
    columns : mapping of str to ndarray
        panel, fast, slow, h, k, l, photons, lattice, see `nbnumba.Spots`.

    Raises
    ------
    UsageError, MissingPackageError, OutputFileError
        As `check_spots_path` does.
    """
    check_spots_path(path)
    if path.suffix.lower() == ".csv":
        _write_csv(path, columns)
    else:
        _write_hdf5(path, columns)


def _write_csv(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    lines = (",".join(f"{value:.9g}" for value in row) for row in rows)
    write_lines(path, (",".join(columns), *lines))


def _write_hdf5(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """The columns that DIALS has, under its names, and `lattice`."""
    h5py = optional_package("h5py", "hdf5", path)
    count = len(columns["panel"])
    table = {
        "miller_index": np.column_stack([columns[name] for name in "hkl"]).astype(np.int32),
        "id": np.zeros(count, dtype=np.int32),
        "panel": columns["panel"].astype(np.uint64),
        "flags": np.full(count, PREDICTED, dtype=np.uint64),
        # images of one set-up are stills, at the middle of their only frame
        "xyzcal.px": np.column_stack((columns["fast"], columns["slow"], np.full(count, 0.5))),
        "intensity.sum.value": columns["photons"],
        "lattice": columns["lattice"],
    }
    contents = io.BytesIO()
    with h5py.File(contents, "w") as file:
        group = file.create_group(GROUP)
        group.attrs["experiment_ids"], group.attrs["identifiers"] = np.zeros(1, dtype=np.int32), [""]
        for name, column in table.items():
            group.create_dataset(name, data=column)
    with atomic_write(path) as stream:
        stream.write(contents.getbuffer())

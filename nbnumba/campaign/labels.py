"""The table of labels: one row a shot, as Parquet or in HDF5."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.campaign.draws import Label
from nbnumba.io.atomic import atomic_path

if TYPE_CHECKING:
    import h5py

Table = dict[str, np.ndarray]
"""Name of a column -> its values, one for each row."""


def as_table(rows: Sequence[Mapping[str, Label]]) -> Table:
    """Labels of shots as columns.

    Parameters
    ----------
    rows : sequence of mapping
        Name -> value; all have the same names.

    Returns
    -------
    dict
        Columns of int64, float64 or text.
    """
    return {name: _column([row[name] for row in rows]) for name in rows[0]} if rows else {}


def _column(values: list[Label]) -> np.ndarray:
    if isinstance(values[0], str):
        return np.array(values, dtype=object)
    return np.array(values, dtype=np.int64 if all(isinstance(value, int) for value in values) else np.float64)


def joined(tables: Sequence[Table]) -> Table:
    """Tables one below the other.

    Parameters
    ----------
    tables : sequence of dict
        Of the same columns.
    """
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]} if tables else {}


def write_group(group: h5py.Group, table: Table) -> None:
    """Write a table as data sets.

    Parameters
    ----------
    group : h5py.Group
        Empty.
    table : dict
    """
    import h5py

    for name, column in table.items():
        if column.dtype.kind == "O":
            group.create_dataset(name, data=column, dtype=h5py.string_dtype())
        else:
            group.create_dataset(name, data=column)


def read_group(group: h5py.Group) -> Table:
    """Read what `write_group` wrote.

    Parameters
    ----------
    group : h5py.Group
    """
    columns = {}
    for name, data in group.items():
        columns[name] = data.asstr()[:] if data.dtype.kind == "O" else data[:]
    return columns


def has_parquet() -> bool:
    """Whether tables can be written as Parquet here."""
    return importlib.util.find_spec("pyarrow") is not None


def write_table(stem: Path, table: Table) -> Path:
    """Write a table: Parquet where pyarrow is installed, otherwise HDF5.

    Parameters
    ----------
    stem : Path
        File name without its ending.
    table : dict

    Returns
    -------
    Path
        The file.
    """
    if has_parquet():
        import pyarrow
        from pyarrow import parquet

        path = stem.with_suffix(".parquet")
        with atomic_path(path) as temporary:
            parquet.write_table(pyarrow.table(table), temporary)
        return path
    import h5py

    path = stem.with_suffix(".h5")
    with atomic_path(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
        write_group(file, table)
    return path

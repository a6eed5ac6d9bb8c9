"""Reflection files for tests: columns under their labels and types."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np

CELL = (11.0, 13.0, 17.0, 90.0, 90.0, 90.0)


def write_mtz(
    path: Path, hkl: np.ndarray, columns: dict[tuple[str, str], np.ndarray], spacegroup: str | None = "P 21 21 21",
    cell: tuple[float, ...] = CELL,
) -> Path:  # fmt: skip
    """An MTZ file with columns {(label, type): values}."""
    mtz = gemmi.Mtz(with_base=True)
    if spacegroup is not None:
        mtz.spacegroup = gemmi.SpaceGroup(spacegroup)
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    mtz.add_dataset("test")
    for label, kind in columns:
        mtz.add_column(label, kind)
    mtz.set_data(np.column_stack([hkl, *columns.values()]).astype(np.float32))
    mtz.write_to_file(str(path))
    return path


CIF_HEAD = """data_r1abcsf
_cell.length_a 11.0
_cell.length_b 13.0
_cell.length_c 17.0
_cell.angle_alpha 90
_cell.angle_beta 90
_cell.angle_gamma 90
_symmetry.space_group_name_H-M 'P 21 21 21'
"""


def cif_text(tags: list[str], rows: list[str], head: str = CIF_HEAD) -> str:
    """A structure-factor mmCIF with a loop of these tags, Miller indices first."""
    names = "\n".join(f"_refln.{tag}" for tag in ("index_h", "index_k", "index_l", *tags))
    return f"{head}loop_\n{names}\n" + "\n".join((*rows, ""))

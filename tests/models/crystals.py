"""Small crystals, and their structure factors by direct summation, independent of the code under test."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np

Operation = tuple[np.ndarray, np.ndarray]
"""Rotation and translation that act on fractional coordinates."""


def operations(*texts: str) -> list[Operation]:
    """Symmetry operations from their coordinates, as the International Tables print them: ``-x,y+1/2,-z``."""
    return [_operation(text) for text in texts]


def _operation(text: str) -> Operation:
    def image(x: float, y: float, z: float) -> np.ndarray:
        return np.array([eval(part, {"x": x, "y": y, "z": z}) for part in text.split(",")])

    translation = image(0.0, 0.0, 0.0)
    columns = [image(*axis) - translation for axis in np.eye(3)]
    return np.column_stack(columns), translation


P212121 = operations("x,y,z", "1/2-x,-y,1/2+z", "-x,1/2+y,1/2-z", "1/2+x,1/2-y,-z")
I222 = operations("x,y,z", "-x,-y,z", "-x,y,-z", "x,-y,-z", "x+1/2,y+1/2,z+1/2", "1/2-x,1/2-y,z+1/2",
                  "1/2-x,y+1/2,1/2-z", "x+1/2,1/2-y,1/2-z")  # fmt: skip
C2 = operations("x,y,z", "-x,y,-z", "x+1/2,y+1/2,z", "1/2-x,y+1/2,-z")


@dataclass(frozen=True)
class Atom:
    """Element, fractional position, occupancy, B factor (Å²) or, in its place, six anisotropic U (Å², Cartesian)."""

    element: str
    position: tuple[float, float, float]
    occupancy: float = 1.0
    b_iso: float = 10.0
    anisotropic: tuple[float, ...] | None = None


ATOMS = (
    Atom("Fe", (0.11, 0.23, 0.31), 0.9, 12.0),
    Atom("S", (0.37, 0.05, 0.42), 1.0, 20.0),
    Atom("O", (0.21, 0.41, 0.17), 0.5, 8.0),
    Atom("C", (0.44, 0.33, 0.08), 1.0, 15.0),
)


@dataclass(frozen=True)
class SmallCrystal:
    """A crystal on orthogonal axes.

    Attributes
    ----------
    edges : tuple of 3 float
        Å.
    symbol : str
        Space group in the CRYST1 record.
    symmetry : list of (ndarray, ndarray)
        Its operations, centring included.
    atoms : tuple of Atom
        The asymmetric unit.
    """

    edges: tuple[float, float, float] = (11.0, 13.0, 17.0)
    symbol: str = "P 21 21 21"
    symmetry: tuple[Operation, ...] = tuple(P212121)
    atoms: tuple[Atom, ...] = ATOMS

    def pdb(self) -> str:
        """The model as PDB text: positions are rounded to 0.001 Å as everywhere."""
        a, b, c = self.edges
        lines = [f"CRYST1{a:9.3f}{b:9.3f}{c:9.3f}  90.00  90.00  90.00 {self.symbol:11s}   1"]
        for i, atom in enumerate(self.atoms, start=1):
            x, y, z = (f * edge for f, edge in zip(atom.position, self.edges, strict=True))
            lines.append(f"HETATM{i:5d} {atom.element.upper():>2s}   LIG A{i:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
                         f"{atom.occupancy:6.2f}{atom.b_iso:6.2f}          {atom.element.upper():>2s}")  # fmt: skip
        return "\n".join((*lines, "END", ""))

    def structure_factors(
        self, hkl: np.ndarray, dispersion: dict[str, tuple[float, float]] | None = None
    ) -> np.ndarray:
        """F(h), the sum of (f + f' + i f'') occupancy exp(-B s²/4) exp(2 pi i h x) over all atoms of the cell."""
        hkl = np.asarray(hkl)
        s_squared = (np.square(hkl / np.array(self.edges))).sum(axis=1)
        total = np.zeros(len(hkl), dtype=complex)
        for atom in self.atoms:
            f1, f2 = (dispersion or {}).get(atom.element, (0.0, 0.0))
            f = (form_factor(atom.element, s_squared) + f1 + 1j * f2) * atom.occupancy
            f = f * np.exp(-atom.b_iso * s_squared / 4.0)
            position = np.round(np.array(atom.position) * self.edges, 3) / self.edges
            for rotation, translation in self.symmetry:
                total += f * np.exp(2j * np.pi * (hkl @ (rotation @ position + translation)))
        return total


def form_factor(element: str, s_squared: np.ndarray) -> np.ndarray:
    """Four Gaussians and a constant of the International Tables C (1992), electrons; s = 1/d."""
    table = gemmi.Element(element).it92
    gaussians = (a * np.exp(-b * s_squared / 4.0) for a, b in zip(table.a, table.b, strict=True))
    return sum(gaussians) + table.c


def as_dict(hkl: np.ndarray, values: np.ndarray) -> dict[tuple[int, int, int], float]:
    """Miller index -> value."""
    return {(h, k, l): value for (h, k, l), value in zip(hkl.tolist(), values.tolist(), strict=True)}  # noqa: E741

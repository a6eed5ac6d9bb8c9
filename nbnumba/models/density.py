"""Structure factors of a model: electron density on a grid, Fourier transform, bulk solvent, anomalous scattering.

F(h) = A(h) + i A''(h), where A is the transform of the density of f0 + f' (and of the solvent) and A'' that of f''.
Both densities are real, so that F(-h) is the conjugate of A(h) - i A''(h).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.errors import UsageError
from nbnumba.memory import machine_memory
from nbnumba.models.library import gemmi_library
from nbnumba.models.symmetry import EDGE

if TYPE_CHECKING:
    import gemmi

    from nbnumba.models.contents import Contents
    from nbnumba.models.options import Solvent
    from nbnumba.models.reflections import Cell

_OVERSAMPLING = 2.0
"""Grid points per d_min/2; with the blur that gemmi chooses for it F of Er-1 is right to 0.001 electrons; 1.5: 0.01."""

_DENSITY_CUTOFF = 1e-8
"""Electrons/Å³ where an atom's density ends; gemmi's own, 1e-5, costs 0.05 electrons in F of Er-1."""

_MASK_SPACING = 0.4
"""Å: at 0.6 the solvent of small crystals comes out a quarter too small, at 0.4 a tenth."""

_FINEST = 1e-6
"""Å: far below what any memory allows, and its cube is still a number."""

_BYTES_PER_POINT = 16
"""Density and mask in float32, the transform of one of them in complex64."""

_BYTES_PER_REFLECTION = 200
"""Indices, amplitudes and the keys by which they are sorted."""


@dataclass(frozen=True)
class CalculatedF:
    """Structure factors of the asymmetric unit of reciprocal space, F(0,0,0) included.

    Attributes
    ----------
    hkl : ndarray, shape (n, 3), int32
        Miller indices, without systematic absences.
    plus, minus : ndarray, shape (n,), float64
        Amplitudes of F(h) and F(-h), electrons.
    solvent_fraction : float
        Share of the cell that bulk solvent fills; 0 without it.
    """

    hkl: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    solvent_fraction: float


def check_resolution(d_min: float, cell: Cell, name: str = "{d_min}") -> None:
    """Refuse a resolution that nothing can be computed to.

    Parameters
    ----------
    d_min : float
        Smallest spacing, Å.
    cell : tuple of 6 float
        Unit cell, Å and degrees.
    name : str
        What states it, for messages.

    Raises
    ------
    UsageError
        If it is beyond the first reflection, or finer than this machine's memory allows.
    """
    unit_cell = gemmi_library().UnitCell(*cell)
    largest = 1.0 / min(unit_cell.reciprocal().parameters[:3])
    if d_min > largest:
        raise UsageError(f"{name} {d_min:g}: the largest spacing of the cell is {largest:g} Å; give less")
    spacing = max(d_min, _FINEST)
    points = 1.0 / min(spacing / (2.0 * _OVERSAMPLING), _MASK_SPACING) ** 3
    reflections = 4.0 * math.pi / 3.0 / spacing**3
    needed = unit_cell.volume * (_BYTES_PER_POINT * points + _BYTES_PER_REFLECTION * reflections)
    if needed > machine_memory():
        raise UsageError(
            f"{name} {d_min:g}: a cell of {unit_cell.volume:g} Å³ needs {needed / 1e9:.3g} GB at this resolution, "
            f"this machine has {machine_memory() / 1e9:.3g}: give a larger one"
        )


def dispersion(contents: Contents, wavelength: float | None) -> dict[str, tuple[float, float]]:
    """Anomalous scattering f', f'' of each element (Cromer & Liberman, Acta Cryst. A37, 267, 1981; gemmi).

    Parameters
    ----------
    contents : Contents
        The crystal.
    wavelength : float or None
        Å; None leaves anomalous scattering out.

    Returns
    -------
    dict of str to (float, float)
        Element -> f', f'' in electrons; empty without a wavelength.
    """
    if wavelength is None:
        return {}
    gemmi, energy = gemmi_library(), HC_EV_ANGSTROM / wavelength
    return {name: gemmi.cromer_liberman(e.atomic_number, energy) for name, e in contents.elements.items()}


def calculate_F(  # noqa: N802  (F is the field's symbol)
    contents: Contents, d_min: float, solvent: Solvent, anomalous: dict[str, tuple[float, float]]
) -> CalculatedF:
    """Structure factors of a model.

    Parameters
    ----------
    contents : Contents
        The crystal.
    d_min : float
        Smallest spacing, Å.
    solvent : Solvent
        Bulk solvent.
    anomalous : dict of str to (float, float)
        Element -> f', f'' in electrons.

    Returns
    -------
    CalculatedF
    """
    calculator = _calculator(contents, d_min)
    elements = contents.elements
    for name, (f1, _) in anomalous.items():
        calculator.addends.set(elements[name], f1)
    calculator.put_model_density_on_grid(contents.structure[0])
    real = _transform(calculator.grid, d_min, calculator.blur)
    hkl, amplitude = real.miller_array, real.value_array.astype(np.complex128)
    masked, solvent_fraction = _solvent_F(contents, d_min, solvent)
    if masked is not None:
        amplitude += masked
    imaginary = _imaginary_F(calculator, contents, d_min, anomalous)
    return CalculatedF(hkl, abs(amplitude + 1j * imaginary), abs(amplitude - 1j * imaginary), solvent_fraction)


def _calculator(contents: Contents, d_min: float) -> gemmi.DensityCalculatorX:
    calculator: gemmi.DensityCalculatorX = gemmi_library().DensityCalculatorX()
    calculator.d_min, calculator.rate, calculator.cutoff = d_min, _OVERSAMPLING, _DENSITY_CUTOFF
    calculator.grid.setup_from(contents.structure)
    calculator.set_refmac_compatible_blur(contents.structure[0])
    return calculator


def _transform(grid: gemmi.FloatGrid, d_min: float, blur: float = 0.0) -> gemmi.ComplexAsuData:
    """The asymmetric unit of a density's Fourier transform, sorted."""
    transformed = gemmi_library().transform_map_to_f_phi(grid, half_l=True)
    data: gemmi.ComplexAsuData = transformed.prepare_asu_data(dmin=d_min * EDGE, unblur=blur, with_000=True)
    data.ensure_sorted()
    return data


def _solvent_F(  # noqa: N802
    contents: Contents, d_min: float, solvent: Solvent
) -> tuple[np.ndarray | None, float]:
    """What bulk solvent adds to the structure factors, in the order of `_transform`, and its share of the cell."""
    if solvent.k_sol == 0.0:
        return None, 0.0
    gemmi = gemmi_library()
    grid = gemmi.FloatGrid()
    grid.setup_from(contents.structure, spacing=min(d_min / (2.0 * _OVERSAMPLING), _MASK_SPACING))
    gemmi.SolventMasker(gemmi.AtomicRadiiSet.Refmac).put_mask_on_float_grid(grid, contents.structure[0])
    data = _transform(grid, d_min)
    damping = np.exp(-solvent.b_sol * data.make_1_d2_array() / 4.0)
    return solvent.k_sol * damping * data.value_array, float(grid.array.mean())


def _imaginary_F(  # noqa: N802
    calculator: gemmi.DensityCalculatorX, contents: Contents, d_min: float, anomalous: dict[str, tuple[float, float]]
) -> np.ndarray | float:
    """A'', the transform of the density of f'': each atom a point with its B factor; 0 if nothing absorbs."""
    if not any(f2 for _, f2 in anomalous.values()):
        return 0.0
    calculator.initialize_grid()
    for atom in contents.atoms:
        calculator.add_c_contribution_to_grid(atom, anomalous[atom.element.name][1])
    calculator.grid.symmetrize_sum()
    values: np.ndarray = _transform(calculator.grid, d_min, calculator.blur).value_array.astype(np.complex128)
    return values

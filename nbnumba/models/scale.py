"""Is F in electrons? The mean of F² against what the atoms of the cell scatter (Wilson, Nature 150, 152, 1942)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbnumba.models.library import gemmi_library

if TYPE_CHECKING:
    from nbnumba.models.contents import Contents

WILSON_SPACING = 4.0
"""Å: below it, atoms scatter as if they lay at random and bulk solvent no longer counts."""

_FEWEST_REFLECTIONS = 100
_KNOTS = 200


def scattered_by_atoms(contents: Contents, inverse_d2: np.ndarray) -> np.ndarray:
    """Sum over the atoms of a cell of (occupancy f exp(-B s²/4))², the mean of F² to be expected.

    Parameters
    ----------
    contents : Contents
        The crystal.
    inverse_d2 : ndarray, shape (n,), float64
        s² = 1/d², 1/Å².

    Returns
    -------
    ndarray, shape (n,), float64
        Electrons².
    """
    knots = np.linspace(0.0, float(inverse_d2.max()), _KNOTS)
    total = np.zeros(_KNOTS)
    for name, element in contents.elements.items():
        sites = zip(contents.atoms, contents.site_orders, strict=True)
        # images in one place scatter as one atom
        rows = [(atom.occ**2 * order, atom.b_iso) for atom, order in sites if atom.element.name == name]
        weights, b_factors = np.array(rows).T
        form_factor = np.array([element.it92.calculate_sf(s2 / 4.0) for s2 in knots])
        total += form_factor**2 * (weights @ np.exp(-np.outer(b_factors, knots) / 2.0))
    expected: np.ndarray = contents.copies * np.interp(inverse_d2, knots, total)
    return expected


def scale_ratio(contents: Contents, hkl: np.ndarray, amplitudes: np.ndarray) -> float | None:
    """Mean F² over the sum of f² below `WILSON_SPACING`, about 1 if F is in electrons.

    Parameters
    ----------
    contents : Contents
        What the crystal consists of.
    hkl : ndarray, shape (n, 3), int32
        Miller indices, systematic absences included.
    amplitudes : ndarray, shape (n,), float64
        F.

    Returns
    -------
    float or None
        None if too few reflections lie there to take a mean.
    """
    inverse_d2 = gemmi_library().UnitCell(*contents.cell).calculate_1_d2_array(hkl)
    used = inverse_d2 >= 1.0 / WILSON_SPACING**2
    if used.sum() < _FEWEST_REFLECTIONS:
        return None
    return float(np.square(amplitudes[used]).sum() / scattered_by_atoms(contents, inverse_d2[used]).sum())


def scale_text(contents: Contents, ratio: float | None) -> str:
    """The ratio for the report.

    Parameters
    ----------
    contents : Contents
        What the crystal consists of.
    ratio : float or None
        From `scale_ratio`.

    Returns
    -------
    str
    """
    if ratio is None:
        return f"not checked: fewer than {_FEWEST_REFLECTIONS} reflections below {WILSON_SPACING:g} Å"
    return f"mean F² is {ratio:.3g} times the sum of f² of all atoms of the cell, below {WILSON_SPACING:g} Å"

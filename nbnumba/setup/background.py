"""Amorphous materials as the kernels see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config.constants import AVOGADRO, R_E_SQUARED
from nbnumba.errors import UsageError
from nbnumba.kernels.params import Curve, Scatterer
from nbnumba.setup.units import ANGSTROM, MM

if TYPE_CHECKING:
    from nbnumba.config import Background, Beam, RadialCurve

_GRAMS = 1e6
"""Grams/m³ in a g/cm³."""


def molecules_in_beam(volume: float, density: float, molar_mass: float) -> float:
    """Number of molecules in a volume.

    Parameters
    ----------
    volume : float
        m³.
    density : float
        g/m³.
    molar_mass : float
        g/mol.

    Returns
    -------
    float
    """
    return volume * density * AVOGADRO / molar_mass


def build_scatterers(backgrounds: tuple[Background, ...], beam: Beam, fluence: float) -> tuple[Scatterer, ...]:
    """The materials in the beam.

    Parameters
    ----------
    backgrounds : tuple of Background
    beam : Beam
    fluence : float
        Photons/m².

    Returns
    -------
    tuple of Scatterer

    Raises
    ------
    UsageError
        If nothing says how wide the beam is.
    """
    if backgrounds and not beam.size > 0.0:
        raise UsageError(
            f"{{Beam.size={beam.size:g}}}: the volume of a background is its thickness times the beam's cross-section: "
            "give the beam size in mm"
        )
    edge = beam.size / MM
    return tuple(
        Scatterer(
            build_curve(material.curve),
            R_E_SQUARED * fluence * molecules_in_beam(
                material.thickness / MM * edge * edge, material.density * _GRAMS, material.molar_mass
            ),
        )
        for material in backgrounds
    )  # fmt: skip


def build_curve(curve: RadialCurve) -> Curve:
    """A radial curve for the kernels.

    Parameters
    ----------
    curve : RadialCurve
    """
    powers = np.power(1.0 / ANGSTROM, np.arange(3, -1, -1))
    return Curve(curve.stol * ANGSTROM, curve.cubics * powers, curve.beyond == "refuse")

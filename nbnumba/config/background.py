"""What scatters beside the crystal, without Bragg peaks: water, air, plastic, ice (user units)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from nbnumba.config.constants import AVOGADRO, R_E_SQUARED
from nbnumba.config.description import Description
from nbnumba.config.radial_curve import RadialCurve
from nbnumba.config.rules import POSITIVE, Rule, Rules, instance

_RINGS = 1000
"""Rings of equal solid angle over which scattering is summed."""


@dataclass(frozen=True, eq=False)
class Background(Description):
    """An amorphous material in the beam, thin: it neither absorbs nor scatters twice.

    Its volume is its thickness times the cross-section of the beam, the square of ``Beam.size``; all molecules scatter
    on their own, r_e²·F² each.

    Attributes
    ----------
    curve : RadialCurve
        F of one molecule.
    thickness : float
        Along the beam, mm.
    density : float
        g/cm³.
    molar_mass : float
        g/mol of the molecule whose F the curve gives.
    """

    curve: RadialCurve
    thickness: float
    density: float
    molar_mass: float

    RULES: ClassVar[Rules] = {
        "curve": instance(RadialCurve),
        **dict.fromkeys(("thickness", "density", "molar_mass"), POSITIVE),
    }

    def scattered_share(self, wavelength: float) -> float:
        """Photons that are scattered, in all directions, for each photon of an unpolarized beam.

        Molecules per area times r_e²·∫F²·(1 + cos² 2θ)/2 dΩ; no photon is lost to those that are scattered before.

        Parameters
        ----------
        wavelength : float
            Å.

        Returns
        -------
        float
            Far below 1 in a thin sample.
        """
        import numpy as np

        edges = np.linspace(-1.0, 1.0, _RINGS + 1)
        cosine = (edges[1:] + edges[:-1]) / 2.0
        stol = np.sqrt((1.0 - cosine) / 2.0) / wavelength
        amplitude = np.interp(stol, self.curve.stol, self.curve.amplitude)
        per_molecule = 4.0 * np.pi * R_E_SQUARED * np.mean(amplitude**2 * (1.0 + cosine**2) / 2.0)
        # mm and g/cm³ to m and g/m³
        return float(per_molecule * self.thickness * 1e-3 * self.density * 1e6 / self.molar_mass * AVOGADRO)

    @classmethod
    def named(cls, name: str, thickness: float) -> Background:
        """A material whose curve the package ships.

        Parameters
        ----------
        name : str
            "water" (liquid, 1 g/cm³, 18 g/mol) or "air" (dry, 0.0012 g/cm³, 28.8 g/mol).
        thickness : float
            Along the beam, mm.

        Returns
        -------
        Background

        Raises
        ------
        UsageError
            If there is no such material, or the thickness is not above zero.
        """
        return cls(RadialCurve.named(name), thickness, *_FIGURES[name])

    @classmethod
    def water(cls, thickness: float) -> Background:
        """Liquid water around or behind the crystal.

        Parameters
        ----------
        thickness : float
            Along the beam, mm.

        Returns
        -------
        Background
        """
        return cls.named("water", thickness)

    @classmethod
    def air(cls, thickness: float) -> Background:
        """The air that the beam crosses where the detector sees it, scattered as if it were at the sample.

        Parameters
        ----------
        thickness : float
            Along the beam, mm.

        Returns
        -------
        Background
        """
        return cls.named("air", thickness)


_FIGURES = {"water": (1.0, 18.0), "air": (0.0012, 28.8)}
"""Density, g/cm³, and molar mass, g/mol."""


def _several(value: Any) -> tuple[Background, ...]:
    if isinstance(value, Background):
        return (value,)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise ValueError(value)
    return tuple(_ONE.read(entry) for entry in value)


_ONE = instance(Background)
BACKGROUNDS = Rule("a Background, or a sequence of them", _several)
"""One material or any number of them, kept as a tuple."""

"""What scatters without Bragg peaks: a block of water, air, oil or ice powder (user units)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nbnumba.config.description import Description
from nbnumba.config.rules import NOT_NEGATIVE, POSITIVE, Rules


@dataclass(frozen=True, eq=False)
class AmorphousSample(Description):
    """A block of amorphous material in the beam; every default is nonBragg's.

    Attributes
    ----------
    thickness : float
        Edge along the beam, mm.
    width, height : float
        Edges across the beam, mm; the beam clips them.
    density : float
        g/cm³.
    molar_mass : float
        g/mol of the molecule whose amplitude the curve gives.
    molecules : float
        Molecules in the beam; 0 lets volume, density and molar mass decide.
    """

    thickness: float = 0.1
    width: float = 0.1
    height: float = 0.1
    density: float = 1.0
    molar_mass: float = 18.0
    molecules: float = 0.0

    RULES: ClassVar[Rules] = {
        **dict.fromkeys(("thickness", "width", "height", "molar_mass"), POSITIVE),
        **dict.fromkeys(("density", "molecules"), NOT_NEGATIVE),
    }

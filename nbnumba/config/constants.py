"""Constants of nature, with nanoBragg's digits."""

from __future__ import annotations

HC_EV_ANGSTROM = 12398.42
"""Photon energy × wavelength, eV·Å."""

R_E_METRES = 2.81794117756025e-15
"""Classical electron radius, m (reported only)."""

R_E_SQUARED = 7.94079248018965e-30
"""Thomson cross section r_e², m²."""

AVOGADRO = 6.02214179e23
"""Molecules per mole."""

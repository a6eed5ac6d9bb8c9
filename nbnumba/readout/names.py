"""Names that options choose from: free of NumPy, so that a command's help is immediate."""

from __future__ import annotations

PRESETS = ("counting", "pilatus", "eiger", "ccd", "jungfrau")
"""Readouts; "counting" is photon counting and nothing else."""

COUNT_GENERATORS = ("philox", "nanobragg")
"""Random numbers of photon counts."""

NOISIFY = "noisify"
"""Generator that does all that noisify does."""

GENERATORS = (*COUNT_GENERATORS, NOISIFY)
"""Random numbers of a readout."""

DTYPES = ("uint8", "uint16", "uint32", "int16", "int32")
"""Integer types of images."""

PROFILES = ("gauss", "fiber")
"""Shapes of a point spread that a width describes."""

EDGES = ("lose", "conserve")
"""What becomes of photons that would land outside."""

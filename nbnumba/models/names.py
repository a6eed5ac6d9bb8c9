"""What the name of a file says about it: free of NumPy, so that flags can be read in no time."""

from __future__ import annotations

import os
from pathlib import Path

MTZ_SUFFIX = ".mtz"
CIF_SUFFIXES = (".cif", ".mmcif")
KNOWN_SUFFIXES = (MTZ_SUFFIX, ".pdb", ".ent", *CIF_SUFFIXES)
"""Endings of models and reflection data; .gz may follow."""


def is_model_or_data(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it is a model or reflection data, not a text list.

    Parameters
    ----------
    path : path
        Ends in .pdb, .ent, .cif, .mmcif or .mtz, with or without .gz, or does not.

    Returns
    -------
    bool
    """
    return suffix_of(path) in KNOWN_SUFFIXES


def suffix_of(path: str | os.PathLike[str]) -> str:
    """The ending of a file's name, in small letters and without .gz.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    str
        With its dot; empty if there is none.
    """
    return Path(str(path).lower().removesuffix(".gz")).suffix

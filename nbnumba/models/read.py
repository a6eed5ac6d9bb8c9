"""Amplitudes in P1 from any file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.hkl import read_reflections
from nbnumba.models.assemble import expand_list
from nbnumba.models.calculated import calculated_reflections
from nbnumba.models.contents import Contents, crystal_contents
from nbnumba.models.formats import is_model, read_file
from nbnumba.models.measured import measured_reflections
from nbnumba.models.names import KNOWN_SUFFIXES, is_model_or_data
from nbnumba.models.options import SourceOptions
from nbnumba.models.reflections import Reflections

if TYPE_CHECKING:
    import gemmi


def read_source(path: str | os.PathLike[str], options: SourceOptions) -> Reflections:
    """Amplitudes in P1 from a model, from reflection data or from a text list.

    Parameters
    ----------
    path : path
        PDB, mmCIF (coordinates or structure factors) or MTZ file, also compressed by gzip; any other name means text of
        h k l F.
    options : SourceOptions
        How to read it.

    Returns
    -------
    Reflections

    Raises
    ------
    UsageError
        If an option is impossible, or has no effect on such a file.
    InputFileError
        If the file can't be read or is not what it must be.
    MissingPackageError
        If gemmi is not installed.
    """
    if not is_model_or_data(path):
        return _from_list(path, options)
    content = read_file(path)
    if is_model(content):
        return calculated_reflections(path, content, options)
    return measured_reflections(path, cast("gemmi.Mtz", content), options)


def read_model(path: str | os.PathLike[str], options: SourceOptions) -> Reflections:
    """Amplitudes in P1 from a model; see `read_source`.

    Raises
    ------
    InputFileError
        Also if the file holds reflections.
    """
    return calculated_reflections(path, _model(path), options)


def read_data(path: str | os.PathLike[str], options: SourceOptions) -> Reflections:
    """Amplitudes in P1 from reflection data; see `read_source`.

    Raises
    ------
    InputFileError
        Also if the file holds a model.
    """
    content = read_file(path)
    if is_model(content):
        raise InputFileError(f"{path}: holds a model, not reflections")
    return measured_reflections(path, cast("gemmi.Mtz", content), options)


def _model(path: str | os.PathLike[str]) -> gemmi.Structure:
    content = read_file(path)
    if not is_model(content):
        raise InputFileError(f"{path}: holds reflections, not a model")
    return content


def _from_list(path: str | os.PathLike[str], options: SourceOptions) -> Reflections:
    """Amplitudes in P1 from a text list of h k l F."""
    for name in ("d_min", "solvent", "wavelength", "column"):
        if getattr(options, name) is not None:
            field = "{k_sol}, {b_sol}" if name == "solvent" else f"{{{name}}}"
            raise UsageError(f"{field}: has no effect on a text list ({path}); leave it out")
    if options.spacegroup is None:
        raise UsageError(
            f"{path} counts as a text list, for its name ends in none of {' '.join(KNOWN_SUFFIXES)}: "
            "give {spacegroup}, whose symmetry completes it"
        )
    hkl, amplitudes = read_reflections(path)
    return expand_list(hkl, amplitudes, options.spacegroup, F000=options.F000, name=os.fspath(path))


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """The contents of a crystal, to compare data with.

    Parameters
    ----------
    path : path
        Model: PDB or mmCIF.

    Returns
    -------
    Contents

    Raises
    ------
    InputFileError
        If it is no model of a crystal.
    MissingPackageError
        If gemmi is not installed.
    """
    return crystal_contents(path, _model(path), None)

"""nanoBragg's binary cache of structure factors (Fdump.bin): index limits as text, then the padded table."""

from __future__ import annotations

import os
import re

import numpy as np

from nbnumba.config import StructureFactors
from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.atomic import atomic_write, write_array
from nbnumba.io.reading import read_input

_END_OF_LIMITS = b"\n\f"
_LIMITS = re.compile(rb"\s+".join([rb"([-+]?\d{1,9})"] * 6) + _END_OF_LIMITS)


def write_fdump(path: str | os.PathLike[str], structure_factors: StructureFactors) -> None:
    """Write the cache, byte for byte what nanoBragg writes.

    Parameters
    ----------
    path : path
        File to write.
    structure_factors : StructureFactors
        Grid of amplitudes.

    Raises
    ------
    OutputFileError
        If the file can't be written.
    """
    grid = structure_factors
    limits = (
        grid.h_min, grid.h_min + grid.h_range - 1,
        grid.k_min, grid.k_min + grid.k_range - 1,
        grid.l_min, grid.l_min + grid.l_range - 1,
    )  # fmt: skip
    with atomic_write(path) as stream:
        stream.write(" ".join(str(limit) for limit in limits).encode() + _END_OF_LIMITS)
        write_array(stream, grid.table)


def read_fdump(path: str | os.PathLike[str]) -> StructureFactors:
    """Read the cache.

    nanoBragg itself skips all white space behind the limits, and with it first bytes of the amplitudes that happen to
    look like white space; here they stay amplitudes.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    StructureFactors
        With an unknown number of reflections.

    Raises
    ------
    InputFileError
        If the file can't be read, its size does not fit its index limits, or an amplitude is not finite.
    """
    data = read_input(path)
    match = _LIMITS.match(data)
    if match is None:
        raise InputFileError(f"{path}: is no structure-factor cache: six index limits are missing; is it a text of F?")
    h_min, h_max, k_min, k_max, l_min, l_max = (int(limit) for limit in match.groups())
    shape = (h_max - h_min + 2, k_max - k_min + 2, l_max - l_min + 2)
    if min(shape) < 2:
        raise InputFileError(f"{path}: is no structure-factor cache: a largest index lies below its smallest")
    needed, found = shape[0] * shape[1] * shape[2] * 8, len(data) - match.end()
    if needed != found:
        raise InputFileError(
            f"{path}: is damaged: the index limits need {needed} bytes of amplitudes, {found} follow; "
            "remove it and read the reflections again"
        )
    table = np.frombuffer(data, dtype=np.float64, offset=match.end()).reshape(shape)
    try:
        return StructureFactors(table[:-1, :-1, :-1], h_min, k_min, l_min)
    except UsageError as error:
        raise InputFileError(f"{path}: {error}") from None

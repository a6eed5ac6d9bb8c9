"""Names of image files with numbers in them."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

from nbnumba.errors import NbnumbaWarning, UsageError


def numbered_names(path: str | os.PathLike[str], frames: int, first: int = 1) -> list[str]:
    """File names for formats that hold one frame each.

    Parameters
    ----------
    path : path
        With a run of # for the number, which is filled with zeros; without, for a single frame, the name itself.
    frames : int
        How many.
    first : int
        Number of the first frame.

    Returns
    -------
    list of str

    Raises
    ------
    UsageError
        If several frames would get the same name.
    """
    name = os.fspath(path)
    head, hashes, tail = name.rpartition("#")
    if not hashes:
        if frames > 1:
            raise UsageError(f"{path}: {frames} frames need as many files: put ##### for their number into the name")
        return [name]
    stem = head.rstrip("#")
    digits = len(head) - len(stem) + 1
    return [f"{stem}{number:0{digits}d}{tail}" for number in range(first, first + frames)]


def warn_without_number(path: str | os.PathLike[str]) -> None:
    """dxtbx makes a template from the number at the end of a file's name, and fails without one.

    Parameters
    ----------
    path : path
        File that is written.

    Warns
    -----
    NbnumbaWarning
        If the name ends in no digit.
    """
    if not re.search(r"\d$", Path(path).stem):
        warnings.warn(
            NbnumbaWarning(f"{path}: DIALS needs a number at the end of the name, as in {Path(path).stem}_00001"),
            stacklevel=2,
        )

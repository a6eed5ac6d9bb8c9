"""What the flags have said so far, in the units that users type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from nbnumba.config import Beam, Crystal, Detector, Sampling
from nbnumba.config.description import Description, with_entry
from nbnumba.output.files import OutputFiles

S = TypeVar("S", bound="Entries")
X = TypeVar("X", bound="ExperimentEntries")


@dataclass(frozen=True)
class Entries:
    """What the flags of a program have said so far: a frozen dataclass that gives changed copies of itself."""

    def put(self: S, path: str, value: Any) -> S:
        """Settings with one entry changed.

        Parameters
        ----------
        path : str
            Names of the entry and of what holds it, as in ``detector.frame.pivot``.
        value : object
            New value.
        """
        changed: S = _put(self, path.split("."), value)
        return changed


@dataclass(frozen=True)
class ExperimentEntries(Entries):
    """What flags say of beam, detector and sampling, and the headers of images before them.

    Attributes
    ----------
    beam, detector, sampling
        The experiment so far, without what has yet to be read from files.
    unusable : tuple of (str, str)
        What headers of images say and nothing can be computed with, unless a flag says otherwise: the entry, and words.
    """

    beam: Beam = Beam()
    detector: Detector = Detector()
    sampling: Sampling = Sampling()
    unusable: tuple[tuple[str, str], ...] = ()

    def put(self: X, path: str, value: Any) -> X:
        """Settings with one entry changed; what a header said of it is forgotten.

        Parameters
        ----------
        path : str
            Names of the entry and of what holds it, as in ``detector.frame.pivot``.
        value : object
            New value.
        """
        changed = super().put(path, value)
        if self.unusable:
            kept = tuple((entry, words) for entry, words in self.unusable if entry != path)
            return replace(changed, unusable=kept)
        return changed


@dataclass(frozen=True)
class Settings(ExperimentEntries):
    """The state that flags change from left to right; what it starts with is nanoBragg's default.

    Attributes
    ----------
    crystal : Crystal
        The crystal so far, without what has yet to be read from files.
    files : OutputFiles
        Names and scales of the output; `writes_pgm` and `writes_noise` say whether those names are used.
    cell : tuple of 6 (float or None)
        Direct cell, Å and degrees.
    matrix_path, hkl_path, sources_path, stol_path, mask_path, header_path : Path or None
        Input files.
    names_cache : bool
        Whether the name of the structure-factor cache was given.
    pivot : str or None
        What -pivot said last; other flags imply one, too.
    pix0_in_mm : bool
        Whether the corner of the first pixel was given in mm.
    writes_pgm, writes_noise : bool
        Whether these images are written.
    progress : bool or None
        Show the progress meter; None decides by the terminal.
    printout : bool
        Print pixels.
    printout_pixel : tuple of 2 int or None
        Fast, slow of the only pixel to print; None or negative prints all.
    trace_pixels : tuple of (int, int)
        Slow, fast of the pixels to trace.
    """

    crystal: Crystal = Crystal()
    files: OutputFiles = OutputFiles()
    cell: tuple[float | None, ...] = (None,) * 6
    matrix_path: Path | None = None
    hkl_path: Path | None = None
    sources_path: Path | None = None
    stol_path: Path | None = None
    mask_path: Path | None = None
    header_path: Path | None = None
    names_cache: bool = False
    pivot: str | None = None
    pix0_in_mm: bool = False
    writes_pgm: bool = True
    writes_noise: bool = True
    progress: bool | None = None
    printout: bool = False
    printout_pixel: tuple[int, int] | None = None
    trace_pixels: tuple[tuple[int, int], ...] = ()


def _put(owner: Any, names: Sequence[str], value: Any) -> Any:
    """A frozen dataclass with one entry, of its own or of one that it holds, changed."""
    name, *rest = names
    if rest:
        value = _put(getattr(owner, name), rest, value)
    return with_entry(owner, name, value) if isinstance(owner, Description) else replace(owner, **{name: value})

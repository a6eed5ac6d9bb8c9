"""Which flag sets a field: what the command line puts in the place of the names that the library's messages use."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, cast

from nbnumba.config import Spread
from nbnumba.errors import NbnumbaError, with_names
from nbnumba.flags.flag import Flag
from nbnumba.flags.settings import Settings
from nbnumba.flags.table import FLAGS

_BY_HAND = {
    "Beam.horizontal_divergence": "-hdivrange",
    "Beam.horizontal_divergence.range": "-hdivrange",
    "Beam.vertical_divergence": "-vdivrange",
    "Beam.vertical_divergence.range": "-vdivrange",
    "Beam.dispersion": "-dispersion",
    "Beam.sources": "-sourcefile",
    "Beam.spectrum": "--spectrum",
    "Spectrum.energies": "the energies of --spectrum",
    "Spectrum.wavelengths": "the wavelengths of --spectrum",
    "Spectrum.weights": "the weights of --spectrum",
    "Crystal.mosaic_distribution": "--mosaic-distribution",
    "Crystal.mosaic_rotations": "--mosaic_file",
    "Crystal.random_misset": "-misset",
    "Crystal.reciprocal_matrix": "-mat",
    "Crystal.structure_factors": "-hkl",
    "Crystal.unit_cell": "-cell",
    "UnitCell": "-cell",
    "Detector.beam_center": "-Xbeam, -Ybeam",
    "Detector.close_point": "-Xclose, -Yclose",
    "Detector.mask": "-mask",
    "Detector.origin_pixels": "-ORGX, -ORGY",
    "Detector.rotation": "-detector_rotx, -detector_roty, -detector_rotz",
    "Sampling.cutoff": "--cutoff",
    "Sensor.layers": "-thicksteps",
    "AmorphousExperiment.points": "-stol",
    "AmorphousFiles.curve_path": "-stolout",
    "AmorphousSample.density": "-density",
    "AmorphousSample.molecules": "-molecules",
    "Background.density": "the density of --background",
    "Background.molar_mass": "the molar mass of --background",
    "Background.thickness": "the thickness of --background",
    "Experiment.background": "--background",
    "Extraction.image": "-img",
    "OutputFiles.png_path": "--png",
    "OutputFiles.smv_header": "--smv-header",
    "column": "nbnumba hkl --column",
    "compression": "--compression",
    "d_min": "-dmin",
    "Physics.base": "--physics",
    "Physics.fix": "--fix",
    "Physics.keep": "--keep",
    "RadialCurve.beyond": "--background ...:",
    "RadialCurve.beyond=refuse": ":refuse",
    "RadialCurve.stol": "--background",
    "abscissa": ":stol, :4stol or :Q behind --background FILE:THICKNESS:DENSITY:MOLAR_MASS",
    "spectrum_unit": "--spectrum-unit",
    "spots": "--spots",
    "engine": "--engine",
    "experiment": "--experiment",
    "image": "--image",
    "output": "--output",
    "partial": "--partial",
    "precision": "--precision",
    "shard": "--shard",
    "spacegroup": "--spacegroup",
    "threads": "--threads",
    "truth": "--truth",
    "workers": "--workers",
}
"""Fields that no flag sets as a whole, or for which there is a better name than the first flag's; options."""


def flag_of(field: str) -> str:
    """The flag that sets a field.

    Parameters
    ----------
    field : str
        As in the braces of a message: ``Beam.wavelength``, ``Detector.beam_center[0]``, an argument of a function such
        as ``threads``, or one of these with a value, ``Beam.round_divergence=False``.

    Returns
    -------
    str
        The flag, with the value if there is one: ``-oversample 5``; the field itself if no flag sets it.
    """
    flags = _flags()
    if field in flags:
        return flags[field]
    name, _, value = field.partition("=")
    flag = flags.get(name) or flags.get(name.partition("[")[0], name)
    return f"{flag} {value}" if value else flag


@contextlib.contextmanager
def named_by_flags() -> Iterator[None]:
    """Errors that are raised inside name flags.

    Raises
    ------
    NbnumbaError
        Of the same kind.
    """
    try:
        yield
    except NbnumbaError as error:
        raise type(error)(with_names(error.message, flag_of)) from error


def field_of(path: str) -> str:
    """The name of a field in messages.

    Parameters
    ----------
    path : str
        Entry of the `Settings`: ``detector.frame.pivot``.

    Returns
    -------
    str
        ``LabFrame.pivot``.
    """
    *owners, name = path.split(".")
    owner: Any = Settings()
    for part in owners:
        owner = getattr(owner, part)
    # there are three of them
    return f"Beam.{owners[-1]}.{name}" if isinstance(owner, Spread) else f"{type(owner).__name__}.{name}"


@functools.cache
def _flags() -> dict[str, str]:
    """Field -> flag: the first in the table that sets it."""
    flags: dict[str, str] = {}
    for flag in FLAGS:
        for field in _fields_set_by(flag):
            flags.setdefault(field, flag.name)
    return {**flags, **_BY_HAND}


class _Mark(float):
    """Stands for a value on the command line, to be known again."""


class _Watch:
    """Settings that remember what is put into them."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Any]] = []

    def put(self, path: str, value: Any) -> _Watch:
        """Remember an entry."""
        self.entries.append((path, value))
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(Settings(), name)


def entries_set_by(flag: Flag, values: Sequence[Any]) -> list[tuple[str, Any]]:
    """The entries of the `Settings` that a flag changes, and what it puts there.

    Parameters
    ----------
    flag : Flag
        Any flag.
    values : sequence of object
        Behind the flag.
    """
    watch = _Watch()
    flag.effect(cast(Settings, watch), values)
    return watch.entries


def _fields_set_by(flag: Flag) -> Iterator[str]:
    """The fields to which a flag gives its values, or its first one if it takes no value."""
    entries = entries_set_by(flag, [_Mark(1.0)] * len(flag.values))
    if not flag.values:
        for path, value in entries[:1]:
            yield f"{field_of(path)}={value.value if isinstance(value, Enum) else value}"
            yield field_of(path)
    for path, value in entries:
        parts = value if isinstance(value, tuple) else (value,)
        marked = [position for position, part in enumerate(parts) if isinstance(part, _Mark)]
        if len(marked) == len(parts):
            yield field_of(path)
        else:
            yield from (f"{field_of(path)}[{position}]" for position in marked)

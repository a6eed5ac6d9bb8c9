"""A campaign as a description: frozen dataclasses whose fields are the keys of the plan's file, with their units."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from nbnumba.campaign.distributions import DISTRIBUTIONS, Distribution, LogNormal, Normal, varying
from nbnumba.config.crystal import CrystalShape, MosaicDistribution, UnitCell
from nbnumba.config.description import Description
from nbnumba.config.physics import BASES, Physics
from nbnumba.config.rules import (
    BOOLEAN,
    NOT_NEGATIVE,
    NOT_NEGATIVE_INTEGER,
    NUMBER,
    POSITIVE,
    POSITIVE_INTEGER,
    Rule,
    Rules,
    UnfitError,
    choice,
    instance,
    optional,
    several,
)
from nbnumba.engine.registry import AUTOMATIC, ENGINE_NAMES, PRECISIONS
from nbnumba.errors import UsageError
from nbnumba.io.formats import COMPRESSIONS
from nbnumba.readout.names import PRESETS

Number = float | Distribution
Whole = int | Distribution

TRUTHS = ("orientation", "cell", "wavelength", "fluence", "seeds", "spots")
"""What can be recorded for each shot besides what was drawn."""

REDUCTIONS = ("max", "mean", "sum")
"""What a pixel of a smaller image is made of; behind ``-sqrt`` it is the root of that."""

FORMATS = ("nxmx", "hdf5")
"""Of shards: NXmx for crystallographic programs, or bare arrays."""

KEEP = "keep"
"""F(0,0,0) as the source has it."""

DTYPES = ("uint8", "uint16", "int16", "int32", "uint32", "float32")
"""What pixels are written as."""


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(value)
    return value


TEXT = Rule("text", _text)


def word(*words: str) -> Rule:
    """One of some words, in small letters.

    Parameters
    ----------
    *words : str
        All that are known.
    """
    def read(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in words:
            raise ValueError(value)
        return value.lower()

    return Rule(f"{', '.join(words[:-1])} or {words[-1]}", read)


def list_of(rule: Rule) -> Rule:
    """A list, kept as a tuple; a single value counts as a list of one.

    Parameters
    ----------
    rule : Rule
        For each entry.
    """
    def read(value: Any) -> tuple[Any, ...]:
        entries = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        return tuple(rule(entry) for entry in entries)

    return Rule(f"a list, each {rule.meaning}", read)


def _within(meaning: str, low: float, high: float, hint: str) -> Rule:
    """Numbers of a unit, beyond whose limits lies another unit."""
    def read(value: Any) -> float:
        number: float = NUMBER.read(value)
        if not low <= number <= high:
            raise UnfitError(f"must be {meaning} between {low:g} and {high:g}, not {number:g}{hint}")
        return number

    return Rule(meaning, read)


_ENERGY = _within("a photon energy in eV", 100.0, 1e6, ": is it in keV?")
_WAVELENGTH = _within("a wavelength in Å", 0.01, 120.0, ": is it in m, or an energy?")
_DISTANCE = _within("a distance in mm", 1.0, 1e5, ": is it in m?")
def _kept_or_number(value: Any) -> float | str:
    if isinstance(value, str) and value.lower() == KEEP:
        return KEEP
    number: float = NOT_NEGATIVE.read(value)
    return number


_FORWARD = Rule(f'a number of zero or more, in electrons, or "{KEEP}"', _kept_or_number)
_FRACTION = _within("a fraction", 0.0, 1.0, ": is it a percentage?")
_PIXEL = _within("a pixel's edge in mm", 1e-3, 10.0, ": is it in µm or in m?")


def _subsection(kind: type[Description]) -> Rule:
    """A table inside a section, made from its mapping."""
    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        if not isinstance(value, dict):
            raise ValueError(value)
        unknown = set(value) - set(kind.RULES)
        if unknown:
            raise UnfitError(f"has no key {sorted(unknown)[0]}: it knows {', '.join(kind.RULES)}")
        try:
            return kind(**value)
        except UsageError as error:
            raise UnfitError(f"is impossible: {error}") from None
        except TypeError:
            raise UnfitError(f"needs {', '.join(_required(kind))}") from None

    keys = ", ".join(f"{name} = …" for name in kind.RULES)
    return Rule(f"a table {{{keys}}}", read)


def _required(kind: type[Description]) -> list[str]:
    from dataclasses import MISSING

    return [item.name for item in fields(kind) if item.default is MISSING]  # type: ignore[arg-type]


class Section(Description):
    """A section of a plan: all that is impossible in it is found at once."""

    def conflicts(self) -> Iterator[str]:
        """What is impossible together, with the fields in braces, the first one where to mend it.

        Values that break their rules may stand in the fields: nothing is computed with them.
        """
        yield from ()

    def _check(self) -> None:
        _refuse(self.conflicts())


def _refuse(problems: Iterator[str]) -> None:
    found = list(problems)
    if found:
        raise UsageError("; ".join(found))


@dataclass(frozen=True, eq=False)
class Campaign(Section):
    """How many images, and where they go.

    Attributes
    ----------
    shots : int
        Stills, or sets of rotation images.
    seed : int
        Of everything that is drawn.
    output : str
        Folder of the shards, relative to the plan's.
    images_per_shard : int
        Stills in a file; of rotation sets each is a file.
    """

    shots: int
    seed: int = 0
    output: str = "campaign"
    images_per_shard: int = 100

    RULES: ClassVar[Rules] = {
        "shots": POSITIVE_INTEGER, "seed": NOT_NEGATIVE_INTEGER, "output": TEXT, "images_per_shard": POSITIVE_INTEGER,
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class StructureFactorsPlan(Section):
    """Where amplitudes come from; of several files each shot draws one.

    Attributes
    ----------
    model, mtz, hkl : tuple of str
        Files: models (.pdb, .cif), reflection data, lists of h k l F in P1. One of the three.
    dmin : float or None
        Finest spacing, Å; a model needs it.
    k_sol, b_sol : float or None
        Bulk solvent of a model, electrons/Å³ and Å²; None takes 0.35 and 46.
    energy_ev : float or None
        Photon energy of f' and f'' of a model, eV; None leaves them out.
    column : str or None
        Column of reflection data; None chooses by type.
    spacegroup : str or None
        Where a file names none.
    default_F : float
        Amplitude of reflections that no file lists, electrons.
    F000 : float or str
        F(0,0,0), electrons, or "keep" for that of the source. It lights the beam centre, where detectors have a
        beamstop.
    """

    model: tuple[str, ...] = ()
    mtz: tuple[str, ...] = ()
    hkl: tuple[str, ...] = ()
    dmin: float | None = None
    k_sol: float | None = None
    b_sol: float | None = None
    energy_ev: float | None = None
    column: str | None = None
    spacegroup: str | None = None
    default_F: float = 0.0  # noqa: N815
    F000: float | str = 0.0

    RULES: ClassVar[Rules] = {
        **dict.fromkeys(("model", "mtz", "hkl"), list_of(TEXT)),
        "dmin": optional(POSITIVE), "k_sol": optional(NOT_NEGATIVE), "b_sol": optional(NOT_NEGATIVE),
        "energy_ev": optional(_ENERGY), "column": optional(TEXT), "spacegroup": optional(TEXT), "default_F": NUMBER,
        "F000": _FORWARD,
    }  # fmt: skip

    @property
    def files(self) -> tuple[str, ...]:
        """The files that a shot draws from."""
        return self.model or self.mtz or self.hkl

    def conflicts(self) -> Iterator[str]:
        """See `Section.conflicts`."""
        given = [name for name in ("model", "mtz", "hkl") if getattr(self, name)]
        if len(given) > 1:
            yield f"{{StructureFactorsPlan.{given[1]}}}: {' and '.join(given)} are two sources; give one"
        if not given and self.default_F == 0.0:
            yield "{StructureFactorsPlan.model}: give model, mtz or hkl: nothing scatters without"
        if self.model and self.dmin is None:
            yield "{StructureFactorsPlan.dmin} is needed: how far a model is calculated, in Å"
        for name in ("k_sol", "b_sol", "energy_ev"):
            if getattr(self, name) is not None and not self.model:
                yield f"{{StructureFactorsPlan.{name}}} has no effect without model"
        for name, source in (("column", "mtz"), ("dmin", "model or mtz"), ("spacegroup", "model or mtz")):
            if getattr(self, name) is not None and not any(getattr(self, word, ()) for word in source.split(" or ")):
                yield f"{{StructureFactorsPlan.{name}}} has no effect without {source}"


@dataclass(frozen=True, eq=False)
class CrystalPlan(Section):
    """The crystal of each shot.

    Attributes
    ----------
    orientation : str
        "uniform" on all orientations, "fixed", or a file of rotation matrices: text of nine numbers a line, or .npy of
        shape (n, 3, 3); shot i takes matrix i.
    misset_deg : tuple of 3 (float or Distribution) or None
        Rotations about lab x, then y, then z, degrees, of a fixed orientation or on top of one from a file.
    size_nm : float, Distribution or None
        Edge of a mosaic block, nm; the cells along each axis follow from it and the unit cell.
    cells : tuple of 3 (float or Distribution) or None
        Unit cells along a, b, c, in place of the size.
    shape : str or Distribution
        square, round, gauss or tophat.
    mosaic_spread : float or Distribution
        Degrees.
    mosaic_domains : int or Distribution
        Mosaic domains that are summed up.
    mosaic_distribution : str
        nanobragg, ball or gaussian.
    unit_cell : tuple of 6 (float or Distribution) or None
        a, b, c, Å, and alpha, beta, gamma, degrees; None takes the model's.
    lattices : int or Distribution
        Crystals in one shot, each in an orientation of its own.
    spot_scale : float or Distribution
        What the spots' photons are multiplied by: the mosaic blocks in the beam.
    b_factor : float or Distribution
        Debye-Waller factor B, Å²: spots fade by exp(-2 B (sin θ/λ)²).
    """

    orientation: str = "uniform"
    misset_deg: tuple[Number, Number, Number] | None = None
    size_nm: Number | None = None
    cells: tuple[Number, Number, Number] | None = None
    shape: str | Distribution = "square"
    mosaic_spread: Number = 0.0
    mosaic_domains: Whole = 1
    mosaic_distribution: MosaicDistribution = MosaicDistribution.NANOBRAGG
    unit_cell: tuple[Number, ...] | None = None
    lattices: Whole = 1
    spot_scale: Number = 1.0
    b_factor: Number = 0.0

    RULES: ClassVar[Rules] = {
        "orientation": TEXT,
        "misset_deg": varying(NUMBER, count=3),
        "size_nm": varying(POSITIVE),
        "cells": varying(POSITIVE, count=3),
        "shape": varying(word(*(shape.name.lower() for shape in CrystalShape))),
        "mosaic_spread": varying(NOT_NEGATIVE),
        "mosaic_domains": varying(POSITIVE_INTEGER, whole=True),
        "mosaic_distribution": choice(MosaicDistribution),
        "unit_cell": varying(POSITIVE, count=6),
        "lattices": varying(POSITIVE_INTEGER, whole=True),
        "spot_scale": varying(NOT_NEGATIVE),
        "b_factor": varying(NOT_NEGATIVE),
    }

    def conflicts(self) -> Iterator[str]:
        """See `Section.conflicts`."""
        yield from self._impossible_cell()
        if (self.size_nm is None) == (self.cells is None):
            yield "{CrystalPlan.size_nm}: say how large the crystal is: either size_nm or cells"
        if self.misset_deg is not None and self.orientation == "uniform":
            yield '{CrystalPlan.misset_deg} has no effect on uniform orientations; give "fixed" or a file'
        if self.mosaic_spread != 0.0 and self.mosaic_domains == 1:
            yield "{CrystalPlan.mosaic_domains}: a mosaic spread needs more than one domain"
        if isinstance(self.lattices, (Normal, LogNormal)):
            yield "{CrystalPlan.lattices} needs a largest number: give a number, uniform, choice or column"

    def _impossible_cell(self) -> Iterator[str]:
        """Whether a unit cell that is the same in all shots encloses a volume."""
        cell = self.unit_cell
        if isinstance(cell, tuple) and len(cell) == 6 and all(isinstance(edge, float) for edge in cell):
            try:
                UnitCell(*cell)  # type: ignore[arg-type]
            except UsageError as error:
                yield f"{{CrystalPlan.unit_cell}}: {error.message.partition(': ')[2]}"


@dataclass(frozen=True, eq=False)
class SpectrumFile(Description):
    """Wavelengths and weights from a file.

    Attributes
    ----------
    file : str
        Text of two columns, or HDF5 with ``energies`` (eV) or ``wavelengths`` (Å) of n channels, and ``weights``.
    per_shot : bool
        Whether ``weights`` has a row for each shot.
    """

    file: str
    per_shot: bool = False

    RULES: ClassVar[Rules] = {"file": TEXT, "per_shot": BOOLEAN}


@dataclass(frozen=True, eq=False)
class BeamPlan(Section):
    """The beam of each shot.

    Attributes
    ----------
    energy_ev, wavelength_a : float, Distribution or None
        Photon energy, eV, or wavelength, Å; None and None is 1 Å.
    flux : float, Distribution or None
        Photons of a shot, or of a second if there is an exposure.
    exposure_s : float, Distribution or None
        s; None is 1.
    size_um : float, Distribution or None
        Edge of the beam, µm.
    fluence : float, Distribution or None
        Photons/m², in place of flux and size.
    kahn_factor : float or Distribution
        Degree of polarization along the E-vector, -1 to 1.
    spectrum : SpectrumFile or None
        In place of energy and wavelength.
    """

    energy_ev: Number | None = None
    wavelength_a: Number | None = None
    flux: Number | None = None
    exposure_s: Number | None = None
    size_um: Number | None = None
    fluence: Number | None = None
    kahn_factor: Number = 0.0
    spectrum: SpectrumFile | None = None

    RULES: ClassVar[Rules] = {
        "energy_ev": varying(_ENERGY), "wavelength_a": varying(_WAVELENGTH), "flux": varying(POSITIVE),
        "exposure_s": varying(POSITIVE), "size_um": varying(POSITIVE), "fluence": varying(POSITIVE),
        "kahn_factor": varying(_within("a degree of polarization", -1.0, 1.0, "")),
        "spectrum": optional(_subsection(SpectrumFile)),
    }  # fmt: skip

    def conflicts(self) -> Iterator[str]:
        """See `Section.conflicts`."""
        colours = [name for name in ("energy_ev", "wavelength_a", "spectrum") if getattr(self, name) is not None]
        if len(colours) > 1:
            yield f"{{BeamPlan.{colours[1]}}}: {' and '.join(colours)} say the same; give one"
        if self.flux is not None and self.fluence is not None:
            yield "{BeamPlan.fluence}: flux and fluence say the same; give one"
        if self.flux is not None and self.size_um is None:
            yield "{BeamPlan.size_um} is needed: on what area the flux falls, µm"
        if self.flux is None and self.fluence is None:
            yield "{BeamPlan.flux}: say how bright the beam is: flux with size_um, or fluence"
        if self.exposure_s is not None and self.flux is None:
            yield "{BeamPlan.exposure_s} has no effect without flux"


@dataclass(frozen=True, eq=False)
class DetectorPlan(Section):
    """The detector of each shot: by name, from a file, by nanoBragg's flags, or one square panel.

    Attributes
    ----------
    model : str or None
        Name, see `nbnumba.config.detectors.DETECTORS`; stands square to the beam.
    expt, geom : str or None
        File of DIALS or CrystFEL.
    flags : str or None
        nanoBragg's flags of a detector.
    pixel_mm : float or None
        Edge of a pixel of a panel square to the beam, mm.
    pixels : tuple of 2 int or None
        Its pixels along fast and slow.
    distance_mm : float, Distribution or None
        Sample to detector; with model or pixels.
    beam_centre_mm : tuple of 2 (float or Distribution) or None
        Fast, slow, from the outer corner of the first pixel; with model or pixels. None is the middle.
    beam_centre_jitter_mm : float, Distribution or None
        Added to the beam centre, drawn for fast and for slow; the detector moves.
    offset_mm : float, Distribution or None
        Moves the detector of a file along the beam.
    """

    model: str | None = None
    expt: str | None = None
    geom: str | None = None
    flags: str | None = None
    pixel_mm: float | None = None
    pixels: tuple[int, int] | None = None
    distance_mm: Number | None = None
    beam_centre_mm: tuple[Number, Number] | None = None
    beam_centre_jitter_mm: Number | None = None
    offset_mm: Number | None = None

    RULES: ClassVar[Rules] = {
        **dict.fromkeys(("model", "expt", "geom", "flags"), optional(TEXT)),
        "pixel_mm": optional(_PIXEL), "pixels": optional(several(2, POSITIVE_INTEGER)),
        "distance_mm": varying(_DISTANCE), "beam_centre_mm": varying(NUMBER, count=2),
        "beam_centre_jitter_mm": varying(NUMBER), "offset_mm": varying(NUMBER),
    }  # fmt: skip

    @property
    def kind(self) -> str:
        """Which key says what the detector is."""
        return next(name for name in ("model", "expt", "geom", "flags", "pixels") if getattr(self, name) is not None)

    @property
    def moves(self) -> bool:
        """Whether shots have detectors in different places."""
        keys = (self.distance_mm, self.beam_centre_jitter_mm, self.offset_mm, *(self.beam_centre_mm or ()))
        return any(isinstance(value, DISTRIBUTIONS) for value in keys)

    def conflicts(self) -> Iterator[str]:
        """See `Section.conflicts`."""
        given = [name for name in ("model", "expt", "geom", "flags", "pixels") if getattr(self, name) is not None]
        if (self.pixels is None) != (self.pixel_mm is None):
            yield "{DetectorPlan.pixels} and pixel_mm belong together: how many, and their edge in mm"
        elif len(given) != 1:
            what = f"{' and '.join(given)} are two detectors" if given else "say which detector"
            field = (given or ["model"])[-1]
            yield f"{{DetectorPlan.{field}}}: {what}: give model, expt, geom, flags or pixels"
        square = self.pixels is not None or self.model is not None
        if square and self.distance_mm is None:
            yield "{DetectorPlan.distance_mm} is needed: sample to detector, mm"
        for name, fits, remedy in (
            ("distance_mm", square, "offset_mm moves a detector from a file, flags state their own"),
            ("beam_centre_mm", square, "beam_centre_jitter_mm moves a detector from a file"),
            ("offset_mm", self.expt or self.geom, "distance_mm places it"),
            ("beam_centre_jitter_mm", not self.flags, "state another beam centre in the flags"),
        ):  # fmt: skip
            if given and getattr(self, name) is not None and not fits:
                yield f"{{DetectorPlan.{name}}} has no effect on a detector by {given[0]}: {remedy}"


@dataclass(frozen=True, eq=False)
class Material(Description):
    """An amorphous material in the beam.

    Attributes
    ----------
    curve : str
        File of F against sin θ/λ.
    thickness_um : float
        Along the beam, µm.
    density : float
        g/cm³.
    molar_mass : float
        Of what the curve's F stands for, g/mol.
    """

    curve: str
    thickness_um: float
    density: float
    molar_mass: float

    RULES: ClassVar[Rules] = {
        "curve": TEXT, "thickness_um": POSITIVE, "density": POSITIVE, "molar_mass": POSITIVE,
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class BackgroundPlan(Section):
    """What scatters besides the crystal.

    Attributes
    ----------
    water_um, air_mm : float or Distribution
        Thickness along the beam, µm and mm.
    materials : tuple of Material
        Others.
    background_scale : float or Distribution
        What all background is multiplied by.
    """

    water_um: Number = 0.0
    air_mm: Number = 0.0
    materials: tuple[Material, ...] = ()
    background_scale: Number = 1.0

    RULES: ClassVar[Rules] = {
        "water_um": varying(NOT_NEGATIVE), "air_mm": varying(NOT_NEGATIVE),
        "materials": list_of(_subsection(Material)), "background_scale": varying(NOT_NEGATIVE),
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class ReadoutPlan(Section):
    """What the detector makes of the photons; without this section images hold expected photons.

    Attributes
    ----------
    preset : str
        Detector whose figures hold where no key says otherwise.
    fluctuation, calibration, gain, readout_noise, offset, saturation, hot_pixels, dead_pixels
        See `nbnumba.readout.ReadoutSettings`; numbers or distributions, None takes the preset's.
    point_spread : str or None
        ``fiber:80um``, ``gauss:1.5px`` or "none".
    mask : str or None
        Image file that is 0 where there is no sensor; nothing is computed there.
    calibration_seed, pixel_seed : int
        Which detector it is; the same in all shots.
    """

    preset: str = PRESETS[0]
    fluctuation: Number | None = None
    calibration: Number | None = None
    gain: Number | None = None
    readout_noise: Number | None = None
    offset: Number | None = None
    saturation: Number | None = None
    hot_pixels: Number | None = None
    dead_pixels: Number | None = None
    point_spread: str | None = None
    mask: str | None = None
    calibration_seed: int = 0
    pixel_seed: int = 0

    RULES: ClassVar[Rules] = {
        "preset": word(*PRESETS),
        **dict.fromkeys(("fluctuation", "calibration", "hot_pixels", "dead_pixels"), varying(_FRACTION)),
        "readout_noise": varying(NOT_NEGATIVE),
        **dict.fromkeys(("gain", "saturation"), varying(POSITIVE)),
        "offset": varying(NUMBER), "point_spread": optional(TEXT), "mask": optional(TEXT),
        **dict.fromkeys(("calibration_seed", "pixel_seed"), NOT_NEGATIVE_INTEGER),
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Downsample(Description):
    """How an image is made smaller.

    Attributes
    ----------
    size : int
        Pixels along both edges of the smaller image; blocks are square, what is left at the ends holds 0.
    how : str
        What becomes of a block: max, mean, sum, or the root of it: max-sqrt, mean-sqrt, sum-sqrt.
    """

    size: int
    how: str = "max"

    RULES: ClassVar[Rules] = {
        "size": POSITIVE_INTEGER, "how": word(*REDUCTIONS, *(f"{name}-sqrt" for name in REDUCTIONS)),
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class ImagePlan(Section):
    """How images are computed and what is written.

    Attributes
    ----------
    cutoff : float or None
        Photons that a pixel may be off for speed, see `nbnumba.Sampling`; None sums up everything.
    oversample : int or None
        Subpixels along each edge; None takes the recommended number.
    dtype : str or None
        Of the pixels; None is float32 for photons and the readout's for counts.
    downsample : Downsample or None
        Write small images instead of NXmx.
    truth : tuple of str
        What is recorded of each shot, of `TRUTHS`.
    engine, precision : str
        As in `nbnumba.Renderer`.
    physics : str
        exact or nanobragg.
    fix, keep : tuple of str
        Exceptions, see `nbnumba.Physics`.
    format : str
        nxmx or hdf5, see `FORMATS`; None is nxmx, and hdf5 for small images.
    compression : str
        As for `nbnumba.io.nxmx.NXmxWriter`.
    """

    cutoff: float | None = None
    oversample: int | None = None
    dtype: str | None = None
    downsample: Downsample | None = None
    truth: tuple[str, ...] = ("orientation", "cell", "wavelength", "fluence", "seeds")
    engine: str = AUTOMATIC
    precision: str = PRECISIONS[0]
    physics: str = "exact"
    fix: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    format: str | None = None
    compression: str = "bslz4"

    RULES: ClassVar[Rules] = {
        "cutoff": optional(NOT_NEGATIVE), "oversample": optional(POSITIVE_INTEGER), "dtype": optional(word(*DTYPES)),
        "downsample": optional(_subsection(Downsample)), "truth": list_of(word(*TRUTHS)),
        "engine": word(*ENGINE_NAMES), "precision": word(*PRECISIONS), "physics": word(*BASES),
        "fix": list_of(TEXT), "keep": list_of(TEXT), "format": optional(word(*FORMATS)),
        "compression": word(*COMPRESSIONS),
    }  # fmt: skip

    @property
    def is_nxmx(self) -> bool:
        """Whether shards are NXmx files."""
        return self.downsample is None and self.format != "hdf5"

    @property
    def whole_physics(self) -> Physics:
        """The physics with its exceptions."""
        return Physics(self.physics, self.fix, self.keep)

    def conflicts(self) -> Iterator[str]:
        """See `Section.conflicts`."""
        if self.physics in BASES and isinstance(self.fix, tuple) and isinstance(self.keep, tuple):
            try:
                Physics(self.physics, self.fix, self.keep)
            except UsageError as error:
                field = "fix" if self.fix else "keep"
                yield f"{{ImagePlan.{field}}}: {error}"
        if self.downsample is not None and self.format == "nxmx":
            yield "{ImagePlan.format}: small images have no detector that NXmx describes; leave it out"
        if self.is_nxmx and self.dtype in ("uint8", "int16", "uint32"):
            yield f"{{ImagePlan.dtype}}: NXmx images are uint16, int32 or float32, not {self.dtype}"


@dataclass(frozen=True, eq=False)
class ScanPlan(Section):
    """Rotation: each shot is a set of images of a crystal that turns.

    Attributes
    ----------
    images : int
        Images of a set.
    width_deg : float
        Rotation during an image, degrees.
    start_deg : float or Distribution
        Spindle angle at which a set begins, degrees.
    phi_steps : int
        Spindle steps that are summed up in an image.
    """

    images: int
    width_deg: float
    start_deg: Number = 0.0
    phi_steps: int = 10

    RULES: ClassVar[Rules] = {
        "images": POSITIVE_INTEGER, "width_deg": POSITIVE, "start_deg": varying(NUMBER), "phi_steps": POSITIVE_INTEGER,
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Plan(Description):
    """A whole campaign.

    Attributes
    ----------
    campaign, structure_factors, crystal, beam, detector
        What every plan has.
    background, readout, scan
        None leaves them out.
    image
        How images are computed and what is written.
    """

    campaign: Campaign
    structure_factors: StructureFactorsPlan
    crystal: CrystalPlan
    beam: BeamPlan
    detector: DetectorPlan
    background: BackgroundPlan | None = None
    readout: ReadoutPlan | None = None
    image: ImagePlan = ImagePlan()
    scan: ScanPlan | None = None

    RULES: ClassVar[Rules] = {
        "campaign": instance(Campaign), "structure_factors": instance(StructureFactorsPlan),
        "crystal": instance(CrystalPlan), "beam": instance(BeamPlan), "detector": instance(DetectorPlan),
        "background": optional(instance(BackgroundPlan)), "readout": optional(instance(ReadoutPlan)),
        "image": instance(ImagePlan), "scan": optional(instance(ScanPlan)),
    }  # fmt: skip

    def _check(self) -> None:
        _refuse(self.conflicts())

    def conflicts(self, wrong: Collection[str] = ()) -> Iterator[str]:
        """What is impossible between sections, as in `Section.conflicts`.

        Parameters
        ----------
        wrong : collection of str
            Sections that are not what the user meant: nothing is said that depends on them.
        """
        for names, problem in (*self._needed(), *self._impossible_images(), *self._impossible_scan()):
            if not set(names.split()) & set(wrong):
                yield problem

    def _needed(self) -> Iterator[tuple[str, str]]:
        """Sections, and what is missing in one for another's sake."""
        factors, crystal = self.structure_factors, self.crystal
        if self.background is not None and self.beam.size_um is None:
            yield "background beam", "{BeamPlan.size_um} is needed: how much background lies in the beam, µm"
        if not factors.model and not factors.mtz and crystal.unit_cell is None:
            what = "a list of h k l F does not" if factors.hkl else "no file does"
            yield "structure_factors crystal", f"{{CrystalPlan.unit_cell}} is needed: {what} state it"
        if not factors.files and crystal.b_factor != 0.0:
            yield "structure_factors crystal", "{CrystalPlan.b_factor} has no effect on default_F: no file lists spots"

    def _impossible_images(self) -> Iterator[tuple[str, str]]:
        """Sections, and what no file of images can hold."""
        image = self.image
        if image.is_nxmx and self.detector.moves and self.shots_per_shard > 1:
            yield "image detector campaign scan", (
                "{Campaign.images_per_shard}: the detector moves from shot to shot, an NXmx file has one: give "
                "images_per_shard = 1, or [image] format = \"hdf5\""
            )
        if self.readout is None and image.dtype not in (None, "float32") and image.downsample is None:
            yield "image readout", "{ImagePlan.dtype}: expected photons are float32; whole numbers need a [readout]"

    def _impossible_scan(self) -> Iterator[tuple[str, str]]:
        """Sections, and what rotation sets can't be."""
        if self.scan is None:
            return
        if self.campaign.images_per_shard != Campaign.images_per_shard:
            yield "campaign", "{Campaign.images_per_shard} has no effect on rotation sets: each is a file"
        if not self.image.is_nxmx:
            yield "image", "{ImagePlan.format}: rotation sets are NXmx, neither hdf5 nor made smaller"
        if self.crystal.lattices != 1:
            yield "crystal", "{CrystalPlan.lattices}: a rotation set has one lattice"

    @property
    def sections(self) -> dict[str, Section]:
        """Name -> section, of those that the plan has."""
        return {
            item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) is not None
        }

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.campaign.shots // self.shots_per_shard)

    @property
    def shots_per_shard(self) -> int:
        """Shots of a whole shard."""
        return 1 if self.scan is not None else self.campaign.images_per_shard

    @property
    def images_per_shot(self) -> int:
        """1 for stills."""
        return 1 if self.scan is None else self.scan.images

    def shard_shots(self, shard: int) -> range:
        """Numbers of the shots of a shard.

        Parameters
        ----------
        shard : int
            From 0.
        """
        first = shard * self.shots_per_shard
        return range(first, min(first + self.shots_per_shard, self.campaign.shots))


SECTIONS: dict[str, type[Section]] = {
    "campaign": Campaign, "structure_factors": StructureFactorsPlan, "crystal": CrystalPlan, "beam": BeamPlan,
    "detector": DetectorPlan, "background": BackgroundPlan, "readout": ReadoutPlan, "image": ImagePlan,
    "scan": ScanPlan,
}  # fmt: skip
"""Name of a section in the file -> its description."""

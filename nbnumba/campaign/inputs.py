"""The files of a plan, read once: what all shots share, and travels to each worker once."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nbnumba.campaign.distributions import Column
from nbnumba.campaign.plan import KEEP, DetectorPlan, Plan, SpectrumFile, StructureFactorsPlan
from nbnumba.config import Detector, Panel, RadialCurve, Spectrum, StructureFactors
from nbnumba.config.detectors import detector_panels
from nbnumba.config.orientation import check_rotations
from nbnumba.config.rules import UnfitError
from nbnumba.errors import InputFileError, NbnumbaError, UsageError
from nbnumba.io.reading import quote, read_input, read_number, read_text

_LONGEST_LIST = 200
"""Characters of a list of names in a message."""

REFERENCE_DISTANCE = 100.0
"""mm at which panels are made that each shot then moves."""

Cell = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Factors:
    """Amplitudes of a file.

    Attributes
    ----------
    name : str
        File as the plan names it; empty if there is none.
    factors : StructureFactors or None
        None where `default_F` is all there is.
    cell : tuple of 6 float or None
        Å and degrees; None where the file does not state it.
    """

    name: str = ""
    factors: StructureFactors | None = None
    cell: Cell | None = None


@dataclass(frozen=True)
class Spectra:
    """Channels and their weights.

    Attributes
    ----------
    unit : str
        Field of `Spectrum` that the channels are: wavelengths or energies.
    channels : ndarray, shape (m,) or (n, m)
        Å or eV.
    weights : ndarray, shape (1, m) or (n, m)
        A row for each shot, or one for all.
    """

    unit: str
    channels: np.ndarray
    weights: np.ndarray

    def of_shot(self, shot: int) -> Spectrum:
        """The spectrum of a shot.

        Parameters
        ----------
        shot : int
            From 0.
        """
        channels = self.channels if self.channels.ndim == 1 else self.channels[shot]
        return Spectrum(**{self.unit: channels}, weights=self.weights[shot if len(self.weights) > 1 else 0])

    def check(self, name: str, shots: int) -> None:
        """Raise InputFileError if a shot has no spectrum that can be.

        Parameters
        ----------
        name : str
            File, for the message.
        shots : int
            How many.
        """
        doubtful = self._doubtful_rows(shots)
        for row in (0, *doubtful):
            try:
                self.of_shot(row)
            except UsageError as error:
                others = f" (and of {len(doubtful) - 1} others)" if len(doubtful) > 1 else ""
                raise InputFileError(f"{name}: spectrum of shot {row}{others}: {error.message}") from None

    def _doubtful_rows(self, shots: int) -> list[int]:
        """Shots whose spectra may be impossible: a hundred thousand descriptions would take seconds."""
        weights = self.weights[:shots]
        good = np.isfinite(weights).all(axis=1) & (weights >= 0.0).all(axis=1) & (weights > 0.0).any(axis=1)
        if self.channels.ndim == 2:
            steps = np.diff(self.channels[:shots], axis=1)
            good &= (steps > 0.0).all(axis=1) | (steps < 0.0).all(axis=1)
            good &= np.isfinite(self.channels[:shots]).all(axis=1)
        return [int(row) for row in np.flatnonzero(~good)]


@dataclass(frozen=True)
class Inputs:
    """Everything that a plan's files say.

    Attributes
    ----------
    factors : tuple of Factors
        One for each file of structure factors.
    panels : tuple of Panel
        The detector; empty where nanoBragg's flags describe it.
    detector : Detector or None
        The detector of flags.
    rotations : ndarray, shape (n, 3, 3), or None
        Orientations of a file.
    spectra : Spectra or None
        Of the beam.
    curves : tuple of RadialCurve
        Of the background's further materials.
    columns : dict of str to ndarray
        `Column.source` -> numbers.
    digests : dict of str to str
        File as the plan names it -> SHA-256 of its bytes.
    """

    factors: tuple[Factors, ...] = (Factors(),)
    panels: tuple[Panel, ...] = ()
    detector: Detector | None = None
    rotations: np.ndarray | None = None
    spectra: Spectra | None = None
    curves: tuple[RadialCurve, ...] = ()
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)


class Loader:
    """Reads the files of a plan and collects what is wrong with them.

    Parameters
    ----------
    plan : Plan
    folder : path
        To which the plan's paths are relative.
    """

    def __init__(self, plan: Plan, folder: str | os.PathLike[str]) -> None:
        self._plan, self._folder = plan, Path(folder)
        self.problems: list[str] = []
        self._digests: dict[str, str] = {}

    def load(self) -> Inputs:
        """Read everything; `problems` says what could not be read, with fields in braces."""
        plan, crystal = self._plan, self._plan.crystal
        given: dict[str, Any] = {"columns": self._columns()}
        source = next((name for name in ("model", "mtz", "hkl") if getattr(plan.structure_factors, name)), "")
        factors = [self._try(f"StructureFactorsPlan.{source}", self._factors, name) for name in
                   plan.structure_factors.files]  # fmt: skip
        given["factors"] = tuple(filter(None, factors)) or (forward_alone(plan.structure_factors),)
        given |= self._try(f"DetectorPlan.{plan.detector.kind}", self._detector) or {}
        if crystal.orientation not in ("uniform", "fixed"):
            given["rotations"] = self._try("CrystalPlan.orientation", self._rotations, crystal.orientation)
        if plan.beam.spectrum is not None:
            given["spectra"] = self._try("BeamPlan.spectrum", self._spectra, plan.beam.spectrum)
        if plan.background is not None:
            given["curves"] = tuple(
                self._try("BackgroundPlan.materials", self._curve, material.curve)
                for material in plan.background.materials
            )
        if plan.readout is not None and plan.readout.mask is not None:
            given |= self._try("ReadoutPlan.mask", self._masked, plan.readout.mask, given) or {}
        return Inputs(**given, digests=self._digests)

    def _try(self, name: str, read: Any, *arguments: Any) -> Any:
        """What a function reads, or None and a problem."""
        try:
            return read(*arguments)
        except (NbnumbaError, MemoryError) as error:
            message = error.message if isinstance(error, NbnumbaError) else str(error)
            self.problems.append(f"{{{name}}}: {message}")
            return None

    def _path(self, name: str) -> Path:
        """A file of the plan, whose content is noted."""
        path = self._folder / name
        self._digests[name] = file_digest(path)
        return path

    def _columns(self) -> dict[str, np.ndarray]:
        read: dict[str, np.ndarray] = {}
        for name, column in _columns_of(self._plan):
            if column.source not in read:
                numbers = self._try(name, self._column, column)
                if numbers is not None:
                    read[column.source] = numbers
        return read

    def _column(self, column: Column) -> np.ndarray:
        name, label = column.place
        try:
            text = read_text(self._path(name)).decode()
            numbers = _column_numbers(name, label, csv.reader(io.StringIO(text), skipinitialspace=True))
        except (UnicodeDecodeError, csv.Error):
            raise InputFileError(f"{name}: is no text in UTF-8; a CSV file with a header is needed") from None
        self._enough(name, "rows", len(numbers))
        return np.array(numbers)

    def _enough(self, name: str, what: str, count: int) -> None:
        shots = self._plan.campaign.shots
        if count < shots:
            raise InputFileError(f"{name}: has {count} {what} for {shots} shots")

    def _factors(self, name: str) -> Factors:
        return read_factors(self._plan.structure_factors, name, self._path(name))

    def _detector(self) -> dict[str, Any]:
        plan = self._plan.detector
        if plan.flags is not None:
            return {"detector": _detector_of_flags(plan.flags)}
        for name in filter(None, (plan.expt, plan.geom)):
            self._path(name)
        return {"panels": read_panels(plan, self._folder)}

    def _rotations(self, name: str) -> np.ndarray:
        path = self._path(name)
        if path.suffix == ".npy":
            rotations = _npy(path, name)
            if rotations.ndim != 3 or rotations.shape[1:] != (3, 3):
                raise InputFileError(f"{name}: holds an array of shape {rotations.shape}, not (n, 3, 3)")
            try:
                check_rotations(rotations.astype(float))
            except UnfitError as error:
                raise InputFileError(f"{name}: {error}") from None
        else:
            from nbnumba.io.rotations import read_rotations

            rotations = read_rotations(path)
        self._enough(name, "orientations", len(rotations))
        return rotations

    def _spectra(self, stated: SpectrumFile) -> Spectra:
        path = self._path(stated.file)
        if path.suffix.lower() in (".h5", ".hdf5", ".nxs"):
            spectra = _spectra_of_hdf5(path, stated)
        else:
            spectra = _spectrum_of_text(path, stated)
        if stated.per_shot:
            self._enough(stated.file, "spectra", len(spectra.weights))
        spectra.check(stated.file, self._plan.campaign.shots)
        return spectra

    def _curve(self, name: str) -> RadialCurve:
        return RadialCurve.from_table(self._path(name))

    def _masked(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """The detector without the pixels that are 0 in an image."""
        from nbnumba.io.formats import read_image

        mask = np.asarray(read_image(self._path(name)).images) != 0
        detector: Detector | None = given.get("detector")
        if detector is not None:
            return {"detector": replace(detector, mask=mask)}
        return {"panels": _masked_panels(name, given.get("panels", ()), mask.reshape(-1, mask.shape[-1]))}


def _column_numbers(name: str, label: str, rows: Any) -> list[float]:
    """A column of a table whose first row names the columns."""
    header = [title.strip() for title in next(rows, [])]
    if label not in header:
        there = quote(", ".join(header), _LONGEST_LIST)[1:-1]
        raise InputFileError(f"{name}: has no column {label}: there are {there or 'none'}")
    place, numbers = header.index(label), []
    for row in rows:
        if any(entry.strip() for entry in row):
            where = f"{name}: line {rows.line_num}"
            if len(row) <= place:
                raise InputFileError(f"{where}: has {len(row)} columns, {label} is number {place + 1}")
            numbers.append(read_number(row[place].strip(), f"{where}, column {label}"))
    return numbers


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputFileError
        If it can't be read.
    """
    return hashlib.sha256(read_input(path)).hexdigest()


def _columns_of(plan: Plan) -> Iterator[tuple[str, Column]]:
    """Every column that a key draws from, with the key's name in messages."""
    for section in plan.sections.values():
        for key in section.RULES:
            value = getattr(section, key)
            for entry in value if isinstance(value, tuple) else (value,):
                if isinstance(entry, Column):
                    yield f"{type(section).__name__}.{key}", entry


def _masked_panels(name: str, panels: Sequence[Panel], mask: np.ndarray) -> tuple[Panel, ...]:
    """Panels, one below the other in the mask, each with its part of it."""
    rows = sum(panel.image_size[1] for panel in panels)
    if any(panel.image_size[0] != mask.shape[1] for panel in panels) or (panels and rows != len(mask)):
        raise InputFileError(
            f"{name}: has {len(mask)} x {mask.shape[1]} pixels (slow x fast), the detector {rows} x "
            f"{panels[0].image_size[0]}"
        )
    masked, row = [], 0
    for panel in panels:
        part = mask[row : row + panel.image_size[1]]
        masked.append(replace(panel, mask=part if panel.mask is None else part & panel.mask))
        row += panel.image_size[1]
    return tuple(masked)


def read_factors(plan: StructureFactorsPlan, name: str, path: Path) -> Factors:
    """Structure factors of a file.

    Parameters
    ----------
    plan : StructureFactorsPlan
        How it becomes amplitudes.
    name : str
        As the plan names it.
    path : Path
        Where it lies.

    Returns
    -------
    Factors

    Raises
    ------
    InputFileError, UsageError, MissingPackageError
        As in `nbnumba.models.read.read_source`.
    """
    if plan.hkl:
        from nbnumba.io.hkl import read_reflections

        return Factors(name, _on_grid(plan, name, *read_reflections(path)))
    from nbnumba.config.constants import HC_EV_ANGSTROM
    from nbnumba.models.names import is_model_or_data
    from nbnumba.models.options import Solvent, SourceOptions
    from nbnumba.models.read import read_data, read_model

    if not is_model_or_data(path):
        raise UsageError(f"{name}: its ending is no model's and no reflection data's; give lists of h k l F as hkl")
    given = {key: getattr(plan, key) for key in ("k_sol", "b_sol") if getattr(plan, key) is not None}
    options = SourceOptions(
        d_min=plan.dmin, solvent=Solvent(**given) if given else None, column=plan.column, spacegroup=plan.spacegroup,
        wavelength=None if plan.energy_ev is None else HC_EV_ANGSTROM / plan.energy_ev,
    )  # fmt: skip
    found = (read_model if plan.model else read_data)(path, options)
    return Factors(name, _on_grid(plan, name, found.hkl, found.amplitudes), found.cell)


def _on_grid(plan: StructureFactorsPlan, name: str, hkl: np.ndarray, amplitudes: np.ndarray) -> StructureFactors:
    """A list of reflections, in which F(0,0,0) is the plan's."""
    if isinstance(plan.F000, float):
        others = (hkl != 0).any(axis=1)
        hkl, amplitudes = np.concatenate([hkl[others], [[0, 0, 0]]]), np.append(amplitudes[others], plan.F000)
    try:
        return StructureFactors.from_reflections(hkl, amplitudes, plan.default_F)
    except UsageError as error:
        raise InputFileError(f"{name}: {error}") from None


def forward_alone(plan: StructureFactorsPlan) -> Factors:
    """Amplitudes where there is no file: `default_F` everywhere but in the direct beam.

    Parameters
    ----------
    plan : StructureFactorsPlan
    """
    if plan.F000 in (KEEP, plan.default_F):
        return Factors()
    return Factors(factors=_on_grid(plan, "", np.empty((0, 3), dtype=np.int32), np.empty(0)))


def read_panels(plan: DetectorPlan, folder: Path) -> tuple[Panel, ...]:
    """The panels of a detector, square to a beam along -z; by name or size at the reference distance.

    Parameters
    ----------
    plan : DetectorPlan
        Not of flags.
    folder : Path
        To which its paths are relative.

    Returns
    -------
    tuple of Panel
        In the lab frame of DIALS.
    """
    if plan.model is not None:
        return detector_panels(plan.model, REFERENCE_DISTANCE)
    if plan.pixels is not None and plan.pixel_mm is not None:
        (fast, slow), pixel = plan.pixels, plan.pixel_mm
        return (Panel(
            origin=(-fast * pixel / 2.0, slow * pixel / 2.0, -REFERENCE_DISTANCE), fast=(1.0, 0.0, 0.0),
            slow=(0.0, -1.0, 0.0), pixel_size=(pixel, pixel), image_size=plan.pixels, name="detector",
        ),)  # fmt: skip
    from nbnumba.io.scene import square_to_beam

    if plan.expt is not None:
        from nbnumba.io.expt import read_expt

        return square_to_beam(read_expt(folder / plan.expt, need_crystal=False)[0].scene).panels
    from nbnumba.io.crystfel import read_geom

    # the wavelength of the plan's beam counts, whatever the file says
    return square_to_beam(read_geom(folder / str(plan.geom), wavelength=1.0)).panels


def _detector_of_flags(flags: str) -> Detector:
    """nanoBragg's detector; flags of anything else are refused."""
    import shlex

    from nbnumba.flags.request import detector_of

    return detector_of(shlex.split(flags))


def _npy(path: Path, name: str) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputFileError(f"{name}: is no NumPy file: {error}") from None
    return array


def _spectrum_of_text(path: Path, stated: SpectrumFile) -> Spectra:
    from nbnumba.io.spectrum import read_spectrum

    if stated.per_shot:
        raise UsageError(f"{stated.file}: spectra per shot need an HDF5 file; text holds one")
    spectrum = read_spectrum(path)
    assert spectrum.weights is not None
    unit = "wavelengths" if spectrum.energies is None else "energies"
    return Spectra(unit, np.array(getattr(spectrum, unit)), np.array(spectrum.weights)[None])


def _spectra_of_hdf5(path: Path, stated: SpectrumFile) -> Spectra:
    from nbnumba.io.extras import optional_package

    with optional_package("h5py", "hdf5", path).File(path, "r") as file:
        units = [unit for unit in ("energies", "wavelengths") if unit in file]
        if len(units) != 1 or "weights" not in file:
            raise InputFileError(
                f"{stated.file}: needs the data sets weights and either energies (eV) or wavelengths (Å)"
            )
        channels, weights = (np.asarray(file[name], dtype=np.float64) for name in (units[0], "weights"))
    weights = np.atleast_2d(weights)
    if channels.shape[-1:] != weights.shape[-1:] or (channels.ndim == 2 and channels.shape != weights.shape):
        raise InputFileError(f"{stated.file}: weights {weights.shape} don't fit {channels.shape} {units[0]}")
    if not stated.per_shot and len(weights) > 1:
        raise UsageError(f"{stated.file}: holds {len(weights)} spectra: say per_shot = true")
    return Spectra(units[0], channels, weights)

"""From a plan to the experiments of its shots: shot i follows from the plan, the seed and i alone."""

from __future__ import annotations

import functools
import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nbnumba.campaign.distributions import Choice, Column, Uniform
from nbnumba.campaign.draws import Draw, Label, draw_shot, impossible_draws
from nbnumba.campaign.errors import Key, PlanError, in_order, located
from nbnumba.campaign.inputs import REFERENCE_DISTANCE, Inputs, Loader
from nbnumba.campaign.plan import CrystalPlan, Plan
from nbnumba.campaign.streams import derived_seeds, stream
from nbnumba.campaign.toml import key_lines, plan_text, read_draft
from nbnumba.config import (
    Background,
    Beam,
    Crystal,
    Detector,
    Experiment,
    Orientation,
    Panel,
    Sampling,
    StructureFactors,
    UnitCell,
)
from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.errors import NbnumbaError
from nbnumba.io.reading import read_text
from nbnumba.setup.cell import reciprocal_from_cell

_SEED_BITS = 30
"""Seeds of mosaic domains are C's."""

_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_MATRIX = tuple(f"{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3))


@dataclass(frozen=True)
class Shot:
    """One shot of a campaign: a still, or a set of rotation images.

    Attributes
    ----------
    number : int
        From 0.
    experiments : tuple of Experiment
        One for each lattice, whose photons add up; of a rotation set the first image's.
    labels : dict of str to (float, int or str)
        What is recorded of it.
    readout_seed : int
        Of `nbnumba.readout.Readout.apply`.
    readout : dict of str to object
        Drawn figures of the readout.
    reciprocal : ndarray, shape (3, 3), float64
        Columns a*, b*, c* of the first lattice at spindle angle zero, 1/Å, lab frame.
    """

    number: int
    experiments: tuple[Experiment, ...]
    labels: dict[str, Label]
    readout_seed: int
    readout: dict[str, Any]
    reciprocal: np.ndarray

    @property
    def experiment(self) -> Experiment:
        """The experiment of the first lattice."""
        return self.experiments[0]

    def turned(self, image: int, width: float) -> tuple[Experiment, ...]:
        """The experiments of an image of a rotation set.

        Parameters
        ----------
        image : int
            From 0.
        width : float
            Rotation during an image, degrees.
        """
        return tuple(
            replace(one, sampling=replace(one.sampling, phi=one.sampling.phi + image * width))
            for one in self.experiments
        )


class Prepared:
    """A plan with everything that its files say: makes shots.

    Parameters
    ----------
    plan : Plan
    inputs : Inputs
        What its files say.

    Attributes
    ----------
    plan, inputs
        As given.
    digest : str
        Of plan and files; where it differs, images differ.
    """

    def __init__(self, plan: Plan, inputs: Inputs) -> None:
        self.plan, self.inputs = plan, inputs
        self.digest = plan_digest(plan, inputs.digests)
        self._detector = functools.lru_cache(maxsize=4)(self._moved_detector)
        self._factors = functools.lru_cache(maxsize=4)(self._scaled_factors)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.plan, self.inputs)

    def shot(self, number: int) -> Shot:
        """A shot.

        Parameters
        ----------
        number : int
            From 0.

        Returns
        -------
        Shot

        Raises
        ------
        UsageError
            If drawn values are impossible, alone or together.
        """
        plan, seed = self.plan, self.plan.campaign.seed
        draw = draw_shot(plan, self.inputs.columns, number)
        which = 0
        if len(self.inputs.factors) > 1:
            which = int(stream(seed, number, "structure_factors").integers(len(self.inputs.factors)))
        factors = self.inputs.factors[which]
        cell: tuple[float, ...] = draw.values["crystal.unit_cell"] or factors.cell or ()
        lattices = draw.values["crystal.lattices"]
        turns = self._orientations(number, draw, lattices)
        seeds = derived_seeds(seed, number, "mosaic", lattices, _SEED_BITS)
        detector = self._detector(*self._place(draw))
        beam = self._beam(number, draw)
        experiments = tuple(
            Experiment(
                crystal=self._crystal(draw, which, cell, turn, mosaic_seed), beam=beam, detector=detector,
                sampling=self._sampling(draw), physics=plan.image.whole_physics,
                background=() if lattice else self._background(draw),
            )
            for lattice, (turn, mosaic_seed) in enumerate(zip(turns, seeds, strict=True))
        )  # fmt: skip
        (readout_seed,) = derived_seeds(seed, number, "readout")
        base = _setting(cell, experiments[0])
        truth: dict[str, dict[str, Label]] = {
            "orientation": self._orientation_labels(turns, base),
            "cell": dict(zip(_CELL, cell, strict=True)),
            "wavelength": {"wavelength_a": beam.nominal_wavelength},
            "fluence": {"fluence": _fluence(beam)},
            "seeds": {"mosaic_seed": seeds[0], "readout_seed": readout_seed},
        }  # fmt: skip
        labels: dict[str, Label] = {"shot": number, **draw.recorded}
        if len(self.inputs.factors) > 1:
            labels["structure_factors"] = factors.name
        for word in plan.image.truth:
            labels |= truth.get(word, {})
        return Shot(number, experiments, labels, readout_seed, draw.section("readout"), turns[0] @ base)

    def _orientations(self, number: int, draw: Draw, lattices: int) -> list[np.ndarray]:
        """Rotations of the default setting, one for each lattice."""
        orientation, misset = self.plan.crystal.orientation, draw.values["crystal.misset_deg"]
        random = stream(self.plan.campaign.seed, number, "orientation")
        first = np.eye(3) if misset is None else np.array(Orientation.from_missets(*misset).matrix)
        if orientation == "uniform":
            first = np.array(Orientation.random(random).matrix)
        elif self.inputs.rotations is not None:
            first = first @ self.inputs.rotations[number]
        return [first, *(np.array(Orientation.random(random).matrix) for _ in range(lattices - 1))]

    def _orientation_labels(self, turns: list[np.ndarray], setting: np.ndarray) -> dict[str, Label]:
        """Rotations and A matrices; of lattices that a shot does not have no number."""
        labels: dict[str, Label] = {}
        for lattice in range(most_lattices(self.plan.crystal, self.inputs.columns)):
            ending = f"_{lattice + 1}" if lattice else ""
            missing = lattice >= len(turns)
            turn = np.full((3, 3), math.nan) if missing else turns[lattice]
            for letter, matrix in (("U", turn), ("A", turn @ setting)):
                labels |= {f"{letter}{place}{ending}": value for place, value in zip(_MATRIX, matrix.ravel().tolist(),
                                                                                     strict=True)}  # fmt: skip
        return labels

    def _crystal(
        self, draw: Draw, which: int, cell: tuple[float, ...], turn: np.ndarray, mosaic_seed: int
    ) -> Crystal:
        values, plan = draw.section("crystal"), self.plan.crystal
        factors, default = self._factors(which, values["spot_scale"], values["b_factor"], tuple(cell))
        size = values["size_nm"]
        given: dict[str, Any] = {"cells": values["cells"]}
        if size is not None:
            # nanoBragg's rule knows cells that were given, not those of a size
            given = {"size": (size * 1e-6,) * 3, "interpolate": False}
        if values["mosaic_domains"] > 1:
            given |= {"mosaic_spread": values["mosaic_spread"], "mosaic_domains": values["mosaic_domains"]}
        return Crystal(
            unit_cell=UnitCell(*cell), orientation=Orientation(turn), shape=values["shape"], mosaic_seed=mosaic_seed,
            mosaic_distribution=plan.mosaic_distribution, structure_factors=factors, default_F=default, **given,
        )  # fmt: skip

    def _scaled_factors(
        self, which: int, scale: float, b_factor: float, cell: tuple[float, ...]
    ) -> tuple[StructureFactors | None, float]:
        """Amplitudes for spots that are so many times as bright and fade by a Debye-Waller factor."""
        source, root = self.inputs.factors[which].factors, math.sqrt(scale)
        default = self.plan.structure_factors.default_F * root
        if source is None or (scale == 1.0 and b_factor == 0.0):
            return source, default
        amplitudes = source.amplitudes * root
        if b_factor > 0.0:
            amplitudes *= np.exp(-b_factor * self._stol_squared(which, cell))
        return replace(source, amplitudes=amplitudes), default

    def _stol_squared(self, which: int, cell: tuple[float, ...]) -> np.ndarray:
        """(sin θ/λ)² of every amplitude of a table, 1/Å²."""
        source = self.inputs.factors[which].factors
        assert source is not None
        axes = _reciprocal(cell, exact=True)
        metric = axes.T @ axes
        h, k, l = (  # noqa: E741
            np.arange(first, first + count, dtype=np.float64).reshape(shape)
            for first, count, shape in (
                (source.h_min, source.h_range, (-1, 1, 1)), (source.k_min, source.k_range, (1, -1, 1)),
                (source.l_min, source.l_range, (1, 1, -1)),
            )
        )  # fmt: skip
        squares = metric[0, 0] * h * h + metric[1, 1] * k * k + metric[2, 2] * l * l
        cross = metric[0, 1] * h * k + metric[0, 2] * h * l + metric[1, 2] * k * l
        return np.asarray(0.25 * (squares + 2.0 * cross))

    def _beam(self, number: int, draw: Draw) -> Beam:
        values = draw.section("beam")
        given: dict[str, Any] = {"kahn_factor": values["kahn_factor"]}
        if self.inputs.spectra is not None:
            given["spectrum"] = self.inputs.spectra.of_shot(number)
        elif values["energy_ev"] is not None:
            given["wavelength"] = HC_EV_ANGSTROM / values["energy_ev"]
        elif values["wavelength_a"] is not None:
            given["wavelength"] = values["wavelength_a"]
        for key, field, unit in (
            ("flux", "flux", 1.0), ("exposure_s", "exposure", 1.0), ("fluence", "fluence", 1.0),
            ("size_um", "size", 1e-3),
        ):  # fmt: skip
            if values[key] is not None:
                given[field] = values[key] * unit
        return Beam(**given)

    def _background(self, draw: Draw) -> tuple[Background, ...]:
        """Materials; photons are proportional to their thickness, and so is a scale."""
        plan, values = self.plan.background, draw.section("background")
        if plan is None or values["background_scale"] == 0.0:
            return ()
        scale = values["background_scale"]
        named = [
            replace(_named_material(name), thickness=values[key] * unit * scale)
            for name, key, unit in (("water", "water_um", 1e-3), ("air", "air_mm", 1.0)) if values[key] > 0.0
        ]  # fmt: skip
        others = [
            Background(curve, one.thickness_um * 1e-3 * scale, one.density, one.molar_mass)
            for curve, one in zip(self.inputs.curves, plan.materials, strict=True)
        ]
        return (*named, *others)

    def _sampling(self, draw: Draw) -> Sampling:
        image, scan = self.plan.image, self.plan.scan
        given: dict[str, Any] = {"oversample": image.oversample}
        if image.cutoff is not None:
            given["cutoff"] = image.cutoff
        if scan is not None:
            start = draw.values["scan.start_deg"]
            given |= {"phi": start, "oscillation": scan.width_deg, "phi_steps": scan.phi_steps}
        return Sampling(**given)

    def _place(self, draw: Draw) -> tuple[float, float, float]:
        """How far the panels are moved from where they were made, mm: x, y, z."""
        values = draw.section("detector")
        fast, slow = values["beam_centre_jitter_mm"]
        x, y = -(fast or 0.0), slow or 0.0
        if values["beam_centre_mm"] is not None:
            origin = self.inputs.panels[0].origin
            x -= origin[0] + values["beam_centre_mm"][0]
            y -= origin[1] - values["beam_centre_mm"][1]
        z = REFERENCE_DISTANCE - values["distance_mm"] if values["distance_mm"] is not None else 0.0
        return x, y, z - (values["offset_mm"] or 0.0)

    def _moved_detector(self, x: float, y: float, z: float) -> Detector:
        if self.inputs.detector is not None:
            return self.inputs.detector
        return Detector(panels=tuple(_moved(panel, x, y, z) for panel in self.inputs.panels))


@functools.cache
def _named_material(name: str) -> Background:
    """A material of the package, whose curve is read once."""
    return Background.named(name, 1.0)


def _moved(panel: Panel, x: float, y: float, z: float) -> Panel:
    if x == y == z == 0.0:
        return panel
    return replace(panel, origin=(panel.origin[0] + x, panel.origin[1] + y, panel.origin[2] + z))


def _reciprocal(cell: tuple[float, ...], exact: bool) -> np.ndarray:
    """Columns a*, b*, c* in nanoBragg's default setting, 1/Å."""
    a, b, c, *angles = cell
    alpha, beta, gamma = map(math.radians, angles)
    axes = reciprocal_from_cell((a, b, c, alpha, beta, gamma), exact)
    return np.column_stack(axes)


def _setting(cell: tuple[float, ...], experiment: Experiment) -> np.ndarray:
    return _reciprocal(cell, "triclinic" in experiment.physics.fixes)


def _fluence(beam: Beam) -> float:
    """Photons/m²."""
    from nbnumba.setup.beam import fluence_and_flux

    return fluence_and_flux(beam)[0]


def most_lattices(plan: CrystalPlan, columns: Mapping[str, np.ndarray]) -> int:
    """The largest number of lattices that a shot can have.

    Parameters
    ----------
    plan : CrystalPlan
    columns : mapping of str to ndarray
        `Column.source` -> numbers.
    """
    stated = plan.lattices
    if isinstance(stated, Uniform):
        return int(stated.high)
    if isinstance(stated, Choice):
        return max(map(int, stated.values))
    if isinstance(stated, Column):
        return int(columns[stated.source].max())
    assert isinstance(stated, int)
    return stated


def plan_digest(plan: Plan, digests: Mapping[str, str]) -> str:
    """SHA-256 of what images depend on: the plan without its folder's name, and the content of its files.

    Parameters
    ----------
    plan : Plan
    digests : mapping of str to str
        File as the plan names it -> SHA-256 of its bytes.

    Returns
    -------
    str
    """
    same = replace(plan, campaign=replace(plan.campaign, output="."))
    text = plan_text(same) + "".join(f"{name} {digests[name]}\n" for name in sorted(digests))
    return hashlib.sha256(text.encode()).hexdigest()


def prepare(plan: Plan | str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> Prepared:
    """Read what a plan's files say, and find everything that is wrong before anything runs.

    Parameters
    ----------
    plan : Plan or path
        A plan, or its TOML file.
    folder : path or None
        To which the plan's paths are relative; None is the folder of its file, or the working folder.

    Returns
    -------
    Prepared

    Raises
    ------
    PlanError
        If a file can't be read or is not what the plan needs, or a drawn value is impossible.
    """
    from nbnumba.campaign.rendering import impossible_pictures

    lines: dict[Key, int] = {}
    name, draft = "plan", None
    if not isinstance(plan, Plan):
        path, text = Path(plan), read_text(plan).decode("utf-8", "replace")
        folder, name = path.parent if folder is None else folder, os.fspath(plan)
        draft, lines = read_draft(text, name), key_lines(text)
        plan = draft.plan
    loader = Loader(plan, folder or ".")
    inputs = loader.load()
    panels = () if draft is not None and "detector" in draft.wrong else inputs.panels
    found = [*loader.problems, *impossible_draws(plan, inputs.columns), *impossible_pictures(plan, panels)]
    problems = [*(draft.problems if draft is not None else ()), *(located(problem, lines, name) for problem in found)]
    # all else can be looked at in parts
    problems = problems or [located(problem, lines, name) for problem in _impossible_first_shot(plan, inputs)]
    if problems:
        raise PlanError(in_order(problems))
    return Prepared(plan, inputs)


def _impossible_first_shot(plan: Plan, inputs: Inputs) -> list[str]:
    """Why no image comes out of a plan whose values are all possible by themselves."""
    from nbnumba.campaign.rendering import check_picture
    from nbnumba.setup.lowering import lower

    if any(factors.cell is None for factors in inputs.factors) and plan.crystal.unit_cell is None:
        return ["{CrystalPlan.unit_cell} is needed: a file of structure factors does not state it"]
    try:
        shot = Prepared(plan, inputs).shot(0)
        models = [lower(experiment) for experiment in shot.experiments]
        check_picture(plan, shot, models[0])
    except NbnumbaError as error:
        return [f"shot 0: {error.message}"]
    return []


def shots(plan: Plan | str | os.PathLike[str] | Prepared, numbers: range | None = None) -> Iterator[Shot]:
    """The shots of a plan, one after the other.

    Parameters
    ----------
    plan : Plan, path or Prepared
        A plan, its TOML file, or what `prepare` made of it.
    numbers : range or None
        Which shots, from 0; None takes all.

    Yields
    ------
    Shot

    Raises
    ------
    PlanError
        As in `prepare`.
    """
    prepared = plan if isinstance(plan, Prepared) else prepare(plan)
    for number in range(prepared.plan.campaign.shots) if numbers is None else numbers:
        yield prepared.shot(number)

"""From names of parameters to their families."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config import CrystalShape, MosaicDistribution
from nbnumba.errors import UsageError
from nbnumba.refine.families import (
    BeamDirection,
    BFactor,
    Cell,
    Cells,
    Distance,
    Family,
    MosaicSpread,
    Orient,
    Origins,
    Rotations,
    Scale,
    SpectrumWeights,
    Wavelengths,
)
from nbnumba.setup.units import MM

if TYPE_CHECKING:
    from nbnumba.config import Experiment
    from nbnumba.setup.model import Model

OF_GEOMETRY = frozenset({"distance", "origin", "panel_rotation", "beam_direction"})
"""Parameters that need a detector of panels."""

OF_SPECTRUM = frozenset({"wavelength_shift", "wavelength_scale", "spectrum"})
"""Parameters that need the wavelengths one by one."""

_FREE = {
    "triclinic": ((0,), (1,), (2,), (3,), (4,), (5,)),
    "monoclinic": ((0,), (1,), (2,), (4,)),
    "orthorhombic": ((0,), (1,), (2,)),
    "tetragonal": ((0, 1), (2,)),
    "hexagonal": ((0, 1), (2,)),
    "rhombohedral": ((0, 1, 2), (3, 4, 5)),
    "cubic": ((0, 1, 2),),
}
"""Crystal system -> which of a, b, c, alpha, beta, gamma are one free constant."""

CRYSTAL_SYSTEMS = tuple(_FREE)

_CONSTANTS = ("a", "b", "c", "alpha", "beta", "gamma")

_CONFORMS = 1e-4
"""Å and degrees by which a cell may miss its crystal system."""

_FARTHEST = 0.2
"""Part by which a cell constant may change."""


def _unbounded(count: int) -> np.ndarray:
    return np.full(count, np.inf)


def _scale(experiment: Experiment, model: Model) -> Family:
    return Scale(("scale",), np.ones(1), np.full(1, 0.1), np.full(1, 1e-12), _unbounded(1))


def _orientation(experiment: Experiment, model: Model) -> Family:
    names = tuple(f"orientation.{axis}" for axis in "xyz")
    return Orient(names, np.zeros(3), np.full(3, 0.05), -_unbounded(3), _unbounded(3))


def _cell(experiment: Experiment, model: Model, crystal_system: str) -> Family:
    cell = experiment.crystal.unit_cell
    assert cell is not None
    constants = np.array([cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma], dtype=np.float64)
    groups = _FREE[crystal_system]
    expansion = np.array([[float(i in group) for group in groups] for i in range(6)])
    fixed = ~expansion.any(axis=1)
    constant = np.where(fixed, np.where(np.arange(6) < 3, 0.0, 90.0), 0.0)
    if crystal_system == "hexagonal":
        constant[5] = 120.0
    start = np.array([constants[list(group)].mean() for group in groups])
    if not np.allclose(expansion @ start + constant, constants, rtol=0.0, atol=_CONFORMS):
        numbers = " ".join(f"{value:.6g}" for value in constants)
        raise UsageError(f"{{crystal_system={crystal_system}}}: the cell {numbers} does not belong to it")
    lengths = np.array([group[0] < 3 for group in groups])
    scale = np.where(lengths, 1e-3 * start, 0.05)
    names = tuple(f"cell.{_CONSTANTS[group[0]]}" for group in groups)
    return Cell(names, start, scale, (1.0 - _FARTHEST) * start, (1.0 + _FARTHEST) * start, expansion, constant)


def _cells(experiment: Experiment, model: Model) -> Family:
    if experiment.crystal.shape is CrystalShape.SQUARE:
        raise UsageError(
            "{parameters}: N of a parallelepiped has no derivatives, for it is a grating of whole cells; "
            "take {Crystal.shape=gauss} or round"
        )
    start = np.array(model.cells)
    return Cells(tuple(f"N.{axis}" for axis in "abc"), start, 0.05 * start, np.ones(3), _unbounded(3))


def _mosaic_spread(experiment: Experiment, model: Model) -> Family:
    crystal = experiment.crystal
    if len(model.mosaic_umats) < 2 or crystal.mosaic_spread is None or not np.all(np.array(crystal.mosaic_spread) > 0):
        raise UsageError(
            "{parameters}: a mosaic spread needs a start: give {Crystal.mosaic_spread} and {Crystal.mosaic_domains}"
        )
    if crystal.mosaic_distribution is MosaicDistribution.NANOBRAGG:
        raise UsageError(
            "{Crystal.mosaic_distribution=nanobragg} rounds the domains' angles to float32, which leaves no "
            "derivatives; take gaussian or ball"
        )
    start = np.atleast_1d(np.array(crystal.mosaic_spread, dtype=np.float64))
    suffixes = ("",) if len(start) == 1 else (".a", ".b", ".c")
    names = tuple(f"mosaic_spread{suffix}" for suffix in suffixes)
    return MosaicSpread(names, start, 0.1 * start, 1e-6 * start, _unbounded(len(start)))


def _distance(experiment: Experiment, model: Model) -> Family:
    start = np.array([model.geometry.distance * MM])
    direction = np.array(model.geometry.beam)
    return Distance(("distance",), start, np.full(1, 0.05), -_unbounded(1), _unbounded(1), direction)


def _of_panels(model: Model, name: str, axes: Sequence[str]) -> tuple[str, ...]:
    if len(model.panels) == 1:
        return tuple(f"{name}.{axis}" for axis in axes)
    return tuple(f"{name}[{number}].{axis}" for number in range(len(model.panels)) for axis in axes)


def _origin(experiment: Experiment, model: Model) -> Family:
    panels = experiment.detector.panels or ()
    start = np.array([panel.origin for panel in panels], dtype=np.float64).ravel()
    far = _unbounded(len(start))
    return Origins(_of_panels(model, "origin", "xyz"), start, np.full(len(start), 0.05), -far, far)


def _panel_rotation(experiment: Experiment, model: Model) -> Family:
    panels = experiment.detector.panels or ()
    axes = tuple(np.column_stack([p.fast, p.slow, np.cross(p.fast, p.slow)]) for p in panels)
    names = _of_panels(model, "panel_rotation", ("fast", "slow", "normal"))
    far = _unbounded(len(names))
    return Rotations(names, np.zeros(len(names)), np.full(len(names), 0.05), -far, far, axes)


def _beam_direction(experiment: Experiment, model: Model) -> Family:
    axes = np.array([model.geometry.vertical, model.geometry.polar])
    names = ("beam_direction.horizontal", "beam_direction.vertical")
    return BeamDirection(names, np.zeros(2), np.full(2, 0.02), -_unbounded(2), _unbounded(2), axes)


def _wavelengths(experiment: Experiment, model: Model, wanted: Sequence[str]) -> Family:
    shifts, scales = "wavelength_shift" in wanted, "wavelength_scale" in wanted
    names = tuple(name for name in ("wavelength_shift", "wavelength_scale") if name in wanted)
    shortest = float(model.params.sources.table[:, 3].min()) * 1e10
    chosen = [chosen for chosen, present in (((0.0, 1e-3, -0.5 * shortest, np.inf), shifts),
                                             ((1.0, 1e-3, 0.5, np.inf), scales)) if present]  # fmt: skip
    start, scale, lower, upper = np.array(chosen).T
    return Wavelengths(names, start, scale, lower, upper, shifts, scales)


def _spectrum(experiment: Experiment, model: Model) -> Family:
    spectrum = experiment.beam.spectrum
    if spectrum is None or len(spectrum.angstroms) < 2:
        raise UsageError("{parameters}: the weights of a spectrum need one: give {Beam.spectrum} two lines or more")
    start = np.array(spectrum.shares)
    if not start.min() > 0.0:
        raise UsageError(
            f"{{Spectrum.weights}}: line {int(start.argmin())} has the weight 0 and no derivative; leave it out or "
            "give it a little"
        )
    count = len(start)
    names = tuple(f"spectrum[{number}]" for number in range(count))
    return SpectrumWeights(names, start, np.full(count, 0.1 / count), 1e-9 * start, _unbounded(count))


def _b_factor(experiment: Experiment, model: Model) -> Family:
    if experiment.crystal.structure_factors is None:
        raise UsageError("{parameters}: B changes a table of amplitudes: give {Crystal.structure_factors}")
    lattice = model.lattice
    reciprocal = np.column_stack([lattice.a_star, lattice.b_star, lattice.c_star])
    return BFactor(("B",), np.zeros(1), np.ones(1), np.full(1, -200.0), np.full(1, 1000.0), reciprocal)


_MAKERS: dict[str, Callable[[Experiment, Model], Family]] = {
    "scale": _scale,
    "orientation": _orientation,
    "N": _cells,
    "mosaic_spread": _mosaic_spread,
    "distance": _distance,
    "origin": _origin,
    "panel_rotation": _panel_rotation,
    "beam_direction": _beam_direction,
    "spectrum": _spectrum,
    "B": _b_factor,
}

PARAMETERS = (
    "scale", "orientation", "cell", "N", "mosaic_spread", "distance", "origin", "panel_rotation", "beam_direction",
    "wavelength_shift", "wavelength_scale", "spectrum", "B", "F", "background",
)  # fmt: skip
"""What can be refined; F of single reflections, "F:h,k,l", too."""

_REFLECTION = re.compile(r"F:(-?\d{1,9}),(-?\d{1,9}),(-?\d{1,9})")

_COMMAS = re.compile(r",(?!-?\d+(?:,|$))")
"""Between names, not within a Miller index."""


def reflection_of(name: str) -> tuple[int, int, int] | None:
    """The Miller index of a name such as "F:1,-2,3"; None if it is no such name.

    Parameters
    ----------
    name : str
    """
    found = _REFLECTION.fullmatch(name)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def check_names(parameters: str | Sequence[str]) -> tuple[str, ...]:
    """Names of PARAMETERS or of reflections, each once.

    Parameters
    ----------
    parameters : str or sequence of str
        With commas between them, if it is one text.

    Raises
    ------
    UsageError
        If there is none, one is unknown, or one stands twice.
    """
    names = tuple(_COMMAS.split(parameters) if isinstance(parameters, str) else parameters)
    for name in names:
        if name not in PARAMETERS and reflection_of(name) is None:
            raise UsageError(f"{{parameters}}: there is no '{name}'; choose from {', '.join(PARAMETERS)}, F:h,k,l")
    if not names or len({reflection_of(name) or name for name in names}) < len(names):
        raise UsageError("{parameters}: give one or more of " + ", ".join(PARAMETERS) + ", F:h,k,l, each once")
    return names


def make_families(
    names: Sequence[str], experiment: Experiment, model: Model, crystal_system: str
) -> list[Family]:
    """The families of parameters, in the order in which an experiment takes their values.

    Parameters
    ----------
    names : sequence of str
        From `check_names`; structure factors and the background have families elsewhere.
    experiment : Experiment
        Prepared for these parameters.
    model : Model
        Of it.
    crystal_system : str
        One of CRYSTAL_SYSTEMS, for the cell.

    Raises
    ------
    UsageError
        If a parameter would do nothing.
    """
    if crystal_system not in CRYSTAL_SYSTEMS:
        raise UsageError(f"{{crystal_system}} '{crystal_system}': choose one of {', '.join(CRYSTAL_SYSTEMS)}")
    families: list[Family] = []
    for name in names:
        if name == "cell":
            families.append(_cell(experiment, model, crystal_system))
        elif name in ("wavelength_shift", "wavelength_scale"):
            if not any(isinstance(family, Wavelengths) for family in families):
                families.append(_wavelengths(experiment, model, names))
        elif name in _MAKERS:
            families.append(_MAKERS[name](experiment, model))
    return families

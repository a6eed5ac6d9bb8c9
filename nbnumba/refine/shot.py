"""A measured shot: boxes around expected spots, a fit that begins blurred, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbnumba.config import CrystalShape
from nbnumba.errors import UsageError
from nbnumba.refine.likelihood import PoissonLikelihood
from nbnumba.refine.model import PixelModel
from nbnumba.refine.prepare import prepared
from nbnumba.refine.registry import check_names, reflection_of
from nbnumba.refine.spots import Box, cut_boxes, plane_terms, predict_spots
from nbnumba.refine.with_scipy import climb, fit
from nbnumba.setup.lowering import lower

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nbnumba.config import Experiment, Panel

STRONG = 5.0
"""Standard deviations from which on a spot counts."""

MOST_BOXES = 300
"""Spots that are fitted, at most."""

_BLUR = (0.25, 0.5)
"""Factors of the number of cells in the first fits: broad spots find theirs from farther away."""

_BLURRED_CELLS = 6.0
"""Cells that a blurred crystal keeps along each axis: spots of fewer run into each other."""

_POLISHES = 2
"""Fits with planes beneath the spots of the model: each changes the parameters by a tenth of the one before."""

_MOST_SUBPIXELS = 8
"""Along an edge of a pixel, unless the start needs more: the size that a fit in vain runs away to is none."""

_WORST_AMPLITUDE = 0.2
"""Relative error up to which an amplitude is refined with all others."""

_FEWEST = 5
"""Spots below which nothing is fitted."""


@dataclass(frozen=True)
class Refinement:
    """What came of a shot.

    Attributes
    ----------
    experiment : Experiment
        The refined one.
    values, errors : dict
        Parameter -> value and standard error, user units.
    start : dict
        Parameter -> value at the start.
    boxes : list of Box
        The fitted spots, strongest first.
    photons : list of ndarray, shape (edge, edge)
        The model of each box, background included; NaN where there is no measurement.
    chi_squared, degrees : float, int
        Σ (model - data)² / model, and pixels less parameters, three of each box's plane among them.
    shift_before, shift_after : float
        Median distance between centres of mass of data and model in the strongest half of the boxes, pixels.
    """

    experiment: Experiment
    values: dict[str, float]
    errors: dict[str, float]
    start: dict[str, float]
    boxes: list[Box]
    photons: list[np.ndarray]
    chi_squared: float
    degrees: int
    shift_before: float
    shift_after: float


def refine_shot(
    images: Sequence[np.ndarray], experiment: Experiment, parameters: str | Sequence[str], *,
    masks: Sequence[np.ndarray] | None = None, d_min: float = 2.0, edge: int = 15, most: int = MOST_BOXES,
    crystal_system: str = "triclinic", engine: str = "cpu", threads: int | None = None,
) -> Refinement:  # fmt: skip
    """Fit an experiment to a measured shot.

    Parameters
    ----------
    images : sequence of ndarray, shape (slow, fast)
        Photons of each panel.
    experiment : Experiment
        Where to start: within a spot's width or two. A detector of panels.
    parameters : sequence of str
        As in `PixelModel`; "F" takes all reflections that the boxes tell to a fifth. Where amplitudes are refined but
        no scale, the scale is fitted before, with the given amplitudes.
    masks : sequence of ndarray, shape (slow, fast), bool, or None
        Which pixels are measurements; None takes those that are finite, not negative and not masked by the detector.
    d_min : float
        Resolution limit, Å.
    edge : int
        Pixels along the edge of a box.
    most : int
        Boxes at most, the strongest.
    crystal_system, engine, threads
        As in `PixelModel`.

    Returns
    -------
    Refinement

    Raises
    ------
    UsageError
        If there are too few spots, or a direction of the parameters changes no pixel.
    """
    names = check_names(parameters)
    _check(experiment, names)
    start = prepared(experiment, True, False)
    panels = start.detector.panels
    assert panels is not None
    images, masks = _checked_images(images, masks, panels)
    if not any(image[mask].any() for image, mask in zip(images, masks, strict=True)):
        raise UsageError("{image}: no pixel has a photon: there is nothing to fit")
    boxes = _strong_boxes(images, masks, start, panels, d_min, edge)[:most]
    if len(boxes) < _FEWEST:
        raise UsageError(
            f"{{image}}: {len(boxes)} of the expected spots stand out of the background; at least {_FEWEST} are "
            "needed: check that the experiment is the image's"
        )
    options = {"crystal_system": crystal_system, "engine": engine, "threads": threads}
    given = replace(start, sampling=experiment.sampling)
    first = _Stage.of(given, ("scale",), boxes, {}, 1.0, options)
    shift = _median_shift(boxes, _by_box(boxes, first.model(first.x)))
    stage, boxes = _polished(given, _fit(given, names, boxes, options), boxes, options)
    likelihood = _BoxLikelihood(stage.model, boxes)
    photons = stage.model(stage.x)
    values, errors = stage.model.values(stage.x), likelihood.standard_errors(stage.x)
    if "scale" in values:
        values["scale"], errors["scale"] = stage.brighter * values["scale"], stage.brighter * errors["scale"]
    return Refinement(
        experiment=stage.model.experiment(stage.x), values=values, errors=errors,
        start=stage.model.values(stage.model.start), boxes=boxes, photons=_by_box(boxes, photons),
        chi_squared=float(np.sum((photons - likelihood.data) ** 2 / photons)),
        degrees=len(photons) - len(stage.x) - 3 * len(boxes),
        shift_before=shift, shift_after=_median_shift(boxes, _by_box(boxes, photons)),
    )  # fmt: skip


def _check(experiment: Experiment, names: Sequence[str]) -> None:
    """Refuse what the planes of background beneath the spots, or their brightness, hold already."""
    if experiment.background:
        raise UsageError(
            "{Experiment.background}: every box has a plane of background of its own; leave the materials out"
        )
    if "background" in names:
        raise UsageError("{parameters}: background is fitted already, a plane beneath every spot; leave it out")
    if {"F", "scale"} <= set(names):
        raise UsageError(
            "{parameters}: the scale changes nothing that F of all spots do not; leave scale out: it is fitted with "
            "the given amplitudes, and kept"
        )


class _BoxLikelihood(PoissonLikelihood):
    """That of all boxes, whose planes of background have been fitted with the parameters."""

    def __init__(self, model: PixelModel, boxes: Sequence[Box]) -> None:
        super().__init__(model, _data(boxes))
        self._boxes = boxes

    def fisher_information(self, x: ArrayLike) -> np.ndarray:
        """See `Likelihood.fisher_information`: what is left of it where the planes are not known beforehand."""
        photons, jacobian = self.model.value_and_jacobian(x)
        scaled = jacobian / np.sqrt(photons)[:, None]
        first = 0
        for box in self._boxes:
            rows = slice(first, first := first + int(box.good.sum()))
            planes, _ = np.linalg.qr(plane_terms(len(box.good))[box.good] / np.sqrt(photons[rows])[:, None])
            scaled[rows] -= planes @ (planes.T @ scaled[rows])
        return np.asarray(scaled.T @ scaled)


def _checked_images(
    images: Sequence[np.ndarray], masks: Sequence[np.ndarray] | None, panels: Sequence[Panel]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    shapes = [panel.image_size[::-1] for panel in panels]
    if [image.shape for image in images] != shapes:
        raise UsageError(
            f"{{image}}: {len(images)} panel(s) of {images[0].shape} pixels; the experiment has {len(shapes)} of "
            f"{shapes[0]} (slow, fast)"
        )
    good = [np.isfinite(image) & (image >= 0.0) for image in images]
    for number, panel in enumerate(panels):
        low, high = panel.trusted_range
        good[number] &= (images[number] >= low) & (images[number] <= high)
        if panel.mask is not None:
            good[number] &= panel.mask
        if masks is not None:
            good[number] &= masks[number]
    return [np.where(ok, image, 0.0) for image, ok in zip(images, good, strict=True)], good


def _strong_boxes(
    images: Sequence[np.ndarray], masks: Sequence[np.ndarray], start: Experiment, panels: Sequence[Panel],
    d_min: float, edge: int,
) -> list[Box]:  # fmt: skip
    """Boxes of spots that stand out, strongest first."""
    model = lower(start)
    spots = predict_spots(model, panels, d_min, _tolerance(start, model.lattice.lengths, d_min))
    return [box for box in cut_boxes(images, masks, spots, edge) if box.strength >= STRONG]


def _tolerance(start: Experiment, lengths: tuple[float, float, float], d_min: float) -> float:
    """How far from the Ewald sphere spots lie, 1/Å, by size, mosaicity, bandwidth and half a degree of misset."""
    crystal, spectrum = start.crystal, start.beam.spectrum
    size = max(1.0 / (count * length) for count, length in zip(crystal.cells, lengths, strict=True))
    spread = np.max(crystal.mosaic_spread) if crystal.mosaic_spread is not None else 0.0
    band = 0.0 if spectrum is None else float(np.ptp(spectrum.angstroms) / spectrum.mean)
    return float(size + (math.radians(max(float(spread), 0.0) + 0.5) + band) / d_min)


def _background(boxes: Sequence[Box]) -> np.ndarray:
    return np.concatenate([box.background[box.good] for box in boxes])


def _data(boxes: Sequence[Box]) -> np.ndarray:
    return np.concatenate([box.data[box.good] for box in boxes])


class _Stage(NamedTuple):
    """A model of the boxes and where its fit begins, or has ended."""

    names: tuple[str, ...]
    model: PixelModel
    x: np.ndarray
    brighter: float  # by what the fluence was multiplied, so that the scale begins at 1

    @classmethod
    def of(
        cls, experiment: Experiment, parameters: Sequence[str], boxes: Sequence[Box], known: dict[str, float],
        brighter: float, options: dict[str, Any],
    ) -> _Stage:  # fmt: skip
        """A model that begins with known values, as bright as the data if its scale is refined."""
        pixels = np.concatenate([box.pixels() for box in boxes])
        beam = experiment.beam
        bright = replace(beam, fluence=beam.fluence * brighter, flux=beam.flux * brighter)
        model = PixelModel(
            replace(experiment, beam=bright), parameters, pixels, background=_background(boxes), **options
        )
        x = np.array([known.get(name, value) for name, value in model.values(model.start).items()]) / model.scales
        return cls(tuple(parameters), model, np.clip(x, *model.bounds), brighter)


def _is_amplitude(name: str) -> bool:
    return name == "F" or reflection_of(name) is not None


def _rounds(start: Experiment, parameters: tuple[str, ...]) -> list[tuple[float, tuple[str, ...]]]:
    """What is fitted one after the other: a factor of the number of cells, and parameters."""
    plain = tuple(name for name in parameters if not _is_amplitude(name))
    last = [(1.0, parameters)]
    if plain != parameters:
        # amplitudes begin with the brightness that those of the table have
        plain = tuple(dict.fromkeys(("scale", *plain)))
        last = [(1.0, plain), *last]
    if start.crystal.shape is CrystalShape.SQUARE:
        return last
    blurred = ("scale", *(name for name in plain if name not in ("N", "scale")))
    # what turns the lattice as a whole comes before what strains it
    first = ("scale", "orientation") if "orientation" in blurred else blurred
    return [(_BLUR[0], first), (_BLUR[1], blurred), *last]


def _blurred(start: Experiment, factor: float) -> Experiment:
    """With a smaller crystal, whose spots are broader."""
    if factor == 1.0:
        return start
    na, nb, nc = (max(count * factor, min(count, _BLURRED_CELLS)) for count in start.crystal.cells)
    return replace(start, crystal=replace(start.crystal, cells=(na, nb, nc)))


def _fit(
    start: Experiment, parameters: tuple[str, ...], boxes: Sequence[Box], options: dict[str, Any]
) -> _Stage:
    """Fit with blurred spots first, each fit from the result of the one before."""
    above, known, brightness = float((_data(boxes) - _background(boxes)).sum()), dict[str, float](), 1.0
    stage: _Stage | None = None
    for factor, names in _rounds(start, parameters):
        experiment, brighter = _blurred(start, factor), brightness if any(map(_is_amplitude, parameters)) else 1.0
        if "F" in names and stage is not None:
            names = tuple(name for name in names if name != "F") + _told_amplitudes(stage)
        if "scale" in names:
            dim = _Stage.of(experiment, names, boxes, known, 1.0, options)
            brighter = above / max(float((dim.model(dim.x) - _background(boxes)).sum()), 1e-300)
        stage = _Stage.of(experiment, names, boxes, known, brighter, options)
        stage = stage._replace(x=fit(PoissonLikelihood(stage.model, _data(boxes)), stage.x))
        known = stage.model.values(stage.x)
        brightness = brighter * known.pop("scale", 1.0)
    assert stage is not None
    return stage


def _polished(
    start: Experiment, stage: _Stage, boxes: list[Box], options: dict[str, Any]
) -> tuple[_Stage, list[Box]]:
    """Fit again with planes beneath the spots of the model, and with the subpixels that the found crystal needs."""
    for _ in range(_POLISHES):
        spots = _by_box(boxes, stage.model(stage.x) - _background(boxes))
        boxes = [box.above_plane(spot) for box, spot in zip(boxes, spots, strict=True)]
        values = stage.model.values(stage.x)
        model = _Stage.of(_with_subpixels(start, values), stage.names, boxes, {}, stage.brighter, options).model
        stage = stage._replace(model=model, x=climb(PoissonLikelihood(model, _data(boxes)), stage.x))
    return stage, boxes


def _with_subpixels(start: Experiment, values: dict[str, float]) -> Experiment:
    """The start with the subpixels of a crystal of the found size, unless their number was given."""
    if start.sampling.oversample:
        return start
    na, nb, nc = (values.get(f"N.{axis}", count) for axis, count in zip("abc", start.crystal.cells, strict=True))
    found = replace(start, crystal=replace(start.crystal, cells=(na, nb, nc)))
    once = replace(start.sampling, oversample=1)
    needed, least = (lower(replace(one, sampling=once)).recommended_oversample for one in (found, start))
    return replace(start, sampling=replace(once, oversample=max(min(needed, _MOST_SUBPIXELS), least)))


def _told_amplitudes(stage: _Stage) -> tuple[str, ...]:
    """Names of the amplitudes that the pixels tell, each with all else fixed, to a fifth or better."""
    matrix, indices = stage.model.structure_factor_slopes(stage.x)
    factors = stage.model.experiment(stage.x).crystal.structure_factors
    assert factors is not None
    amplitudes = factors.amplitudes[tuple((indices - [factors.h_min, factors.k_min, factors.l_min]).T)]
    weights = 1.0 / np.maximum(stage.model(stage.x), 1e-3)
    information = amplitudes**2 * ((matrix * matrix).T @ weights)
    told = indices[information > _WORST_AMPLITUDE**-2]
    if len(told) == 0:
        raise UsageError("{parameters}: the boxes tell no amplitude: give {Crystal.structure_factors} near the truth")
    return tuple(f"F:{h},{k},{l}" for h, k, l in told.tolist())  # noqa: E741


def _by_box(boxes: Sequence[Box], photons: np.ndarray) -> list[np.ndarray]:
    """Pixels as images of the boxes, NaN where there is no measurement."""
    images, first = [], 0
    for box in boxes:
        image = np.full(box.data.shape, np.nan)
        count = int(box.good.sum())
        image[box.good] = photons[first : first + count]
        images.append(image)
        first += count
    return images


def _centre(photons: np.ndarray) -> np.ndarray:
    """Centre of mass, pixels."""
    weights = np.maximum(np.nan_to_num(photons), 0.0)
    slow, fast = np.mgrid[: len(weights), : len(weights)]
    total = max(float(weights.sum()), 1e-300)
    return np.array([(weights * slow).sum(), (weights * fast).sum()]) / total


def _median_shift(boxes: Sequence[Box], photons: Sequence[np.ndarray]) -> float:
    """Median distance between spots of data and model in the strongest half of the boxes, pixels."""
    strongest = list(zip(boxes, photons, strict=True))[: max(len(boxes) // 2, 1)]
    distances = [
        np.linalg.norm(_centre(_peak(box.data - box.background)) - _centre(_peak(model - box.background)))
        for box, model in strongest
    ]
    return float(np.median(distances))


def _peak(above: np.ndarray) -> np.ndarray:
    """Photons that stand out: those of more than a fifth of the highest pixel."""
    return np.where(above > 0.2 * np.nanmax(above), above, 0.0)

"""The sum over the spots that reach each pixel against the full sum: how much faster, and how far from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nbnumba.config import (
    Beam,
    Crystal,
    CrystalShape,
    Detector,
    Experiment,
    Physics,
    Sampling,
    StructureFactors,
    UnitCell,
)
from nbnumba.config.physics import EXACT, NANOBRAGG
from nbnumba.setup.lowering import lower
from nbnumba.simulation import Renderer

CUTOFF = 1e-6
"""Photons."""

STILLS = ((NANOBRAGG, 10), (NANOBRAGG, 20), (NANOBRAGG, 30), (EXACT, 30))
"""Physics and unit cells along each axis."""

ROUNDING = 1e-11
"""Of the brightest pixel: what other instructions may make of the same terms, besides the cutoff."""


@dataclass(frozen=True)
class SparseRow:
    """One crystal.

    Attributes
    ----------
    physics : str
    cells : int
        Along each axis.
    pixels : int
        Of the image.
    full_seconds, sparse_seconds : list of float
        Wall times of rendering, one of each in a round.
    summed : str
        What the renderer chose with the cutoff: "sparse" or "full".
    worst : float
        Largest difference of a pixel over the cutoff.
    agrees : bool
        Whether the promise holds: no pixel differs by more than the cutoff and roundings.
    """

    physics: str
    cells: int
    pixels: int
    full_seconds: list[float]
    sparse_seconds: list[float]
    summed: str
    worst: float
    agrees: bool

    @property
    def ratios(self) -> list[float]:
        """Time of the full sum over that of the other, round by round."""
        return [full / sparse for full, sparse in zip(self.full_seconds, self.sparse_seconds, strict=True)]


def protein_still(physics: str, cells: int, edge: int | None = None) -> Experiment:
    """A still of a Gaussian crystal of lysozyme's cell: 50 mosaic domains times 11 spindle steps.

    Parameters
    ----------
    physics : str
    cells : int
        Unit cells along each axis.
    edge : int or None
        Pixels along each edge; None takes a PILATUS 6M.

    Returns
    -------
    Experiment
        Without a cutoff.
    """
    crystal = Crystal(
        unit_cell=UnitCell(79.1, 79.1, 37.9), cells=(cells, cells, cells), shape=CrystalShape.GAUSS, interpolate=False,
        structure_factors=_amplitudes(), misset=(10.0, 20.0, 30.0), mosaic_spread=0.3, mosaic_domains=50,
    )  # fmt: skip
    fast, slow, pixel = (2463, 2527, 0.172) if edge is None else (edge, edge, 430.0 / edge)
    return Experiment(
        crystal, Beam(wavelength=1.0, fluence=1e24),
        Detector(pixels_fast=fast, pixels_slow=slow, pixel_size=pixel, distance=250.0),
        Sampling(oversample=1, phi=10.0, oscillation=0.1, phi_steps=11), Physics(physics),
    )  # fmt: skip


def _amplitudes() -> StructureFactors:
    """Random amplitudes to 1.5 Å whose mean falls as that of a protein does."""
    random = np.random.default_rng(1)
    h, k, l = np.indices((105, 105, 51)) - np.array([52, 52, 25])[:, None, None, None]  # noqa: E741
    inverse_square = (h / 79.1) ** 2 + (k / 79.1) ** 2 + (l / 37.9) ** 2
    amplitudes = 400.0 * np.sqrt(random.exponential(1.0, h.shape)) * np.exp(-5.0 * inverse_square)
    return StructureFactors(np.where(inverse_square > 1.5**-2, 0.0, amplitudes), -52, -52, -25)


def measure_sparse(
    engine: str, threads: int, repeats: int, tell: Callable[[str], None], edge: int | None = None
) -> list[SparseRow]:
    """Render each still both ways, in turn.

    Parameters
    ----------
    engine : str
    threads : int
    repeats : int
        Rounds, after one that compiles or loads the kernels.
    tell : callable
        Receives lines of progress.
    edge : int or None
        As in `protein_still`.

    Returns
    -------
    list of SparseRow
    """
    with Renderer(engine, threads=threads) as renderer:
        rows = []
        for physics, cells in STILLS:
            tell(f"sparse against full: {physics}, N {cells}, {threads} threads")
            rows.append(_measure(renderer, protein_still(physics, cells, edge), repeats))
        return rows


def _measure(renderer: Renderer, experiment: Experiment, repeats: int) -> SparseRow:
    """One still both ways; the images are compared in float64."""
    cut = replace(experiment, sampling=replace(experiment.sampling, cutoff=CUTOFF))
    models = (lower(experiment), lower(cut))
    full, sparse = (renderer.render_model(model, np.float64) for model in models)
    difference = float(np.abs(sparse.image - full.image).max())
    rounds = [[renderer.render_model(model, np.float64).seconds for model in models] for _ in range(repeats)]
    return SparseRow(
        physics=str(experiment.physics), cells=int(experiment.crystal.cells[0]), pixels=full.image.size,
        full_seconds=[times[0] for times in rounds], sparse_seconds=[times[1] for times in rounds],
        summed=sparse.summed, worst=difference / CUTOFF,
        agrees=difference <= CUTOFF + ROUNDING * float(full.image.max()),
    )  # fmt: skip

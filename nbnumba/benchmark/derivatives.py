"""Photons and all the sums behind derivatives against photons alone, pixel by pixel in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nbnumba.benchmark.sparse import protein_still
from nbnumba.config import CrystalShape, Experiment, Spectrum
from nbnumba.config.physics import EXACT
from nbnumba.engine.derivatives import DerivativeEngine, PixelList, derivative_engine
from nbnumba.kernels.derivatives import BASIS, PHOTONS, no_extras
from nbnumba.kernels.params import KernelParams
from nbnumba.setup.lowering import lower

SHAPES = (CrystalShape.GAUSS, CrystalShape.ROUND, CrystalShape.SQUARE)

LINES, DOMAINS = 10, 20

ROUNDING = 1e-11
"""Of the brightest pixel: what sums in another order may differ by."""


@dataclass(frozen=True)
class DerivativeRow:
    """One crystal.

    Attributes
    ----------
    engine, shape : str
    terms : int
        Pixels times wavelengths times mosaic domains.
    value_seconds, basis_seconds : list of float
        Wall times of photons alone and of photons with all sums, one of each in a round.
    agrees : bool
        Whether both have the same photons.
    """

    engine: str
    shape: str
    terms: int
    value_seconds: list[float]
    basis_seconds: list[float]
    agrees: bool

    @property
    def ratios(self) -> list[float]:
        """Time with all sums over that of photons alone, round by round."""
        return [basis / value for basis, value in zip(self.basis_seconds, self.value_seconds, strict=True)]


def small_shot(shape: CrystalShape, edge: int) -> Experiment:
    """A still of lysozyme's cell: ten wavelengths, twenty mosaic domains, a table of amplitudes.

    Parameters
    ----------
    shape : CrystalShape
    edge : int
        Pixels along each edge.
    """
    still = protein_still(EXACT, 10, edge)
    lines = Spectrum(np.linspace(0.995, 1.005, LINES))
    return replace(
        still, crystal=replace(still.crystal, shape=shape, mosaic_domains=DOMAINS),
        beam=replace(still.beam, spectrum=lines),
        sampling=replace(still.sampling, phi=0.0, oscillation=0.0, phi_steps=1),
    )  # fmt: skip


def measure_derivatives(
    engine: str, repeats: int, tell: Callable[[str], None], edge: int = 192
) -> list[DerivativeRow]:
    """Make the pixels of each crystal both ways, in turn, on one thread or a GPU.

    Parameters
    ----------
    engine : str
        One of `nbnumba.engine.derivatives.ENGINES`.
    repeats : int
        Rounds, after one that compiles or loads the kernels.
    tell : callable
        Receives lines of progress.
    edge : int
        Pixels along each edge.

    Returns
    -------
    list of DerivativeRow
    """
    rows = []
    for shape in SHAPES:
        tell(f"derivatives: {shape.name.lower()}, {engine}")
        rows.append(_measure(derivative_engine(engine), shape, repeats, edge))
    return rows


def _measure(engine: DerivativeEngine, shape: CrystalShape, repeats: int, edge: int) -> DerivativeRow:
    params = lower(small_shot(shape, edge)).params
    slow, fast = (index.ravel() for index in np.indices((edge, edge)))
    pixels = PixelList.of(np.zeros(len(slow), np.int64), slow, fast)
    photons, both = _photons(engine, params, pixels), _basis(engine, params, pixels)
    rounds = [
        (_seconds(_photons, engine, params, pixels), _seconds(_basis, engine, params, pixels)) for _ in range(repeats)
    ]
    return DerivativeRow(
        engine=engine.name, shape=shape.name.lower(), terms=len(slow) * LINES * DOMAINS,
        value_seconds=[value for value, _ in rounds], basis_seconds=[basis for _, basis in rounds],
        agrees=bool(np.abs(both - photons).max() <= ROUNDING * photons.max()),
    )  # fmt: skip


_Work = Callable[[DerivativeEngine, KernelParams, PixelList], np.ndarray]


def _seconds(work: _Work, engine: DerivativeEngine, params: KernelParams, pixels: PixelList) -> float:
    began = time.perf_counter()
    work(engine, params, pixels)
    return time.perf_counter() - began


def _photons(engine: DerivativeEngine, params: KernelParams, pixels: PixelList) -> np.ndarray:
    photons = np.empty(len(pixels.slow))
    engine.photons(params, pixels, 0, len(pixels.blocks), photons)
    return photons


def _basis(engine: DerivativeEngine, params: KernelParams, pixels: PixelList) -> np.ndarray:
    """Photons of each pixel; the other sums are made and left, as `PixelModel.vjp` does."""
    extras, blocks = no_extras(DOMAINS, LINES), pixels.blocks
    photons = np.empty(len(pixels.slow))
    size = min(engine.blocks_at_once, len(blocks))
    basis = np.empty((size * int(blocks[:, 1].max()), BASIS))
    for begin in range(0, len(blocks), size):
        end = min(begin + size, len(blocks))
        engine.basis(params, extras, pixels, begin, end, basis)
        first, last = blocks[begin, 0], blocks[end - 1, :2].sum()
        photons[first:last] = basis[: last - first, PHOTONS]
    return photons

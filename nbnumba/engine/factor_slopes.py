"""Derivatives of a list of pixels by the structure factors of single reflections."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nbnumba.engine.threads import share_out
from nbnumba.kernels.factor_slopes import pixel_factor_slopes
from nbnumba.kernels.panels import panel_plane
from nbnumba.numerics.jit import jit

if TYPE_CHECKING:
    from nbnumba.engine.derivatives import PixelList
    from nbnumba.kernels.params import KernelParams


class Entries(NamedTuple):
    """What is not zero of the derivatives, pixel after pixel."""

    counts: np.ndarray  # int64[pixels]: entries of each, in the order of the list
    positions: np.ndarray  # int64[entries]: in the table of structure factors
    values: np.ndarray  # float64[entries], photons per electron


@jit
def _entries(params, slow, fast, blocks):
    scale = params.scale.r_e_squared * params.scale.fluence / params.scale.steps
    size = params.factors.amplitudes.shape[0]
    sums, touched, count = np.zeros(size), np.empty(size, np.int64), np.zeros(1, np.int64)
    start, end = blocks[0, 0], blocks[-1, 0] + blocks[-1, 1]
    counts, used = np.zeros(end - start, np.int64), 0
    positions, values = np.empty(end - start, np.int64), np.empty(end - start)
    for block in range(blocks.shape[0]):
        plane = panel_plane(params.panels, blocks[block, 2])
        for n in range(blocks[block, 0], blocks[block, 0] + blocks[block, 1]):
            count[0] = 0
            pixel_factor_slopes(params, plane, slow[n], fast[n], sums, touched, count)
            if used + count[0] > len(values):
                more = len(values) + count[0]
                positions = np.concatenate((positions, np.empty(more, np.int64)))
                values = np.concatenate((values, np.empty(more)))
            for m in range(count[0]):
                positions[used + m], values[used + m] = touched[m], sums[touched[m]] * scale
                sums[touched[m]] = 0.0
            counts[n - start] = count[0]
            used += count[0]
    return counts, positions[:used].copy(), values[:used].copy()


def factor_slopes(params: KernelParams, pixels: PixelList, threads: int) -> Entries:
    """Derivatives of pixels by each reflection of the table of structure factors, pixel by pixel on the processor.

    Parameters
    ----------
    params : KernelParams
        Of exact physics, with a table and without interpolation.
    pixels : PixelList
    threads : int

    Returns
    -------
    Entries
    """
    parts: dict[int, Entries] = {}

    def compute(first: int, end: int) -> None:
        parts[first] = Entries(*_entries(params, pixels.slow, pixels.fast, pixels.blocks[first:end]))

    share_out(compute, len(pixels.blocks), threads)
    ordered = [parts[first] for first in sorted(parts)]
    return Entries(*(np.concatenate(arrays) for arrays in zip(*ordered, strict=True)))

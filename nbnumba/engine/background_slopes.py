"""What amorphous materials give to the basis of a list of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbnumba.kernels.background_slopes import add_material
from nbnumba.kernels.derivatives import add_rays
from nbnumba.kernels.panels import panel_plane
from nbnumba.numerics.jit import jit

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.engine.derivatives import PixelList
    from nbnumba.kernels.derivatives import Extras
    from nbnumba.kernels.params import KernelParams, Scatterer


@jit
def _add(params, extras, curve, scale, slow, fast, blocks, offset, basis):
    for block in range(blocks.shape[0]):
        first, count, panel = blocks[block]
        plane = panel_plane(params.panels, panel)
        for n in range(first, first + count):
            add_rays(params, add_material, (extras, curve, scale), plane, slow[n], fast[n], basis[n - offset])


def add_background_slopes(
    params: KernelParams, extras: Extras, scatterers: Sequence[Scatterer], pixels: PixelList, first: int, end: int,
    basis: np.ndarray,
) -> None:  # fmt: skip
    """Add what materials give to the basis of pixels.

    Parameters
    ----------
    params : KernelParams
        Of exact physics.
    extras : Extras
    scatterers : sequence of Scatterer
    pixels : PixelList
    first, end : int
        Range of its blocks.
    basis : ndarray, shape (n, columns), float64
        Of the pixels of these blocks, in the order of `pixels`; changed.
    """
    blocks = pixels.blocks[first:end]
    rays = params.sampling.oversample**2 * len(params.sources.table)
    for curve, scale in scatterers:
        _add(params, extras, curve, scale / rays, pixels.slow, pixels.fast, blocks, blocks[0, 0], basis)

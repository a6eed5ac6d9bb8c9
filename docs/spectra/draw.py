"""Draws docs/spectra/stills.png: stills of Er-1 with and without bandwidth, and by three mosaic distributions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import nbnumba
from nbnumba import Beam, Crystal, Detector, Experiment, MosaicDistribution, Sampling, Spectrum, simulate
from nbnumba.io.hkl import read_hkl
from nbnumba.io.matrix import read_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ER1 = Path(nbnumba.__file__).parent / "data" / "er1"
CRYSTAL = Crystal(
    reciprocal_matrix=read_matrix(ER1 / "er1_1.0.mat"), structure_factors=read_hkl(ER1 / "er1_P1.hkl"),
    cells=(8, 16, 16), shape="gauss",
)  # fmt: skip
WIDE = Detector(pixels_fast=320, pixels_slow=320, pixel_size=0.1, distance=90.0, beam_center=(54.3, 54.3))
CLOSE = Detector(pixels_fast=1000, pixels_slow=1000, pixel_size=0.05, distance=90.0, beam_center=(44.9, 44.9))
PATCH = 240
"""Pixels along the edges of the corner of CLOSE that is shown."""

DECADES = 2.5


def gaussian_spectrum(width: float, lines: int) -> Spectrum:
    """Around 1 Å; `width` is the relative full width at half maximum."""
    deviations = np.linspace(-1.2, 1.2, lines) * width
    return Spectrum(1.0 + deviations, weights=0.5 ** ((2.0 * deviations / width) ** 2))


def show(axes: Axes, image: np.ndarray, pixel: float, title: str) -> None:
    """Dark spots on white."""
    size = image.shape[0] * pixel
    axes.imshow(image, cmap="Greys", vmin=0.0, vmax=1.0, extent=(0.0, size, size, 0.0), interpolation="nearest")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("mm", fontsize=8)
    axes.tick_params(labelsize=8)


def main() -> None:
    """Simulate and draw."""
    base = Experiment(CRYSTAL, Beam(), WIDE, Sampling())
    spectral = replace(base, beam=Beam(spectrum=gaussian_spectrum(0.01, 81)))
    stills = [simulate(one).image for one in (base, spectral)]
    corner = Sampling(roi=(0, PATCH - 1, 0, PATCH - 1))
    mosaics = [
        simulate(replace(base, detector=CLOSE, sampling=corner, crystal=replace(
            CRYSTAL, mosaic_spread=1.0, mosaic_domains=1500, mosaic_distribution=kind
        ))).image[:PATCH, :PATCH]
        for kind in MosaicDistribution
    ]  # fmt: skip
    figure = Figure(figsize=(9.5, 8.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 6, height_ratios=(3, 2))
    brightest = float(np.quantile(stills[1], 0.998))
    for column, (image, title) in enumerate(zip(stills, ("monochromatic, 1 Å", "bandwidth 1 % (FWHM)"), strict=True)):
        axes = figure.add_subplot(grid[0, 3 * column : 3 * column + 3])
        show(axes, np.log10(np.maximum(image / brightest, 10.0**-DECADES)) / DECADES + 1.0, WIDE.pixel_size, title)
    for column, (image, kind) in enumerate(zip(mosaics, MosaicDistribution, strict=True)):
        axes = figure.add_subplot(grid[1, 2 * column : 2 * column + 2])
        show(axes, image / image.max(), CLOSE.pixel_size, f"{kind.value}, 1°")
    canvas.print_png(str(Path(__file__).parent / "stills.png"))


if __name__ == "__main__":
    main()

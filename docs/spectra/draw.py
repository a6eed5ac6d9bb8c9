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
    reciprocal_matrix=read_matrix(ER1 / "er1_1.0.mat"), structure_factors=read_hkl(ER1 / "er1_P1.hkl"), cells=(20, 20, 20)
)
PIXEL = 0.2
DETECTOR = Detector(pixels_fast=300, pixels_slow=300, pixel_size=PIXEL, distance=90.0, beam_center=(58.0, 58.0))
CLOSE = Detector(pixels_fast=240, pixels_slow=240, pixel_size=0.05, distance=90.0, beam_center=(45.0, 45.0))
DECADES = 3.0


def gaussian_spectrum(width: float, lines: int) -> Spectrum:
    """Around 1 Å; `width` is the relative full width at half maximum."""
    deviations = np.linspace(-1.2, 1.2, lines) * width
    return Spectrum(1.0 + deviations, weights=0.5 ** ((2.0 * deviations / width) ** 2))


def show(axes: Axes, image: np.ndarray, brightest: float, pixel: float, title: str) -> None:
    """Dark spots on white, logarithmic."""
    size = image.shape[0] * pixel
    greys = np.log10(np.maximum(image / brightest, 10.0**-DECADES))
    axes.imshow(greys, cmap="Greys", vmin=-DECADES, vmax=0.0, extent=(0.0, size, size, 0.0), interpolation="nearest")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("mm", fontsize=8)
    axes.tick_params(labelsize=8)


def main() -> None:
    """Simulate and draw."""
    base = Experiment(CRYSTAL, Beam(), DETECTOR, Sampling(oversample=2))
    spectral = replace(base, beam=Beam(spectrum=gaussian_spectrum(0.01, 81)))
    stills = [simulate(one).image for one in (base, spectral)]
    mosaics = [
        simulate(replace(base, detector=CLOSE, sampling=Sampling(oversample=1), crystal=replace(
            CRYSTAL, mosaic_spread=1.0, mosaic_domains=500, mosaic_distribution=kind
        ))).image
        for kind in MosaicDistribution
    ]  # fmt: skip
    figure = Figure(figsize=(9.5, 8.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 6, height_ratios=(3, 2))
    brightest = float(np.quantile(stills[1], 0.9995))
    for column, (image, title) in enumerate(zip(stills, ("monochromatic, 1 Å", "bandwidth 1 % (FWHM)"), strict=True)):
        show(figure.add_subplot(grid[0, 3 * column : 3 * column + 3]), image, brightest, PIXEL, title)
    brightest = float(np.quantile(mosaics[1], 0.9995))
    for column, (image, kind) in enumerate(zip(mosaics, MosaicDistribution, strict=True)):
        axes = figure.add_subplot(grid[1, 2 * column : 2 * column + 2])
        show(axes, image, brightest, CLOSE.pixel_size, f"{kind.value}, 1°")
    canvas.print_png(str(Path(__file__).parent / "stills.png"))


if __name__ == "__main__":
    main()

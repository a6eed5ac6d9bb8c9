"""Makes the pictures of docs/readout.md: one experiment from photons to counts, and noise against signal."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np

from nbnumba import Background
from nbnumba.flags import interpret
from nbnumba.readout import (
    CalibrationError,
    Gain,
    PhotonCounting,
    PointSpread,
    Readout,
    ReadoutNoise,
)
from nbnumba.readout.point_spread import fiber_kernel
from nbnumba.simulation import simulate

mpl.use("Agg")
import matplotlib.pyplot as plt

ER1 = Path(__file__).parent.parent / "nbnumba" / "data" / "er1"
FLAGS = (
    f"-mat {ER1}/er1_1.0.mat -hkl {ER1}/er1_P1.hkl -lambda 1 -N 20 -detpixels 220 -pixel 0.1 -distance 35 "
    "-Xbeam -6 -Ybeam -2 -phi 30 -osc 4 -phisteps 20 -mosaic 0.3 -mosaic_domains 8 -oversample 1 -fluence 1e27 "
    "-beamsize 0.0002"
)
WATER = Background.water(0.00005)
"""50 nm; the beam is 200 nm wide."""

SPREAD = PointSpread("fiber", 150.0, 100.0)
SHOWN = (slice(60, 180), slice(60, 180))
SEED = 5


def draw_stages(path: Path) -> None:
    """One experiment from the photons of the crystal to the counts of a CCD."""
    experiment = interpret(FLAGS.split()).experiment
    spots = simulate(experiment).image
    photons = simulate(replace(experiment, background=WATER)).image
    steps = 100.0
    pictures = {
        "photons of the crystal": spots,
        "+ 50 nm of water": photons,
        "+ point spread of a phosphor,\n150 µm": Readout(SPREAD, Gain(steps)).apply(photons, SEED) / steps,
        "+ noise: photons, 3 % calibration,\n3 ADU of the electronics": Readout.ccd(
            pixel_size=100.0, point_spread=SPREAD
        ).apply(photons, SEED) - 40.0,
    }  # fmt: skip
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.9), layout="constrained")
    for place, (title, image) in zip(axes, pictures.items(), strict=True):
        shown = place.imshow(image[SHOWN], cmap="gray_r", vmin=0.0, vmax=150.0, interpolation="nearest")
        place.set(title=title, xticks=[], yticks=[])
        place.title.set_size(9)
    figure.colorbar(shown, ax=axes, shrink=0.8, extend="max", label="photons, or ADU above the offset")
    figure.savefig(path, dpi=110)


def draw_noise(path: Path) -> None:
    """Standard deviation of flat fields against their signal, measured and as the stages' figures add up."""
    signals = np.geomspace(0.1, 1e5, 13)
    kernel = fiber_kernel(1.5, 1.0, 40)
    sharpness = float((kernel**2).sum() / kernel.sum() ** 2)
    chains = {
        "counting": ((), lambda n: n, "o", "k", 9),
        "counting, 3 % calibration error": (
            (CalibrationError(0.03),), lambda n: n + (0.03 * n) ** 2, "o", "tab:red", 5,
        ),
        "counting, 3 ADU readout noise": ((ReadoutNoise(3.0),), lambda n: n + 9.0, "s", "tab:blue", 4),
        "counting, fibre of 1.5 pixels": (
            (PointSpread("fiber", 1.5, 1.0, 40),), lambda n: n * sharpness, "^", "tab:green", 5,
        ),
    }  # fmt: skip
    figure, place = plt.subplots(figsize=(6.5, 4.6), layout="constrained")
    for title, (stages, variance, marker, color, size) in chains.items():
        readout = Readout(PhotonCounting(), *stages, Gain(1e3))
        images = [readout.apply(np.full((250, 250), n), SEED) / 1e3 for n in signals]
        deviations = [image[60:-60, 60:-60].std() for image in images]
        place.loglog(signals, deviations, marker, color=color, label=title, ms=size, mfc="none")
        place.loglog(signals, np.sqrt(variance(signals)), "-", color=color, lw=1)
    place.set(xlabel="expected photons per pixel", ylabel="standard deviation of the pixels")
    place.legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    draw_stages(folder / "stages.png")
    draw_noise(folder / "noise.png")

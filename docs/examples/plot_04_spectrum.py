"""
A pink beam
===========

A spectrum three percent wide draws each spot out towards the beam.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import nbnumba as nb
from nbnumba.pictures import draw_image

er1 = Path(nb.__file__).parent / "data" / "er1"
crystal = nb.Crystal(
    reciprocal_matrix=nb.io.read_matrix(er1 / "er1_1.0.mat"), cells=(12, 12, 12),
    structure_factors=nb.io.read_hkl(er1 / "er1_P1.hkl"),
)
detector = nb.Detector(distance=90.0, pixel_size=0.6, pixels_fast=256, pixels_slow=256)
wavelengths = np.linspace(0.985, 1.015, 21)
weights = np.exp(-0.5 * ((wavelengths - 1.0) / 0.006) ** 2)
beams = {
    "one wavelength": nb.Beam(wavelength=1.0, fluence=1e26),
    "3 % wide": nb.Beam(spectrum=nb.Spectrum(wavelengths=wavelengths, weights=weights), fluence=1e26),
}

figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for (name, beam), place in zip(beams.items(), axes, strict=True):
    result = nb.simulate(nb.Experiment(crystal, beam, detector))
    draw_image(place, result.panels, title=name)

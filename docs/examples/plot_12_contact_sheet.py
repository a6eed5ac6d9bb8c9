"""
A contact sheet
===============

Nine stills in random orientations from one renderer, which keeps kernels and tables.
"""

# %%
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import nbnumba as nb

er1 = Path(nb.__file__).parent / "data" / "er1"
crystal = nb.Crystal(
    reciprocal_matrix=nb.io.read_matrix(er1 / "er1_1.0.mat"), cells=(12, 12, 12),
    structure_factors=nb.io.read_hkl(er1 / "er1_P1.hkl"),
)
generator = np.random.default_rng(1)
detector = nb.Detector(distance=90.0, pixel_size=1.0, pixels_fast=128, pixels_slow=128)
beam = nb.Beam(wavelength=1.0, fluence=1e26)
crystals = [replace(crystal, misset=tuple(turn)) for turn in generator.uniform(0.0, 360.0, (9, 3))]

figure, axes = plt.subplots(3, 3, figsize=(9, 9), layout="constrained")
with nb.Renderer() as renderer:
    results = renderer.render_many(nb.Experiment(crystal, beam, detector) for crystal in crystals)
    for result, place in zip(results, axes.flat, strict=True):
        place.imshow(np.log10(result.image + 1.0), cmap="gray_r")
        place.set(xticks=[], yticks=[])

"""
Spots of a small crystal
========================

The mating pheromone Er-1, twelve cells along each axis. Rings, beam and Miller indices come from the geometry.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt

import nbnumba as nb
from nbnumba.pictures import draw_image

er1 = Path(nb.__file__).parent / "data" / "er1"
crystal = nb.Crystal(
    reciprocal_matrix=nb.io.read_matrix(er1 / "er1_1.0.mat"), cells=(12, 12, 12),
    structure_factors=nb.io.read_hkl(er1 / "er1_P1.hkl"),
)
detector = nb.Detector(distance=90.0, pixel_size=0.6, pixels_fast=256, pixels_slow=256)
beam = nb.Beam(wavelength=1.0, fluence=1e26)
result = nb.simulate(nb.Experiment(crystal, beam, detector))

figure, axes = plt.subplots(figsize=(7, 6.2), layout="constrained")
draw_image(axes, result.panels, nb.io.scene_of(result.model), labels=8)

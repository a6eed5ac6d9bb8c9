"""
Shapes of crystals
==================

One spot of each shape: the square's fringes run along the axes of the cell, those of the round one are rings,
a Gaussian has none, a top hat ends.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import nbnumba as nb

shapes = ("square", "round", "gauss", "tophat")
detector = nb.Detector(distance=500.0, pixel_size=0.1, pixels_fast=96, pixels_slow=96, beam_center=(4.8, 4.8))

figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
for shape, place in zip(shapes, axes, strict=True):
    crystal = nb.Crystal(unit_cell=nb.UnitCell(100.0), cells=(10, 10, 10), default_F=100.0, shape=shape)
    result = nb.simulate(nb.Experiment(crystal, nb.Beam(wavelength=1.0, fluence=1e24), detector))
    place.imshow(np.log10(result.image + 1e-3 * result.image.max()), cmap="gray_r")
    place.set(title=shape, xticks=[], yticks=[])

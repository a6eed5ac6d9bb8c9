"""
Spots that end
==============

The sum with a cutoff, and what it leaves of the full sum: nowhere more than the cutoff.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt

import nbnumba as nb
from nbnumba.pictures import draw_image

er1 = Path(nb.__file__).parent / "data" / "er1"
crystal = nb.Crystal(
    reciprocal_matrix=nb.io.read_matrix(er1 / "er1_1.0.mat"), cells=(12, 12, 12), shape="gauss",
    structure_factors=nb.io.read_hkl(er1 / "er1_P1.hkl"),
)
detector = nb.Detector(distance=90.0, pixel_size=0.6, pixels_fast=256, pixels_slow=256)
beam = nb.Beam(wavelength=1.0, fluence=1e26)
full = nb.simulate(nb.Experiment(crystal, beam, detector))
sparse = nb.simulate(nb.Experiment(crystal, beam, detector, nb.Sampling(cutoff=0.01)))
difference = full.image - sparse.image

figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
draw_image(axes[0], sparse.panels, title="cut off at 0.01 photons")
shown = axes[1].imshow(difference, cmap="Reds")
axes[1].set(title=f"left out: {difference.max():.2g} photons at most")
figure.colorbar(shown, ax=axes[1], label="photons per pixel")

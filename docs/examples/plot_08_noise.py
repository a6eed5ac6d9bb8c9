"""
From photons to counts
======================

What a photon-counting detector makes of expected photons.
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
beam = nb.Beam(wavelength=1.0, flux=1e9, exposure=1.0, size=0.1)
result = nb.simulate(nb.Experiment(crystal, beam, detector, background=(nb.Background.water(0.05),)))
counts = nb.readout.Readout.photon_counting("pilatus").apply(result.image, seed=1)

figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
draw_image(axes[0], result.panels, title="expected photons")
draw_image(axes[1], counts, title="counts")

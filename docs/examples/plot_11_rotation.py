"""
A rotation of a degree, image by image
======================================

Ten images of a tenth of a degree; each reflection is recorded where it crosses the sphere.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import nbnumba as nb
from nbnumba.pictures import draw_image

er1 = Path(nb.__file__).parent / "data" / "er1"
crystal = nb.Crystal(
    reciprocal_matrix=nb.io.read_matrix(er1 / "er1_1.0.mat"), cells=(30, 30, 30),
    structure_factors=nb.io.read_hkl(er1 / "er1_P1.hkl"),
)
detector = nb.Detector(distance=90.0, pixel_size=0.6, pixels_fast=256, pixels_slow=256)
beam = nb.Beam(wavelength=1.0, fluence=1e26)
sweep = [
    nb.Experiment(crystal, beam, detector, nb.Sampling(phi=0.1 * number, oscillation=0.1, phi_steps=5))
    for number in range(10)
]
with nb.Renderer() as renderer:
    images = [result.image for result in renderer.render_many(sweep)]
whole = np.mean(images, axis=0)

figure, axes = plt.subplots(1, 3, figsize=(14, 4.4), layout="constrained")
draw_image(axes[0], images[0], title="first image")
draw_image(axes[1], images[9], title="last image")
draw_image(axes[2], whole, title="all ten")

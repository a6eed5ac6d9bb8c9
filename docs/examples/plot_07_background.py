"""
Water and air
=============

What amorphous materials in the beam scatter, on the same absolute scale as the spots.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt

import nbnumba as nb
from nbnumba.pictures import draw_image

er1 = Path(nb.__file__).parent / "data" / "er1"
crystal = nb.Crystal(
    reciprocal_matrix=nb.io.read_matrix(er1 / "er1_1.0.mat"), cells=(60, 60, 60),
    structure_factors=nb.io.read_hkl(er1 / "er1_P1.hkl"),
)
detector = nb.Detector(distance=90.0, pixel_size=0.6, pixels_fast=256, pixels_slow=256)
beam = nb.Beam(wavelength=1.0, flux=1e12, exposure=1.0, size=0.1)
around = (nb.Background.water(0.05), nb.Background.air(5.0))

figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for background, place in zip(((), around), axes, strict=True):
    result = nb.simulate(nb.Experiment(crystal, beam, detector, background=background))
    draw_image(place, result.panels, title="in water and air" if background else "alone", linear=True)

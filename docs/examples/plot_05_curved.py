"""
A curved detector
=================

All pixels at the same distance from the sample: spots at the edge come closer together than on a plane.
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

figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for curved, place in zip((False, True), axes, strict=True):
    bent = nb.Detector(distance=90.0, pixel_size=0.6, pixels_fast=256, pixels_slow=256, curved=curved)
    result = nb.simulate(nb.Experiment(crystal, beam, bent))
    draw_image(place, result.panels, title="curved" if curved else "flat")

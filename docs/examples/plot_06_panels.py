"""
A detector of panels
====================

Four panels around the beam, one of them turned: they are shown where they stand, with the gaps between them.
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import nbnumba as nb
from nbnumba.pictures import draw_image

angle = np.radians(10.0)
panels = [
    nb.Panel(origin=(x, y, -90.0), fast=(1, 0, 0), slow=(0, -1, 0), pixel_size=(0.4, 0.4), image_size=(120, 120))
    for x, y in ((-51.0, 51.0), (3.0, 51.0), (-51.0, -3.0))
]
panels.append(nb.Panel(origin=(12.0, -9.0, -90.0), fast=(np.cos(angle), -np.sin(angle), 0),
                       slow=(-np.sin(angle), -np.cos(angle), 0), pixel_size=(0.4, 0.4), image_size=(120, 120)))
er1 = Path(nb.__file__).parent / "data" / "er1"
crystal = nb.Crystal(
    reciprocal_matrix=nb.io.read_matrix(er1 / "er1_1.0.mat"), cells=(12, 12, 12),
    structure_factors=nb.io.read_hkl(er1 / "er1_P1.hkl"),
)
result = nb.simulate(nb.Experiment(crystal, nb.Beam(wavelength=1.0, fluence=1e26), nb.Detector(panels=panels)))

figure, axes = plt.subplots(figsize=(7.5, 6.6), layout="constrained")
draw_image(axes, result.panels, nb.io.scene_of(result.model), labels=6)

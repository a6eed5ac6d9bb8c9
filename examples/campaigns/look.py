"""Labels and images of a campaign: python look.py FOLDER draws look.png."""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np

import nbnumba.campaign

mpl.use("Agg")

from matplotlib import pyplot as plt

with nbnumba.campaign.open(sys.argv[1]) as results:
    labels = results.labels
    print(f"{len(results)} images of {results[0].shape} in {len(results.shards)} shards")
    for name, column in labels.items():
        if column.dtype.kind in "if" and not (name[0] in "UA" and name[1:2].isdigit()):
            print(f"{name:28s} {column.min():12.5g} to {column.max():12.5g}")
    bright = np.argsort([image.max() for image in results])[::-1][:4]
    figure, axes = plt.subplots(2, 4, figsize=(12, 6), layout="constrained")
    for axis, number in zip(axes[0], bright, strict=True):
        axis.imshow(np.log1p(np.maximum(results[int(number)].astype(float), 0.0)), cmap="gray_r")
        axis.set_title(f"image {number}", fontsize=9)
        axis.set_axis_off()
    drawn = [name for name in labels if name in ("mosaic_spread", "energy_ev", "distance_mm", "b_factor", "spot_scale")]
    for axis in axes[1]:
        axis.set_axis_off()
    for axis, name in zip(axes[1], drawn, strict=False):
        axis.set_axis_on()
        axis.hist(labels[name], bins=10, color="0.5")
        axis.set_xlabel(name)
    figure.savefig("look.png", dpi=100)

"""
Lab frames
==========

Beam, detector axes, E-vector and spindle of each of nanoBragg's conventions, from the table that the set-up uses. Axes
that coincide are drawn side by side.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from nbnumba.setup.detector_frame import CONVENTION_FRAMES

COLOURS = {"beam": "tab:red", "fdet": "tab:blue", "sdet": "tab:green", "polar": "tab:orange", "spindle": "tab:purple"}
NAMES = {"beam": "beam", "fdet": "fast", "sdet": "slow", "polar": "E-vector", "spindle": "spindle"}

figure = plt.figure(figsize=(12, 8), layout="constrained")
for number, (convention, frame) in enumerate(CONVENTION_FRAMES.items(), start=1):
    axes = figure.add_subplot(2, 3, number, projection="3d")
    for axis, end in zip("xyz", np.eye(3) * 1.3, strict=True):
        axes.plot(*np.transpose([[0, 0, 0], end]), color="lightgrey", linewidth=1)
        axes.text(*end, axis, color="grey")
    for count, (field, colour) in enumerate(COLOURS.items()):
        vector = np.array(getattr(frame, field))
        start = 0.05 * count * np.roll(np.abs(vector), 1)
        axes.quiver(*start, *vector, color=colour, arrow_length_ratio=0.12, linewidth=2, label=NAMES[field])
    axes.set(title=f"{convention.value} (pivot: {frame.pivot.value})", xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    axes.set(xticks=[], yticks=[], zticks=[])
    axes.view_init(elev=22, azim=-50)
    axes.set_box_aspect((1, 1, 1))
figure.legend(*axes.get_legend_handles_labels(), loc="lower right", bbox_to_anchor=(0.95, 0.15), fontsize=13)

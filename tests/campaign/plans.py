"""Plans of tiny images that the tests of campaigns share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbnumba.campaign.labels import Table
from nbnumba.campaign.results import Results

STILLS = """\
[campaign]
shots = 10
seed = 7
output = "out"
images_per_shard = 3

[structure_factors]
default_F = 100

[crystal]
unit_cell = [60, 70, 80, 90, 95, 100]
cells = [5, 5, 5]
shape = "gauss"
mosaic_spread = {uniform = [0.2, 0.5]}
mosaic_domains = {choice = [2, 3]}

[beam]
energy_ev = {normal = [12000, 300]}
flux = 1e12
size_um = 10

[detector]
pixels = [40, 30]
pixel_mm = 1.5
distance_mm = 100

[background]
water_um = {uniform = [10, 20]}

[readout]
calibration = 0.03
readout_noise = 1.0
"""

SCAN = STILLS.replace("images_per_shard = 3\n", "").replace("shots = 10", "shots = 2") + """
[scan]
images = 4
width_deg = 0.5
phi_steps = 2
"""


def write_plan(folder: Path, text: str = STILLS, **changes: str) -> Path:
    """A plan's file; changes are pieces of text, old -> new."""
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def everything(folder: Path) -> tuple[list[np.ndarray], Table]:
    """All images and labels of a campaign."""
    with Results(folder) as results:
        return list(results), results.labels


def assert_equal(one: tuple[list[np.ndarray], Table], other: tuple[list[np.ndarray], Table]) -> None:
    """The same pixels and labels, to the bit."""
    (images, labels), (other_images, other_labels) = one, other
    assert len(images) == len(other_images)
    for image, other_image in zip(images, other_images, strict=True):
        assert image.dtype == other_image.dtype
        np.testing.assert_array_equal(image, other_image)
    assert list(labels) == list(other_labels)
    for name, column in labels.items():
        np.testing.assert_array_equal(column, other_labels[name])

"""Saving a result: the format follows from the file's name."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from PIL import Image

from nbnumba import Beam, Crystal, Detector, Experiment, Panel, UnitCell, UsageError, simulate
from nbnumba.io.formats import read_image
from nbnumba.io.tiff import read_tiff

CRYSTAL = Crystal(unit_cell=UnitCell(100.0), cells=(5, 5, 5), default_F=100.0)


@pytest.fixture(scope="module")
def result():
    return simulate(Experiment(CRYSTAL, Beam(), Detector(pixels_fast=32, pixels_slow=24)))


def test_a_result_is_saved_in_the_format_that_its_name_says(result, tmp_path):
    result.save(tmp_path / "i.npy")
    result.save(tmp_path / "i.tif")
    result.save(str(tmp_path / "i.bin"))
    assert np.array_equal(np.load(tmp_path / "i.npy"), result.image)
    assert np.array_equal(read_tiff(tmp_path / "i.tif"), result.image)
    assert (tmp_path / "i.bin").read_bytes() == result.image.tobytes()


def test_panels_are_saved_one_below_the_other_in_nxmx(tmp_path):
    panels = [
        Panel(origin=(x, 0, -100.0), fast=(1, 0, 0), slow=(0, 1, 0), pixel_size=(0.1, 0.1), image_size=(20, 10))
        for x in (-3.0, 1.0)
    ]
    result = simulate(Experiment(CRYSTAL, Beam(), Detector(panels=panels)))
    result.save(tmp_path / "i.nxs", compression="gzip")
    with h5py.File(tmp_path / "i.nxs") as file:
        data = file["entry/data/data"]
        assert data.compression == "gzip"
        assert np.array_equal(np.squeeze(data[()]), result.slab())


def test_the_image_of_a_single_panel_is_no_stack(tmp_path):
    result = simulate(Experiment(CRYSTAL, Beam(), detector((0.3, 0.2, (20, 10)))))
    result.save(tmp_path / "i.npy")
    result.save(tmp_path / "i_1.cbf")
    assert np.array_equal(np.load(tmp_path / "i.npy"), result.panels[0])
    assert np.array_equal(read_image(tmp_path / "i_1.cbf").images, np.rint(result.panels[0]))


def detector(*places: tuple[float, float, tuple[int, int]]) -> Detector:
    """Panels square to the beam, x and y of the corner in mm and a size each."""
    return Detector(panels=[
        Panel(origin=(x, y, -100.0), fast=(1, 0, 0), slow=(0, -1, 0), pixel_size=(0.1, 0.1), image_size=size)
        for x, y, size in places
    ])  # fmt: skip


def test_a_preview_shows_panels_where_they_stand(tmp_path):
    # side by side with a gap of ten pixels, the second one 5 pixels lower and of another size
    result = simulate(Experiment(CRYSTAL, Beam(), detector((-3.0, 1.0, (20, 30)), (0.0, 0.5, (40, 24)))))
    result.save(tmp_path / "i.png")
    with Image.open(tmp_path / "i.png") as picture:
        greys = np.asarray(picture)
    assert greys.shape == (30, 70)
    assert (greys[:, 21:29] == 255).all()
    assert (greys[:4, 31:] == 255).all()
    # each panel shows its own brightest pixel darkest
    for panel, rows, columns in ((0, slice(0, 30), slice(0, 20)), (1, slice(5, 29), slice(30, 70))):
        values, shown = result.panels[panel], greys[rows, columns]
        assert shown[np.unravel_index(values.argmax(), values.shape)] == shown.min()


@pytest.mark.parametrize("name", ["i.npy", "i.tif", "i.bin"])
def test_panels_of_several_sizes_are_refused_where_one_array_is_needed(tmp_path, name):
    result = simulate(Experiment(CRYSTAL, Beam(), detector((-3.0, 1.0, (20, 30)), (0.0, 0.5, (40, 24)))))
    with pytest.raises(UsageError, match="hold one array, but the panels have 2 sizes: write .nxs, or panel by panel"):
        result.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "options", "message"), [
    ("i.foo", {}, "i.foo: no format has the suffix '.foo'"),
    ("i.tif", {"compression": "gzip"}, "compression gzip: has no effect without an NXmx file"),
])  # fmt: skip
def test_a_name_or_option_that_says_nothing_is_refused_and_nothing_is_written(result, tmp_path, name, options, message):
    with pytest.raises(UsageError) as caught:
        result.save(tmp_path / name, **options)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []

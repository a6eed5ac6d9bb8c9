"""Saving a result: the format follows from the file's name."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from nbnumba import Beam, Crystal, Detector, Experiment, Panel, UnitCell, UsageError, simulate
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


@pytest.mark.parametrize(("name", "options", "message"), [
    ("i.foo", {}, "i.foo: no format has the suffix '.foo'"),
    ("i.tif", {"compression": "gzip"}, "compression gzip: has no effect without an NXmx file"),
])  # fmt: skip
def test_a_name_or_option_that_says_nothing_is_refused_and_nothing_is_written(result, tmp_path, name, options, message):
    with pytest.raises(UsageError) as caught:
        result.save(tmp_path / name, **options)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []

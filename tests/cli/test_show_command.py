"""nbnumba show: pictures of files, and what it refuses."""

from __future__ import annotations

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from nbnumba.io import write_image


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.zeros((40, 50), np.float32)
    pixels[10, 30] = 1000.0
    write_image("i.npy", pixels)
    pixels.tofile("i.bin")
    return pixels


def test_images_are_drawn_into_one_picture_and_missing_geometry_is_told(nbnumba, image):
    status, _, said = nbnumba("show", "i.npy", "i.bin", "--shape", "40", "50", "-o", "p.png")
    assert status == 0
    assert said.splitlines() == [
        f"nbnumba: {name} does not tell its geometry: no rings (--geometry FILE.expt)" for name in ("i.npy", "i.bin")
    ]
    with Image.open("p.png") as picture:
        greys = np.asarray(picture.convert("L"))
    # the spot is a block of black pixels in each half
    left, right = np.array_split(greys, 2, axis=1)
    assert (left < 10).any()
    assert (right < 10).any()


@pytest.mark.parametrize(("arguments", "message"), [
    (("i.npy",), "no display to open a window on: write a picture with -o FILE.png"),
    (("i.npy", "-o", "p.jpg"), "-o p.jpg: the picture is a PNG file: let its name end in .png"),
    (("i.npy", "-o", "p.png", "--frame", "1"), "i.npy: --frame is 1: there are 1, counted from 0"),
    (("i.bin", "-o", "p.png"), "i.bin: a raw float image does not state its shape: give --shape"),
    (("i.npy", "-o", "p.png", "--shape", "5", "6"), "i.npy: is 40 x 50 (slow x fast) pixels, not 5 x 6 (slow x fast)"),
    ((".", "-o", "p.png"), ".: is a folder; give the name of an image"),
    (("i.h5", "-o", "p.png"), "i.h5: entry/data/data is no dataset, or one of a file that is missing"),
    (("none.xyz", "-o", "p.png"), "none.xyz: can't be read: No such file or directory"),
    (("none.npy", "-o", "p.png"), "none.npy: can't be read: No such file or directory"),
    (("i.npy", "-o", "none/p.png"), "none/p.png: "),
])  # fmt: skip
def test_what_can_not_be_drawn_is_one_line_and_no_file(nbnumba, image, tmp_path, monkeypatch, arguments, message):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with h5py.File("i.h5", "w") as file:
        file["entry/data/data"] = h5py.ExternalLink("moved.h5", "/data")
    status, out, said = nbnumba("show", *arguments)
    assert status != 0
    assert out == ""
    assert len(said.splitlines()) == 1
    assert message in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["i.bin", "i.h5", "i.npy"]


def test_labels_that_were_asked_for_and_can_not_be_drawn_are_told(nbnumba, image):
    status, _, said = nbnumba("show", "i.npy", "-o", "p.png", "--no-rings", "--labels", "3")
    assert status == 0
    assert said.splitlines() == ["nbnumba: i.npy does not tell its crystal: no labels (--geometry FILE.expt)"]


def test_a_screen_that_matplotlib_can_not_use_is_an_error(nbnumba, image, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":77")
    plt.switch_backend("agg")
    status, _, said = nbnumba("show", "i.npy")
    assert status == 2
    assert said == "nbnumba: error: matplotlib can open no window here: write a picture with -o FILE.png\n"
    assert plt.get_fignums() == []

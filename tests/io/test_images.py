"""Float, PGM, TIFF and PNG images."""

from __future__ import annotations

import numpy as np
import pytest
from golden import golden_cases
from PIL import Image

from nbnumba.errors import InputFileError
from nbnumba.io.float_image import read_float_image, write_float_image
from nbnumba.io.pgm import read_pgm, write_pgm
from nbnumba.io.preview import grey_preview, write_png
from nbnumba.io.tiff import read_tiff, write_tiff

IMAGE = np.array([[0.0, 1.5, -2.0], [np.inf, 1e-30, 3e30]], dtype=np.float32)
GREYS = np.arange(6, dtype=np.uint8).reshape(2, 3) + 9  # 10 and 13 look like line ends


def test_a_float_image_is_its_pixels_and_nothing_else(tmp_path):
    write_float_image(tmp_path / "f.bin", IMAGE)
    assert (tmp_path / "f.bin").read_bytes() == IMAGE.tobytes()
    assert np.array_equal(read_float_image(tmp_path / "f.bin", (2, 3)), IMAGE)


def test_a_float_image_of_another_size_is_refused(tmp_path):
    write_float_image(tmp_path / "f.bin", IMAGE)
    with pytest.raises(InputFileError, match=r"2 x 4 \(slow x fast\) float pixels are 32 bytes, the file has 24"):
        read_float_image(tmp_path / "f.bin", (2, 4))


def test_a_pgm_image_states_its_size_and_scale(tmp_path):
    write_pgm(tmp_path / "i.pgm", GREYS.shape, [GREYS], 1.0 / 3.0)
    assert (tmp_path / "i.pgm").read_bytes() == b"P5\n3 2\n# pixels scaled by 0.333333\n255\n" + GREYS.tobytes()
    assert np.array_equal(read_pgm(tmp_path / "i.pgm"), GREYS)


def test_other_programs_understand_the_pgm_image(tmp_path):
    write_pgm(tmp_path / "i.pgm", GREYS.shape, [GREYS], 2.0)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "i.pgm")), GREYS)


@pytest.mark.parametrize("content", [b"P2\n3 2\n255\n1 2 3 4 5 6", b"P5\n3 2\n255\n12345", b""])
def test_bad_pgm_images_are_refused(tmp_path, content):
    (tmp_path / "i.pgm").write_bytes(content)
    with pytest.raises(InputFileError, match=r"i\.pgm: is (cut off|no binary PGM)"):
        read_pgm(tmp_path / "i.pgm")


def test_a_tiff_image_keeps_every_bit(tmp_path):
    write_tiff(tmp_path / "i.tif", IMAGE)
    again = read_tiff(tmp_path / "i.tif")
    assert again.dtype == np.float32
    assert again.tobytes() == IMAGE.tobytes()


def test_a_tiff_image_can_go_to_a_device():
    write_tiff("/dev/null", IMAGE)


def test_what_is_no_tiff_image_is_refused(tmp_path):
    (tmp_path / "i.tif").write_bytes(b"no image")
    with pytest.raises(InputFileError, match="is no TIFF image"):
        read_tiff(tmp_path / "i.tif")
    with pytest.raises(InputFileError, match="No such file"):
        read_tiff(tmp_path / "nowhere.tif")


def test_a_preview_shows_spots_dark_on_white_and_the_weak_ones_too():
    image = next(case for case in golden_cases() if case.name == "er1_still").reference_image()
    greys = grey_preview(image)
    assert greys[np.unravel_index(np.argmax(image), image.shape)] == 0
    assert np.median(greys) == 255
    # a spot a thousand times weaker than the strong ones is still grey
    weak = greys[(image > 1e-3 * np.quantile(image, 0.9995)) & (image < 2e-3 * np.quantile(image, 0.9995))]
    assert weak.size > 0
    assert weak.max() < 230


def test_darkness_grows_with_intensity():
    image = np.geomspace(1e-3, 1e3, 1000, dtype=np.float32).reshape(20, 50)
    greys = grey_preview(image).ravel().astype(int)
    assert (np.diff(greys) <= 0).all()
    assert (greys[0], greys[-1]) == (255, 0)


@pytest.mark.parametrize("value", [0.0, 5.0, -1.0, np.nan])
def test_an_image_without_contrast_is_white(value):
    assert (grey_preview(np.full((4, 5), value, dtype=np.float32)) == 255).all()


def test_a_large_image_is_reduced_without_losing_a_single_bright_pixel(tmp_path):
    image = np.full((30, 4097), 1.0, dtype=np.float32)
    image[17, 4096] = 1e6
    image[3, ::7] = 50.0
    write_png(tmp_path / "p.png", image)
    greys = np.asarray(Image.open(tmp_path / "p.png"))
    assert greys.shape == (10, 1366)
    assert greys[5, 1365] == 0

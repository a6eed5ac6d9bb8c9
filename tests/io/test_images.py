"""Float, PGM, TIFF and PNG images."""

from __future__ import annotations

import logging
import struct

import numpy as np
import pytest
import tifffile
from golden import golden_cases
from PIL import Image

from nbnumba.errors import InputFileError, UsageError
from nbnumba.io.float_image import read_float_image, write_float_image
from nbnumba.io.pgm import read_pgm, write_pgm
from nbnumba.io.preview import grey_preview, preview_format, write_preview
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
    write_pgm(tmp_path / "i.pgm", GREYS, 1.0 / 3.0)
    assert (tmp_path / "i.pgm").read_bytes() == b"P5\n3 2\n# pixels scaled by 0.333333\n255\n" + GREYS.tobytes()
    assert np.array_equal(read_pgm(tmp_path / "i.pgm"), GREYS)


def test_other_programs_understand_the_pgm_image(tmp_path):
    write_pgm(tmp_path / "i.pgm", GREYS, 2.0)
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


def test_files_say_what_their_image_is(tmp_path):
    write_tiff(tmp_path / "i.tif", IMAGE, "physics: exact")
    write_preview(tmp_path / "p.png", IMAGE, "physics: exact")
    with tifffile.TiffFile(tmp_path / "i.tif") as file:
        assert file.pages[0].description == "physics: exact"
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.text == {"Description": "physics: exact"}
    assert read_tiff(tmp_path / "i.tif").tobytes() == IMAGE.tobytes()


def test_a_tiff_image_can_go_to_a_device():
    write_tiff("/dev/null", IMAGE)


def test_what_is_no_tiff_image_is_refused(tmp_path):
    (tmp_path / "i.tif").write_bytes(b"no image")
    with pytest.raises(InputFileError, match="is no TIFF image"):
        read_tiff(tmp_path / "i.tif")
    with pytest.raises(InputFileError, match="No such file"):
        read_tiff(tmp_path / "nowhere.tif")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"bigtiff": True}, {"rowsperstrip": 1}])
def test_a_damaged_tiff_image_is_refused_or_read_but_never_a_surprise(tmp_path, options):
    path, logged = tmp_path / "i.tif", []
    tifffile.imwrite(path, IMAGE, photometric="minisblack", **options)
    assert np.array_equal(read_tiff(path), IMAGE)
    whole, random, refused = path.read_bytes(), np.random.default_rng(1), 0
    handler = logging.Handler()
    handler.emit = logged.append
    logging.getLogger("tifffile").addHandler(handler)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[random.integers(len(whole))] = random.integers(256)
        path.write_bytes(damaged[: None if random.integers(4) else random.integers(len(whole))])
        message = ""
        try:
            image = read_tiff(path)
        except InputFileError as error:
            message = str(error)
            refused += 1
        if message:
            assert message.startswith(f"{path}: ")
            assert message.isprintable()
        else:
            assert image.ndim in (2, 3)
            assert image.dtype.kind in "biuf"
    logging.getLogger("tifffile").removeHandler(handler)
    assert refused > 50
    assert logged == []


def test_pages_of_a_tiff_image_are_a_stack(tmp_path):
    stack = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    write_tiff(tmp_path / "i.tif", stack)
    again = read_tiff(tmp_path / "i.tif")
    assert np.array_equal(again, stack)
    assert again.dtype == np.int32


def test_pages_that_differ_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "i.tif") as file:
        for page in (IMAGE, IMAGE[:, :2]):
            file.write(page, photometric="minisblack")
    with pytest.raises(InputFileError, match="its 2 pages differ in size or type"):
        read_tiff(tmp_path / "i.tif")


def test_a_tiff_image_of_other_numbers_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "i.tif", np.zeros((8, 9, 3), dtype=np.uint8), photometric="rgb")
    with pytest.raises(InputFileError, match=r"one grey plane is needed, the image has the shape \(8, 9, 3\)"):
        read_tiff(tmp_path / "i.tif")
    tifffile.imwrite(tmp_path / "i.tif", np.zeros((8, 9), dtype=np.complex64), photometric="minisblack")
    with pytest.raises(InputFileError, match="pixels must be real numbers, not complex64"):
        read_tiff(tmp_path / "i.tif")


def test_pages_that_follow_each_other_in_a_circle_end(tmp_path):
    path = tmp_path / "i.tif"
    tifffile.imwrite(path, IMAGE, photometric="minisblack", byteorder="<")
    data = bytearray(path.read_bytes())
    # the header points to the first page, which ends with a pointer to the next
    (page,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, page)
    struct.pack_into("<I", data, page + 2 + 12 * entries, page)
    path.write_bytes(data)
    with pytest.raises(InputFileError, match=r"i.tif: (one grey plane is needed|is damaged)"):
        read_tiff(path)


PREVIEWS = {
    "p.png": "PNG", "p.PNG": "PNG", "p.jpg": "JPEG", "p.jpeg": "JPEG", "p.tif": "TIFF", "p.tiff": "TIFF",
    "p.gif": "GIF", "p.bmp": "BMP", "p.webp": "WEBP", "p.pgm": "PPM",
}  # fmt: skip


@pytest.mark.parametrize("name", PREVIEWS)
def test_the_suffix_chooses_the_format_of_a_preview(tmp_path, name):
    image = np.arange(1200, dtype=np.float32).reshape(30, 40)
    write_preview(tmp_path / name, image)
    with Image.open(tmp_path / name) as picture:
        assert picture.format == PREVIEWS[name]
        greys = np.asarray(picture.convert("L")).astype(int)
    # what JPEG may lose at this quality
    assert np.abs(greys - grey_preview(image)).max() <= 8


@pytest.mark.parametrize("name", ["p.pdf", "p", "png", ".png", "p.img"])
def test_a_preview_of_no_known_format_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=f"{name}: the name of a preview ends in .png .jpg"):
        write_preview(tmp_path / name, IMAGE)
    assert not list(tmp_path.iterdir())


def test_a_preview_on_a_device_is_a_png_image():
    assert preview_format("/dev/null")[0] == "PNG"
    write_preview("/dev/null", IMAGE)


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
    write_preview(tmp_path / "p.png", image)
    greys = np.asarray(Image.open(tmp_path / "p.png"))
    assert greys.shape == (10, 1366)
    assert greys[5, 1365] == 0

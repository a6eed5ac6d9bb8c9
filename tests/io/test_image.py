"""Images are read and written in the format that their name says."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from golden import input_file

from nbnumba.errors import InputFileError, OutputFileError, UsageError
from nbnumba.io.float_image import write_float_image
from nbnumba.io.image import ShapeMismatchError, check_image_target, read_image, write_image
from nbnumba.io.smv import read_smv, read_smv_header
from nbnumba.io.tiff import write_tiff

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]], dtype=np.float32)
COUNTS = np.array([[-1, 2, 70000], [4, 5, 9]], dtype=np.int32)


def test_images_are_read_by_their_suffix(tmp_path):
    write_float_image(tmp_path / "a.bin", A)
    write_tiff(tmp_path / "a.tif", A)
    np.save(tmp_path / "a.npy", A)
    header = b"{\nHEADER_BYTES=512;\nBYTE_ORDER=little_endian;\nSIZE1=3;\nSIZE2=2;\n}"
    (tmp_path / "a.img").write_bytes(header.ljust(512) + A.astype("<u2").tobytes())
    assert np.array_equal(read_image(tmp_path / "a.bin", (2, 3)), A)
    for name in ("a.tif", "a.npy", "a.img"):
        assert np.array_equal(read_image(tmp_path / name, None), A)
    with pytest.raises(UsageError, match="--shape"):
        read_image(tmp_path / "a.bin", None)
    with pytest.raises(ShapeMismatchError, match="2 x 3"):
        read_image(tmp_path / "a.tif", (3, 2))


@pytest.mark.parametrize("name", ["a.img", "a.smv", "a.tif", "a.TIFF", "a.npy", "a.bin"])
def test_images_are_written_and_read_back(tmp_path, name):
    write_image(tmp_path / name, COUNTS)
    assert np.array_equal(read_image(tmp_path / name, (2, 3)), COUNTS)


def test_whole_numbers_stay_whole_numbers(tmp_path):
    for name in ("a.tif", "a.npy"):
        write_image(tmp_path / name, COUNTS)
    assert tifffile.imread(tmp_path / "a.tif").dtype == np.load(tmp_path / "a.npy").dtype == np.int32


@pytest.mark.parametrize(("pixels", "kind"), [(COUNTS, "long_integer"), (A.astype(np.uint16), "unsigned_short")])
def test_an_smv_image_says_what_its_pixels_are(tmp_path, pixels, kind):
    write_image(tmp_path / "a.img", pixels)
    image = read_smv(tmp_path / "a.img")
    assert image.header.entries()["TYPE"] == kind
    assert image.data.dtype == pixels.dtype
    assert np.array_equal(image.data, pixels)


def test_an_smv_image_takes_over_the_experiment_of_another_header(tmp_path):
    source = read_smv_header(input_file("header_96x80.img"))
    write_image(tmp_path / "a.img", COUNTS, source, {"ADC_OFFSET": "40", "PIXEL_SIZE": "0.3"})
    header = read_smv_header(tmp_path / "a.img")
    assert header.shape == (2, 3)
    assert [header.value(key) for key in ("DISTANCE", "WAVELENGTH", "ADC_OFFSET", "PIXEL_SIZE", "TWOTHETA")] == [
        148.0, 1.1, 40.0, 0.3, 0.0
    ]  # fmt: skip
    assert header.entries()["DISTANCE"] == "150"


def test_a_long_header_gets_the_room_that_it_says(tmp_path):
    entries = {f"KEY{i}": "x" * 30 for i in range(40)}
    write_image(tmp_path / "a.img", COUNTS, None, entries)
    image = read_smv(tmp_path / "a.img")
    assert image.header.size == 2048
    assert image.header.entries()["KEY39"] == "x" * 30
    assert np.array_equal(image.data, COUNTS)


def test_headers_of_any_length_end_before_the_first_pixel(tmp_path):
    for length in range(600):
        write_image(tmp_path / "a.img", COUNTS, None, {"KEY": "x" * length})
        data = (tmp_path / "a.img").read_bytes()
        size = read_smv_header(tmp_path / "a.img").size
        assert size % 512 == 0
        assert b"}\f" in data[:size]
        assert len(data) == size + COUNTS.nbytes


@pytest.mark.parametrize(("name", "dtype", "error", "message"), [
    ("a.jpg", "int32", UsageError, "the name must end in one of .img, .smv, .tif, .tiff, .npy, .bin"),
    ("a", "int32", UsageError, "the name must end in one of"),
    ("a.img", "uint8", UsageError, "SMV images hold uint16, int32, not Digitize.dtype uint8"),
    ("missing/a.npy", "uint8", OutputFileError, "does not exist"),
])  # fmt: skip
def test_names_that_say_no_format_are_refused(tmp_path, name, dtype, error, message):
    with pytest.raises(error, match=message):
        check_image_target(tmp_path / name, dtype)


def test_a_cut_off_image_of_32_bits_is_refused(tmp_path):
    write_image(tmp_path / "a.img", COUNTS)
    (tmp_path / "a.img").write_bytes((tmp_path / "a.img").read_bytes()[:-1])
    with pytest.raises(InputFileError, match="is cut off: 3 x 2 pixels need 24 bytes behind the header, 23 are there"):
        read_smv(tmp_path / "a.img")

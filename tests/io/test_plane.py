"""Single images are read and written in the format that their name says."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from golden import input_file

from nbnumba.errors import InputFileError, OutputFileError, UsageError
from nbnumba.io.float_image import write_float_image
from nbnumba.io.plane import ShapeMismatchError, check_counts_target, read_plane, read_raw_numbers, write_counts
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
    assert np.array_equal(read_plane(tmp_path / "a.bin", (2, 3)), A)
    for name in ("a.tif", "a.npy", "a.img"):
        assert np.array_equal(read_plane(tmp_path / name, None), A)
    with pytest.raises(UsageError, match="give shape"):
        read_plane(tmp_path / "a.bin", None)
    with pytest.raises(ShapeMismatchError, match="2 x 3"):
        read_plane(tmp_path / "a.tif", (3, 2))


@pytest.mark.parametrize("name", ["a.img", "a.smv", "a.tif", "a.TIFF", "a.npy", "a.bin"])
def test_images_are_written_and_read_back(tmp_path, name):
    write_counts(tmp_path / name, COUNTS)
    assert np.array_equal(read_plane(tmp_path / name, (2, 3)), COUNTS)


def test_whole_numbers_stay_whole_numbers(tmp_path):
    for name in ("a.tif", "a.npy"):
        write_counts(tmp_path / name, COUNTS)
    assert tifffile.imread(tmp_path / "a.tif").dtype == np.load(tmp_path / "a.npy").dtype == np.int32


@pytest.mark.parametrize(("pixels", "kind"), [(COUNTS, "long_integer"), (A.astype(np.uint16), "unsigned_short")])
def test_an_smv_image_says_what_its_pixels_are(tmp_path, pixels, kind):
    write_counts(tmp_path / "a.img", pixels)
    image = read_smv(tmp_path / "a.img")
    assert image.header.entries()["TYPE"] == kind
    assert image.data.dtype == pixels.dtype
    assert np.array_equal(image.data, pixels)


def test_an_smv_image_takes_over_the_experiment_of_another_header(tmp_path):
    source = read_smv_header(input_file("header_96x80.img"))
    write_counts(tmp_path / "a.img", COUNTS, source, {"ADC_OFFSET": "40", "PIXEL_SIZE": "0.3"})
    header = read_smv_header(tmp_path / "a.img")
    assert header.shape == (2, 3)
    assert [header.value(key) for key in ("DISTANCE", "WAVELENGTH", "ADC_OFFSET", "PIXEL_SIZE", "TWOTHETA")] == [
        148.0, 1.1, 40.0, 0.3, 0.0
    ]  # fmt: skip
    assert header.entries()["DISTANCE"] == "150"


def test_a_long_header_gets_the_room_that_it_says(tmp_path):
    entries = {f"KEY{i}": "x" * 30 for i in range(40)}
    write_counts(tmp_path / "a.img", COUNTS, None, entries)
    image = read_smv(tmp_path / "a.img")
    assert image.header.size == 2048
    assert image.header.entries()["KEY39"] == "x" * 30
    assert np.array_equal(image.data, COUNTS)


def test_headers_of_any_length_end_before_the_first_pixel(tmp_path):
    for length in range(600):
        write_counts(tmp_path / "a.img", COUNTS, None, {"KEY": "x" * length})
        data = (tmp_path / "a.img").read_bytes()
        size = read_smv_header(tmp_path / "a.img").size
        assert size % 512 == 0
        assert b"}\f" in data[:size]
        assert len(data) == size + COUNTS.nbytes


@pytest.mark.parametrize(("name", "dtype", "error", "message"), [
    ("a.jpg", "int32", UsageError, "the name must end in one of .nxs, .h5, .hdf5, .nx, .cbf, .img, .smv"),
    ("a", "int32", UsageError, "the name must end in one of"),
    ("a.img", "uint8", UsageError, "SMV images hold uint16, int32, not Digitize.dtype uint8"),
    ("missing/a.npy", "uint8", OutputFileError, "does not exist"),
])  # fmt: skip
def test_names_that_say_no_format_are_refused(tmp_path, name, dtype, error, message):
    with pytest.raises(error, match=message):
        check_counts_target(tmp_path / name, dtype)


def test_a_cut_off_image_of_32_bits_is_refused(tmp_path):
    write_counts(tmp_path / "a.img", COUNTS)
    (tmp_path / "a.img").write_bytes((tmp_path / "a.img").read_bytes()[:-1])
    with pytest.raises(InputFileError, match="is cut off: 3 x 2 pixels need 24 bytes behind the header, 23 are there"):
        read_smv(tmp_path / "a.img")


IMAGE = np.array([[0.0, 1.5, -2.0], [np.inf, 1e-30, 3e30]], dtype=np.float32)


def test_a_raw_image_is_a_row_of_numbers(tmp_path):
    IMAGE.tofile(tmp_path / "i.anything")
    assert np.array_equal(read_raw_numbers(tmp_path / "i.anything"), IMAGE.ravel())


def test_tiff_and_numpy_files_state_their_shape(tmp_path):
    write_tiff(tmp_path / "i.tif", IMAGE)
    np.save(tmp_path / "i.npy", IMAGE.astype(np.float64)[None])
    for name in ("i.tif", "i.npy"):
        image = read_plane(tmp_path / name)
        assert image.dtype == np.float32
        assert np.array_equal(image, IMAGE)


def test_whole_numbers_of_a_numpy_file_are_photons(tmp_path):
    np.save(tmp_path / "i.npy", np.array([[1, 2]], np.uint16))
    assert read_plane(tmp_path / "i.npy").tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("name", ["data", "entry/data/data"])
def test_an_hdf5_file_gives_its_only_float_image(tmp_path, name):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "i.nxs", "w") as file:
        file["mask"] = np.zeros((2, 3), np.uint32)
        file["distance"] = 1.5
        file[name] = IMAGE[None]
    assert np.array_equal(read_plane(tmp_path / "i.nxs"), IMAGE)


def test_an_hdf5_file_with_two_float_images_or_none_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    for names in ((), ("a", "b")):
        with h5py.File(tmp_path / "i.h5", "w") as file:
            for name in names:
                file[name] = IMAGE
        expected = "one float image is needed, the file holds " + (", ".join(names) or "none")
        with pytest.raises(InputFileError, match=expected):
            read_plane(tmp_path / "i.h5")


@pytest.mark.parametrize(("name", "content", "message"), [
    ("i.npy", b"", "is no complete .npy file"),
    ("i.npy", b"hello", "is no complete .npy file"),
    ("i.tif", b"hello", "is no TIFF image"),
])  # fmt: skip
def test_files_that_are_no_image_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError, match=f"{name}: {message}"):
        read_plane(tmp_path / name)


@pytest.mark.parametrize(("array", "message"), [
    (np.zeros((2, 3, 4)), "one plane of numbers is needed, not float64 of the shape"),
    (np.zeros(3), "holds no images of numbers"), (np.zeros((2, 2), complex), "holds no images of numbers"),
    (np.zeros((0, 2)), "holds no pixel"),
])  # fmt: skip
def test_arrays_that_are_no_plane_of_numbers_are_refused(tmp_path, array, message):
    np.save(tmp_path / "i.npy", array)
    with pytest.raises(InputFileError, match=message):
        read_plane(tmp_path / "i.npy")


@pytest.mark.parametrize("name", ["i.npy", "i.tif", "i.h5"])
def test_files_that_are_missing_are_named(tmp_path, name):
    if name == "i.h5":
        pytest.importorskip("h5py")
    with pytest.raises(InputFileError, match=f"{name}: can't be read: .*No such file"):
        read_plane(tmp_path / name)


@pytest.mark.parametrize(("content", "message"), [
    (b"", "holds no pixel"), (b"12345", "is no raw float image: its 5 bytes are no multiple of 4"),
    (None, "can't be read: .*No such file"),
])  # fmt: skip
def test_raw_files_that_are_no_image_are_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "i.bin").write_bytes(content)
    with pytest.raises(InputFileError, match=f"i.bin: {message}"):
        read_raw_numbers(tmp_path / "i.bin")

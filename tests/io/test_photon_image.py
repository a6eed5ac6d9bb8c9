"""Float images of any kind."""

from __future__ import annotations

import numpy as np
import pytest

from nbnumba.errors import InputFileError
from nbnumba.io.photon_image import read_photons
from nbnumba.io.tiff import write_tiff

IMAGE = np.array([[0.0, 1.5, -2.0], [np.inf, 1e-30, 3e30]], dtype=np.float32)


def test_a_raw_image_is_a_row_of_numbers(tmp_path):
    IMAGE.tofile(tmp_path / "i.anything")
    assert np.array_equal(read_photons(tmp_path / "i.anything"), IMAGE.ravel())


def test_tiff_and_numpy_files_state_their_shape(tmp_path):
    write_tiff(tmp_path / "i.tif", IMAGE)
    np.save(tmp_path / "i.npy", IMAGE.astype(np.float64)[None])
    for name in ("i.tif", "i.npy"):
        image = read_photons(tmp_path / name)
        assert image.dtype == np.float32
        assert np.array_equal(image, IMAGE)


def test_whole_numbers_of_a_numpy_file_are_photons(tmp_path):
    np.save(tmp_path / "i.npy", np.array([[1, 2]], np.uint16))
    assert read_photons(tmp_path / "i.npy").tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("name", ["data", "entry/data/data"])
def test_an_hdf5_file_gives_its_only_float_image(tmp_path, name):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "i.nxs", "w") as file:
        file["mask"] = np.zeros((2, 3), np.uint32)
        file["distance"] = 1.5
        file[name] = IMAGE[None]
    assert np.array_equal(read_photons(tmp_path / "i.nxs"), IMAGE)


def test_an_hdf5_file_with_two_float_images_or_none_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    for names in ((), ("a", "b")):
        with h5py.File(tmp_path / "i.h5", "w") as file:
            for name in names:
                file[name] = IMAGE
        expected = "one float image is needed, the file holds " + (", ".join(names) or "none")
        with pytest.raises(InputFileError, match=expected):
            read_photons(tmp_path / "i.h5")


@pytest.mark.parametrize(("name", "content", "message"), [
    ("i.bin", b"", "holds no pixel"),
    ("i.bin", b"12345", "is no raw float image: its 5 bytes are no multiple of 4"),
    ("i.npy", b"", "is no NumPy array of numbers"),
    ("i.npy", b"hello", "is no NumPy array of numbers"),
    ("i.tif", b"hello", "is no TIFF image"),
])  # fmt: skip
def test_files_that_are_no_image_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError, match=f"{name}: {message}"):
        read_photons(tmp_path / name)


@pytest.mark.parametrize("array", [np.zeros((2, 3, 4)), np.zeros(3), np.zeros((2, 2), complex)])
def test_arrays_that_are_no_plane_of_numbers_are_refused(tmp_path, array):
    np.save(tmp_path / "i.npy", array)
    with pytest.raises(InputFileError, match="one plane of numbers is needed, not"):
        read_photons(tmp_path / "i.npy")


@pytest.mark.parametrize("name", ["i.bin", "i.npy", "i.tif", "i.h5"])
def test_files_that_are_missing_are_named(tmp_path, name):
    if name == "i.h5":
        pytest.importorskip("h5py")
    with pytest.raises(InputFileError, match=f"{name}: can't be read: .*No such file"):
        read_photons(tmp_path / name)

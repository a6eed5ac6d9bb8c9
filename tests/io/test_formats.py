"""Formats by the suffix of a file's name."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image
from scenes import counts, four_panels, panel, scene, sweep, tilted_panel

from nbnumba import Spectrum
from nbnumba.errors import InputFileError, MissingPackageError, NbnumbaWarning, OutputFileError, UsageError
from nbnumba.io.expt import read_expt
from nbnumba.io.formats import FORMATS, SUFFIXES, check_image, is_readable, read_image, write_image
from nbnumba.io.plane import read_plane
from nbnumba.setup.panels import ray_pixel

FLAT = counts((40, 30))


def test_every_row_names_functions_that_exist():
    for known in FORMATS:
        for place in filter(None, (known.writer, known.reader, known.checker, known.pixels)):
            module, function = place.split(":")
            assert callable(getattr(importlib.import_module(f"nbnumba.io.{module}"), function))
    assert len(set(SUFFIXES)) == len(SUFFIXES)


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if is_readable(f"x{suffix}")])
def test_pixels_survive_and_so_does_the_beam_centre(tmp_path, suffix):
    write_image(tmp_path / f"x_1{suffix}", FLAT, scene())
    again = read_image(tmp_path / f"x_1{suffix}")
    assert np.array_equal(np.squeeze(again.images), FLAT)
    if again.scene is not None:
        # 3.7 and 2.9 mm at 0.2 mm a pixel
        assert ray_pixel(again.scene.panels[0], again.scene.unit_s0) == pytest.approx((18.5, 14.5), abs=1e-8)
    assert (again.scene is None) == (suffix in (".npy", ".tif", ".tiff"))


@pytest.mark.parametrize("suffix", [".nxs", ".cbf", ".img", ".npy", ".tif"])
def test_a_single_image_is_read_for_comparisons_and_readouts_too(tmp_path, suffix):
    write_image(tmp_path / f"x_1{suffix}", FLAT, scene(spectrum=Spectrum(wavelengths=[1.0, 1.1])))
    again = read_plane(tmp_path / f"x_1{suffix}", None)
    assert again.dtype == np.float32
    assert np.array_equal(again, FLAT)


def test_raw_floats_need_a_shape(tmp_path):
    write_image(tmp_path / "x.bin", FLAT)
    assert (tmp_path / "x.bin").read_bytes() == FLAT.astype(np.float32).tobytes()
    assert np.array_equal(read_image(tmp_path / "x.bin", (40, 30)).images, FLAT)
    with pytest.raises(UsageError, match=r"x\.bin: a raw float image does not state its shape: give shape"):
        read_image(tmp_path / "x.bin")


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_stacks_are_kept(tmp_path, suffix):
    frames = counts((3, 40, 30))
    write_image(tmp_path / f"x{suffix}", list(frames))
    assert np.array_equal(read_image(tmp_path / f"x{suffix}").images, frames)


def test_floats_are_kept_where_the_format_can(tmp_path):
    image = FLAT + 0.25
    for suffix in (".nxs", ".tif", ".npy"):
        write_image(tmp_path / f"x{suffix}", image, scene())
        assert np.array_equal(np.squeeze(read_image(tmp_path / f"x{suffix}").images), image)


def test_previews_are_pictures_of_each_frame(tmp_path):
    write_image(tmp_path / "x_##.png", counts((2, 40, 30)))
    write_image(tmp_path / "four.png", counts((4, 10, 30)), scene(*four_panels()))
    for name in ("x_01.png", "x_02.png", "four.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (30, 40)


def test_geometry_without_pixels(tmp_path):
    for suffix in (".expt", ".geom"):
        write_image(tmp_path / f"x{suffix}", counts((3, 40, 30)), sweep())
    assert read_expt(tmp_path / "x.expt", need_crystal=False)[0].scene.scan.images == 3
    with pytest.raises(UsageError, match=r"x\.expt: a raw float image"):
        read_image(tmp_path / "x.expt")


def check(path, images, scene=None, **options):
    check_image(path, scene, **options)


@pytest.mark.parametrize("act", [write_image, check])
class TestRefusals:
    """What can't be written is refused, before a simulation and when it is written; nothing stays behind."""

    @pytest.mark.parametrize(("name", "given", "options", "message"), [
        ("x.foo", scene(), {}, r"no format has the suffix '\.foo': take one of \.nxs, "),
        ("x", scene(), {}, "no format has the suffix ''"),
        ("x.nxs", None, {}, "NXmx files describe the detector: give scene"),
        ("x.cbf", None, {}, "miniCBF files describe the detector: give scene"),
        ("x.npy", None, {"compression": "gzip"}, "compression has no effect on NumPy files"),
        ("x.cbf", scene(), {"layout": "slab"}, "layout has no effect on miniCBF files"),
        ("x.nxs", scene(), {"compression": "zip"}, "compression is 'zip'"),
        ("x.cbf", scene(tilted_panel()), {}, "tilted by"),
        ("x.img", scene(tilted_panel()), {}, "tilted by"),
        ("x.img", scene(*four_panels()), {"header": b"{}"}, "describes one panel, not 4"),
        ("x.nxs", scene(panel(), panel(image_size=(31, 40))), {}, "panels of 30 and 31 pixels"),
        ("x.geom", scene(panel(), panel(image_size=(31, 40))), {}, "panels of different widths"),
    ])  # fmt: skip
    def test_impossible_requests(self, act, tmp_path, name, given, options, message):
        with pytest.raises(UsageError, match=message):
            act(tmp_path / name, FLAT, given, **options)
        assert not any(tmp_path.iterdir())

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_missing_folders(self, act, tmp_path, suffix):
        with pytest.raises(OutputFileError, match="missing does not exist"):
            act(tmp_path / "missing" / f"x_1{suffix}", FLAT, scene())

    @pytest.mark.parametrize("module", ["h5py", "hdf5plugin"])
    def test_missing_libraries(self, act, tmp_path, module, monkeypatch):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingPackageError, match=rf"^{tmp_path}/x\.nxs: needs {module}, which is not installed: "
                                                      r"pip install 'nbnumba\[hdf5\]'$"):  # fmt: skip
            act(tmp_path / "x.nxs", FLAT, scene())
        assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["h5py", "hdf5plugin", "nxmx"])
def test_reading_names_missing_libraries_too(tmp_path, module, monkeypatch):
    write_image(tmp_path / "x.nxs", FLAT, scene())
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError, match=rf"needs {module}, .* pip install 'nbnumba\[hdf5\]'"):
        read_image(tmp_path / "x.nxs")


def test_gzip_needs_no_hdf5plugin_to_be_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    write_image(tmp_path / "x.nxs", FLAT, scene(), compression="gzip")


def test_a_check_is_silent_where_writing_warns(tmp_path):
    behind = scene(panel(slow=(0.0, 1.0, 0.0), origin=(-3.7, -2.9, -100.0)))
    check_image(tmp_path / "x_1.cbf", behind)
    with pytest.warns(NbnumbaWarning, match="seen from behind"):
        write_image(tmp_path / "x_1.cbf", FLAT, behind)


@pytest.mark.parametrize("images", [[FLAT, FLAT[:3]], np.zeros(3), FLAT > 3, FLAT.astype(complex)])
def test_what_is_no_stack_of_numbers_is_refused(tmp_path, images):
    with pytest.raises(UsageError, match="can't be stacked|are no images of numbers"):
        write_image(tmp_path / "x.npy", images)
    assert not any(tmp_path.iterdir())


def test_more_axes_than_tiff_has_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"x\.tif: frames of several panels don't fit"):
        write_image(tmp_path / "x.tif", counts((2, 4, 10, 30)), scene(*four_panels()))


@pytest.mark.parametrize(("name", "content", "message"), [
    ("x.npy", b"", "is no complete .npy file"), ("x.npy", b"\x93NUMPY\x01\x00", "is no complete .npy file"),
    ("x.tif", b"", "is no TIFF image"), ("x.cbf", b"", "is no CBF image"), ("x.img", b"", "is no SMV image"),
    ("x.nxs", b"", "can't be read"), ("x.h5", b"text", "can't be read"),
])  # fmt: skip
def test_files_that_are_not_what_their_names_say_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError, match=rf"^{tmp_path}/{name}: {message}[^\n]*$"):
        read_image(tmp_path / name)
    (tmp_path / name).unlink()
    with pytest.raises(InputFileError, match=rf"^{tmp_path}/{name}: can't be read: [^\n]*$"):
        read_image(tmp_path / name)


def test_arrays_of_other_things_are_refused(tmp_path):
    for array in (np.array(["a"]), np.zeros(3)):
        np.save(tmp_path / "x.npy", array)
        with pytest.raises(InputFileError, match="holds no images of numbers"):
            read_image(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", np.zeros((0, 8)))
    with pytest.raises(InputFileError, match="holds no pixel"):
        read_image(tmp_path / "x.npy")


def test_coloured_and_cut_tiff_files_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((40, 30, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputFileError, match="one grey plane is needed"):
        read_image(tmp_path / "x.tif")
    write_image(tmp_path / "y.tif", FLAT)
    (tmp_path / "y.tif").write_bytes((tmp_path / "y.tif").read_bytes()[:-100])
    with pytest.raises(InputFileError, match="is no TIFF image"):
        read_image(tmp_path / "y.tif")


def test_names_of_formats_are_known_without_numpy():
    code = "import sys, nbnumba.io.formats; print(*{'numpy', 'numba', 'h5py'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []

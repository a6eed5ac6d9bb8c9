"""nbnumba simulate --output: files of any format beside nanoBragg's own."""

from __future__ import annotations

import functools
from pathlib import Path

import fabio
import numpy as np
import pytest
from folders import files

from nbnumba.io.expt import read_expt
from nbnumba.io.float_image import read_float_image
from nbnumba.io.formats import read_image
from nbnumba.setup.panels import ray_pixel

FLAGS = [
    "-cell", "100", "-default_F", "100", "-N", "3", "-detpixels", "8", "-seed", "1", "-Xbeam", "0.3", "-Ybeam", "0.5",
    "-intfile", "int_1.img", "-noisefile", "noise_1.img",
]  # fmt: skip
FILES = ["floatimage.bin", "image.pgm", "int_1.img", "noise_1.img"]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """An empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def nbnumba(nbnumba):
    """Simulates; returns exit status, stdout and stderr."""
    return functools.partial(nbnumba, *FLAGS)


def test_photons_are_written_in_every_format_that_is_named(nbnumba):
    names = ["x.nxs", "x.tif", "x.npy", "x_1.cbf"]
    status, said, _ = nbnumba(*(word for name in names for word in ("--output", name)))
    assert status == 0
    assert files() == sorted([*FILES, *names])
    assert " ".join(["written            ", "floatimage.bin int_1.img image.pgm noise_1.img", *names]) in said
    photons = read_float_image("floatimage.bin", (8, 8))
    for name in names[:3]:
        assert np.array_equal(np.squeeze(read_image(name).images), photons)
    assert np.array_equal(read_image("x_1.cbf").images, np.rint(photons))
    for name in ("x.nxs", "x_1.cbf"):
        scene = read_image(name).scene
        # mosflm: half a pixel of 0.1 mm more; Xbeam along slow
        assert ray_pixel(scene.panels[0], scene.unit_s0) == pytest.approx((5.5, 3.5), abs=1e-8)


def test_the_true_model_can_be_written(nbnumba):
    assert nbnumba("--output", "truth.expt")[0] == 0
    (experiment,) = read_expt("truth.expt")
    assert np.linalg.norm(experiment.scene.crystal.A, axis=0) == pytest.approx([0.01] * 3)


def test_headers_that_dxtbx_reads_hold_what_the_pixels_are(nbnumba):
    assert nbnumba("--smv-header", "dials", "--output", "x_1.img")[0] == 0
    headers = {}
    for name in ("int_1.img", "noise_1.img", "x_1.img"):
        with fabio.open(name) as file:
            headers[name] = file.header
    assert {name: float(header["BEAM_CENTER_Y"]) for name, header in headers.items()} == dict.fromkeys(
        headers, pytest.approx(0.55)
    )
    assert [float(header["ADC_OFFSET"]) for header in headers.values()] == [40.0, 40.0, 0.0]
    photons = read_float_image("floatimage.bin", (8, 8)).astype(np.float64)
    expected = photons * float(headers["int_1.img"]["GAIN"]) + 40.0
    # rounded to a whole number
    assert np.abs(read_image("int_1.img").images - expected).max() <= 0.5 + 1e-6 * expected.max()
    assert float(headers["noise_1.img"]["GAIN"]) == 1.0


def test_nanobraggs_header_is_the_default_for_smv(nbnumba):
    assert nbnumba("--output", "x.img")[0] == 0
    assert Path("x.img").read_bytes()[:512] == Path("int_1.img").read_bytes()[:512]


def test_compression_reaches_the_hdf5_file(nbnumba):
    h5py = pytest.importorskip("h5py")
    assert nbnumba("--output", "x.nxs", "--compression", "gzip")[0] == 0
    with h5py.File("x.nxs") as file:
        assert file["entry/data/data"].compression == "gzip"


def test_ground_truth_is_written_on_request(nbnumba):
    h5py = pytest.importorskip("h5py")
    assert nbnumba("--output", "x.nxs", "--compression", "gzip", "--truth")[0] == 0
    with h5py.File("x.nxs") as file:
        assert file["entry/truth/q"].shape == file["entry/truth/hkl"].shape == (1, 8, 8, 3)


@pytest.mark.parametrize(("arguments", "message"), [
    (["--output", "x.foo"], "x.foo: no format has the suffix '.foo'"),
    (["--output", "int_1.img"], "--output int_1.img: is also the name for -intfile"),
    (["--output", "x.npy", "--output", "./x.npy"], "x.npy: is also the name for --output"),
    (["--output", "x.npy", "--compression", "gzip"], "--compression gzip: has no effect without an NXmx file"),
    (["--output", "x_1.cbf", "-detector_rotz", "3"], "x_1.cbf: this format can't describe a detector that is tilted"),
    (["--output", "x.npy", "--truth"], "--truth: has no effect without an NXmx file"),
    (["--smv-header", "dials", "-detector_rotz", "3"], "this format can't describe a detector that is tilted"),
    (["--output", "x.nxs", "-curved_det"], "no file can describe a curved detector"),
    (["--output", "nowhere/x.npy"], "nowhere does not exist; create it first"),
])  # fmt: skip
def test_what_can_t_be_written_is_refused_before_the_simulation(nbnumba, arguments, message):
    status, said, complaint = nbnumba(*arguments)
    assert status in (1, 2)
    (line,) = [line for line in complaint.splitlines() if "error: " in line]
    assert message in line
    assert said == ""
    assert files() == []

"""nbnumba readout: options become stages, files are what their names say, and what is wrong is one line."""

from __future__ import annotations

import re
from pathlib import Path

import fabio
import numpy as np
import pytest
import tifffile
from golden import input_file
from nbnumba_cli.main import run
from nbnumba_cli.readout import command
from nbnumba_cli.readout_options import FLAGS

from nbnumba.io.plane import read_plane
from nbnumba.io.smv import read_smv
from nbnumba.readout import (
    CalibrationError,
    Digitize,
    Gain,
    Gaps,
    Offset,
    PhotonCounting,
    PointSpread,
    Readout,
    ReadoutNoise,
)

SHAPE = (60, 90)


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """A folder with an image of photons in several formats."""
    slow, fast = np.indices(SHAPE)
    image = (3.0 + 200.0 * np.exp(-((slow - 30) ** 2 + (fast - 40) ** 2) / 20.0)).astype(np.float32)
    monkeypatch.chdir(tmp_path)
    np.save("scene.npy", image)
    np.save("negative.npy", -image)
    image.tofile("scene.bin")
    tifffile.imwrite("scene.tif", image)
    return image


@pytest.fixture
def complaint(scene, tmp_path, capsys):
    """The one line that a wrong command line gets; nothing is written."""

    def call(*arguments: str) -> str:
        before = set(tmp_path.iterdir())
        assert run(["readout", *arguments]) != 0
        assert set(tmp_path.iterdir()) == before
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return call


def test_options_become_stages_in_the_order_of_the_physics(scene, capsys):
    arguments = ["scene.npy", "scene.npy:0.5", "--psf", "gauss:150um", "--pixel", "0.1", "--calibration", "0.03",
                 "--gain", "2", "--readout-noise", "3", "--offset", "40", "--seed", "5", "-o", "out.npy"]  # fmt: skip
    assert run(["readout", *arguments]) == 0
    stages = (
        PointSpread("gauss", 150.0, 100.0), PhotonCounting(), CalibrationError(0.03), Gain(2.0), ReadoutNoise(3.0),
        Offset(40.0), Digitize(),
    )  # fmt: skip
    assert np.array_equal(np.load("out.npy"), Readout(*stages).apply(np.float32(1.5) * scene, 5))
    printed = capsys.readouterr().out
    assert re.findall(r"(\w+)\(", printed) == [type(stage).__name__ for stage in stages]
    assert "seed        5" in printed


@pytest.mark.parametrize("name", ["scene.npy", "scene.tif", "scene.bin"])
def test_every_format_gives_the_same_image(scene, name):
    shape = ["--shape", "60", "90"] if name.endswith(".bin") else []
    assert run(["readout", name, *shape, "--seed", "3", "-o", "out.tif"]) == 0
    assert np.array_equal(tifffile.imread("out.tif"), Readout(PhotonCounting()).apply(scene, 3))


def test_a_cbf_image_states_its_shape(scene):
    flags = ["-cell", "100", "-default_F", "100", "-N", "5", "-detpixels", "24", "-nonoise", "-nopgm"]
    assert run(["simulate", *flags, "--output", "i_00001.cbf"]) == 0
    counts = read_plane("i_00001.cbf", None)
    assert counts.shape == (24, 24)
    assert run(["readout", "i_00001.cbf", "--seed", "3", "-o", "out.npy"]) == 0
    assert np.array_equal(np.load("out.npy"), Readout(PhotonCounting()).apply(counts, 3))


@pytest.mark.parametrize("generator", ["nanobragg", "noisify"])
def test_the_sequences_of_the_c_programs_are_chosen_by_name(scene, generator):
    arguments = ["--generator", generator, "--offset", "40", "--dtype", "uint16", "--seed", "3"]
    assert run(["readout", "scene.npy", *arguments, "-o", "out.img"]) == 0
    readout = Readout(PhotonCounting(generator="nanobragg"), Offset(40.0), Digitize("uint16"))
    # without other noise the two programs draw the same numbers
    assert np.array_equal(read_smv("out.img").data, readout.apply(scene, 3))


def test_a_header_gives_size_pixel_and_keys(scene):
    np.zeros((80, 96), np.float32).tofile("big.bin")
    header = str(input_file("header_96x80.img"))
    arguments = ["--header", header, "--psf", "gauss:300um", "--gain", "1.5", "--offset", "10", "-o", "out.img"]
    assert run(["readout", "big.bin", *arguments, "--seed", "1"]) == 0
    written = read_smv("out.img").header
    assert written.shape == (80, 96)
    assert written.entries() | {"GAIN": "1.5", "ADC_OFFSET": "10", "DISTANCE": "150", "PIXEL_SIZE": "0.2"} == (
        written.entries()
    )


def test_an_smv_image_keeps_its_own_header(scene):
    assert run(["readout", str(input_file("header_96x80.img")), "--seed", "1", "-o", "out.img"]) == 0
    assert read_smv("out.img").header.value("WAVELENGTH") == 1.1


@pytest.mark.parametrize(("arguments", "stage"), [
    (["--psf", "fiber:1.5px"], PointSpread("fiber", 1.5, 1.0)),
    (["--psf", "fiber:1.5px", "--pixel", "0.1"], PointSpread("fiber", 150.0, 100.0)),
    (["--psf", "fiber:0.08mm", "--readout", "pilatus", "--no-gaps"], PointSpread("fiber", 80.0, 172.0)),
    (["--psf", "Gauss: 8e1 um", "--psf-radius", "4", "--psf-edges", "conserve", "--pixel", "0.08"],
     PointSpread("gauss", 80.0, 80.0, 4, "conserve")),
    (["--readout", "ccd", "--pixel", "0.05"], PointSpread("fiber", 80.0, 50.0)),
])  # fmt: skip
def test_widths_have_units(scene, capsys, arguments, stage):
    assert run(["readout", "scene.npy", *arguments, "-o", "out.npy"]) == 0
    assert repr(stage) in capsys.readouterr().out


def test_kernels_maps_and_masks_are_read_from_files(scene):
    np.save("kernel.npy", np.full((3, 3), 1.0 / 9.0))
    factors, mask, dead = np.full(SHAPE, 2.0), np.ones(SHAPE), np.zeros(SHAPE)
    mask[0], dead[5, 6] = 0.0, 1.0
    for name, values in (("factors", factors), ("mask", mask), ("dead", dead)):
        np.save(f"{name}.npy", values)
    arguments = ["--psf", "kernel.npy", "--calibration", "factors.npy", "--mask", "mask.npy", "--dead", "dead.npy"]
    values = ["--dead-value", "-2", "--masked-value", "-1", "--no-counting"]
    assert run(["readout", "scene.npy", *arguments, *values, "-o", "out.npy"]) == 0
    image = np.load("out.npy")
    assert (image[0] == -1).all()
    assert image[5, 6] == -2
    # the mean of nine neighbours, times the factor, rounded
    assert abs(image[30, 40] - 2.0 * scene[29:32, 39:42].mean(dtype=float)) <= 0.51


def test_detectors_are_known_by_name_and_options_change_them(scene, capsys):
    assert run(["readout", "scene.npy", "--readout", "pilatus", "--masked-value", "0", "-o", "o.npy"]) == 0
    assert repr(Gaps((195, 487), (17, 7), value=0.0)) in capsys.readouterr().out
    assert run(["readout", "scene.npy", "--readout", "jungfrau", "--energy", "6200", "-o", "o.npy"]) == 0
    assert repr(ReadoutNoise(100.0 * 3.66 / 6200.0)) in capsys.readouterr().out
    assert run(["readout", "scene.npy", "--readout", "ccd", "--psf", "none", "-o", "o.img"]) == 0
    assert "PointSpread" not in capsys.readouterr().out


def test_the_image_does_not_depend_on_threads(scene):
    for threads in ("1", "2"):
        assert run(["readout", "scene.npy", "--seed", "3", "--threads", threads, "-o", f"{threads}.npy"]) == 0
    assert np.array_equal(np.load("1.npy"), np.load("2.npy"))


@pytest.mark.parametrize(("arguments", "message"), [
    (["scene.npy", "--readout", "medipix"], "'medipix' is not one of 'counting', 'pilatus'"),
    (["scene.npy", "--generator", "lucky"], "'lucky' is not one of 'philox', 'nanobragg', 'noisify'"),
    (["scene.npy", "--psf", "blob:3px"], "--psf must be gauss or fiber, not 'blob'"),
    (["scene.npy", "--psf", "gauss"], "--psf gauss must be a profile and its width, as in fiber:80um or gauss:1.5px"),
    (["scene.npy", "--psf", "gauss:3furlong"], "--psf gauss:3furlong must be a profile and its width"),
    (["scene.npy", "--psf", "gauss:100um"], "--pixel is needed for gauss:100um, or a width in pixels"),
    (["scene.npy", "--psf", "gauss:90px"], r"--psf 90 pixels is wider than the image of 60 x 90 \(slow x fast\)"),
    (["scene.npy", "--psf", "gauss:80", "--pixel", "0.1"], "--psf gauss:80 must be a profile and its width, as in fib"),
    (["scene.npy", "--psf", "gauss:80um", "--pixel", "100"], "--psf 80 µm: of --pixel 100000 µm no photon leaves its"),
    (["scene.npy", "--psf", "gauss:2px", "--pixel", "-0.1"], "--pixel must be a number above zero, not -0.1"),
    (["scene.npy", "--pixel", "0.1"], "--pixel: has no effect without --psf, or an SMV image"),
    (["scene.npy", "--psf-radius", "3"], "--psf-radius: there is no point spread; give --psf"),
    (["scene.npy", "--calibration", "-0.1"], "--calibration must be a fraction from 0 to 1, not -0.1"),
    (["scene.npy", "--calibration", "3"], r"--calibration must be a fraction from 0 to 1, not 3.0 \(nor a per"),
    (["scene.npy", "--calibration", "3%"], "--calibration 3%: is neither a number nor the name of a file"),
    (["scene.npy", "--saturation", "1e6", "--dtype", "uint8"], r"--saturation 1e\+06: has no effect, uint8 ends at 25"),
    (["scene.npy", "--dead", "0.1", "--dead-value", "3.5"], "--dead-value 3.5 does not fit --dtype int32: give a"),
    (["scene.npy", "--calibration", "none.npy"], "none.npy: can't be read: No such file"),
    (["scene.npy", "--fluctuation", "30"], "--fluctuation must be a fraction from 0 to 1, not 30.0"),
    (["scene.npy", "--gain", "0"], "--gain must be a number above zero, not 0.0"),
    (["scene.npy", "--readout", "pilatus", "--dtype", "uint16"], "--masked-value -1 does not fit --dtype uint16"),
    (["scene.npy", "--readout", "ccd", "--gaps"], "--gaps: --readout ccd has no modules; give --mask FILE"),
    (["scene.npy", "--readout", "ccd", "--energy", "9000"], "--energy: has no effect on --readout ccd"),
    (["scene.npy", "--dead-value", "3"], "--dead-value: has no effect without --dead"),
    (["scene.npy", "--calibration-seed", "3"], "--calibration-seed: has no effect without --calibration RMS"),
    (["scene.npy", "--readout-seed", "3"], "--readout-seed: has no effect without --readout-noise"),
    (["scene.npy", "--no-counting", "--generator", "nanobragg"], "--generator: has no effect without --counting"),
    (["scene.npy", "--no-counting", "--photon-seed", "3"], "--photon-seed: has no effect without --counting"),
    (["scene.npy", "--seed", "-3"], "--seed must be a whole number of zero or more, not -3"),
    (["negative.npy"], "IMAGE pixel slow 0 fast 0 holds -3: photons are numbers from 0 to 9e"),
    (["scene.npy:-1"], "scene.npy:-1: '-1' is no factor: behind the colon stands a number of zero or more"),
    (["scene.npy:nan"], "scene.npy:nan: 'nan' is no factor"),
    (["scene.npy:1,5"], "scene.npy:1,5: '1,5' is no factor"),
    (["."], ".: can't be read: Is a directory"),
    (["missing"], "missing: can't be read: No such file"),
    (["scene.bin"], "scene.bin: a raw float image does not state its size: give --shape SLOW FAST, or --header"),
    (["scene.bin", "--shape", "60", "91"], r"scene.bin: 60 x 91 \(slow x fast\) float pixels are 21840 bytes"),
    (["scene.npy", "--shape", "90", "60"], r"scene.npy: is 60 x 90 \(slow x fast\) pixels, not 90 x 60"),
    (["missing.npy"], "missing.npy: can't be read: No such file"),
    ([], "Missing argument"),
])  # fmt: skip
def test_what_is_wrong_is_one_line(complaint, arguments, message):
    assert re.match(f"nbnumba: error: .*{message}", complaint(*arguments, "-o", "out.npy"))


def test_images_of_other_sizes_and_headers_are_refused(complaint):
    np.save("small.npy", np.ones((3, 4)))
    assert "small.npy: has 3 x 4 (slow x fast) pixels, but scene.npy has 60 x 90" in complaint(
        "scene.npy", "small.npy", "-o", "out.npy"
    )
    header = str(input_file("header_96x80.img"))
    assert "scene.npy: is 60 x 90 (slow x fast) pixels, not 80 x 96" in complaint(
        "scene.npy", "--header", header, "-o", "out.npy"
    )


def test_outputs_are_checked_before_anything_is_computed(complaint):
    assert "out.jpg: the name must end in one of .nxs" in complaint("scene.npy", "-o", "out.jpg")
    assert "out.img: SMV images hold uint16, int32, not --dtype uint8" in complaint(
        "scene.npy", "--dtype", "uint8", "-o", "out.img"
    )
    assert "-o scene.npy: would overwrite an input file" in complaint("scene.npy", "-o", "scene.npy")
    Path("same.npy").hardlink_to("scene.npy")
    assert "-o same.npy: would overwrite an input file" in complaint("scene.npy", "-o", "same.npy")
    assert "the folder" in complaint("scene.npy", "-o", "nowhere/out.npy")
    np.save("map.npy", np.ones(SHAPE))
    for option in ("--calibration", "--mask", "--hot", "--dead", "--header"):
        assert "-o map.npy: would overwrite" in complaint("scene.npy", option, "map.npy", "-o", "map.npy")


def test_every_field_that_is_renamed_names_an_option():
    options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"IMAGE"}
    assert set(FLAGS.values()) <= options


def test_an_smv_image_of_32_bits_is_read_by_others_and_comes_with_a_warning(scene, capsys):
    assert run(["readout", "scene.npy", "--gain", "1e4", "--seed", "1", "-o", "out.img"]) == 0
    assert "out.img: has pixels of 32 bits, which DIALS takes for 16" in capsys.readouterr().err
    with fabio.open("out.img") as file:
        assert np.array_equal(file.data, read_smv("out.img").data)
        assert file.data.max() > 65535
    assert run(["readout", "scene.npy", "--dtype", "uint16", "--seed", "1", "-o", "out.img"]) == 0
    assert capsys.readouterr().err == ""


def test_arrays_are_said_by_their_size_and_noise_that_is_cut_off_is_warned_of(scene, capsys):
    np.save("factors.npy", np.ones(SHAPE))
    arguments = ["--calibration", "factors.npy", "--readout-noise", "3", "--dtype", "uint16", "-o", "out.npy"]
    assert run(["readout", "scene.npy", *arguments]) == 0
    said = capsys.readouterr()
    assert "CalibrationError(rms=0.0, seed=0, factors=60 x 90 values)" in said.out
    assert said.err.startswith("nbnumba: warning: --readout-noise 3: --dtype uint16 cuts off what falls below 0")
    assert "give --offset 9 or more" in said.err

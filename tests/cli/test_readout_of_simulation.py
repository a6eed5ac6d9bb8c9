"""One command from the experiment to a detector's files, and readouts of files that describe their detector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nbnumba import Background, Panel, lower, simulate
from nbnumba.flags import interpret
from nbnumba.io import read_image, read_smv, scene_of, write_image
from nbnumba.io.float_image import read_float_image
from nbnumba.io.scene import Scene
from nbnumba.readout import (
    CalibrationError,
    DeadPixels,
    Digitize,
    Gain,
    Gaps,
    Offset,
    PhotonCounting,
    PointSpread,
    Readout,
    ReadoutNoise,
    Saturation,
    scene_of_counts,
)

FLAGS = ["-cell", "50", "-default_F", "100", "-N", "3", "-detpixels", "40", "-pixel", "0.5", "-distance", "60",
         "-oversample", "1", "-fluence", "3e19", "-nopgm", "-seed", "7"]  # fmt: skip
WATER = ["--background", "water:100um"]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """An empty folder."""
    monkeypatch.chdir(tmp_path)


def photons() -> np.ndarray:
    """What the detector sees."""
    return simulate(replace(interpret(FLAGS).experiment, background=Background.water(0.1)), "cpu").image


def test_spots_water_spread_and_noise_come_from_one_command(nbnumba):
    names = ["out.nxs", "out_1.cbf", "out.img", "out.tif", "out.npy"]
    outputs = [word for name in names for word in ("--output", name)]
    readout = ["--readout", "ccd", "--psf", "fiber:0.4mm", "--readout-noise", "2", "--gain", "1.5"]
    status, said, _ = nbnumba(*FLAGS, *WATER, *readout, *outputs)
    assert status == 0
    expected = Readout(
        PhotonCounting(), PointSpread("fiber", 400.0, 500.0), CalibrationError(0.03), Gain(1.5), ReadoutNoise(2.0),
        Offset(40.0), Saturation(65535.0), Digitize("uint16"),
    ).apply(photons(), 7)  # fmt: skip
    # neither dark nor saturated
    assert 40 < expected.min() < expected.max() < 65535
    for name in names:
        assert np.array_equal(np.squeeze(read_image(name).images), expected), name
    assert np.array_equal(read_float_image("floatimage.bin", (40, 40)), photons())
    assert "ReadoutNoise(rms=2.0" in said
    panel = read_image("out.nxs").scene.panels[0]
    # of uint16 the two largest values are no counts in NXmx
    assert (panel.gain, panel.pedestal, panel.trusted_range) == (1.5, 40.0, (0.0, 65533.0))


def test_masked_pixels_and_gaps_get_the_value_that_marks_them(nbnumba):
    mask = np.ones((40, 40), np.uint16)
    mask[5:9, 3:30] = 0
    write_image("mask.tif", mask)
    assert nbnumba("readout", "mask.tif", "--no-counting", "--dtype", "uint16", "-o", "mask.img")[0] == 0
    status, _, _ = nbnumba("-mask", "mask.img", *FLAGS, *WATER, "--readout", "pilatus", "--output", "out_1.cbf")
    assert status == 0
    counts = read_image("out_1.cbf").images
    assert (counts[5:9, 3:30] == -1).all()
    assert (counts < 0).sum() == (mask == 0).sum()


@pytest.mark.parametrize(("arguments", "complaint"), [
    (["--readout", "pilatus"], "--readout, --psf and the like have no effect without --output FILE"),
    (["--readout", "pilatus", "--dtype", "uint16", "--output", "x.npy"], "--masked-value -1 does not fit --dtype"),
    (["--psf", "gauss:90px", "--output", "x.npy"], "--psf 45000 µm is wider than the image of 40 x 40 (slow x fast)"),
    (["--psf", "gauss", "--output", "x.npy"], "--psf gauss must be a profile and its width, as in fiber:80um"),
    (["--gaps", "--output", "x.npy"], "--gaps: --readout counting has no modules; give -mask FILE"),
    (["--calibration", "none.npy", "--output", "x.npy"], "none.npy: can't be read"),
    (["--readout-seed", "3", "--output", "x.npy"], "--readout-seed: has no effect without --readout-noise"),
    (["--readout", "ccd", "-seed", "-3", "--output", "x.npy"], "-seed must be a whole number of zero or more, not -3"),
    (["--readout", "ccd", "--output", "x.xyz"], "x.xyz: no format has the suffix '.xyz'"),
])  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_rendered(nbnumba, tmp_path, arguments, complaint):
    status, _, complained = nbnumba(*FLAGS, *arguments)
    assert status != 0
    assert complained.splitlines()[-1].startswith(f"nbnumba: error: {complaint}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("output", [["--output", "map.npy"], ["--output", "x.npy", "-floatfile", "map.npy"]])
def test_a_map_that_a_readout_needs_is_never_overwritten(nbnumba, output):
    np.save("map.npy", np.ones((40, 40)))
    status, _, complained = nbnumba(*FLAGS, "--calibration", "map.npy", *output)
    assert status == 2
    assert complained.splitlines()[-1].endswith("map.npy: would overwrite an input file; choose another one")
    assert np.load("map.npy").all()


@pytest.mark.parametrize("name", ["in.nxs", "in_1.cbf"])
def test_an_image_that_describes_its_detector_hands_that_on(nbnumba, name):
    assert nbnumba(*FLAGS, "--output", name)[0] == 0
    before = read_image(name)
    assert nbnumba("readout", name, "--seed", "3", "--gain", "2", "--offset", "10", "-o", "out.nxs")[0] == 0
    after = read_image("out.nxs")
    readout = Readout(PhotonCounting(), Gain(2.0), Offset(10.0))
    assert np.array_equal(np.squeeze(after.images), readout.apply(np.squeeze(before.images), 3))
    one, other = before.scene.panels[0], after.scene.panels[0]
    assert one.origin == pytest.approx(other.origin, abs=1e-9)
    assert (other.gain, other.pedestal) == (2.0, 10.0)
    assert after.scene.wavelength == pytest.approx(before.scene.wavelength, rel=1e-12)


@pytest.mark.parametrize("name", ["in.nxs", "in_1.cbf"])
def test_pixels_that_a_file_marks_stay_marked(nbnumba, name):
    mask = np.ones((40, 40), np.uint16)
    mask[5:9, 3:30] = 0
    write_image("mask.tif", mask)
    assert nbnumba("readout", "mask.tif", "--no-counting", "--dtype", "uint16", "-o", "mask.img")[0] == 0
    # CBF marks masked pixels of counts, NXmx those of photons, too
    readout = ["--readout", "pilatus"] if name.endswith("cbf") else []
    assert nbnumba("-mask", "mask.img", *FLAGS, *WATER, *readout, "--output", name)[0] == 0
    status, _, _ = nbnumba("readout", name, "--readout", "pilatus", "--seed", "3", "-o", "out.npy")
    assert status == 0
    assert np.array_equal(np.load("out.npy") == -1, mask == 0)


def test_pixels_that_a_detector_masks_are_no_photons_whatever_they_hold(nbnumba):
    mask = np.ones((4, 5), bool)
    mask[1, 2] = False
    panel = Panel((0.0, 0.0, -50.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 1.0), (5, 4), mask=mask)
    # NXmx marks masked pixels of 16 bits by 65535
    write_image("in.nxs", np.full((4, 5), 7, np.uint16), Scene((panel,), 1.0))
    assert np.squeeze(read_image("in.nxs").images)[1, 2] == 65535
    assert nbnumba("readout", "in.nxs", "--no-counting", "--psf", "gauss:1px", "-o", "out.npy")[0] == 0
    out = np.load("out.npy")
    assert out[1, 2] == -1
    assert out[mask].max() <= 7


def test_marks_and_maps_of_panels_that_lie_one_below_the_other_stay_in_their_places(nbnumba):
    photons = np.full((6, 5), 7.0, np.float32)
    photons[1, 2] = photons[4] = -1.0
    panels = [Panel((0.0, 3.0 * n, -50.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 1.0), (5, 3)) for n in range(2)]
    write_image("in.nxs", photons, Scene(tuple(panels), 1.0))
    mask = np.ones((6, 5), np.int32)
    mask[0, 0] = 0
    np.save("mask.npy", mask)
    for more in ([], ["--mask", "mask.npy", "--dead", "dead.npy", "--dead-value", "9"]):
        np.save("dead.npy", np.roll(1 - mask, 1, axis=1))
        assert nbnumba("readout", "in.nxs", "--no-counting", *more, "-o", "out.nxs")[0] == 0
        expected = photons.copy()
        if more:
            expected[0, 0], expected[0, 1] = -1.0, 9.0
        assert np.array_equal(np.squeeze(read_image("out.nxs").images), expected)


def test_options_that_switch_off_are_known(nbnumba):
    switches = ["--readout", "pilatus", "--no-gaps", "--no-counting"]
    status, said, _ = nbnumba(*FLAGS, *switches, "--output", "out.npy")
    assert status == 0
    assert "Gaps" not in said
    assert np.array_equal(np.load("out.npy"), np.rint(simulate(interpret(FLAGS).experiment, "cpu").image))


def test_a_raw_image_gets_its_detector_from_another_file(nbnumba):
    assert nbnumba(*FLAGS, "--output", "truth.expt")[0] == 0
    for name in ("out.nxs", "out_1.cbf", "out.img"):
        assert nbnumba("readout", "floatimage.bin", "--header", "truth.expt", "--dtype", "uint16", "--seed", "3",
                       "-o", name)[0] == 0  # fmt: skip
    assert read_image("out.nxs").scene.panels[0].pixel_size == (0.5, 0.5)
    assert read_smv("out.img").header.value("WAVELENGTH") == 1.0
    assert np.array_equal(read_image("out_1.cbf").images, read_smv("out.img").data)


def test_without_a_detector_there_is_no_nxmx(nbnumba, tmp_path):
    np.save("plain.npy", np.ones((4, 5)))
    status, _, complained = nbnumba("readout", "plain.npy", "-o", "out.nxs")
    assert status == 2
    (line,) = complained.splitlines()
    assert line.startswith("nbnumba: error: out.nxs: NXmx files describe the detector, and no image here does")
    assert not (tmp_path / "out.nxs").exists()


def test_files_state_what_is_trusted():
    scene = scene_of(lower(interpret(FLAGS).experiment))

    def trusted(*stages):
        return scene_of_counts(scene, Readout(*stages)).panels[0].trusted_range

    assert trusted(PhotonCounting(), Saturation(1000.0), Gaps(mask=np.ones((2, 2)), value=-1.0)) == (0.0, 1000.0)
    assert trusted(PhotonCounting(), DeadPixels(0.1, -2.0), Digitize("int16")) == (0.0, 32767.0)
    # noise brings pixels without photons below zero
    assert trusted(ReadoutNoise(3.0), Offset(10.0)) == (-14.0, 2.0**31 - 1.0)
    assert trusted(ReadoutNoise(3.0), Offset(10.0), Digitize("uint16")) == (0.0, 65535.0)

"""noisify's flags: spellings, values, what they set, what has no effect, and the shape of the input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from golden_noisify import FOLDER
from scenes import scene

from nbnumba.errors import InputFileError, UsageError
from nbnumba.flags.noisify import NoisifySettings, interpret_noisify, parse_noisify
from nbnumba.flags.noisify_table import NOISIFY
from nbnumba.io import write_image
from nbnumba.readout.options import Profile

SPELLINGS = """
-floatfile -floatimage -bin
-header
-detpixels
-detpixels_x
-detpixels_y
-scale
-fluence
-gain
-adc
-calibration -calibration_noise
-readout -readout_noise -readnoise
-flicker -flicker_noise
-seed
-calib_seed
-nonoise
-psf
-psf_fwhm -psf_fw -psf_size -psf_width
-psf_rad -psf_radius
-intfile -intimage
-pgmfile -pgmimage
-nopgm
-noisefile -noiseimage
-bits
-pixel -pixelsize
-distance
-lambda
-Xbeam
-Ybeam
-phi -phistep -phisteps
-osc -oscillation
-detsize
-detsize_x
-detsize_y
-badpix_seed
-hotpix_seed
"""
"""What noisify.c takes for one flag, a line each."""

IMAGE = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A folder with an image."""
    monkeypatch.chdir(tmp_path)
    IMAGE.tofile("a.bin")


def settings(*arguments: str) -> NoisifySettings:
    return parse_noisify(["a.bin", *arguments])[0]


def warnings(*arguments: str) -> tuple[str, ...]:
    return interpret_noisify(["a.bin", "-detpixels_x", "4", *arguments]).warnings


@pytest.mark.parametrize("line", SPELLINGS.split("\n")[1:-1])
def test_every_spelling_stands_for_its_flag_alone(line):
    found = [NOISIFY.find(spelling) for spelling in line.split()]
    assert all(len(flags) == 1 for flags in found)
    assert len({flags[0].name for flags in found}) == 1


def test_the_table_holds_no_other_flags():
    assert [NOISIFY.find(line.split()[0])[0] for line in SPELLINGS.split("\n")[1:-1]] == list(NOISIFY.flags)


def test_flags_set_what_they_say():
    text = (
        "-scale 2 -fluence 3e28 -gain 1.5 -adc -7 -calibration 0.1 -readout 2.5 -flicker 0.2 -seed 4 -calib_seed -5 "
        "-psf my_fiber_psf -psf_fwhm 120 -psf_radius 9 -intfile i -pgmfile p -noisefile n -bits 32 -pixel 0.2 "
        "-distance 250 -lambda 0.98 -Xbeam 3 -Ybeam 4 -phi 30 -osc 0.5 -detpixels_x 4 -detpixels_y 3"
    )
    said = settings(*text.split())
    options, header = said.options, said.header
    assert (options.scale, options.fluence, options.gain, options.adc_offset) == (2.0, 3e28, 1.5, -7.0)
    assert (options.calibration_noise, options.readout_noise, options.flicker_noise) == (0.1, 2.5, 0.2)
    assert (options.seed, options.calibration_seed, options.bits, options.noise) == (4, -5, 32, True)
    spread = options.point_spread
    assert (spread.profile, spread.fwhm, spread.radius) == (Profile.FIBER, 120.0, 9)
    assert (header.pixel_size, header.distance, header.wavelength) == (0.2, 250.0, 0.98)
    assert (header.x_beam, header.y_beam, header.phi, header.oscillation) == (3.0, 4.0, 30.0, 0.5)
    assert [str(path) for path in vars(said.files).values()] == ["i", "p", "n"]
    assert (said.pixels_fast, said.pixels_slow) == (4, 3)


def test_the_defaults_are_noisifys():
    options = settings().options
    assert (options.calibration_noise, options.calibration_seed, options.adc_offset) == (0.03, -123456789, 40.0)
    assert (options.readout_noise, options.flicker_noise, options.bits, options.noise) == (0.0, 0.0, 16, True)
    assert (options.point_spread.profile, options.point_spread.fwhm) == (Profile.NONE, 46.0)


def test_a_word_that_names_both_point_spreads_is_the_fiber():
    assert settings("-psf", "fiber_or_gauss").options.point_spread.profile is Profile.FIBER


@pytest.mark.parametrize(("arguments", "message"), [
    (["-seed", "1"], "no input: give the name of a float image"),
    (["a.bin", "b.bin"], "a.bin and b.bin: give one float image at a time"),
    (["a.cbf"], "'a.cbf' is not a flag: .*; to read it: -floatfile a.cbf"),
    (["a.bin", "-psf"], "-psf: the value is missing: give gauss or fiber"),
    (["a.bin", "-psf", "disc"], "-psf: the value must be gauss or fiber, not 'disc'"),
    (["a.bin", "-psf", "fiber:80um"], "-psf: the value must be gauss or fiber, not 'fiber:80um'"),
    (["a.bin", "-bits", "8"], "-bits: the value must be 16 or 32, not '8'"),
    (["a.bin", "-psf_radius", "2.5"], "-psf_radius: the value must be a whole number, not '2.5'"),
    (["a.bin", "-readout", "-1"], "-readout: the value must be a number of zero or more, not '-1'"),
    (["a.bin", "-detpixels", "0"], "-detpixels: the value must be a whole number above zero, not '0'"),
    (["a.bin", "-seed", "2147483648"], "-seed: the value is too large to compute with"),
    (["a.bin", "-energy", "12000"], "unknown flag -energy: did you mean"),
    (["a.bin", "7"], "'7' is not a flag: flags begin with a dash"),
])  # fmt: skip
def test_impossible_command_lines_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        parse_noisify(arguments)


# --- the input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [
    ["a.bin", "-detpixels_x", "4"], ["a.bin", "-detpixels_y", "3"], ["-detpixels_x", "4", "-floatfile", "a.bin"],
    ["-detpixels_x", "4", "-detpixels_y", "3", "./a.bin"],
])  # fmt: skip
def test_one_edge_of_a_raw_image_gives_the_other(arguments):
    request = interpret_noisify(arguments)
    assert np.array_equal(request.image, IMAGE)
    assert request.warnings == ()


def test_without_a_size_the_image_is_as_square_as_can_be_and_that_is_said():
    request = interpret_noisify(["a.bin"])
    assert request.image.shape == (4, 3)
    assert request.warnings[0].startswith("a.bin: taken as 3 x 4 pixels (fast x slow): give -detpixels_x")


def test_a_name_with_floatimage_in_it_needs_no_flag():
    IMAGE.tofile("floatimage.bin_2")
    assert interpret_noisify(["floatimage.bin_2", "-detpixels_x", "4"]).image.shape == (3, 4)


@pytest.mark.parametrize(("arguments", "message"), [
    ("-detpixels_x 5", "a.bin: holds 12 pixels, which -detpixels makes 5 x 2 = 10"),
    ("-detpixels 4", "a.bin: holds 12 pixels, which -detpixels makes 4 x 4 = 16"),
    ("-header header.img", "a.bin: holds 12 pixels, which header.img makes 72 x 64 = 4608"),
    ("-header a.bin", "a.bin: is no SMV image"),
    ("-header none.img", "none.img: can't be read: No such file"),
])  # fmt: skip
def test_an_input_of_another_size_is_refused(arguments, message):
    Path("header.img").write_bytes((FOLDER / "inputs" / "header_nanoBragg_72x64.img").read_bytes())
    with pytest.raises(InputFileError, match=message):
        interpret_noisify(["a.bin", *arguments.split()])


@pytest.mark.parametrize("name", ["i_1.img", "i_1.tif", "i_1.npy", "i_1.cbf"])
def test_an_image_of_any_format_is_read_as_its_name_says(tmp_path, name):
    pixels = np.arange(1200, dtype=np.uint16).reshape(40, 30)
    write_image(tmp_path / name, pixels, scene())
    request = interpret_noisify(["-floatfile", str(tmp_path / name)])
    assert request.image.dtype == np.float32
    assert np.array_equal(request.image, pixels)
    assert request.warnings == ()


def test_an_image_that_states_its_shape_must_be_of_that_shape():
    np.save("a.npy", IMAGE)
    assert np.array_equal(interpret_noisify(["a.npy"]).image, IMAGE)
    assert np.array_equal(interpret_noisify(["a.npy", "-detpixels_y", "3"]).image, IMAGE)
    with pytest.raises(InputFileError, match=r"a.npy: is an image of 4 x 3 pixels .fast x slow., -detpixels says 3 x"):
        interpret_noisify(["a.npy", "-detpixels", "3"])


# --- the header -----------------------------------------------------------------------------------------------------


def header_file(*lines: str) -> None:
    text = "".join(f"{line};\n" for line in ("HEADER_BYTES=512", "SIZE1=4", "SIZE2=3", *lines))
    Path("h.img").write_bytes(f"{{\n{text}}}\f".encode().ljust(512))


def test_a_header_file_is_copied_and_its_pixel_size_counts():
    header_file("PIXEL_SIZE=0.25", "TYPE=signed_char")
    request = interpret_noisify(["a.bin", "-header", "h.img", "-pixel", "3", "-bits", "32"])
    assert request.header == Path("h.img").read_bytes()
    assert request.pixel_size == 0.25
    assert request.warnings == ("-pixel has no effect with -header: h.img counts",)


def test_a_header_file_without_pixel_size_leaves_it_to_the_flag():
    header_file()
    request = interpret_noisify(["a.bin", "-header", "h.img", "-pixel", "3"])
    assert (request.pixel_size, request.warnings) == (3.0, ())


def test_a_point_spread_needs_a_pixel_size():
    header_file("PIXEL_SIZE=0")
    assert interpret_noisify(["a.bin", "-header", "h.img"]).pixel_size == 0.0
    with pytest.raises(InputFileError, match="h.img: a point spread needs a PIXEL_SIZE above zero, not 0"):
        interpret_noisify(["a.bin", "-header", "h.img", "-psf", "gauss"])


# --- what has no effect ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "said"), [
    ("-nonoise -seed 1", ["-seed has no effect with -nonoise"]),
    ("-nonoise -readnoise 1 -noisefile n", ["-readnoise has no effect with -nonoise",
                                            "-noisefile has no effect with -nonoise"]),
    ("-calibration 0 -calib_seed 1", ["-calib_seed has no effect with -calibration 0"]),
    ("-flicker 0.1 -calib_seed 1", ["-calib_seed has no effect with -flicker_noise, whose random numbers serve the "
                                    "calibration too, as in noisify"]),
    ("-psf_fwhm 30", ["-psf_fwhm has no effect without -psf"]),
    ("-psf gauss -psf_fwhm 0", ["-psf has no effect with -psf_fwhm 0"]),
    ("-nopgm -pgmfile p", ["-pgmfile has no effect with -nopgm"]),
    ("-detsize 5", ["-detsize has no effect, as in noisify: the numbers of pixels and -pixel count"]),
    ("-badpix_seed 5", ["-badpix_seed has no effect, as in noisify"]),
    ("-psf gauss -psf_fwhm 0.08", ["-psf_fwhm 0.08 is read in µm: on pixels of 0.1 mm no photon leaves its own"]),
    ("-psf gauss -psf_fwhm 1e6", ["-psf_fwhm 1e+06 µm is wider than the image, 4 pixels of 0.1 mm"]),
    ("-calibration 3", ["-calibration 3 is read as a fraction: 3 % would be 0.03"]),
    ("-scale 0 -gain -1", ["-scale 0, -fluence 1.25932e+29: no pixel holds photons",
                           "-gain -1: pixels do not get brighter with photons"]),
    ("-noisefile n.cbf", ["-noisefile n.cbf: is an SMV image, whatever its name says"]),
    ("-seed 1 -calib_seed 2 -readout 1 -psf gauss -psf_fwhm 90 -psf_rad 1 -pgmfile p -pixel 2 -phi 3", []),
])  # fmt: skip
def test_what_has_no_effect_is_said(arguments, said):
    assert warnings(*arguments.split()) == tuple(said)

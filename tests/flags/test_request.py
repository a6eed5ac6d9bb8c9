"""What a command line asks for, with the files that it names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nbnumba import Physics
from nbnumba.errors import InputFileError, UsageError
from nbnumba.flags import Request, interpret
from nbnumba.io.hkl import read_hkl

CRYSTAL = "-cell 100 -default_F 100"
HEADER = "{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A folder of its own, with small input files."""
    monkeypatch.chdir(tmp_path)
    Path("F.hkl").write_text("0 0 0 10\n1 0 0 20\n")
    Path("A.mat").write_text("0.01 0 0\n0 0.02 0\n0 0 0.03\n")
    Path("sources.txt").write_text("-10 0 0 1 1e-10\n-10 1 0\n")


def request(text: str) -> Request:
    return interpret(text.split())


def smv(name: str, *entries: str, pixels: np.ndarray | None = None) -> None:
    """Write an SMV image of 4 x 3 pixels (fast x slow) with header entries."""
    text = HEADER + "".join(f"{entry};\n" for entry in ("SIZE1=4", "SIZE2=3", *entries)) + "}\f"
    data = np.ones((3, 4), dtype="<u2") if pixels is None else pixels.astype("<u2")
    Path(name).write_bytes(text.encode().ljust(512) + data.tobytes())


# --- what is needed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "message"), [
    ("-default_F 100", r"^no unit cell: give -cell .* or -mat"),
    ("-cell 100", r"^no structure factors: give -hkl .* or -default_F; there is no cache Fdump.bin either"),
    ("-mat A.mat -dump none.bin", r"there is no cache none.bin either"),
    (f"{CRYSTAL} -cell 100 100 100 90 90 180", r"^-cell: the angles 90 90 180 enclose no volume"),
    (f"{CRYSTAL} -cell 100 100 100 30 40 80", r"^-cell: the angles 30 40 80 enclose no volume"),
    (f"{CRYSTAL} -cell 100 100 100 120 120 120", r"^-cell: the angles 120 120 120 enclose no volume"),
    (f"{CRYSTAL} -detsize 0.04", r"^-detsize: the detector holds no pixel"),
    (f"{CRYSTAL} -detpixels 2000000000", r"^-detpixels, -detsize, -pixel: 2e\+09 x 2e\+09 pixels are too many"),
    (f"{CRYSTAL} -beam_vector 0 0 0", r"^-beam_vector 0 0 0 has no direction"),
    (f"{CRYSTAL} -spindle_axis 0 0 0", r"^-spindle_axis 0 0 0 has no direction"),
    (f"{CRYSTAL} -twotheta_axis 0 0 0", r"^-twotheta_axis 0 0 0 has no direction"),
])  # fmt: skip
def test_what_can_not_be_simulated_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        request(text)


@pytest.mark.parametrize("text", [
    "-mat none", "-cell 100 -hkl none", f"{CRYSTAL} -mask none", f"{CRYSTAL} -img none", f"{CRYSTAL} -sourcefile none",
    f"{CRYSTAL} -stol none", f"{CRYSTAL} -Q none",
])  # fmt: skip
def test_a_missing_file_is_named(text):
    with pytest.raises(InputFileError, match="^none: can't be read: No such file"):
        request(f"{text} -default_F 1")


NOT_WHAT_IS_NEEDED = {
    "a folder": lambda path: path.mkdir(),
    "an empty file": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(b"\xff\x00\x1b[2J\n"),
}


@pytest.mark.parametrize(("flag", "kind"), [
    (flag, kind)
    for flag in ("-mat", "-hkl", "-mask", "-img", "-sourcefile", "-stol")
    for kind in NOT_WHAT_IS_NEEDED
    if (flag, kind) != ("-stol", "binary")  # nanoBragg reads it and never uses what it says
])  # fmt: skip
def test_a_file_that_is_not_what_its_flag_needs_is_an_error_in_one_printable_line(flag, kind):
    NOT_WHAT_IS_NEEDED[kind](Path("input"))
    with pytest.raises(InputFileError, match="^input: ") as refusal:
        request(f"{CRYSTAL} {flag} input")
    assert "\x1b" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_matrix_of_axes_in_a_plane_is_refused():
    Path("A.mat").write_text("1 0 1\n0 1 0\n0 0 0\n")
    with pytest.raises(InputFileError, match="A.mat: the three reciprocal axes, .*, lie in a plane"):
        request("-mat A.mat -default_F 1")


# --- structure factors ----------------------------------------------------------------------------------------------


def test_reflections_are_read_from_text_before_a_cache_and_a_cache_before_the_default():
    text = request("-cell 100 -hkl F.hkl")
    assert text.experiment.crystal.structure_factors.reflections == 2
    from nbnumba.io.fdump import write_fdump

    write_fdump("Fdump.bin", replace(read_hkl("F.hkl"), amplitudes=np.full((2, 1, 1), 7.0)))
    again = request("-cell 100 -hkl F.hkl").experiment.crystal.structure_factors
    assert again.amplitudes[1, 0, 0] == 20.0
    cached = request("-cell 100 -default_F 5")
    assert cached.experiment.crystal.structure_factors.amplitudes[1, 0, 0] == 7.0
    assert cached.inputs == (("structure factors", Path("Fdump.bin")),)
    assert request("-cell 100 -default_F 5 -dump none").experiment.crystal.structure_factors is None


def test_a_truncated_cache_is_refused():
    from nbnumba.io.fdump import write_fdump

    write_fdump("Fdump.bin", read_hkl("F.hkl"))
    Path("Fdump.bin").write_bytes(Path("Fdump.bin").read_bytes()[:-1])
    with pytest.raises(InputFileError, match="Fdump.bin: is damaged"):
        request("-cell 100")


def test_a_cache_that_was_asked_for_and_is_not_there_is_a_warning():
    assert "-dump none: no such file" in request(f"{CRYSTAL} -dump none").warnings[0]
    assert request(CRYSTAL).warnings == ()


# --- headers of images ----------------------------------------------------------------------------------------------


def test_a_header_gives_start_values_that_flags_replace_wherever_they_stand():
    smv("h.img", "PIXEL_SIZE=0.2", "DISTANCE=150", "WAVELENGTH=1.5", "BEAM_CENTER_X=0.3", "BEAM_CENTER_Y=0.5", "PHI=4",
        "OSC_RANGE=2")  # fmt: skip
    experiment = request(f"-distance 90 {CRYSTAL} -img h.img -phi 7").experiment
    detector, sampling = experiment.detector, experiment.sampling
    assert (detector.pixels_fast, detector.pixels_slow, detector.pixel_size) == (4, 3, 0.2)
    assert (detector.distance, experiment.beam.wavelength) == (90.0, 1.5)
    assert detector.beam_center == (0.3, 0.5)
    assert (sampling.phi, sampling.oscillation) == (7.0, 2.0)


@pytest.mark.parametrize(("text", "warning"), [
    ("-pivot sample -beam_vector 1 0 0 -distance 90", "-pivot sample: overruled by -distance behind it"),
    ("-pivot beam -ORGX 3 -beam_vector 1 0 0", "-pivot beam: overruled by -ORGX behind it"),
    ("-beam_vector 1 0 0 -distance 90 -pivot sample", None),
    ("-pivot beam -beam_vector 1 0 0 -distance 90", None),
    ("-beam_vector 1 0 0 -distance 90", None),
    # a named convention is the set-up's to warn of
    ("-pivot sample -distance 90", None),
])  # fmt: skip
def test_a_pivot_that_a_later_flag_overrules_is_warned_of(text, warning):
    found = [said for said in request(f"{CRYSTAL} {text}").warnings if "-pivot" in said]
    assert [said.split(",")[0] for said in found] == ([] if warning is None else [warning])
    assert not interpret(f"{CRYSTAL} {text}".split(), Physics("exact")).warnings


def test_a_header_leaves_the_pivot_alone():
    smv("h.img", "CLOSE_DISTANCE=80", "ORGX=1.5")
    frame = request(f"{CRYSTAL} -img h.img").experiment.detector.frame
    assert frame.pivot is None


def test_the_mask_is_read_first_and_measures_the_beam_centre_from_the_top():
    pixels = np.arange(12).reshape(3, 4)
    smv("m.img", "PIXEL_SIZE=0.5", "BEAM_CENTER_Y=0.25", "DISTANCE=70", "WAVELENGTH=1.1", pixels=pixels)
    detector = request(f"{CRYSTAL} -mask m.img").experiment.detector
    assert np.array_equal(detector.mask, pixels)
    # three pixels of 0.5 mm are 1.5 mm high
    assert detector.beam_center == (None, pytest.approx(1.25, rel=1e-15))
    smv("h.img", "DISTANCE=80")
    both = request(f"{CRYSTAL} -img h.img -mask m.img").experiment
    assert (both.detector.distance, both.beam.wavelength) == (80.0, 1.1)


def test_the_last_of_two_entries_counts_and_a_key_is_found_inside_longer_ones():
    smv("h.img", "DISTANCE=80", "DISTANCE=90", "XDS_ORGX=7.5", "CLOSE_DISTANCE=60")
    detector = request(f"{CRYSTAL} -img h.img").experiment.detector
    # nanoBragg finds DISTANCE in CLOSE_DISTANCE, and ORGX in XDS_ORGX
    assert (detector.distance, detector.close_distance, detector.origin_pixels) == (60.0, 60.0, (7.5, None))


@pytest.mark.parametrize(("entry", "error", "message"), [
    ("PIXEL_SIZE=0", UsageError, "the header of h.img states PIXEL_SIZE 0, .* above zero: correct it with -pixel$"),
    ("WAVELENGTH=-1", UsageError, "the header of h.img states WAVELENGTH -1, .* correct it with -lambda$"),
    ("SIZE1=0", InputFileError, "h.img: the header states no size"),
    ("SIZE2=-3", InputFileError, "h.img: the header states no size"),
    ("DISTANCE=1e300", InputFileError, r"h.img: the header states DISTANCE=1e\+300, which is too large"),
])  # fmt: skip
def test_an_impossible_header_is_refused(entry, error, message):
    smv("h.img", entry)
    with pytest.raises(error, match=message):
        request(f"{CRYSTAL} -img h.img")


def test_flags_correct_an_impossible_header():
    smv("h.img", "PIXEL_SIZE=0", "WAVELENGTH=0")
    experiment = request(f"-pixel 0.1 {CRYSTAL} -img h.img -lambda 1.2").experiment
    assert (experiment.detector.pixel_size, experiment.beam.wavelength) == (0.1, 1.2)


def test_a_mask_without_all_its_pixels_is_refused_but_a_header_needs_none():
    smv("h.img")
    Path("h.img").write_bytes(Path("h.img").read_bytes()[:-2])
    assert request(f"{CRYSTAL} -img h.img").experiment.detector.pixels_fast == 4
    with pytest.raises(InputFileError, match="h.img: is cut off: 4 x 3 pixels need 24 bytes"):
        request(f"{CRYSTAL} -mask h.img")


# --- the rest -------------------------------------------------------------------------------------------------------


def test_every_input_file_is_listed():
    smv("h.img")
    smv("m.img")
    found = request("-mat A.mat -hkl F.hkl -sourcefile sources.txt -img h.img -mask m.img")
    assert {word: str(path) for word, path in found.inputs} == {
        "mask": "m.img", "header": "h.img", "matrix": "A.mat", "structure factors": "F.hkl", "sources": "sources.txt",
    }  # fmt: skip
    experiment = found.experiment
    assert np.array_equal(experiment.crystal.reciprocal_matrix, np.diag([0.01, 0.02, 0.03]))
    assert experiment.beam.sources.shape == (2, 5)


@pytest.mark.parametrize(("text", "message"), [
    ("-coherent", "-coherent has no effect on the image"),
    ("-density 1.2", "-density has no effect"),
    ("-MW 18", "-MW has no effect"),
    ("-stolout x", "-stolout writes nothing"),
    ("-hdiv 0.28 -hdivstep 0.02", "-hdiv has no effect, as in nanoBragg; the flag is -hdivrange"),
    ("-xdet_vector 1 0 0", "-xdet_vector has no effect, as in nanoBragg; the flag is -fdet_vector"),
    ("-detpixels 8 -detsize 51.2", "-detsize: the 8 pixels along the fast axis count; 51.2 mm do not"),
])  # fmt: skip
def test_what_has_no_effect_is_a_warning(text, message):
    assert any(re.match(message, warning) for warning in request(f"{CRYSTAL} {text}").warnings)


EXAMPLES = """
-mat A.mat -hkl F.hkl -distance 2500
-mat A.mat -hkl F.hkl -lambda 1 -dispersion 0.1 -dispstep 3 -distance 100 -detsize 100 -pixel 0.1 -hdiv 0.28
 -hdivstep 0.02 -vdiv 0.28 -vdivstep 0.02 -fluence 1e24 -N 0 -water 0
-cell 74 74 36 90 90 90 -misset 10 20 30 -hkl F.hkl -lambda 1 -dispersion 0.1 -dispstep 3 -distance 100 -detsize 100
 -pixel 0.1 -hdiv 0.28 -hdivstep 0.02 -vdiv 0.28 -vdivstep 0.02 -fluence 1e24 -N 0 -water 0
-hkl F.hkl -matrix A.mat -lambda 6.2 -N 10
-hkl F.hkl -matrix A.mat -lambda 6.2 -N 10 -fluence 2e22 -water 4
-mat A.mat -hkl F.hkl -lambda 1 -dispersion 0 -distance 1000 -detsize 100 -pixel 0.1 -hdiv 0 -vdiv 0 -fluence 1e32 -N 1
"""


@pytest.mark.parametrize("text", EXAMPLES.replace("\n ", " ").split("\n")[1:-1])
def test_the_examples_that_nanobragg_publishes_are_understood(text):
    warnings = request(text).warnings
    ignored = [flag for flag in ("-dispstep", "-hdiv", "-vdiv") if flag in text.split()]
    assert [warning.split()[0] for warning in warnings] == ignored


def test_files_that_are_not_wanted_have_no_name():
    files = request(f"{CRYSTAL} -nopgm -nonoise -floatfile f.bin").files
    assert (files.float_path, files.pgm_path, files.noise_path) == (Path("f.bin"), None, None)
    files = request(CRYSTAL).files
    assert (files.pgm_path, files.noise_path) == (Path("image.pgm"), Path("noiseimage.img"))

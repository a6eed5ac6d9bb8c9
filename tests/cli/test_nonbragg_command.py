"""nbnumba nonbragg from the outside: files, words, exit status, and what goes wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from folders import files
from golden import GOLDEN_DATA
from nbnumba_cli.main import run

from nbnumba.flags.nonbragg_table import NONBRAGG_FLAGS
from nbnumba.io.float_image import read_float_image
from nbnumba.io.pgm import read_pgm
from nbnumba.io.smv import read_smv

FLAGS = ["nonbragg", "-stol", "water.stol", "-detpixels", "9", "-pixel", "7", "-flux", "1e10", "-seed", "1"]
FILES = ["floatimage.bin", "image.pgm", "intimage.img", "noiseimage.img", "water.stol"]
NBNUMBA = [sys.executable, "-m", "nbnumba_cli"]
ENOUGH = 20.0
"""Seconds after which a process counts as deaf."""


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory):
    """Compile, and say so, before any test listens: in this process, and what other processes find in the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("compiled"))
        shutil.copy(GOLDEN_DATA / "nonbragg" / "inputs" / "water.stol", ".")
        subprocess.run([*NBNUMBA, *FLAGS], check=True, capture_output=True)
        assert run(FLAGS) == 0


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A folder with a curve."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(GOLDEN_DATA / "nonbragg" / "inputs" / "water.stol", tmp_path)


def test_it_writes_nonbraggs_files_and_prints_its_figures(nbnumba):
    status, out, err = nbnumba(*FLAGS)
    assert (status, err) == (0, "")
    assert files() == FILES
    assert "written             floatimage.bin intimage.img image.pgm noiseimage.img\n" in out
    image = read_float_image("floatimage.bin", (9, 9))
    assert f"maximum             {image.max():g} photons" in out
    assert "curve               water.stol\n" in out
    # 126 lines, the last at 0.5
    assert "table               126 points, sin θ/λ from 0 to 0.5 /Å" in out


def test_the_pgm_image_ends_with_its_last_pixel(nbnumba):
    nbnumba(*FLAGS)
    assert read_pgm("image.pgm").shape == (9, 9)
    assert Path("image.pgm").read_bytes().startswith(b"P5\n9 9\n# pixels scaled by ")
    assert Path("image.pgm").stat().st_size == Path("image.pgm").read_bytes().index(b"\n255\n") + 5 + 81


def test_an_image_of_f_and_names_of_files(nbnumba):
    names = ["-floatfile", "f.bin", "-intfile", "i.img", "-pgmfile", "g.pgm", "-nonoise", "--png", "p.png"]
    status, out, _ = nbnumba(*FLAGS, "-Fmap", *names)
    assert status == 0
    assert files() == ["f.bin", "g.pgm", "i.img", "p.png", "water.stol"]
    # water's curve between the middle and the corner
    image = read_float_image("f.bin", (9, 9))
    assert 2.5 < image.min() < image.max() < 8.1


def test_a_curve_comes_back_from_an_image(nbnumba):
    big = ["-detpixels", "100", "-pixel", "0.7", "-flux", "3e11"]
    assert nbnumba(*FLAGS, *big)[0] == 0
    Path("coarse.stol").write_text("".join(f"{0.05 * n:.2f} 1\n" for n in range(7)))
    status, out, err = nbnumba(
        "nonbragg", "-stol", "coarse.stol", "-img", "noiseimage.img", "-flux", "3e11", "-noisefile", "n.img"
    )
    assert status == 0
    assert "image               noiseimage.img\n" in out
    assert "written             output.stol floatimage.bin" in out
    stol, mean, rmsd, median, mad, pixels = np.loadtxt("output.stol").T
    assert pixels.min() > 100
    # the curve of water, averaged over 0.05 /Å and lit by 3e11 photons per second
    assert np.interp(0.15, stol, mean) == pytest.approx(7.2, abs=0.3)
    np.testing.assert_allclose(median, mean, rtol=0.1)
    assert err.count("\n") == 1
    assert "points of the table are next to at most 100 pixels and not listed: 0.25 (5), 0.3 (0)" in err


def test_what_lies_beyond_the_table_or_below_zero_is_said(nbnumba):
    Path("falling.stol").write_text("0 3\n0.05 2\n0.1 1\n0.12 0.5\n")
    _, _, err = nbnumba(*FLAGS, "-stol", "falling.stol")
    assert "the image reaches from sin θ/λ" in err
    assert "beyond it F goes on along a straight line, as in nonBragg" in err
    assert "pixels are negative: F between or beyond the points of the table is, as in nonBragg" in err


def test_equal_abscissae_are_said(nbnumba):
    Path("double.stol").write_text("0 3\n0.05 2\n0.05 1\n0.5 0.5\n")
    status, _, err = nbnumba(*FLAGS, "-stol", "double.stol")
    assert status == 0
    assert "the abscissae of the table do not ascend" in err
    assert "pixels are infinite or no numbers: look for equal abscissae in the table" in err


def test_printout_pixel_prints_one_pixel_and_printout_all_of_the_region(nbnumba):
    _, out, _ = nbnumba(*FLAGS, "-printout_pixel", "5", "2")
    image = read_float_image("floatimage.bin", (9, 9))
    assert "pixel               5 2 (fast slow)\n" in out
    assert f"photons             {image[2, 5]:.10g}\n" in out
    _, out, _ = nbnumba(*FLAGS, "-printout", "-roi", "1", "3", "2", "2")
    lines = [line for line in out.splitlines() if line.startswith("pixel ")]
    assert lines == [f"pixel {fast} 2  {image[2, fast]:.10g}" for fast in (1, 2, 3)]


def test_progress_can_be_asked_for_and_goes_to_stderr(nbnumba):
    _, out, err = nbnumba(*FLAGS, "-progress")
    assert "100%" in err
    assert "%|" not in out


@pytest.mark.parametrize(("arguments", "message"), [
    (["-lamda", "1"], "unknown flag -lamda: did you mean -lambda?"),
    (["--pngs", "x"], "unknown option --pngs: did you mean --png"),
    (["-distance"], "-distance: the value is missing"),
    (["-thick", "thin"], "-thick: the value must be a number above zero, not 'thin'"),
    (["-roi", "9", "12", "0", "3"], "-roi 9 12 0 3 holds no pixel of the 9 x 9 detector"),
    (["-distance", "0"], "-distance: the plane of the detector passes through the sample"),
    (["-beamsize", "0"], "-beamsize 0 makes the fluence infinite: give the beam size in mm"),
    (["-hdivsteps", "1", "-vdivsteps", "1"], "-round_div leaves no source"),
    (["-printout_pixel", "9", "0"], "-printout_pixel 9 0: this pixel lies outside the region of interest"),
    (["-intfile", "floatimage.bin"], "-intfile floatimage.bin: is also the name for -floatfile"),
    (["-pgmfile", "water.stol"], "-pgmfile water.stol: would overwrite an input file"),
    (["--png", "./water.stol"], "--png water.stol: would overwrite an input file"),
    (["--threads", "0"], "--threads"),
])  # fmt: skip
def test_wrong_usage_is_one_line_and_status_2_and_leaves_no_file(nbnumba, arguments, message):
    status, out, err = nbnumba(*FLAGS, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("nbnumba: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert files() == ["water.stol"]


@pytest.mark.parametrize(("arguments", "message"), [
    (["-stol", "none"], "none: can't be read: No such file"),
    (["-stol", "folder"], "folder: can't be read: Is a directory"),
    (["-img", "junk"], "junk: is no SMV image"),
    (["-sourcefile", "junk"], "junk: line 1, column 1"),
    (["-floatfile", "none/f.bin"], "none does not exist"),
    (["-intfile", "folder"], "folder: is a folder"),
])  # fmt: skip
def test_a_file_that_fails_is_one_line_and_status_1_and_leaves_no_file(nbnumba, arguments, message):
    Path("folder").mkdir()
    Path("junk").write_bytes(b"\xffjunk\n")
    status, _, err = nbnumba(*FLAGS, *arguments)
    assert status == 1
    assert err.startswith("nbnumba: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert files() == ["folder", "junk", "water.stol"]


def test_an_image_to_extract_from_is_never_overwritten(nbnumba):
    assert nbnumba(*FLAGS)[0] == 0
    before = Path("intimage.img").read_bytes()
    for flags in ([], ["-intfile", "i.img", "-stolout", "intimage.img"]):
        status, _, err = nbnumba("nonbragg", "-stol", "water.stol", "-img", "intimage.img", *flags)
        assert status == 2
        assert err.endswith("intimage.img: would overwrite an input file; choose another one\n")
    assert Path("intimage.img").read_bytes() == before


def test_an_image_that_does_not_fit_the_detector_is_refused(nbnumba):
    assert nbnumba(*FLAGS)[0] == 0
    flags = ["-stol", "water.stol", "-img", "noiseimage.img", "-detpixels_f", "8", "-nonoise"]
    status, _, err = nbnumba("nonbragg", *flags)
    assert status == 2
    assert "-img: this image has 9 x 9 pixels, the detector 8 x 9; leave out what changes the size" in err
    assert read_smv("noiseimage.img").data.shape == (9, 9)


def test_ctrl_c_ends_it_at_once_and_leaves_no_file(tmp_path):
    flags = [*FLAGS, "-detpixels", "20000", "-oversample", "5", "-progress"]
    log = tmp_path.parent / "stderr"
    with log.open("w") as errors, subprocess.Popen(
        [*NBNUMBA, *flags], env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=errors
    ) as process:
        try:
            while "%|" not in log.read_text():
                assert process.poll() is None, log.read_text()
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            assert process.wait(ENOUGH) == 130
        finally:
            process.kill()
    assert log.read_text().endswith("nbnumba: interrupted\n")
    assert files() == ["water.stol"]


def test_the_help_lists_every_flag_in_its_topic_with_unit_and_default(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["nonbragg", "--help"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    for topic, flags in NONBRAGG_FLAGS.topics.items():
        section = text.split(f"\n{topic}:\n")[1].split("\n\n")[0]
        entries = [" ".join(entry.split()) for entry in f"\n{section}".split("\n  -")[1:]]
        assert [f"-{entry.split()[0]}" for entry in entries] == [flag.name for flag in flags]
        for flag, entry in zip(flags, entries, strict=True):
            assert flag.unit in entry
            assert flag.default in entry

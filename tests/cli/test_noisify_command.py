"""nbnumba noisify from the outside: files, words, exit status, and what goes wrong."""

from __future__ import annotations

import fcntl
import functools
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
from folders import files
from nbnumba_cli.main import run

from nbnumba.io.smv import read_smv

NOISIFY = [sys.executable, "-m", "nbnumba_cli", "noisify"]
FLAGS = ["a.bin", "-detpixels_x", "16", "-seed", "1"]
IMAGE = np.random.default_rng(1).gamma(2.0, 10.0, (12, 16)).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory):
    """Compile, and say so, before any test listens: in this process, and what other processes find in the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("compiled"))
        IMAGE.tofile("a.bin")
        subprocess.run([*NOISIFY, *FLAGS, "-psf", "gauss"], check=True, capture_output=True)
        assert run(["noisify", *FLAGS, "-psf", "gauss"]) == 0


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A folder with an image."""
    monkeypatch.chdir(tmp_path)
    IMAGE.tofile("a.bin")


@pytest.fixture
def noisify(nbnumba):
    """Runs the command; returns exit status, stdout and stderr."""
    return functools.partial(nbnumba, "noisify")


def test_the_files_are_noisifys_and_the_facts_are_said(noisify):
    status, out, err = noisify(*FLAGS, "-psf", "fiber")
    assert (status, err) == (0, "")
    assert files() == ["a.bin", "image.pgm", "intimage.img", "noiseimage.img"]
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert "float image         a.bin\n" in out
    assert "calibration error   3 %\n" in out
    assert lines["detector"] == "16 x 12 pixels of 0.1 mm"
    assert lines["written"] == "intimage.img image.pgm noiseimage.img"
    assert lines["maximum"].startswith(f"{IMAGE.max():g} in the float image")
    assert lines["noise"].endswith("0 overloads, seed 1, calibration seed -123456789")


def test_names_and_kinds_of_files_are_the_users(noisify):
    assert noisify(*FLAGS, "-nopgm", "-intfile", "i.img", "-noisefile", "n.img")[0] == 0
    assert files() == ["a.bin", "i.img", "n.img"]
    assert noisify("a.bin", "-detpixels_x", "16", "-nonoise", "-pgmfile", "p.pgm")[0] == 0
    assert files() == ["a.bin", "i.img", "intimage.img", "n.img", "p.pgm"]


def test_flags_with_two_dashes_and_options_are_both_read(noisify):
    noisify(*FLAGS, "-noisefile", "1.img")
    assert noisify("a.bin", "--detpixels_x", "16", "--seed", "1", "--threads", "1", "-noisefile", "2.img")[0] == 0
    assert np.array_equal(read_smv("1.img").data, read_smv("2.img").data)
    assert noisify(*FLAGS, "--sead", "1")[2].startswith("nbnumba: error: unknown option --sead: did you mean -seed")


def test_without_a_seed_the_clock_gives_one_that_is_said(noisify):
    _, out, _ = noisify("a.bin", "-detpixels_x", "16")
    seed = out.split(" overloads, seed ")[1].split(",")[0]
    first = Path("noiseimage.img").read_bytes()
    noisify("a.bin", "-detpixels_x", "16", "-seed", seed)
    assert Path("noiseimage.img").read_bytes() == first


def test_an_image_of_another_kind_gives_the_same_files(noisify):
    noisify(*FLAGS)
    first = Path("noiseimage.img").read_bytes()
    np.save("a.npy", IMAGE)
    assert noisify("a.npy", "-seed", "1")[0] == 0
    assert Path("noiseimage.img").read_bytes() == first


def test_the_header_file_may_be_replaced_as_in_a_nanobragg_script(noisify):
    header = b"{\nHEADER_BYTES=512;\nSIZE1=16;\nSIZE2=12;\nPIXEL_SIZE=0.2;\n}\f".ljust(512)
    Path("intimage.img").write_bytes(header)
    assert noisify("a.bin", "-header", "intimage.img", "-seed", "1")[0] == 0
    assert Path("intimage.img").read_bytes()[:512] == Path("noiseimage.img").read_bytes()[:512] == header


@pytest.mark.parametrize(("arguments", "status", "message"), [
    (["-seed", "1"], 2, "no input: give the name of a float image"),
    (["b.bin"], 1, "b.bin: can't be read: No such file or directory"),
    ([*FLAGS, "-gain"], 2, "-gain: the value is missing"),
    ([*FLAGS, "-gain", "1,5"], 2, "-gain: the value must be a number, not '1,5'"),
    ([*FLAGS, "-gian", "2"], 2, "unknown flag -gian: did you mean -gain"),
    ([*FLAGS, "-intfile", "a.bin"], 2, "-intfile a.bin: would overwrite an input file"),
    ([*FLAGS, "-noisefile", "./a.bin"], 2, "-noisefile a.bin: would overwrite an input file"),
    ([*FLAGS, "-intfile", "x", "-noisefile", "x"], 2, "-noisefile x: is also the name for -intfile"),
    ([*FLAGS, "-pgmfile", "none/p.pgm"], 1, "none/p.pgm: the folder"),
    ([*FLAGS, "-noisefile", "."], 1, ".: is a folder"),
    ([*FLAGS, "--threads", "0"], 2, "Invalid value for '--threads'"),
])  # fmt: skip
def test_what_is_wrong_takes_one_line_and_no_file_is_written(noisify, arguments, status, message):
    before = Path("a.bin").read_bytes()
    assert noisify(*arguments)[0] == status
    said = noisify(*arguments)[2]
    assert said.startswith(f"nbnumba: error: {message}")
    assert said.count("\n") == 1
    assert files() == ["a.bin"]
    assert Path("a.bin").read_bytes() == before


def test_a_full_disk_is_said_and_no_file_is_half_written(noisify):
    status, _, err = noisify(*FLAGS, "-noisefile", "/dev/full")
    assert (status, err) == (1, "nbnumba: error: /dev/full: can't be written: No space left on device\n")
    assert files() == ["a.bin", "image.pgm", "intimage.img"]


def test_warnings_take_a_line_each(noisify):
    IMAGE[:] -= 1000.0
    IMAGE.tofile("a.bin")
    IMAGE[:] += 1000.0
    err = noisify("a.bin", "-nonoise", "-seed", "3")[2].splitlines()
    assert err[0] == "nbnumba: warning: -seed has no effect with -nonoise"
    assert err[1].startswith("nbnumba: warning: a.bin: taken as 12 x 16 pixels")
    assert err[2].startswith("nbnumba: warning: 192 pixels are negative, down to -")


def test_progress_of_a_point_spread_shows_on_a_terminal():
    terminal, stderr = os.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    subprocess.run([*NOISIFY, *FLAGS, "-psf", "gauss"], stdout=subprocess.DEVNULL, stderr=stderr, check=True)
    os.close(stderr)
    said = os.read(terminal, 1 << 16)
    os.close(terminal)
    assert b"spreading: 100%|" in said

"""nbnumba simulate from the outside: files, words, exit status, and what goes wrong."""

from __future__ import annotations

import fcntl
import os
import shlex
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
from folders import files
from nbnumba_cli.main import run

from nbnumba.io.float_image import read_float_image
from nbnumba.io.smv import read_smv

FLAGS = ["-cell", "100", "-default_F", "100", "-N", "3", "-detpixels", "8", "-seed", "1"]
FILES = ["floatimage.bin", "image.pgm", "intimage.img", "noiseimage.img"]
NBNUMBA = [sys.executable, "-m", "nbnumba_cli"]


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory):
    """Compile, and say so, before any test listens: in this process, and what other processes find in the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("compiled"))
        subprocess.run([*NBNUMBA, *FLAGS], check=True, capture_output=True)
        assert run(FLAGS) == 0


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """An empty folder."""
    monkeypatch.chdir(tmp_path)


# --- what it does ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], ["simulate"]])
def test_flags_alone_simulate_and_write_nanobraggs_files(nbnumba, command):
    status, out, err = nbnumba(*command, *FLAGS)
    assert (status, err) == (0, "")
    assert files() == FILES
    assert "written             floatimage.bin intimage.img image.pgm noiseimage.img\n" in out
    image = read_float_image("floatimage.bin", (8, 8))
    assert f"\nmax_I = {image.max():g}  at " in out


def test_names_and_kinds_of_files_are_the_users(nbnumba):
    Path("F.hkl").write_text("0 0 0 100\n")
    names = ["-floatfile", "f.bin", "-intfile", "i.img", "-nopgm", "-nonoise", "-dump", "cache", "--png", "p.png"]
    status, out, _ = nbnumba(*FLAGS, "-hkl", "F.hkl", *names)
    assert status == 0
    assert files() == ["F.hkl", "cache", "f.bin", "i.img", "p.png"]
    assert "structure factors   F.hkl\n" in out
    assert "written             cache f.bin i.img p.png\n" in out


def test_any_number_of_threads_gives_the_same_image(nbnumba):
    images = []
    for threads in ("1", "2"):
        assert nbnumba(*FLAGS, "--threads", threads, "-floatfile", threads)[0] == 0
        images.append(Path(threads).read_bytes())
    assert images[0] == images[1]


def test_more_threads_than_cores_are_a_warning(nbnumba):
    status, _, err = nbnumba(*FLAGS, "--threads", "100000")
    assert status == 0
    assert err.startswith("nbnumba: warning: --threads 100000: there are ")


def test_own_options_may_stand_anywhere(nbnumba):
    assert nbnumba("--threads", "1", *FLAGS, "--png=p.png")[0] == 0
    assert nbnumba(*FLAGS[:4], "--threads=1", *FLAGS[4:])[0] == 0
    assert "p.png" in files()


def test_warnings_go_to_stderr_and_stdout_stays_clean(nbnumba):
    status, out, err = nbnumba(*FLAGS, "-coherent", "-mosaic", "1")
    assert status == 0
    assert err.splitlines() == [
        "nbnumba: warning: -coherent has no effect on the image, as in nanoBragg",
        "nbnumba: warning: a mosaic spread was given without a number of domains: using 10 (set -mosaic_domains)",
    ]
    assert "warning" not in out


def test_an_existing_image_may_give_the_header_and_be_replaced(nbnumba):
    assert nbnumba(*FLAGS, "-distance", "77", "-nonoise", "-nopgm")[0] == 0
    status, out, _ = nbnumba("-cell", "100", "-default_F", "50", "-img", "intimage.img", "-nonoise", "-nopgm")
    assert status == 0
    assert "header              intimage.img\n" in out
    assert read_smv("intimage.img").header.value("DISTANCE") == 77.0


def test_printout_pixel_prints_one_pixel_and_printout_all_of_the_region(nbnumba):
    _, out, _ = nbnumba(*FLAGS, "-printout_pixel", "5", "2")
    image = read_float_image("floatimage.bin", (8, 8))
    assert "pixel               5 2 (fast slow)\n" in out
    assert f"photons             {image[2, 5]:.10g}\n" in out
    _, out, _ = nbnumba(*FLAGS, "-printout", "-roi", "1", "3", "2", "2")
    lines = [line for line in out.splitlines() if line.startswith("pixel ")]
    assert lines == [f"pixel {fast} 2  {image[2, fast]:.10g}" for fast in (1, 2, 3)]


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "message"), [
    (["-lamda", "1"], "unknown flag -lamda: did you mean -lambda?"),
    (["--engin", "cpu"], "unknown option --engin: did you mean --engine?"),
    (["--lambda", "1"], "unknown option --lambda: did you mean -lambda"),
    (["-distance"], "-distance: the value is missing"),
    (["-distance", "far"], "-distance: the value must be a number, not 'far'"),
    (["-detpixels", "0"], "-detpixels: the value must be a whole number above zero, not '0'"),
    (["-roi", "9", "12", "0", "3"], "-roi 9 12 0 3 holds no pixel of the 8 x 8 detector"),
    (["-osc", "0", "-phistep", "1"], "-osc 0 with a -phistep leaves no step"),
    (["-distance", "0"], "-distance: the plane of the detector passes through the sample"),
    (["-beamsize", "0", "-flux", "1e12"], "-beamsize 0 makes the fluence infinite"),
    (["-hdivsteps", "1", "-vdivsteps", "1"], "-round_div leaves no source"),
    (["-printout_pixel", "8", "0"], "-printout_pixel 8 0: this pixel lies outside the region of interest"),
    (["-trace_pixel", "0", "8"], "-trace_pixel 0 8: this pixel lies outside"),
    (["--threads", "0"], "--threads"),
    (["--engine", "abacus"], "--engine"),
    (["-intfile", "floatimage.bin"], "-intfile floatimage.bin: is also the name for -floatfile"),
    (["-noisefile", "./image.pgm"], "-noisefile image.pgm: is also the name for -pgmfile"),
    (["-floatfile", "p.png", "--png", "p.png"], "--png p.png: is also the name for -floatfile"),
    (["--png", "p.pdf"], "p.pdf: the name of a preview ends in .png .jpg .jpeg .tif .tiff .gif .bmp .webp .pgm"),
    (["--png", "preview"], "preview: the name of a preview ends in .png"),
])  # fmt: skip
def test_wrong_usage_is_one_line_and_status_2_and_leaves_no_file(nbnumba, arguments, message):
    status, out, err = nbnumba(*FLAGS, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("nbnumba: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert files() == []


@pytest.mark.parametrize(("arguments", "message"), [
    (["-hkl", "none"], "none: can't be read: No such file"),
    (["-hkl", "folder"], "folder: can't be read: Is a directory"),
    (["-mat", "junk"], "junk: an orientation matrix needs nine numbers"),
    (["-img", "junk"], "junk: is no SMV image"),
    (["-dump", "junk"], "junk: is no structure-factor cache"),
    (["-floatfile", "none/f.bin"], "none/f.bin: the folder .*none does not exist"),
    (["-intfile", "folder"], "folder: is a folder"),
    (["-detpixels", "1000000"], "not enough memory: an image of 1000000 x 1000000 pixels needs 4e+03 GB"),
])  # fmt: skip
def test_a_file_that_fails_is_one_line_and_status_1_and_leaves_no_file(nbnumba, arguments, message):
    Path("folder").mkdir()
    Path("junk").write_bytes(b"\xffjunk\n")
    status, _, err = nbnumba(*FLAGS, *arguments)
    assert status == 1
    assert err.startswith("nbnumba: error: ")
    assert message.replace(".*", "") in err or all(part in err for part in message.split(".*"))
    assert err.count("\n") == 1
    assert files() == ["folder", "junk"]


def test_reflections_are_never_overwritten_by_the_cache_or_an_image(nbnumba):
    Path("F.hkl").write_text("0 0 0 100\n")
    for flag in ("-dump", "-floatfile", "-pgmfile"):
        status, _, err = nbnumba(*FLAGS, "-hkl", "F.hkl", flag, "F.hkl")
        assert status == 2
        assert err == f"nbnumba: error: {flag} F.hkl: would overwrite an input file; choose another one\n"
    assert Path("F.hkl").read_text() == "0 0 0 100\n"


SMV = "{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\nSIZE1=8;\nSIZE2=8;\n}\f"
INPUTS = {
    "-hkl": "F.hkl", "-mat": "A.mat", "-sourcefile": "s.txt", "-stol": "air.stol", "-mask": "m.img", "-img": "h.img",
}  # fmt: skip
OUTPUTS = ("-floatfile", "-intfile", "-pgmfile", "-noisefile", "-dump", "--png")


@pytest.fixture
def inputs():
    """One file for each flag that reads one; the images are measured ones."""
    for name in ("m.img", "h.img"):
        Path(name).write_bytes(SMV.encode().ljust(512) + bytes(range(128)))
    Path("F.hkl").write_text("0 0 0 100\n")
    Path("A.mat").write_text("0.01 0 0\n0 0.01 0\n0 0 0.01\n")
    Path("s.txt").write_text("-10 0 0 1 1e-10\n")
    Path("air.stol").write_text("0 2.5\n")
    return {path: path.read_bytes() for path in Path().iterdir()}


@pytest.mark.parametrize("flag", INPUTS)
@pytest.mark.parametrize("link", ["", "symbolic", "hard", "folder"])
def test_no_output_takes_the_place_of_an_input_under_any_name(nbnumba, inputs, flag, link):
    name = INPUTS[flag]
    {
        "": lambda: None,
        "symbolic": lambda: Path("link.png").symlink_to(name),
        "hard": lambda: Path("link.png").hardlink_to(name),
        "folder": lambda: Path("here").symlink_to("."),
    }[link]()
    target = {"": name, "folder": f"here/{name}"}.get(link, "link.png")
    for output in OUTPUTS:
        status, _, err = nbnumba(*FLAGS, *(word for pair in INPUTS.items() for word in pair), output, target)
        (message,) = [line for line in err.splitlines() if "warning" not in line]
        # an input has not the suffix of a picture
        refused = f"{output} {target}: would overwrite an input file; choose another one"
        if output == "--png" and not target.endswith(".png"):
            refused = f"{target}: the name of a preview ends in"
        assert status == 2
        assert message.startswith(f"nbnumba: error: {refused}")
    assert {path: path.read_bytes() for path in inputs} == inputs
    assert len(files()) == len(inputs) + bool(link)


def test_a_cache_that_is_read_is_not_overwritten_by_an_image(nbnumba):
    Path("F.hkl").write_text("0 0 0 100\n")
    assert nbnumba(*FLAGS, "-hkl", "F.hkl")[0] == 0
    before = Path("Fdump.bin").read_bytes()
    Path("link").hardlink_to("Fdump.bin")
    for name in ("Fdump.bin", "link"):
        status, _, err = nbnumba(*FLAGS, "-floatfile", name)
        assert (status, err.splitlines()[-1]) == (
            2, f"nbnumba: error: -floatfile {name}: is also the name for -dump; choose another one"
        )  # fmt: skip
    assert Path("Fdump.bin").read_bytes() == before


def test_simulated_images_that_serve_as_mask_or_header_are_replaced_by_new_ones_only(nbnumba):
    assert nbnumba(*FLAGS, "-nonoise", "-nopgm")[0] == 0
    before = Path("intimage.img").read_bytes()
    for output in ("-floatfile", "-pgmfile"):
        status, _, err = nbnumba(*FLAGS, "-img", "intimage.img", "-intfile", "new.img", output, "intimage.img")
        assert (status, "would overwrite an input file" in err) == (2, True)
    assert Path("intimage.img").read_bytes() == before
    for flag in ("-img", "-mask"):
        outputs = ["-noisefile", "intimage.img", "-intfile", "i.img"]
        assert nbnumba(*FLAGS, "-default_F", "7", flag, "intimage.img", *outputs)[0] == 0
        assert Path("intimage.img").read_bytes() != before


def test_a_working_folder_that_was_removed_is_one_line(nbnumba, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    status, out, err = nbnumba(*FLAGS)
    assert (status, out) == (2, "")
    assert err == (
        "nbnumba: error: the working folder can't be used (No such file or directory): change to one that exists\n"
    )
    monkeypatch.undo()


def test_a_link_that_leads_to_itself_is_one_line(nbnumba):
    Path("loop.bin").symlink_to("loop.bin")
    status, out, err = nbnumba(*FLAGS, "-floatfile", "loop.bin")
    assert (status, out) == (1, "")
    assert err == "nbnumba: error: loop.bin: can't be written: Too many levels of symbolic links\n"


@pytest.mark.parametrize("flag", INPUTS)
def test_input_without_end_is_refused_at_once(nbnumba, flag):
    status, _, err = nbnumba(*FLAGS, flag, "/dev/zero")
    (message,) = [line for line in err.splitlines() if "warning" not in line]
    assert (status, files()) == (1, [])
    assert message == (
        "nbnumba: error: /dev/zero: is a device, a pipe or a socket; write what it holds into a file first"
    )


def test_a_cache_beside_a_default_is_named(nbnumba):
    Path("F.hkl").write_text("0 0 0 100\n")
    assert nbnumba(*FLAGS, "-hkl", "F.hkl")[2] == ""
    assert nbnumba(*FLAGS)[2] == (
        "nbnumba: warning: cache read: the structure factors are those that an earlier run left in Fdump.bin, "
        "-default_F 100 counts outside them only; remove that file, or give another one behind -dump\n"
    )
    # whoever names it, or gives no other, means it
    assert nbnumba(*FLAGS, "-dump", "Fdump.bin")[2] == ""
    assert nbnumba(*FLAGS[:2], *FLAGS[4:])[2] == ""


def test_a_cache_is_read_again_without_being_written(nbnumba):
    Path("F.hkl").write_text("0 0 0 100\n")
    assert nbnumba(*FLAGS, "-hkl", "F.hkl")[0] == 0
    before = Path("Fdump.bin").stat().st_mtime_ns
    status, out, _ = nbnumba(*FLAGS)
    assert status == 0
    assert "structure factors   Fdump.bin\n" in out
    assert Path("Fdump.bin").stat().st_mtime_ns == before


def test_a_cache_that_can_not_be_written_is_only_a_warning(nbnumba):
    Path("F.hkl").write_text("0 0 0 100\n")
    status, _, err = nbnumba(*FLAGS, "-hkl", "F.hkl", "-dump", "none/cache")
    assert status == 0
    assert "nbnumba: warning: no structure-factor cache was written: none/cache" in err
    assert "floatimage.bin" in files()


# --- where output goes ----------------------------------------------------------------------------------------------


def test_images_go_through_devices_pipes_and_links(nbnumba):
    Path("link.bin").symlink_to("real.bin")
    os.mkfifo("pipe")
    arguments = ["-floatfile", "link.bin", "-intfile", "/dev/null", "-noisefile", "/dev/null", "-pgmfile", "pipe"]
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        assert nbnumba(*FLAGS, *arguments)[0] == 0
        assert reader.stdout.read().startswith(b"P5\n8 8\n")
    assert Path("link.bin").is_symlink()
    assert read_float_image("real.bin", (8, 8)).any()
    assert files() == ["link.bin", "pipe", "real.bin"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a device of Linux")
def test_a_full_disk_is_one_line_and_status_1(nbnumba):
    status, _, err = nbnumba(*FLAGS, "-intfile", "/dev/full")
    assert (status, err) == (1, "nbnumba: error: /dev/full: can't be written: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a device of Linux")
def test_files_are_written_although_nothing_can_be_printed():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*NBNUMBA, *FLAGS], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "nbnumba: error: standard output: No space left on device\n")
    assert files() == FILES


def test_a_reader_that_leaves_is_no_failure():
    command = [*NBNUMBA, *FLAGS, "-printout"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
    assert files() == FILES


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_streams_that_are_closed_are_no_failure(closed):
    command = shlex.join([*NBNUMBA, *FLAGS])
    assert subprocess.run(["sh", "-c", f"{command} {closed}"], capture_output=True).returncode == 0
    assert files() == FILES


def test_characters_that_the_terminal_lacks_are_no_failure():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [*NBNUMBA, *FLAGS, "-floatfile", "é.bin"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0
    assert "?.bin intimage.img" in done.stdout
    assert "é.bin" in files()


# --- progress -------------------------------------------------------------------------------------------------------


def test_progress_is_silent_without_a_terminal(nbnumba):
    assert nbnumba(*FLAGS)[2] == ""
    assert nbnumba(*FLAGS, "-noprogress")[2] == ""


@pytest.mark.parametrize(("flags", "shown"), [([], True), (["-noprogress"], False)])
def test_progress_shows_on_a_terminal_unless_it_is_refused(flags, shown):
    terminal, stderr = os.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    subprocess.run([*NBNUMBA, *FLAGS, *flags], stdout=subprocess.DEVNULL, stderr=stderr, check=True)
    # so that there is something to read in any case
    os.write(stderr, b"end\n")
    os.close(stderr)
    said = os.read(terminal, 1 << 16)
    os.close(terminal)
    assert (b"100%|" in said) == shown


def test_progress_can_be_asked_for_and_goes_to_stderr(nbnumba):
    _, out, err = nbnumba(*FLAGS, "-progress")
    assert "100%" in err
    assert "%|" not in out


def test_progress_advances_while_the_kernel_runs(nbnumba):
    slow = ["-detpixels", "1500", "-oversample", "2", "--engine", "reference"]
    _, _, err = nbnumba(*FLAGS, *slow, "-nonoise", "-progress")
    percents = [int(part.split("%")[0].split()[-1]) for part in err.split("\r") if "%" in part]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert any(0 < percent < 100 for percent in percents)


def test_images_equal_those_of_the_python_interface(nbnumba):
    from nbnumba import Crystal, Detector, Experiment, UnitCell, simulate

    assert nbnumba(*FLAGS)[0] == 0
    crystal = Crystal(unit_cell=UnitCell(100.0), default_F=100.0, cells=(3, 3, 3))
    detector = Detector(pixels_fast=8, pixels_slow=8)
    image = simulate(Experiment(crystal=crystal, detector=detector, physics="nanobragg")).image
    assert np.array_equal(read_float_image("floatimage.bin", (8, 8)), image)

"""nbnumba compare from the outside: two programs, a folder of results, an exit status. Both programs are stand-ins."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbnumba_cli.compare as command_module
import numpy as np
import pytest
from click.testing import CliRunner, Result
from golden import GOLDEN_DATA, golden_cases
from PIL import Image

from nbnumba.compare import pictures, runner
from nbnumba.compare.runner import nbnumba_command
from nbnumba.io.float_image import read_float_image, write_float_image

SHAPE = (24, 32)

PROGRAM = """#!{python}
import pathlib, struct, sys, time
args = sys.argv[1:]
slow, fast = {shape}
print("program", *args)
print("warning", file=sys.stderr)
{body}
def value(flag, default):
    return args[args.index(flag) + 1] if flag in args else default
header = "{{\\nHEADER_BYTES=512;\\nBYTE_ORDER=little_endian;\\nSIZE1=%d;\\nSIZE2=%d;\\n}}" % (fast, slow)
pixels = [{pixel} for n in range(slow * fast)]
pathlib.Path(value("-floatfile", "floatimage.bin")).write_bytes(struct.pack("%df" % len(pixels), *pixels))
pathlib.Path(value("-intfile", "intimage.img")).write_bytes(header.ljust(512).encode() + bytes(2 * len(pixels)))
"""


@dataclass
class Bench:
    """Two stand-in programs in a working folder of their own."""

    folder: Path
    runner: CliRunner = field(default_factory=CliRunner)

    def program(self, name: str, shape: tuple[int, int] = SHAPE, body: str = "", pixel: str = "100.0 + n") -> Path:
        """Write a program that prints its arguments and makes an image."""
        path = self.folder / name
        path.write_text(PROGRAM.format(python=sys.executable, shape=shape, body=body, pixel=pixel))
        path.chmod(0o755)
        return path

    def compare(self, *arguments: str) -> Result:
        """Run the command."""
        return self.runner.invoke(command_module.command, ["--outdir", "out", *arguments])

    def summary(self) -> dict:
        """What the command wrote as figures."""
        return json.loads((self.folder / "out" / "summary.json").read_text())

    def files(self) -> set[str]:
        """Names of the files of the bundle."""
        return {path.name for path in (self.folder / "out").iterdir()}


@pytest.fixture
def drawing_bench(tmp_path, monkeypatch) -> Bench:
    """Everything as users have it."""
    bench = Bench(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NB_C_BIN", raising=False)
    monkeypatch.setattr(runner, "nbnumba_command", lambda engine, options=(): [str(tmp_path / "ours")])
    bench.program("nanoBragg")
    bench.program("ours")
    return bench


@pytest.fixture
def bench(drawing_bench, monkeypatch) -> Bench:
    """Empty files in place of pictures, which take most of the time."""
    for name in ("draw_preview", "draw_difference"):
        monkeypatch.setattr(pictures, name, lambda path, *_: path.touch())
    return drawing_bench


ALWAYS = {"c.bin", "py.bin", "c_stdout.txt", "c_stderr.txt", "py_stdout.txt", "py_stderr.txt", "c.png", "py.png",
          "diff.png", "commands.sh", "summary.json", "summary.md"}  # fmt: skip


def test_equal_images_are_good_and_everything_is_kept(bench):
    result = bench.compare("--", "-cell", "100", "-N", "5")
    assert result.exit_code == 0, result.output
    assert bench.files() == ALWAYS
    summary = bench.summary()
    assert summary["verdict"] == "good"
    assert summary["metrics"]["different"] == 0
    assert [run["command"][1:] for run in summary["runs"]] == [["-cell", "100", "-N", "5"]] * 2
    assert all(run["seconds"] > 0.0 for run in summary["runs"])
    out = bench.folder / "out"
    assert (out / "c_stdout.txt").read_text() == "program -cell 100 -N 5\n"
    assert (out / "py_stderr.txt").read_text() == "warning\n"
    assert (out / "commands.sh").read_text().splitlines()[0].endswith("nanoBragg -cell 100 -N 5")
    assert np.array_equal(read_float_image(out / "c.bin", SHAPE), read_float_image(out / "py.bin", SHAPE))


def test_images_below_the_threshold_end_with_3_and_the_figures_say_why(bench):
    bench.program("ours", pixel="100.0 + n if n != 70 else 171.0")
    result = bench.compare("--save-diff", "--", "-N", "5")
    assert result.exit_code == 3
    metrics = bench.summary()["metrics"]
    assert (metrics["different"], metrics["max_absolute"], metrics["worst_pixel"]) == (1, 1.0, [2, 6])
    assert "NOT MET" in result.output
    difference = read_float_image(bench.folder / "out" / "diff.bin", SHAPE)
    assert np.argwhere(difference).tolist() == [[2, 6]]


def test_the_user_chooses_the_threshold(bench):
    bench.program("ours", pixel="100.0 + n if n != 70 else 171.0")
    assert bench.compare("--threshold", "0.999", "--", "-N", "5").exit_code == 0
    assert bench.compare("--threshold", "bits=20", "--threshold", "relative=0.01", "--", "-N", "5").exit_code == 0
    assert bench.compare("--threshold", "bits=20", "--threshold", "relative=0.001", "--", "-N", "5").exit_code == 3


def test_a_region_leaves_other_pixels_out(bench):
    bench.program("ours", pixel="100.0 + n if n != 70 else 171.0")
    assert bench.compare("--roi", "0", "31", "3", "23", "--", "-N", "5").exit_code == 0
    assert bench.summary()["region_slow_fast"] == {"first": [3, 0], "shape": [21, 32]}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--peaks", "0", "--", "-N", "5"),
        ("--no-such-option",),
        ("--threshold", "looks=1", "--", "-N", "5"),
        ("--png-scale", "200", "--", "-N", "5"),
        ("--shape", "4", "4", "--", "-N", "5"),
        ("--roi", "90", "99", "0", "9", "--", "-N", "5"),
        ("--images", "a.bin", "b.bin", "--trace", "1", "2"),
        ("--images", "a.bin", "b.bin", "--", "-N", "5"),
        ("--c-bin", "./missing", "--", "-N", "5"),
        ("--", "-N", "5", "--engine", "cuda"),
    ],
)
def test_wrong_usage_ends_with_1_and_one_line_of_reason(bench, arguments):
    result = bench.compare(*arguments)
    assert result.exit_code == 1
    assert result.stderr.strip()
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit('no such flag')", "ended with status 1: no such flag"),
        ("time.sleep(30)", "ran longer than 1 s"),
        ("sys.exit(0)", "wrote no readable image"),
    ],
)
def test_a_program_that_fails_ends_with_2_and_its_output_is_kept(bench, body, reason):
    bench.program("ours", body=body)
    result = bench.compare("--timeout", "1", "--", "-N", "5")
    assert result.exit_code == 2
    assert reason in bench.summary()["runs"][1]["failure"]
    assert bench.files() == ALWAYS - {"py.bin", "c.png", "py.png", "diff.png"}
    assert (bench.folder / "out" / "py_stdout.txt").exists()


def test_a_time_that_includes_compilation_says_so(bench):
    bench.program("ours", body="print('nbnumba: compiling kernels, up to half a minute', file=sys.stderr)")
    assert "compiling kernels, which the next run need not" in bench.compare("--", "-N", "5").output
    assert [run["compiled_kernels"] for run in bench.summary()["runs"]] == [False, True]


def test_files_of_an_earlier_comparison_do_not_stay(bench):
    bench.compare("--save-diff", "--", "-N", "5")
    bench.program("ours", body="sys.exit(3)")
    bench.compare("--", "-N", "5")
    assert not bench.files() & {"diff.bin", "diff.png", "py.bin"}


def test_different_shapes_end_with_4_unless_resampled(bench):
    bench.program("ours", shape=(48, 64), pixel="100.0 + n // 2 % 32 + n // 128 * 32")
    result = bench.compare("--", "-N", "5")
    assert result.exit_code == 4
    assert "resample the second" in result.output
    assert bench.compare("--resample", "--", "-N", "5").exit_code == 0


def test_a_folder_that_cannot_be_written_ends_with_5(bench):
    (bench.folder / "out").write_text("a file")
    result = bench.compare("--", "-N", "5")
    assert result.exit_code == 5
    assert "out: can't be written" in result.stderr


def test_a_folder_that_takes_no_files_is_refused_before_a_program_runs(bench):
    for name in ("nanoBragg", "ours"):
        bench.program(name, body="sys.exit('it ran')")
    (bench.folder / "out").write_text("a file")
    result = bench.compare("--", "-N", "5")
    assert result.exit_code == 5
    assert "it ran" not in result.output


def test_images_of_an_earlier_comparison_are_not_removed_by_the_next(bench):
    bench.compare("--", "-N", "5")
    images = [str(bench.folder / "out" / name) for name in ("c.bin", "py.bin")]
    before = [Path(image).read_bytes() for image in images]
    shape = ("--shape", *map(str, SHAPE))
    result = bench.compare("--images", *images, *shape)
    assert result.exit_code == 1
    assert "c.bin: the comparison would take its place in " in result.stderr
    assert [Path(image).read_bytes() for image in images] == before
    elsewhere = bench.runner.invoke(command_module.command, ["--images", *images, *shape, "--outdir", "elsewhere"])
    assert elsewhere.exit_code == 0


@pytest.mark.parametrize(("name", "content", "message"), [
    ("b.tif", b"II*\0", "b.tif: is no TIFF image or is damaged"),
    ("b.tif", b"", "b.tif: is no TIFF image or is damaged"),
    ("b.img", b"{\nHEADER_BYTES=9e9;\n}", "b.img: the header is cut off or says a wrong HEADER_BYTES"),
    ("b.img", b"{\nHEADER_BYTES=512;\nSIZE1=4;\nSIZE2=3;\nTYPE=mad;\n}".ljust(600), "b.img: .* pixels of type 'mad'"),
    ("b.img", b"\0" * 600, "b.img: is no SMV image"),
    ("b.bin", b"\0" * 47, "b.bin: 3 x 4 .* pixels are 48 bytes, the file has 47"),
])  # fmt: skip
def test_a_damaged_image_ends_with_5_and_a_line_that_names_it(bench, name, content, message):
    write_float_image("a.bin", np.ones((3, 4), dtype=np.float32))
    Path(name).write_bytes(content)
    result = bench.compare("--images", "a.bin", name, "--shape", "3", "4")
    assert result.exit_code == 5
    assert re.match(f"nbnumba compare: {message}", result.stderr)
    assert result.stderr.count("\n") == 1
    assert not (bench.folder / "out").exists()


def test_the_c_program_comes_from_the_option_the_environment_or_this_folder(bench, monkeypatch):
    (bench.folder / "bin").mkdir()
    bench.program("bin/other")
    monkeypatch.setenv("NB_C_BIN", str(bench.folder / "bin" / "other"))
    bench.compare("--", "-N", "5")
    assert bench.summary()["reference"] == "other"
    bench.compare("--c-bin", "./nanoBragg", "--", "-N", "5")
    assert bench.summary()["reference"] == "nanoBragg"


def test_input_files_are_found_and_output_stays_out_of_the_current_folder(bench):
    (bench.folder / "sub").mkdir()
    (bench.folder / "sub" / "a.hkl").write_text("0 0 0 7\n")
    (bench.folder / "mine.bin").write_text("precious")
    body = "print(pathlib.Path(args[1]).read_text().strip(), pathlib.Path(args[5]).read_text())\n"
    body += "pathlib.Path(args[5]).write_text('new')"
    (bench.folder / "cache").write_text("old")
    for name in ("nanoBragg", "ours"):
        bench.program(name, body=body)
    before = {path.name for path in bench.folder.iterdir()}
    # other spellings, as nanoBragg reads them
    result = bench.compare("--", "-hkl", "sub/a.hkl", "-floatimages", "mine.bin", "-dumpfile", "cache")
    assert result.exit_code == 0, result.output
    assert (bench.folder / "mine.bin").read_text() == "precious"
    assert (bench.folder / "cache").read_text() == "old"
    assert {path.name for path in bench.folder.iterdir()} == before | {"out"}
    assert (bench.folder / "out" / "py_stdout.txt").read_text().splitlines()[1] == "0 0 0 7 old"


def test_traces_of_both_programs_are_compared(bench):
    for name, prefix, value in (("nanoBragg", "TRACE_C", 7), ("ours", "TRACE_PY", 8)):
        bench.program(name, body=f"print('{prefix}: pixel', *args[-2:])\nprint('{prefix}: F_cell {value}')")
    result = bench.compare("--trace", "3", "4", "--", "-N", "5")
    assert result.exit_code == 0  # the verdict is about images
    assert bench.files() == ALWAYS | {"trace_c.log", "trace_py.log", "trace_diff.txt"}
    out = bench.folder / "out"
    assert (out / "trace_c.log").read_text() == "TRACE_C: pixel 3 4\nTRACE_C: F_cell 7\n"
    assert "First divergence: F_cell, line 2 of A, line 2 of B" in (out / "trace_diff.txt").read_text()
    assert "diverge: 1 pairs differ" in bench.summary()["trace"]


RECORDING = """#!{python}
import pathlib, shutil, sys
import tifffile
assert sys.argv[1:] == {arguments}, sys.argv
sys.stdout.write(pathlib.Path({log!r}).read_text())
tifffile.imread({image!r}).tofile("floatimage.bin")
pathlib.Path("intimage.img").write_bytes({header!r}.encode() + bytes({pixels} * 2))
"""


def test_nbnumba_itself_meets_the_golden_image_and_trace(bench, monkeypatch):
    (case,) = (case for case in golden_cases() if case.name == "shape_gauss")
    (pixel,) = case.traced_pixels
    arguments = [*case.args, "-nonoise", "-trace_pixel", *map(str, pixel)]
    header = (case.header + "\f").ljust(512)
    program = bench.folder / "nanoBragg"
    program.write_text(RECORDING.format(
        python=sys.executable, arguments=arguments, log=str(case.trace_file(*pixel)), header=header,
        image=str(GOLDEN_DATA / case.name / "image.tif"), pixels=case.shape[0] * case.shape[1],
    ))  # fmt: skip
    monkeypatch.setattr(runner, "nbnumba_command", nbnumba_command)
    result = bench.compare("--trace", *map(str, pixel), "--", *case.args, "-nonoise")
    assert result.exit_code == 0, result.output
    lines = case.trace_file(*pixel).read_text().count("\n")
    assert bench.summary()["trace"] == f"{lines} pairs of trace lines agree"
    assert bench.summary()["verdict"] == "good"


def test_a_program_that_cannot_trace_is_named(bench):
    bench.program("ours", body="print('TRACE_PY: pixel 3 4')")
    assert bench.compare("--trace", "3", "4", "--", "-N", "5").exit_code == 0
    assert bench.summary()["trace"].startswith("nanoBragg printed no trace line")
    assert bench.files() == ALWAYS | {"trace_py.log", "trace_diff.txt"}


def test_existing_images_are_compared_without_running_anything(bench):
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    write_float_image("a.bin", image)
    write_float_image("b.bin", image + 1)
    assert bench.compare("--images", "a.bin", "a.bin", "--shape", "3", "4").exit_code == 0
    assert bench.files() == {"c.png", "py.png", "diff.png", "summary.json", "summary.md"}
    assert bench.compare("--images", "a.bin", "b.bin", "--shape", "3", "4").exit_code == 3
    assert bench.compare("--images", "a.bin", "b.bin").exit_code == 1
    assert bench.compare("--images", "a.bin", "missing.bin", "--shape", "3", "4").exit_code == 5
    assert bench.compare("--images", "a.bin", "b.bin", "--shape", "9", "4").exit_code == 5


def test_pictures_are_drawn_of_both_images_and_their_difference(drawing_bench):
    assert drawing_bench.compare("--", "-N", "5").exit_code == 0
    for name in ("c.png", "py.png", "diff.png"):
        picture = np.asarray(Image.open(drawing_bench.folder / "out" / name).convert("L"))
        assert min(picture.shape) > 500
        assert np.unique(picture).size > 20


def test_the_map_of_differences_shows_one_pixel_of_a_large_image_in_the_colour_of_its_sign(drawing_bench):
    bench = drawing_bench
    image = np.zeros((1500, 1200), dtype=np.float32)
    image[300:320, 300:320] = 1e6
    other = image.copy()
    other[310, 310] *= np.float32(1.0 + 2.0**-23)
    write_float_image("a.bin", image)
    write_float_image("b.bin", other)
    arguments = ("--images", "a.bin", "b.bin", "--shape", "1500", "1200", "--png-scale", "99.5")
    assert bench.compare(*arguments).exit_code == 0

    def reddest() -> int:
        red, green, blue = np.moveaxis(np.asarray(Image.open("out/diff.png").convert("RGB")).astype(int), 2, 0)
        height, width = red.shape
        left = slice(0, int(0.4 * width))  # the left panel without its colour bar
        return int(((red - green > 100) & (red - blue > 100))[:, left].sum())

    with_difference = reddest()
    write_float_image("b.bin", image)
    bench.compare(*arguments)
    assert with_difference > 4
    assert reddest() == 0

"""Small inputs that went wrong once: what the commands say of each, and how they end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from golden import GOLDEN_DATA
from nbnumba_cli.main import run

from nbnumba.errors import InputFileError
from nbnumba.flags import interpret
from nbnumba.io.tiff import read_tiff, write_tiff
from nbnumba.output.report import setup_lines
from nbnumba.setup.lowering import lower

CASES = GOLDEN_DATA / "cases"
FLAGS = ["-cell", "40", "50", "60", "-default_F", "10", "-N", "3", "-detpixels", "64", "-seed", "1"]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """An empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("flag", "name", "message"), [
    ("-hkl", "five_columns.hkl",
     "line 1 holds 5 numbers, '-6 -6 -6 131 12'; a reflection is four, h k l F: leave other columns out"),
    ("-hkl", "missing_F_4_lines.hkl",
     "line 41 holds 3 numbers, '-1 1 -2'; a reflection is four, h k l F: some are missing"),
    ("-sourcefile", "spectrum_two_columns.src",
     "line 1: 2 columns; a source is a line of five columns X Y Z weight wavelength(m), of which weight and wavelength "
     "may be missing"),
    ("-sourcefile", "spectrum_angstrom.src",
     "line 1: the wavelength must be in metres: 1.27 m are no X-rays, 1.27 Å are 1.27e-10"),
    ("-mat", "nan.mat", "line 1: x of a* is not a number"),
    ("-mat", "sing.mat", "the three reciprocal axes, the columns of this matrix, lie in a plane"),
])  # fmt: skip
def test_what_can_not_be_meant_is_one_line_and_status_1(capsys, flag, name, message):
    assert run([*FLAGS, flag, str(CASES / name)]) == 1
    assert capsys.readouterr().err == f"nbnumba: error: {CASES / name}: {message}\n"
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("flag", ["-hkl", "-sourcefile", "-mat", "-mask", "-img", "-dump"])
def test_junk_is_one_short_printable_line_and_status_1(capsys, flag):
    assert run([*FLAGS, flag, str(CASES / "sources_junk.bin")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"nbnumba: error: {CASES / 'sources_junk.bin'}: ")
    assert said[:-1].isprintable()
    assert len(said) < len(str(CASES)) + 200


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.glob("damaged_*.tif")))
def test_a_damaged_tiff_image_is_one_line_of_compare_and_status_5(capsys, name):
    write_tiff("good.tif", np.ones((4, 5), dtype=np.float32))
    with pytest.raises(InputFileError, match=name):
        read_tiff(CASES / name)
    with pytest.raises(SystemExit) as end:
        run(["compare", "--images", "good.tif", str(CASES / name)])
    assert end.value.code == 5
    said = capsys.readouterr().err
    assert said.startswith(f"nbnumba compare: {CASES / name}: is ")
    assert "damaged: " in said
    assert said.count("\n") == 1
    assert list(Path().iterdir()) == [Path("good.tif")]


def test_32_bit_masks_hide_what_16_bit_ones_do():
    masks = [
        interpret([*FLAGS[:-4], "-mask", str(CASES / f"mask_{kind}.img")]).experiment.detector.mask
        for kind in ("long_integer", "plain")
    ]
    assert (masks[0] == 0).sum() == 1536
    assert np.array_equal(masks[0] != 0, masks[1] != 0)


def test_line_ends_of_windows_are_no_part_of_the_last_column():
    sources = interpret([*FLAGS, "-sourcefile", str(CASES / "sources_crlf.txt")]).experiment.beam.sources
    # Å, of 1e-10 m; the second line ends behind its third column
    assert np.array_equal(sources[:, :5], [[-10, 0.01, 0, 1, 1], [-10, -0.01, 0, np.nan, np.nan]], equal_nan=True)


@pytest.mark.parametrize(("name", "text"), [
    ("asu.hkl", "301 reflections, 0 Friedel pairs"),
    # 13 x 13 x 13 indices about 0 0 0
    ("p1.hkl", f"2197 reflections, {(13**3 - 1) // 2} Friedel pairs"),
])
def test_the_friedel_pairs_of_a_list_are_a_line_of_the_report(name, text):
    request = interpret([*FLAGS, "-hkl", str(CASES / name)])
    assert f"P1 list             {text}" in setup_lines(lower(request.experiment), request.inputs)


def test_a_cache_has_no_such_line():
    from nbnumba.io.fdump import write_fdump
    from nbnumba.io.hkl import read_hkl

    write_fdump(Path("Fdump.bin"), read_hkl(CASES / "asu.hkl"))
    lines = setup_lines(lower(interpret([*FLAGS, "-dump", "Fdump.bin"]).experiment))
    assert not any(line.startswith("P1 list") for line in lines)

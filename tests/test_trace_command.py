"""nbnumba trace and -trace_pixel from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from nbnumba_cli.main import run

from nbnumba.io.float_image import read_float_image

FLAGS = ["-cell", "70", "80", "90", "-N", "3", "-default_F", "10", "-lambda", "1", "-detpixels", "16"]
"""A crystal in the beam of a small detector."""


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _trace(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("TRACE_PY: ")]


def test_the_trace_of_a_pixel_is_all_that_is_printed_and_no_file_is_written(tmp_path, capsys):
    assert run(["trace", "3", "4", "--", *FLAGS]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert _trace("\n".join(lines)) == lines
    assert "TRACE_PY: pixel 3 4" in lines
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "status", "message"), [
    ("A.mat", 2, "--json A.mat: would overwrite an input file; choose another one"),
    ("none/t.json", 1, "none does not exist; create it first"),
])
def test_taps_are_not_computed_for_a_file_that_can_not_be_written(capsys, monkeypatch, name, status, message):
    Path("A.mat").write_text("0.01 0 0\n0 0.01 0\n0 0 0.01\n")
    monkeypatch.setattr("nbnumba.trace.record.record_pixels", None)
    assert run(["trace", "3", "4", "--taps", "f_cell", "--json", name, "--", *FLAGS, "-mat", "A.mat"]) == status
    assert message in capsys.readouterr().err
    assert Path("A.mat").read_text().startswith("0.01")


def test_pixels_are_traced_alike_on_the_way_to_an_image(capsys):
    assert run([*FLAGS, "-trace_pixel", "3", "4", "-trace_pixel", "0", "15", "-nonoise"]) == 0
    simulated = _trace(capsys.readouterr().out)
    assert run(["trace", "3", "4", "--", *FLAGS, "-trace_pixel", "0", "15"]) == 0
    assert capsys.readouterr().out.splitlines() == simulated
    assert [line for line in simulated if " pixel " in line] == ["TRACE_PY: pixel 3 4", "TRACE_PY: pixel 0 15"]
    # what holds for the image is said once
    assert sum(" beam_vector " in line for line in simulated) == 1
    final = [float(line.split()[-1]) for line in simulated if " floatimage_accumulated " in line]
    image = read_float_image("floatimage.bin", (16, 16))
    np.testing.assert_allclose(final, [image[3, 4], image[0, 15]], rtol=1e-6)  # two units in a float32's last place


def test_taps_are_printed_alone_or_written_beside_the_trace(tmp_path, capsys):
    assert run(["trace", "3", "4", "--taps", "intensity,f_cell", "--", *FLAGS]) == 0
    printed = capsys.readouterr().out
    taps = json.loads(printed)
    assert list(taps) == ["pixel", "intensity", "f_cell"]
    assert run(["trace", "3", "4", "--taps", "intensity,f_cell", "--json", "taps.json", "--", *FLAGS]) == 0
    assert (tmp_path / "taps.json").read_text() == printed
    final = _trace(capsys.readouterr().out)[-1]
    assert float(final.split()[-1]) == pytest.approx(taps["intensity"]["floatimage"], rel=1e-14)
    assert run(["trace", "3", "4", "--taps", "f_cell", "--", *FLAGS, "-trace_pixel", "5", "6"]) == 0
    assert [entry["pixel"] for entry in json.loads(capsys.readouterr().out)] == [[3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["16", "4", "--", *FLAGS], "outside the region of interest, slow 0 to 15, fast 0 to 15"),
        (["-1", "4", "--", *FLAGS], "outside the region of interest"),
        (["3", "4", "--", *FLAGS, "-roi", "8", "9", "2", "5"], "slow 2 to 5, fast 8 to 9"),
        (["3", "4", "--", *FLAGS, "-trace_pixel", "3", "16"], "trace pixel 3 16 (slow fast): this pixel lies outside"),
        (["3", "--", *FLAGS], "FAST"),
        (["3", "4", "--", *FLAGS, "-nosuchflag"], "unknown flag -nosuchflag"),
        (["3", "4", "--taps", "f_cell,F", "--", *FLAGS], "unknown tap 'F'"),
        (["3", "4", "--json", "taps.json", "--", *FLAGS], "--json writes taps: name them with --taps"),
    ],
)
def test_wrong_usage_is_one_line_and_nothing_is_written(tmp_path, capsys, arguments, message):
    assert run(["trace", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert len([line for line in captured.err.splitlines() if "compiling" not in line]) == 1
    assert list(tmp_path.iterdir()) == []

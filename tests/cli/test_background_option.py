"""--background: materials by name and by table, in every file of the run, and one line for what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nbnumba import Background, RadialCurve, simulate
from nbnumba.flags import interpret
from nbnumba.io.float_image import read_float_image

FLAGS = ["-cell", "50", "-default_F", "100", "-N", "3", "-detpixels", "24", "-pixel", "2", "-distance", "60",
         "-oversample", "1", "-fluence", "1e20", "-nonoise", "-nopgm"]  # fmt: skip
OIL = "# Q F\n0 5\n2 8\n4 6\n8 2\n"


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """A folder with a table."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oil.dat").write_text(OIL, encoding="utf-8")
    (tmp_path / "bare.dat").write_text(OIL.partition("\n")[2], encoding="utf-8")


def expected(*materials: Background) -> np.ndarray:
    """The library's image."""
    return simulate(replace(interpret(FLAGS).experiment, background=materials), "cpu").image


def oil(beyond: str = "constant") -> Background:
    q = np.array([0.0, 2.0, 4.0, 8.0])
    return Background(RadialCurve(q / (4.0 * np.pi), [5.0, 8.0, 6.0, 2.0], beyond), 0.05, 0.9, 14.0)


@pytest.mark.parametrize(("options", "materials"), [
    (["--background", "water:100um, air:5 mm"], (Background.water(0.1), Background.air(5.0))),
    (["--background", "water:0.1", "--background", "air:0.5cm"], (Background.water(0.1), Background.air(5.0))),
    (["--background", "oil.dat:50um:0.9:14"], (oil(),)),
    (["--background", "bare.dat:50um:0.9:14:Q:constant,water:1nm"], (oil(), Background.water(1e-6))),
])  # fmt: skip
def test_files_hold_spots_and_materials(inside, nbnumba, options, materials):
    status, said, _ = nbnumba(*FLAGS, *options)
    assert status == 0
    assert np.array_equal(read_float_image("floatimage.bin", (24, 24)), expected(*materials))
    assert said.count("g/mol") == len(materials)


def test_without_the_option_nothing_changes(inside, nbnumba):
    status, said, _ = nbnumba(*FLAGS)
    assert status == 0
    assert np.array_equal(read_float_image("floatimage.bin", (24, 24)), expected())
    assert "g/mol" not in said


@pytest.mark.parametrize(("text", "complaint"), [
    ("water", "--background water: water needs its thickness along the beam and no more, as in water:100um"),
    ("water:1um:18", "--background water:1um:18: water needs its thickness along the beam and no more"),
    ("water:thin", "--background water:thin: the thickness must be a length, a number and nm, um, mm, cm or m, not"),
    ("water:0", "the thickness of --background must be a number above zero, not 0.0"),
    ("milk:1mm", "--background milk:1mm: 'milk' is neither air nor water nor a file; behind a file come thickness"),
    ("oil.dat:1mm:0.9", "--background oil.dat:1mm:0.9: behind a file come thickness, density (g/cm³) and molar mass"),
    ("oil.dat:1mm:x:14", "--background oil.dat:1mm:x:14: 'x' is not a number"),
    ("oil.dat:1mm:0:14", "the density of --background must be a number above zero, not 0.0"),
    ("bare.dat:1mm:1:14", "bare.dat: does not say what its abscissa is: give :stol, :4stol or :Q behind --background"),
    ("oil.dat:1mm:1:14:stol", "oil.dat: says that its abscissa is Q, not stol"),
    ("none.dat:1mm:1:14", "none.dat: can't be read"),
    ("bare.dat:1mm:1:14:stol:refuse", None),
    ("bare.dat:1mm:1:14:4stol:refuse", None),
    ("bare.dat:1um:1:14:Q:refuse,water:,", "--background water:: the thickness must be a length"),
    ("", "--background : a material is missing, as in water:100um,air:5mm"),
    ("oil.dat:1mm:1:14:q", "--background oil.dat:1mm:1:14:q: 'q' is none of stol, 4stol, Q, constant, refuse"),
])  # fmt: skip
def test_what_is_wrong_is_one_line(inside, nbnumba, text, complaint, tmp_path):
    before = set(tmp_path.iterdir())
    status, _, complained = nbnumba(*FLAGS, "--background", text)
    if complaint is None:
        assert status == 0
        return
    (line,) = complained.splitlines()
    # 1 for a file that can't be used
    assert status == (1 if ".dat: " in line else 2)
    assert line.startswith(f"nbnumba: error: {complaint}")
    assert set(tmp_path.iterdir()) == before


def test_pixels_beyond_a_curve_are_refused_by_choice(inside, nbnumba, tmp_path):
    (tmp_path / "short.dat").write_text("# stol\n0 1\n0.1 2\n", encoding="utf-8")
    assert nbnumba(*FLAGS, "--background", "short.dat:1mm:1:14")[0] == 0
    status, _, complained = nbnumba(*FLAGS, "--background", "short.dat:1mm:1:14:refuse")
    assert status == 2
    line = complained.splitlines()[-1]
    assert "pixels lie beyond the curve of a background, the first at slow 0, fast 0; extend the curve" in line
    assert line.endswith("or leave :refuse out: then its ends hold")


def test_a_table_is_not_overwritten(inside, nbnumba):
    status, _, complained = nbnumba(*FLAGS, "--background", "oil.dat:1mm:1:14", "-floatfile", "oil.dat")
    assert status == 2
    assert "oil.dat" in complained
    assert Path("oil.dat").read_text(encoding="utf-8") == OIL

"""--physics, --fix and --keep of every command that simulates, and what files and reports say of the physics."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from nbnumba_cli.main import run
from PIL import Image

from nbnumba import Physics
from nbnumba.config.physics import SWITCHES
from nbnumba.flags import interpret
from nbnumba.io.float_image import read_float_image
from nbnumba.io.smv import read_smv
from nbnumba.quirks import QUIRKS
from nbnumba.simulation import simulate

FLAGS = ["-cell", "70", "80", "90", "75", "85", "95", "-default_F", "100", "-N", "3", "-detpixels", "8", "-fluence",
         "1e25", "-water", "10", "-oversample", "1", "-seed", "1"]  # fmt: skip


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """An empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def nbnumba(capfd):
    """Runs the command; returns exit status, stdout and stderr without news of kernels."""

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = run(arguments)
        except SystemExit as ended:  # of compare
            status = ended.code
        said = capfd.readouterr()
        lines = [line for line in said.err.splitlines(keepends=True) if "compiling" not in line]
        return status, said.out, "".join(lines)

    return call


def image_of(physics: Physics) -> np.ndarray:
    return simulate(interpret(FLAGS, physics).experiment).image


@pytest.mark.parametrize(("options", "physics"), [
    ([], Physics("nanobragg")),
    (["--physics", "nanobragg"], Physics("nanobragg")),
    (["--physics", "exact"], Physics("exact")),
    (["--fix", "water,triclinic"], Physics("nanobragg", fix=["water", "triclinic"])),
    (["--fix", "water", "--fix=triclinic"], Physics("nanobragg", fix=["water", "triclinic"])),
    (["--physics", "exact", "--keep", "water, triclinic"], Physics("exact", keep=["water", "triclinic"])),
])  # fmt: skip
def test_options_choose_the_physics_of_the_image_and_every_output_says_which(nbnumba, options, physics):
    status, out, err = nbnumba("simulate", *FLAGS, *options, "--png", "p.png")
    assert status == 0
    assert np.array_equal(read_float_image("floatimage.bin", (8, 8)), image_of(physics))
    assert f"physics             {physics}\n" in out
    assert ("--fix water mends it" in err) == (physics.fixes == frozenset())
    text = read_smv("intimage.img").header.text
    assert re.findall(r"PHYSICS=(.*);", text) == ([] if physics.is_nanobraggs else [str(physics)])
    with Image.open("p.png") as picture:
        assert picture.text["Description"].endswith(f"physics: {physics}")


@pytest.mark.parametrize("command", ["simulate", "trace 0 0 --", "compare --c-bin /bin/true --"])
@pytest.mark.parametrize(("options", "message"), [
    (["--fix", "watre"], r"--fix names no quirk: 'watre'; did you mean water"),
    (["--fix", "water,phi"], r"--fix names no quirk: 'phi'; did you mean phi-carryover\?"),
    (["--fix", "oversample"], r"--fix names no quirk: 'oversample'; did you mean oversample-compound\?"),
    (["--fix", "xyzzy"], r"--fix names no quirk: 'xyzzy'; nbnumba quirks lists all"),
    (["--fix", ""], r"--fix names no quirk: ''"),
    (["--physics", "exact", "--keep", "Water"], r"--keep names no quirk: 'Water'; did you mean water"),
    (["--physics", "exact", "--fix", "water"], r"--fix goes with --physics nanobragg: exact physics has no quirk"),
    (["--keep", "water"], r"--keep goes with --physics exact: nanobragg physics keeps every quirk"),
    (["--physics", "newton"], r"'newton' is not one of 'nanobragg', 'exact'"),
])  # fmt: skip
def test_wrong_options_are_one_line_and_no_file(nbnumba, command, options, message):
    name, *rest = command.split()
    status, _, err = nbnumba(name, *options, *rest, *FLAGS)
    assert status == (1 if name == "compare" else 2)
    assert re.search(message, err), err
    assert err.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_seeds_by_the_clock_are_in_the_report_or_a_warning(nbnumba):
    flags = FLAGS[: FLAGS.index("-fluence")]
    _, out, err = nbnumba("simulate", *flags, "-misset", "random", "--physics", "exact")
    assert re.search(r"noise seed +\d{10}\n", out)
    assert re.fullmatch(
        r"nbnumba: warning: the random orientation comes from the clock; -misset_seed \d{10} gives it again\n", err
    )


# --- trace ----------------------------------------------------------------------------------------------------------


def test_a_trace_says_its_physics_where_it_is_not_nanobraggs(nbnumba):
    _, plain, _ = nbnumba("trace", "1", "2", "--", *FLAGS)
    _, exact, _ = nbnumba("trace", "1", "2", "--physics", "exact", "--", *FLAGS)
    _, mended, _ = nbnumba("trace", "--fix=water", "1", "2", "--", *FLAGS)
    assert "physics" not in plain
    assert exact.splitlines()[0] == "TRACE_PY: physics exact"
    assert mended.splitlines()[0] == "TRACE_PY: physics nanobragg, without water"
    # lines that nanoBragg has, too, stay in its order
    keys, others = ([line.split()[1] for line in out.splitlines()] for out in (plain, mended))
    assert others[1:30] == keys[:29]
    values = [float(re.search(r"floatimage_accumulated (\S+)", out)[1]) for out in (plain, exact, mended)]
    expected = [float(image_of(Physics(*physics))[1, 2]) for physics in
                (["nanobragg"], ["exact"], ["nanobragg", ["water"]])]  # fmt: skip
    # 15 digits are printed
    assert values == pytest.approx(expected, rel=1e-14)


# --- compare --------------------------------------------------------------------------------------------------------

FAKE_C = """#!/bin/sh
head -c 256 /dev/zero > floatimage.bin
printf '{\nHEADER_BYTES=512;\nSIZE1=8;\nSIZE2=8;\n}' > intimage.img
head -c 600 /dev/zero >> intimage.img
"""


def test_compare_runs_nbnumba_with_the_physics(nbnumba):
    Path("fake_c").write_text(FAKE_C)
    Path("fake_c").chmod(0o755)
    status, out, err = nbnumba("compare", "--c-bin", "./fake_c", "--physics", "exact", "--keep", "water", "--", *FLAGS)
    assert status == 3, (out, err)
    commands = Path("compare_output/commands.sh").read_text()
    assert "simulate --physics exact --keep water -cell 70" in commands
    assert np.array_equal(
        read_float_image("compare_output/py.bin", (8, 8)), image_of(Physics("exact", keep=["water"]))
    )


def test_compare_of_existing_images_refuses_a_physics(nbnumba):
    status, _, err = nbnumba("compare", "--images", "a.bin", "b.bin", "--fix", "water")
    assert status == 1
    assert "--images runs no program: leave out --fix" in err


# --- quirks ---------------------------------------------------------------------------------------------------------


def test_quirks_are_listed_with_everything_that_is_known(nbnumba):
    status, out, err = nbnumba("quirks")
    assert (status, err) == (0, "")
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if "│" in line]
    assert {row[0] for row in cells} - {""} == set(QUIRKS)
    assert max(map(len, out.splitlines())) == 120
    # each column read downwards holds the words of its entry
    told = " ".join(row[4] for row in cells)
    assert "case water_plain: 0.00794 times the right total" in " ".join(told.split())


def test_one_quirk_is_told_line_by_line(nbnumba):
    _, out, _ = nbnumba("quirks", "curved")
    told = dict(line.split("  ", 1) for line in out.splitlines())
    quirk = QUIRKS["curved"]
    assert {label: text.strip() for label, text in told.items()} == {
        "quirk": "curved", "programs": ", ".join(quirk.programs), "what C does": quirk.c_behaviour,
        "what is right": quirk.correct_behaviour, "how much": quirk.effect,
    }  # fmt: skip


def test_quirks_are_json_for_programs(nbnumba):
    everything = json.loads(nbnumba("quirks", "--json")[1])
    assert [entry["name"] for entry in everything] == list(QUIRKS)
    assert {entry["name"] for entry in everything if "nanoBragg" in entry["programs"]} == set(SWITCHES)
    assert json.loads(nbnumba("quirks", "water", "--json")[1]) == everything[list(QUIRKS).index("water")]


def test_an_unknown_quirk_is_an_error_with_the_nearest(nbnumba):
    status, out, err = nbnumba("quirks", "fence")
    assert (status, out) == (2, "")
    assert err == "nbnumba: error: there is no quirk 'fence'; did you mean thick-fencepost?\n"


def test_a_quirk_of_another_program_is_no_switch(monkeypatch):
    from nbnumba.config.physics import check_switch
    from nbnumba.config.rules import UnfitError
    from nbnumba.quirks import Quirk

    monkeypatch.setitem(QUIRKS, "psf-wrap", Quirk("psf-wrap", "a", "b", ("noisify",)))
    with pytest.raises(UnfitError, match="names a quirk of noisify, not of nanoBragg: 'psf-wrap'"):
        check_switch("psf-wrap")

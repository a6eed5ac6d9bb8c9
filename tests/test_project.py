"""The project as a package: what is installed is what lies in the repository."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from golden import ROOT, golden_cases, input_file
from nbnumba_cli.main import run
from scipy import ndimage

from nbnumba.io import read_image
from nbnumba.io.smv import read_smv
from nbnumba.quirks import QUIRKS


@pytest.fixture(scope="module")
def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_every_package_folder_is_installed(setup_cfg):
    folders = {path.parent.relative_to(ROOT) for top in ("nbnumba", "cli") for path in (ROOT / top).rglob("*.py")}
    names = {".".join(("nbnumba_cli" if part == "cli" else part) for part in folder.parts) for folder in folders}
    assert set(setup_cfg["options"]["packages"].split()) == names


def test_every_file_of_tests_has_a_name_of_its_own():
    # pytest imports them by that name alone
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, number in names.items() if number > 1] == []


def test_the_golden_data_hold_all_72_cases():
    assert len(golden_cases()) == 72


def test_every_golden_input_and_trace_is_in_the_repository():
    for case in golden_cases():
        assert all(input_file(name).is_file() for name in case.inputs)
        assert all(case.trace_file(*pixel).is_file() for pixel in case.traced_pixels)


@pytest.mark.parametrize("module", ["nbnumba", "nbnumba.flags", "nbnumba_cli.main"])
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*{{'numpy', 'numba', 'scipy', 'matplotlib'}} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []


def test_every_quirk_that_code_and_documents_name_is_in_the_registry():
    sources = [*(ROOT / "nbnumba").rglob("*.py"), *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    named = {
        name
        for path in sources
        for name in re.findall(r"\(?[Qq]uirk[s:]? `{1,2}([a-z-]+)`", path.read_text(encoding="utf-8"))
    }
    assert named
    assert named <= set(QUIRKS)


def test_the_registry_names_all_quirks_of_each_program():
    def quirks_of(program):
        return {name for name, quirk in QUIRKS.items() if program in quirk.programs}

    assert quirks_of("nanoBragg") == {
        "pivot", "pix0", "triclinic", "misset-random", "interp-sticky", "interp-size", "phi-carryover", "weights",
        "curved", "point-pixel", "oversample-compound", "last-layer", "water", "long-header", "thick-fencepost",
        "layer-front", "xclose-ignored", "twotheta-header", "first-subpixel", "gauss-radius",
    }  # fmt: skip
    assert quirks_of("noisify") == {
        "shared-table", "calibration-not-static", "calibration-default", "flicker-per-pixel", "psf-wrap", "psf-edge",
        "psf-int", "psf-poisson", "truncate", "negative-wrap", "int32-clip", "guess", "detsize", "header-type",
        "negative-mean", "gauss-regime",
    }  # fmt: skip
    assert quirks_of("nonBragg") == {
        "ceil", "orgx", "beam-default", "stol-extrapolation", "stol-comment", "stol-unsorted", "lagrange-overshoot",
        "negative-photons", "negative-solid-angle", "weights-sum", "omega-sum", "rmsd-shift", "img-mean", "nopgm",
        "thick-word", "no-sensor", "sample-absorption", "curved", "point-pixel", "twotheta-header",
    }  # fmt: skip
    for name, quirk in QUIRKS.items():
        assert quirk.name == name
        assert quirk.c_behaviour != quirk.correct_behaviour


def test_the_readmes_example_prints_what_it_says(capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = readme.split("```python\n")[1].split("```")[0]
    (printing,) = [line for line in code.splitlines() if line.startswith("print(")]
    exec(code, {})
    assert capsys.readouterr().out.strip() == printing.split("# ")[1].strip()


def test_every_link_of_the_documents_leads_to_a_file():
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            # what the site makes of code is checked where it is built
            if not target.startswith(("http", "gallery/", "generated/")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def demo_flags() -> list[str]:
    """What `make demo` runs."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("$(BIN)/nbnumba -mat ")[1].split("\n\t@echo")[0]
    return shlex.split("-mat " + recipe.replace("\\\n", " ").replace("$(ER1)", str(ROOT / "nbnumba" / "data" / "er1")))


def test_the_demo_warns_of_nothing_and_its_images_show_spots(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo_output").mkdir()
    # a thirtieth of the detector, beside the direct beam
    assert run([*demo_flags(), "-roi", "780", "1059", "480", "759"]) == 0
    assert "warning" not in capsys.readouterr().err
    window = slice(480, 760), slice(780, 1060)
    counts = read_image("demo_output/er1.img").images
    assert np.array_equal(read_image("demo_output/er1.nxs").images.squeeze(), counts)
    # one unit a photon, and an offset of 40
    for values in (counts, read_smv("demo_output/er1_photons.img").data):
        photons = values[window].astype(int) - 40
        # water that is seen, and spots that stand out by seven times its noise
        assert 100 < np.median(photons) < 300
        assert ndimage.label(photons - ndimage.median_filter(photons, 21) >= 100)[1] > 10

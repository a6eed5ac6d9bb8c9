"""The project as a package: what is installed is what lies in the repository."""

from __future__ import annotations

import configparser
import subprocess
import sys

import pytest
from golden import ROOT, golden_cases, input_file


@pytest.fixture(scope="module")
def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_every_package_folder_is_installed(setup_cfg):
    folders = {path.parent.relative_to(ROOT) for top in ("nbnumba", "cli") for path in (ROOT / top).rglob("*.py")}
    names = {".".join(("nbnumba_cli" if part == "cli" else part) for part in folder.parts) for folder in folders}
    assert set(setup_cfg["options"]["packages"].split()) == names


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

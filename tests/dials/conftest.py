"""DIALS, where it is installed: Debian's package or the program's own distribution."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PYTHONS = ("dials.python", "dxtbx.python")
"""Interpreters that find dxtbx."""

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all of it without DIALS."""
    if _interpreter() is None or shutil.which("dials.index") is None:
        reason = "DIALS is not installed (on Debian: apt-get install dials)"
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


def _interpreter() -> str | None:
    return next(filter(None, map(shutil.which, PYTHONS)), None)


def _run(command: list[str], folder: Path) -> str:
    """What a program of DIALS prints. It has a Python of its own, which must not see ours."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}"
    return run.stdout


@pytest.fixture
def dials(tmp_path) -> Callable[..., str]:
    """Runs a program of DIALS in an empty folder."""
    return lambda *command: _run([str(word) for word in command], tmp_path)


@pytest.fixture
def dxtbx(tmp_path) -> Callable[..., list[dict[str, Any]]]:
    """What dxtbx makes of files, in an empty folder."""

    def read(*paths: object) -> list[dict[str, Any]]:
        command = [str(_interpreter()), str(HERE / "read_with_dxtbx.py"), *(str(path) for path in paths)]
        found: list[dict[str, Any]] = json.loads(_run(command, tmp_path).splitlines()[-1])
        return found

    return read


@pytest.fixture
def residuals(dials) -> Callable[[object], dict[tuple[int, int, int], tuple[float, float]]]:
    """How far the spots of an indexed table lie from where DIALS predicts them, pixels, and on which image, from 0."""

    def read(path: object) -> dict[tuple[int, int, int], tuple[float, float]]:
        said = dials(_interpreter(), HERE / "residuals_with_dials.py", path)
        return {(h, k, l): (far, image) for h, k, l, far, image in json.loads(said.splitlines()[-1])}  # noqa: E741

    return read

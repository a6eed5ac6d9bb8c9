"""Where matplotlib is missing, commands that draw say so in one line with the remedy, and leave nothing; others run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from campaign.plans import STILLS

CODE = "import sys; sys.modules['matplotlib'] = None; from nbnumba_cli.main import run; sys.exit(run(sys.argv[1:]))"


def without_matplotlib(folder: Path, words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that finds no matplotlib."""
    (folder / "plan.toml").write_text(STILLS, encoding="utf-8")
    (folder / "a.bin").write_bytes(bytes(4 * 64))
    (folder / "b.bin").write_bytes(bytes(4 * 64))
    command = [sys.executable, "-c", CODE, *words.split()]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [
    "show a.bin --shape 8 8 -o a.png", "bench --workloads W1", "compare --images a.bin b.bin --shape 8 8",
    "campaign plan plan.toml", "refine a.bin --expt e.expt --hkl F.hkl -o r.expt --picture r.png",
])  # fmt: skip
def test_what_draws_says_how_to_install_it_and_leaves_nothing(words, tmp_path):
    done = without_matplotlib(tmp_path, words)
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert line.endswith("needs matplotlib, which is not installed: pip install 'nbnumba[plots]'")
    assert {path.name for path in tmp_path.iterdir()} == {"plan.toml", "a.bin", "b.bin"}


def test_settings_that_matplotlib_refuses_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    (tmp_path / "a.bin").write_bytes(bytes(4 * 64))
    words = ["show", "a.bin", "--shape", "8", "8", "-o", "a.png"]
    done = subprocess.run([sys.executable, "-m", "nbnumba_cli", *words], cwd=tmp_path, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("nbnumba: error: show: matplotlib can't be imported: Key backend: 'nonsense'")


@pytest.mark.parametrize(("words", "status", "said"), [
    ("bench --list", 0, ""),
    # nothing but a picture would need it
    ("refine a.bin --expt e.expt --hkl F.hkl -o r.expt", 1, "e.expt: "), ("campaign plan plan.toml --no-sheet", 0, ""),
])  # fmt: skip
def test_what_draws_nothing_does_without_it(words, status, said, tmp_path):
    done = without_matplotlib(tmp_path, words)
    assert done.returncode == status
    assert "matplotlib" not in done.stderr
    assert said in done.stderr

"""What documents show runs as it stands there: Python and nbnumba's commands, but for blocks that say why not."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest
from golden import ROOT
from index import index
from nbnumba_cli.main import run

from nbnumba import __version__

JOBS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "jobs").glob("*.md"))
PAGES = ("README.md", "docs/seeing.md", *JOBS)
NOT_RUN = "# no-run:"
"""First line of a block that is not run, with the reason behind it."""

ER1 = ROOT / "nbnumba" / "data" / "er1"


def blocks(page: str, language: str) -> list[str]:
    """Blocks of a page in a language, without those that say why they are not run."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)
    return [block for block in found if not block.startswith(NOT_RUN)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the Er-1 crystal, as pages name it."""
    monkeypatch.chdir(tmp_path)
    for name in ("er1_1.0.mat", "er1_P1.hkl"):
        shutil.copy(ER1 / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_python_of_a_page_runs_from_its_first_block_to_its_last(page, folder):
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        # a hundred images are as good as three
        exec(block.replace("range(100)", "range(3)"), names)


def commands(page: str) -> list[list[str]]:
    """nbnumba's commands of a page that are complete; README's dots stand for flags of the reader."""
    lines = [line for block in blocks(page, "") for line in block.split("\n")]
    typed = [shlex.split(line, comments=True) for line in lines if line.startswith("nbnumba ") and "..." not in line]
    return [words[1:] for words in typed]


@pytest.mark.parametrize("page", ["docs/jobs/nanobragg_script.md", "docs/jobs/validate.md"])
def test_commands_of_a_page_run_as_printed(page, folder):
    typed = commands(page)
    assert typed
    for words in typed:
        assert run(words) == 0, words


def test_the_index_of_tests_is_what_the_files_say():
    assert (ROOT / "tests" / "README.md").read_text(encoding="utf-8") == index()


def test_the_citation_names_the_version_that_is_here():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")

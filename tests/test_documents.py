"""Python that documents show runs as it stands there, but for blocks that say why not."""

from __future__ import annotations

import re
import shutil

import pytest
from documents import pages, python_of
from golden import ROOT
from index import index

from nbnumba import __version__

JOBS = [page for page in pages() if page.startswith("docs/jobs/")]
PAGES = ("README.md", "docs/seeing.md", "docs/library.md", *JOBS)

ER1 = ROOT / "nbnumba" / "data" / "er1"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the Er-1 crystal, as pages name it."""
    monkeypatch.chdir(tmp_path)
    for name in ("er1_1.0.mat", "er1_P1.hkl"):
        shutil.copy(ER1 / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if python_of(page)])
def test_python_of_a_page_runs_from_its_first_block_to_its_last(page, folder):
    names: dict[str, object] = {}
    for block in python_of(page):
        # a hundred images are as good as three
        exec(block.replace("range(100)", "range(3)"), names)


def test_the_index_of_tests_is_what_the_files_say():
    assert (ROOT / "tests" / "README.md").read_text(encoding="utf-8") == index()


def test_how_long_a_file_takes_changes_where_it_is_measured_alone():
    before, after = (set(re.findall(r"`(\w+\.py)`", text.split("| over 60 s |")[1].split("\n")[0]))
                     for text in (index(), index({"test_c_random.py": 61.0, "test_run.py": 0.2})))  # fmt: skip
    assert after == (before | {"test_c_random.py"}) - {"test_run.py"}


def test_the_citation_and_the_changelog_name_the_version_that_is_here():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(.*)\] - (?:unreleased|\d{4}-\d\d-\d\d)$", changelog, re.M)
    assert newest is not None
    assert newest[1] == __version__

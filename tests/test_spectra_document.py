"""The examples of docs/spectra.md print what they say."""

from __future__ import annotations

import re

import pytest
from golden import ROOT

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "spectra.md").read_text(encoding="utf-8"), re.DOTALL)


def test_every_topic_has_an_example():
    topics = ("Spectrum(", "mosaic_distribution=", "mosaic_rotations=", "Orientation.", "cells in (5, 5.5, 6)")
    assert [any(topic in example for example in EXAMPLES) for topic in topics] == [True] * 5


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_prints_what_it_says(example, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (printing,) = re.findall(r"^print\(.*", example, re.MULTILINE)
    exec(example, {})
    assert capsys.readouterr().out.strip() == printing.split("  # ")[1].strip()

"""The example of docs/refine.md prints what it says, and its tables name every parameter."""

from __future__ import annotations

import re

from golden import ROOT

from nbnumba.refine.registry import PARAMETERS

TEXT = (ROOT / "docs" / "refine.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says(capsys):
    example = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0]
    (printing,) = re.findall(r"^print\(.*", example, re.MULTILINE)
    exec(example, {})
    assert capsys.readouterr().out.strip() == printing.split("  # ")[1].strip()


def test_every_parameter_is_listed():
    rows = re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)
    assert set(PARAMETERS) <= {name for row in rows for name in re.findall(r"`(\w+)`", row)}

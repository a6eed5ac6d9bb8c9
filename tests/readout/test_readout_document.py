"""docs/readout.md says what is so: its code runs, and its tables name every stage and every detector."""

from __future__ import annotations

import re

import numpy as np
from golden import ROOT

import nbnumba.readout
from nbnumba.readout import Readout, Stage
from nbnumba.readout.names import PRESETS
from nbnumba.readout.settings import preset_settings

TEXT = (ROOT / "docs" / "readout.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]


def test_the_python_example_runs():
    code = TEXT.split("```python\n")[1].split("```")[0]
    names = {"photons": np.full((220, 500), 20.0)}
    exec(code, names)
    assert names["counts"].dtype == np.uint16
    assert names["counts"].shape == (220, 500)


def test_every_stage_is_in_the_table_with_its_fields():
    stages = {
        name: kind
        for name in nbnumba.readout.__all__
        if isinstance(kind := getattr(nbnumba.readout, name), type) and issubclass(kind, Stage) and kind is not Stage
    }
    described = {}
    for first, _, figures in rows("Stages"):
        for name in re.findall(r"`(\w+)`", first):
            described[name] = set(re.findall(r"`(\w+)", figures))
    assert set(described) == set(stages)
    for name, fields in described.items():
        # a seed of one's own is explained apart
        assert fields <= set(stages[name].RULES)
        assert fields >= set(stages[name].RULES) - {"seed"}


def test_every_detector_is_in_the_table_and_made_as_it_says():
    made = {re.findall(r"`(\w+)`", name)[0]: call.strip("`") for name, call, _ in rows("Detectors")}
    assert set(made) == set(PRESETS)
    for name, call in made.items():
        readout = eval(f"Readout.{call}", {**vars(nbnumba.readout), "Readout": Readout,
                       "ReadoutSettings": nbnumba.readout.ReadoutSettings, "photon_energy": 12400.0})  # fmt: skip
        assert readout == Readout.from_settings(preset_settings(name))

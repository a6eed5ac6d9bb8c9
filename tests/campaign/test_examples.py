"""The examples: their plans are plans, their scripts read what a campaign writes."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from campaign.plans import SCAN, STILLS, write_plan
from golden import ROOT

import nbnumba.campaign as campaign

EXAMPLES = ROOT / "examples" / "campaigns"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A campaign of tiny images."""
    made = tmp_path_factory.mktemp("example")
    campaign.run(write_plan(made, STILLS + "[image]\ndownsample = {size = 16}\n"), workers=1)
    return made


@pytest.mark.parametrize("name", ["resonet", "xfel", "rotation"])
def test_plans_of_the_examples_are_right(name):
    plan = campaign.read_plan(EXAMPLES / f"{name}.toml")
    assert campaign.parse_plan(campaign.plan_text(plan)) == plan
    assert plan.campaign.output == name


@pytest.mark.parametrize(("script", "said"), [
    ("look.py", "10 images of (16, 16) in 4 shards"), ("torch_dataset.py", "(8, 1, 16, 16) (8, 9)"),
    ("dask_array.py", "shape=(10, 16, 16)"),
])
def test_scripts_read_what_a_campaign_writes(folder, script, said):
    if script == "dask_array.py":
        pytest.importorskip("dask")
    command = [sys.executable, str(EXAMPLES / script), str(folder / "out")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert said in done.stdout


def test_images_of_a_rotation_set_have_the_labels_of_their_set(tmp_path, monkeypatch):
    campaign.run(write_plan(tmp_path, SCAN), workers=1)
    monkeypatch.syspath_prepend(EXAMPLES)
    shots = importlib.import_module("torch_dataset").Shots(str(tmp_path / "out"), ["wavelength_a", "water_um"])
    wavelengths = campaign.open(tmp_path / "out").labels["wavelength_a"]
    assert len(shots) == 8
    np.testing.assert_allclose([shots[number][1][0] for number in range(8)], np.repeat(wavelengths, 4), rtol=1e-7)

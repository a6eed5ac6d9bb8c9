"""What `nbnumba refine` finds is nearer to the spots that DIALS finds and predicts, as near as what DIALS refines."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from golden import ROOT

pytestmark = pytest.mark.dials

REPREDICT = "refinement_protocol.mode=repredict_only"


def example():
    """The program that makes the shot of docs/refine.md: 0.3 degrees of misset, 0.5 % of each cell length."""
    spec = importlib.util.spec_from_file_location("draw", ROOT / "docs" / "refine" / "draw.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_crystal(imported: Path, crystal: Path, output: Path) -> None:
    """What DIALS imported of an image, with the crystal of another experiment list."""
    listed, other = (json.loads(path.read_text()) for path in (imported, crystal))
    listed["experiment"][0]["crystal"] = 0
    output.write_text(json.dumps({**listed, "crystal": other["crystal"]}))


def test_dials_predicts_its_spots_from_the_refined_experiment(tmp_path, dials, residuals):
    draw = example()
    draw.PICTURE = tmp_path / "shot.png"
    assert draw.main(tmp_path) == 0
    dials("dials.import", "shot_00001.cbf")
    dials("dials.find_spots", "imported.expt", "nproc=1")
    found = {}
    for name, crystal, options in (("start", "start", [REPREDICT]), ("refined", "refined", [REPREDICT]),
                                   ("dials", "start", [])):  # fmt: skip
        with_crystal(tmp_path / "imported.expt", tmp_path / f"{crystal}.expt", tmp_path / f"{name}_in.expt")
        dials("dials.index", f"{name}_in.expt", "strong.refl", *options, "indexing.nproc=1",
              f"output.experiments={name}_out.expt", f"output.reflections={name}.refl")  # fmt: skip
        found[name] = residuals(f"{name}.refl")
    common = set.intersection(*map(set, found.values()))
    # what a degree of rotation leaves of a spot that passes the sphere at its ends has another centre than the spot
    whole = [index for index in common if 0.1 < found["refined"][index][1] < 0.9]
    assert len(whole) > 30
    distances = {name: np.array([own[index][0] for index in whole]) for name, own in found.items()}
    rmsd = {name: float(np.sqrt(np.mean(own**2))) for name, own in distances.items()}
    assert rmsd["start"] > 1.0
    assert rmsd["refined"] < 0.15
    # DIALS has the centres of some dozens of spots, and one image does not tell their angles
    assert rmsd["refined"] < rmsd["dials"]

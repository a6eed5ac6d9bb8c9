"""The Python blocks of the documents run, in their order, on small things of the names and files that they presume."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documents import blocks, pages, python_of
from golden import GOLDEN_DATA, ROOT
from test_documents import PAGES

import nbnumba as nb

RUN_ELSEWHERE = {
    **dict.fromkeys(PAGES, "test_documents.py"), "docs/readout.md": "test_readout_document.py",
    "docs/refine.md": "test_refine_document.py", "docs/spectra.md": "test_spectra_document.py",
}  # fmt: skip
"""Page -> the test that runs its blocks."""

CELL = nb.UnitCell(60.0, 70.0, 80.0)
PLAN = """\
[campaign]
shots = 9
output = "training"
images_per_shard = 3
[structure_factors]
default_F = 100
[crystal]
unit_cell = [60, 70, 80, 90, 90, 90]
cells = [5, 5, 5]
shape = "gauss"
mosaic_spread = {uniform = [0.2, 0.5]}
mosaic_domains = 2
[beam]
energy_ev = 12000
flux = 1e12
size_um = 10
[detector]
pixels = [48, 40]
pixel_mm = 1
distance_mm = 100
[image]
truth = ["spots"]
downsample = {size = 16, how = "mean"}
"""


def small(**fields: Any) -> nb.Experiment:
    """A Gaussian crystal on 48 x 40 pixels."""
    given = {
        "crystal": nb.Crystal(unit_cell=CELL, cells=(5, 5, 5), default_F=100.0, shape="gauss", interpolate=False),
        "beam": nb.Beam(fluence=1e24), "detector": nb.Detector(pixels_fast=48, pixels_slow=40, pixel_size=1.0),
    }  # fmt: skip
    return nb.Experiment(**{**given, **fields})


def write_mtz() -> None:
    """Amplitudes of Friedel mates."""
    gemmi = pytest.importorskip("gemmi")
    made = gemmi.Mtz(with_base=True)
    made.spacegroup = gemmi.SpaceGroup("P 21 21 21")
    made.set_cell_for_all(gemmi.UnitCell(60, 70, 80, 90, 90, 90))
    made.add_dataset("test")
    columns = {"F(+)": "G", "F(-)": "G"}
    for label, kind in columns.items():
        made.add_column(label, kind)
    hkl = [(h, k, l) for h in range(1, 4) for k in range(1, 4) for l in range(1, 4)]  # noqa: E741
    made.set_data(np.array([(*index, *[9.0] * len(columns)) for index in hkl], dtype=np.float32))
    made.write_to_file("data.mtz")


def of_background() -> dict[str, Any]:
    experiment = small()
    Path("oil.dat").write_text("# Q F\n0 8\n1 9\n2 7\n8 2\n")
    made = nb.simulate(replace(experiment, background=nb.Background.water(0.1)))
    return {
        "crystal": experiment.crystal, "beam": experiment.beam, "detector": experiment.detector, "cell": CELL,
        "factors": nb.StructureFactors(np.full((9, 9, 9), 30.0), -4, -4, -4), "photons": made.image,
        "mask": np.ones((40, 48), dtype=bool),
    }  # fmt: skip


def of_campaigns() -> dict[str, Any]:
    pytest.importorskip("h5py")
    Path("plan.toml").write_text(PLAN)
    nb.campaign.run("plan.toml", workers=1)
    nb.campaign.merge("training")
    return {}


def of_formats() -> dict[str, Any]:
    pytest.importorskip("h5py")
    result = nb.simulate(small())
    shutil.copy(GOLDEN_DATA / "dials" / "sweep_tilted_setting.expt", "refined.expt")
    write_mtz()
    return {"result": result, "model": result.model, "images": [result.image] * 2}


def of_noisify() -> dict[str, Any]:
    return {"photons": np.full((64, 64), 5.0)}


def of_performance() -> dict[str, Any]:
    experiment = small()
    return {
        "nbnumba": nb, "replace": replace, "Sampling": nb.Sampling, "Renderer": nb.Renderer, "experiment": experiment,
        "experiments": [experiment] * 2,
    }  # fmt: skip


def of_structure_factors() -> dict[str, Any]:
    shutil.copy(ROOT / "nbnumba" / "data" / "er1" / "2ERL.pdb.gz", ".")
    write_mtz()
    Path("2erl-sf.cif").write_text(
        "data_r2erlsf\n_cell.length_a 60\n_cell.length_b 70\n_cell.length_c 80\n_cell.angle_alpha 90\n"
        "_cell.angle_beta 90\n_cell.angle_gamma 90\n_symmetry.space_group_name_H-M 'P 21 21 21'\nloop_\n"
        "_refln.index_h\n_refln.index_k\n_refln.index_l\n_refln.F_meas_au\n1 1 1 9\n1 2 1 8\n2 1 1 7\n"
    )
    return {}


PRESUMED: dict[str, Callable[[], dict[str, Any]]] = {
    "docs/background.md": of_background, "docs/campaigns.md": of_campaigns, "docs/formats.md": of_formats,
    "docs/noisify.md": of_noisify, "docs/performance.md": of_performance,
    "docs/structure_factors.md": of_structure_factors,
}  # fmt: skip
"""Page -> what makes the files that its blocks read, and gives the names that they use."""

SMALLER = {"1234": "7", "1000:1100": "2:8", "[10:20]": "[1:3]"}
"""What stands in the blocks -> what is there."""


def test_the_blocks_of_every_document_run_somewhere():
    with_blocks = {page for page in pages() if any(blocks(page, "python"))}
    assert with_blocks <= set(PRESUMED) | set(RUN_ELSEWHERE)


@pytest.mark.parametrize("page", PRESUMED)
def test_python_blocks_run_as_they_stand(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = PRESUMED[page]()
    for code in python_of(page):
        for stated, there in SMALLER.items():
            code = code.replace(stated, there)
        exec(code, names)

"""Our image equals the one that nanoBragg.c computes from the same flags now, on this machine.

Needs the C program: NB_C_BIN=/path/to/nanoBragg pytest tests/test_parity.py
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from golden import input_file

from nbnumba.compare.metrics import DEFAULT_BARS, judge, measure
from nbnumba.engine.registry import ENGINES
from nbnumba.flags import interpret
from nbnumba.io.float_image import read_float_image
from nbnumba.io.smv import read_smv
from nbnumba.output.write import write_outputs
from nbnumba.simulation import simulate

C_PROGRAM = shutil.which(os.environ.get("NB_C_BIN", ""))
WITHOUT_C = "NB_C_BIN names no C program: set it to a compiled nanoBragg to run the parity matrix"
needs_c = pytest.mark.skipif(C_PROGRAM is None, reason=WITHOUT_C)

ENGINES = tuple(name for name in ENGINES if name != "cuda")

QUIET = ["-nonoise", "-nopgm"]


@dataclass(frozen=True)
class Case:
    """Flags that both programs get, and the names of the input files among them."""

    name: str
    flags: tuple[str, ...]
    files: tuple[str, ...]


def _cases(name: str, group: dict) -> list[Case]:
    """Every combination of a group's flags."""
    files = tuple(group.get("files", ()))
    return [
        Case(f"{name}: {' '.join(filter(None, choice))}", tuple(" ".join((*choice, group["base"])).split()), files)
        for choice in itertools.product(*group["axes"])
    ]


def _matrix() -> list:
    """The parameters of the matrix; without the C program one for each group, so that it is seen what is skipped."""
    groups = yaml.safe_load(Path(__file__).with_name("parity_cases.yaml").read_text(encoding="utf-8"))
    cases = {name: _cases(name, group) for name, group in groups.items()}
    if C_PROGRAM is not None:
        return [pytest.param(case, id=case.name) for group in cases.values() for case in group]
    return [
        pytest.param(None, id=name, marks=pytest.mark.skip(f"{name}, {len(group)} cases: {WITHOUT_C}"))
        for name, group in cases.items()
    ]


def _run_c(flags: list[str], folder: Path) -> np.ndarray:
    """The float image of the C program."""
    assert C_PROGRAM is not None
    run = subprocess.run([C_PROGRAM, *flags], cwd=folder, capture_output=True, text=True, errors="replace")
    assert run.returncode == 0, run.stdout
    header = read_smv(folder / "intimage.img").header
    return read_float_image(folder / "floatimage.bin", (header.height, header.width))


def _run_ours(flags: list[str], engine: str = ENGINES[0]) -> np.ndarray:
    """Our float image."""
    return simulate(interpret(flags).experiment, engine=engine).image


@pytest.mark.parametrize("case", _matrix())
def test_image_equals_that_of_nanobragg(case: Case, tmp_path, monkeypatch):
    flags = [*case.flags, *QUIET]
    # the programs don't share a folder: each would read the other's structure-factor cache
    for name in ("c", "ours"):
        (tmp_path / name).mkdir()
        for file in case.files:
            shutil.copy(input_file(file), tmp_path / name)
    reference = _run_c(flags, tmp_path / "c")
    assert reference.any(), "the case shows nothing"
    monkeypatch.chdir(tmp_path / "ours")
    for engine in ENGINES:
        image = _run_ours(flags, engine)
        assert image.shape == reference.shape
        metrics = measure(reference, image)
        assert [j for j in judge(metrics, DEFAULT_BARS) if not j.is_met] == [], (engine, metrics)


# The direct beam hits the corner between four pixels 10 m away, so that their Miller indices are 5e-4 and a lattice
# factor of N cells is N(1 - (pi N 5e-4)^2 / 6): 1e-4 below N for the largest crystal here.
FORWARD = "-cell 100 100 100 90 90 90 -lambda 1 -distance 10000 -pixel 0.1 -detpixels 16 -oversample 1 -nopolar"


@needs_c
@pytest.mark.parametrize("program", ["c", "ours"])
@pytest.mark.parametrize(
    ("flag", "values", "others", "slope"),
    [
        ("-N", (1, 2, 4, 8, 16), ["-default_F", "100"], 6.0),
        ("-default_F", (1, 10, 100, 1000), ["-N", "5"], 2.0),
    ],
)
def test_peak_height_grows_with_a_power_of(program, flag, values, others, slope, tmp_path):
    heights = []
    for value in values:
        flags = [*FORWARD.split(), *others, flag, str(value), *QUIET]
        heights.append(float((_run_c(flags, tmp_path) if program == "c" else _run_ours(flags)).max()))
    assert np.polyfit(np.log(values), np.log(heights), 1)[0] == pytest.approx(slope, abs=2e-3)


@needs_c
@pytest.mark.parametrize("fluence", ["1e27", "3e28", "1e30", "1e32"])
def test_noise_image_is_that_of_nanobragg_and_poissonian(fluence, tmp_path, monkeypatch):
    crystal = "-cell 100 100 100 90 90 90 -default_F 100 -lambda 1 -N 5 -detpixels 96 -distance 100"
    flags = [*crystal.split(), "-fluence", fluence, "-seed", "42", "-adc", "0"]
    for name in ("c", "ours"):
        (tmp_path / name).mkdir()
    reference = _run_c(flags, tmp_path / "c")
    monkeypatch.chdir(tmp_path / "ours")
    request = interpret(flags)
    result = simulate(request.experiment)
    write_outputs(result.model, result.image, request.files)
    assert np.array_equal(result.image, reference)
    theirs, ours = (read_smv(tmp_path / name / "noiseimage.img").data for name in ("c", "ours"))
    assert np.array_equal(ours, theirs)
    counted = ours < 65535  # a saturated pixel tells no number of photons
    expected, photons = reference[counted].astype(float), ours[counted].astype(float)
    # five standard deviations of a Poisson sum, and of its mean chi squared where counts are large enough to be normal
    assert abs(photons.sum() - expected.sum()) < 5.0 * np.sqrt(expected.sum())
    bright = expected > 20.0
    if bright.sum() > 100:
        chi_squared = np.square(photons[bright] - expected[bright]) / expected[bright]
        assert abs(chi_squared.mean() - 1.0) < 5.0 * np.sqrt(2.0 / bright.sum())

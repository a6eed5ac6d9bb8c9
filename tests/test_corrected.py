"""With its quirks mended nbnumba makes the images that a mended nanoBragg.c makes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from corrected import CORRECTED, CorrectedCase, corrected_cases
from effects import CASES, EFFECTS, arguments, experiment
from golden import ROOT
from physics_document import CHECKS, DOCUMENT, document_with, quirk_table

from nbnumba.config import Physics
from nbnumba.config.physics import SWITCHES
from nbnumba.numerics.c_random import ran1_state
from nbnumba.quirks import QUIRKS
from nbnumba.setup.mosaic import uniform_orientation
from nbnumba.setup.vectors import rotate_xyz
from nbnumba.simulation import simulate

ENGINES = ("cpu", "reference")
HEADERS_ONLY = {"twotheta-header", "long-header"}
NO_MENDED_PROGRAM = {"first-subpixel", "gauss-radius", "thick-fencepost", "layer-front", "xclose-ignored",
                     "misset-random", "interp-size"}  # fmt: skip
"""What `test_exact_physics.py` alone holds; orientations are compared as matrices."""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in corrected_cases()])
def test_mended_images_equal_those_of_a_mended_program(case: CorrectedCase, engine, tmp_path):
    result = simulate(case.experiment(tmp_path), engine=engine, dtype=case.image.dtype)
    assert case.is_met_by(result.image), case.difference(result.image)


def test_every_quirk_is_mended_in_some_image():
    mended = {name for case in corrected_cases() for name in case.fix}
    assert mended == set(SWITCHES) - HEADERS_ONLY - NO_MENDED_PROGRAM


MATRICES = json.loads((CORRECTED / "misset_matrices.json").read_text())


@pytest.mark.parametrize("seed", MATRICES)
def test_random_orientations_are_shoemakes_of_nanobraggs_random_numbers(seed):
    angles = uniform_orientation(int(seed), ran1_state(0))
    columns = [rotate_xyz(axis, angles) for axis in np.eye(3).tolist()]
    # a matrix taken to angles and back: a few roundings, more where an angle is near a right one
    np.testing.assert_allclose(np.transpose(columns), MATRICES[seed]["matrix"], rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("quirk", EFFECTS)
def test_quirks_change_as_much_as_the_registry_says(quirk):
    assert QUIRKS[quirk].effect == EFFECTS[quirk]()


def test_the_effect_of_every_quirk_of_an_image_is_measured():
    assert set(EFFECTS) == set(SWITCHES)


@pytest.mark.parametrize("quirk", CASES)
def test_each_quirk_can_be_kept_by_itself(quirk):
    args = arguments(CASES[quirk])
    exact, kept = (
        simulate(experiment(args, physics)).image
        for physics in (Physics("exact"), Physics("exact", keep=[quirk]))
    )
    assert not np.array_equal(kept, exact)


def test_the_document_shows_the_registry_and_names_tests_that_there_are():
    assert document_with(quirk_table()) == DOCUMENT.read_text(encoding="utf-8")
    assert set(CHECKS) == set(SWITCHES)
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    missing = {name for names in CHECKS.values() for name in names if f"def {name}(" not in tests}
    assert missing == set()

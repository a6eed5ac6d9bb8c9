"""A simulated sweep is found, indexed and refined by DIALS as the crystal that was simulated."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nbnumba import (
    Beam,
    Crystal,
    CrystalShape,
    Detector,
    Experiment,
    Sampling,
    StructureFactors,
    UnitCell,
    lower,
    simulate,
)
from nbnumba.io.nxmx import NXmxWriter
from nbnumba.io.simulated import scene_of

pytestmark = pytest.mark.dials

CELL = (60.0, 70.0, 80.0)
IMAGES, WIDTH = 10, 0.5
PIXELS, PIXEL = 900, 0.12


def experiment(image: int, factors: StructureFactors) -> Experiment:
    """One image of a crystal of 8 x 8 x 8 cells in no special orientation; the beam is off the middle."""
    middle = PIXELS * PIXEL / 2.0
    return Experiment(
        crystal=Crystal(unit_cell=UnitCell(*CELL), cells=(8, 8, 8), misset=(12.0, 34.0, 56.0), shape=CrystalShape.GAUSS,
                        structure_factors=factors, interpolate=False),
        beam=Beam(wavelength=1.0, fluence=5e28, exposure=0.1),
        detector=Detector(pixel_size=PIXEL, pixels_fast=PIXELS, pixels_slow=PIXELS, distance=120.0,
                          beam_center=(middle + 3.3, middle - 2.1)),
        sampling=Sampling(phi=10.0 + WIDTH * image, oscillation=WIDTH, phi_steps=10, oversample=2),
    )  # fmt: skip


@pytest.fixture(scope="module")
def factors() -> StructureFactors:
    """Amplitudes that differ from reflection to reflection."""
    return StructureFactors(np.random.default_rng(1).gamma(2.0, 50.0, size=(82, 92, 102)), -40, -45, -50)


def test_dials_finds_the_cell_and_indexes_the_spots(tmp_path, dials, dxtbx, factors):
    noise = np.random.default_rng(2)
    scene = scene_of(lower(experiment(0, factors)))
    with NXmxWriter(tmp_path / "sweep.nxs", scene, compression="gzip") as writer:
        for image in range(IMAGES):
            photons = simulate(experiment(image, factors)).image
            writer.append(noise.poisson(photons + 2.0).astype(np.int32))
    dials("dials.import", "sweep.nxs")
    dials("dials.find_spots", "imported.expt", "nproc=1")
    said = dials("dials.index", "imported.expt", "strong.refl", "indexing.method=fft1d", "max_cell=100", "nproc=1",
                 "refinement.reflections.reflections_per_degree=1000")  # fmt: skip
    indexed, left = (int(number) for number in re.findall(r"\|\s+0 \|\s+(\d+) \|\s+(\d+) \|\s+[\d.]+%", said)[-1])
    assert indexed > 3000
    assert indexed >= 0.9 * (indexed + left)
    (row,) = dxtbx("indexed.expt")
    assert sorted(row["cell"][:3]) == pytest.approx(CELL, rel=2e-4)
    assert row["cell"][3:] == pytest.approx([90.0] * 3, abs=0.02)
    # the same lattice in the same place: another choice of axes is a matrix of whole numbers, of determinant 1 if the
    # hand is right; 0.002 is a tenth of a degree
    axes = np.linalg.inv(scene.crystal.A) @ np.reshape(row["A"], (3, 3))
    assert axes == pytest.approx(np.rint(axes), abs=2e-3)
    assert np.linalg.det(axes) == pytest.approx(1.0, abs=2e-3)
    # refined with the sensor and the frame that were simulated, the detector stays where it was
    assert row["panels"][0]["origin"][2] == pytest.approx(-120.0, abs=0.03)

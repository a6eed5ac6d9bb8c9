"""A sweep on a thick sensor goes to DIALS; what DIALS refines from it is the experiment, and gives the images back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from nbnumba import (
    Beam,
    Crystal,
    CrystalShape,
    Detector,
    Experiment,
    Panel,
    Renderer,
    Sampling,
    StructureFactors,
    UnitCell,
    lower,
)
from nbnumba.io.nxmx import NXmxWriter
from nbnumba.io.simulated import scene_of

pytestmark = pytest.mark.dials

CELL = (60.0, 70.0, 80.0)
IMAGES, WIDTH = 10, 0.5
PIXELS, PIXEL, DISTANCE = 900, 0.12, 120.0
BEAM_CENTRE = (57.3, 51.9)
THICKNESS = 0.45
WAVELENGTH = 1.3
MU = 9.057920623435527
"""Of silicon at 1.3 Å in the tables of DIALS, 1/mm: what it corrects spots for.

The sensor stops 98 % of these photons. Of harder ones DIALS puts those that pass through at the surface, and refines
some hundredths of a mm too much.
"""


def crystal(factors: StructureFactors) -> Crystal:
    """8 x 8 x 8 cells in no special orientation."""
    return Crystal(unit_cell=UnitCell(*CELL), cells=(8, 8, 8), misset=(12.0, 34.0, 56.0),
                   shape=CrystalShape.GAUSS, structure_factors=factors, interpolate=False)  # fmt: skip


def experiment(image: int, factors: StructureFactors) -> Experiment:
    """One image; the beam is off the middle of a silicon sensor of 450 µm."""
    panel = Panel(
        origin=(-BEAM_CENTRE[0], BEAM_CENTRE[1], -DISTANCE), fast=(1.0, 0.0, 0.0), slow=(0.0, -1.0, 0.0),
        pixel_size=(PIXEL, PIXEL), image_size=(PIXELS, PIXELS), thickness=THICKNESS, mu=MU, material="Si",
    )  # fmt: skip
    return Experiment(
        crystal(factors), Beam(wavelength=WAVELENGTH, fluence=1e29, exposure=0.1), Detector(panels=[panel]),
        Sampling(phi=10.0 + WIDTH * image, oscillation=WIDTH, phi_steps=25, oversample=2, cutoff=1e-3),
    )  # fmt: skip


@pytest.fixture(scope="module")
def amplitudes() -> np.ndarray:
    """They differ from reflection to reflection."""
    return np.random.default_rng(1).gamma(2.0, 50.0, size=(82, 92, 102))


@pytest.fixture(scope="module")
def images(amplitudes) -> list[np.ndarray]:
    """Photons of the sweep."""
    factors = StructureFactors(amplitudes, -40, -45, -50)
    with Renderer() as renderer:
        made = renderer.render_many(experiment(image, factors) for image in range(IMAGES))
        return [result.panels[0].copy() for result in made]


def reindexed(amplitudes: np.ndarray, axes: np.ndarray) -> StructureFactors:
    """Amplitudes in other axes, which are the rows of a matrix of whole numbers: h·axes are the indices before."""
    edges = [np.arange(-45, 46)] * 3
    hkl = np.stack(np.meshgrid(*edges, indexing="ij"), axis=-1).reshape(-1, 3)
    before = hkl @ axes.T + (40, 45, 50)
    inside = np.all((before >= 0) & (before < amplitudes.shape), axis=1)
    return StructureFactors.from_reflections(hkl[inside], amplitudes[tuple(before[inside].T)])


def shifts(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far the centres of the spots of an image lie from where they are in another one, pixels."""
    labels, count = ndimage.label(image > 30.0)
    places = ndimage.find_objects(labels)
    numbers = range(1, count + 1)
    # the same pixels of both, with a margin of two
    around = [tuple(slice(max(edge.start - 2, 0), edge.stop + 2) for edge in place) for place in places]
    alone = [number for number, box in zip(numbers, around, strict=True) if set(np.unique(labels[box])) <= {0, number}]
    boxes = [around[number - 1] for number in alone]
    centres = [[np.array(ndimage.center_of_mass(picture[box])) for box in boxes] for picture in (image, other)]
    return np.linalg.norm(np.subtract(*centres), axis=1)


def test_dials_refines_a_thick_sensor_to_its_distance_and_its_model_gives_the_images_back(
    tmp_path, dials, dxtbx, images, amplitudes
):
    noise = np.random.default_rng(2)
    scene = scene_of(lower(experiment(0, StructureFactors(amplitudes, -40, -45, -50))))
    with NXmxWriter(tmp_path / "sweep.nxs", scene, compression="gzip") as writer:
        for image in images:
            writer.append(noise.poisson(image + 2.0).astype(np.int32))
    dials("dials.import", "sweep.nxs")
    dials("dials.find_spots", "imported.expt", "nproc=1")
    dials("dials.index", "imported.expt", "strong.refl", "indexing.method=fft1d", "max_cell=100", "nproc=1",
          "refinement.reflections.reflections_per_degree=1000")  # fmt: skip
    dials("dials.refine", "indexed.expt", "indexed.refl", "reflections_per_degree=1000", "scan_varying=False")
    (row,) = dxtbx("refined.expt")
    assert row["panels"][0]["thickness"] == THICKNESS
    # photons stop 0.10 mm behind the surface on average; in nanoBragg's layers, of equal weight, 0.23 mm
    assert row["panels"][0]["origin"][2] == pytest.approx(-DISTANCE, abs=0.02)
    found = Experiment.from_dials(tmp_path / "refined.expt", image=4)
    assert found.detector.panels[0].mu == pytest.approx(MU, rel=1e-3)
    # the same lattice in the axes that DIALS chose
    axes = np.rint(np.linalg.inv(scene.crystal.A) @ np.reshape(row["A"], (3, 3))).astype(int)
    like = replace(
        found.crystal, cells=(8, 8, 8), shape=CrystalShape.GAUSS, structure_factors=reindexed(amplitudes, axes),
        interpolate=False,
    )  # fmt: skip
    made = replace(found, crystal=like, beam=replace(found.beam, fluence=1e29, flux=0.0),
                   sampling=replace(found.sampling, oversample=2, cutoff=1e-3))  # fmt: skip
    with Renderer() as renderer:
        again = renderer.render(made).panels[0]
    moved = shifts(images[4], again)
    assert len(moved) > 200
    assert np.percentile(moved, 90) < 0.3
    assert np.corrcoef(images[4].ravel(), again.ravel())[0, 1] > 0.99

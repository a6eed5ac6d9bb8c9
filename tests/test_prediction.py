"""Predicted spots lie where the image has them, with its photons."""

from __future__ import annotations

import csv
from dataclasses import replace

import h5py
import numpy as np
import pytest

from nbnumba import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    OutputFileError,
    Panel,
    Sampling,
    Sensor,
    StructureFactors,
    UnitCell,
    UsageError,
    simulate,
    spots,
)

FACTORS = StructureFactors(np.random.default_rng(5).uniform(20.0, 300.0, (41, 41, 41)), -20, -20, -20)
CRYSTAL = Crystal(
    unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), cells=(20, 18, 16), shape="gauss", interpolate=False,
    structure_factors=FACTORS, misset=(10.0, 20.0, 30.0),
)  # fmt: skip
BEAM = Beam(wavelength=1.1, fluence=1e24, kahn_factor=0.9)
PLANE = Detector(pixels_fast=400, pixels_slow=300, pixel_size=0.1, distance=150.0)
TILTED = Panel(
    origin=(-18.0, 14.0, -140.0), fast=(np.cos(0.3), 0.0, -np.sin(0.3)), slow=(0.0, -1.0, 0.0), pixel_size=(0.1, 0.1),
    image_size=(400, 300), thickness=0.32, mu=2.0, name="tilted",
)  # fmt: skip
DETECTORS = {
    "flat": PLANE,
    "rotated": replace(PLANE, rotation=(0.0, 12.0, -9.0)),
    "curved": replace(PLANE, curved=True),
    "a thick panel": Detector(panels=[TILTED], sensor=Sensor(layers=4)),
    "point pixels": replace(PLANE, point_pixel=True),
}


def experiment(detector: Detector = PLANE, **fields) -> Experiment:
    given = {"crystal": CRYSTAL, "beam": BEAM, "sampling": Sampling(oversample=2), "detector": detector}
    return Experiment(**{**given, **fields})


def measured(image: np.ndarray, fast: float, slow: float, half: int = 8) -> tuple[float, float, float]:
    """Centre and sum of a square of pixels."""
    rows, columns = np.mgrid[int(slow) - half : int(slow) + half + 1, int(fast) - half : int(fast) + half + 1]
    photons = image[rows, columns]
    total = photons.sum()
    return ((columns + 0.5) * photons).sum() / total, ((rows + 0.5) * photons).sum() / total, total


def alone(found, n: int, half: int = 18) -> bool:
    """Whether a spot is far from edges and other spots of any weight."""
    near = (abs(found.fast - found.fast[n]) < half) & (abs(found.slow - found.slow[n]) < half)
    inside = 16 < found.fast[n] < 384 and 16 < found.slow[n] < 284
    return bool(inside and found.photons[near].sum() < 1.01 * found.photons[n])


@pytest.mark.parametrize("name", DETECTORS)
def test_the_image_has_the_spots_where_they_are_predicted(name):
    found = spots(experiment(DETECTORS[name]), cutoff=1e-3)
    image = simulate(experiment(DETECTORS[name]), "cpu", dtype=np.float64).image.reshape(300, 400)
    strongest = [n for n in np.argsort(-found.photons)[:25] if alone(found, n)]
    assert len(strongest) >= 3
    for n in strongest:
        fast, slow, photons = measured(image, found.fast[n], found.slow[n])
        # the sphere is bent, and the spot's solid angle changes over it
        assert (fast, slow) == pytest.approx((found.fast[n], found.slow[n]), abs=0.1)
        # neighbours that are allowed, and tails outside of the square
        assert photons == pytest.approx(found.photons[n], rel=0.015)


def test_all_lattices_together_have_the_photons_of_the_image():
    crystal = replace(CRYSTAL, mosaic_spread=0.3, mosaic_domains=5)
    beam = replace(BEAM, sources=np.array([[0.0, 0.0, 0.0, 1.0, 1.1], [0.0, 0.0, 0.0, 3.0, 1.12]]) - [1, 0, 0, 0, 0])
    many = experiment(crystal=crystal, beam=beam, sampling=Sampling(oversample=2, oscillation=0.2, phi_steps=3))
    found = spots(many, cutoff=1e-5)
    assert set(np.unique(found.lattice)) <= set(range(2 * 3 * 5))
    assert np.all(np.diff(found.lattice) >= 0)
    # what the edges of the detector cut
    assert found.photons.sum() == pytest.approx(simulate(many, dtype=np.float64).image.sum(), rel=0.02)
    merged = found.merged()
    assert merged.photons.sum() == pytest.approx(found.photons.sum(), rel=1e-12)
    assert len(np.unique(merged.miller_index, axis=0)) == len(merged) < len(found)
    assert set(merged.lattice) == {-1}


@pytest.mark.parametrize(("shape", "share"), [("square", 0.04), ("round", 0.1), ("tophat", 0.1)])
def test_every_shape_has_about_the_photons_of_its_image(shape, share):
    crystal = replace(CRYSTAL, shape=shape)
    image = simulate(experiment(crystal=crystal), dtype=np.float64).image
    # tails reach over the edges of the detector, and few pixels sample the edge of a top-hat spot
    assert spots(experiment(crystal=crystal), cutoff=1e-5).photons.sum() == pytest.approx(image.sum(), rel=share)


def test_a_result_knows_its_spots():
    result = simulate(experiment(sampling=Sampling(oversample=2, cutoff=1e-4)), "cpu")
    expected = spots(experiment(), cutoff=1e-4)
    np.testing.assert_array_equal(result.spots.miller_index, expected.miller_index)
    assert len(result.spots) > 10
    assert result.spots is result.spots


def test_a_list_without_spots_is_a_list():
    nothing = spots(experiment(), cutoff=1e30)
    assert len(nothing) == len(nothing.merged()) == 0


def test_lists_are_read_back(tmp_path):
    found = spots(experiment(), cutoff=1e-2)
    found.save(tmp_path / "spots.csv")
    with (tmp_path / "spots.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["lattice"]) for row in rows] == found.lattice.tolist()
    assert [int(row["h"]) for row in rows] == found.h.tolist()
    np.testing.assert_allclose([float(row["photons"]) for row in rows], found.photons, rtol=1e-8)
    np.testing.assert_allclose([float(row["fast"]) for row in rows], found.fast, rtol=1e-8)
    found.save(tmp_path / "spots.h5")
    with h5py.File(tmp_path / "spots.h5") as file:
        group = file["dials/processing/group_0"]
        np.testing.assert_array_equal(group["miller_index"], found.miller_index)
        np.testing.assert_array_equal(group["xyzcal.px"][:, :2], np.column_stack((found.fast, found.slow)))
        np.testing.assert_array_equal(group["intensity.sum.value"], found.photons)
        np.testing.assert_array_equal(group["panel"], found.panel)


def test_a_list_needs_a_known_suffix_and_a_folder(tmp_path):
    found = spots(experiment(), cutoff=1e-2)
    with pytest.raises(UsageError, match=r"written as \.csv, or in HDF5 as \.h5, \.hdf5, \.refl"):
        found.save(tmp_path / "spots.txt")
    with pytest.raises(OutputFileError, match="does not exist"):
        found.save(tmp_path / "nowhere" / "spots.csv")


def test_spots_without_an_end_are_refused():
    with pytest.raises(UsageError, match="nothing bounds the spots"):
        spots(experiment(crystal=replace(CRYSTAL, fudge=0.0)), cutoff=1e-3)

"""What a renderer sends to a GPU: each array once, and only what is another one for the next image."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from availability import needs_ptx_compiler

needs_ptx_compiler()

from nbnumba import (  # noqa: E402
    Beam,
    Crystal,
    Detector,
    Experiment,
    Renderer,
    Sampling,
    StructureFactors,
    UnitCell,
    lower,
    simulate,
)

FACTORS = StructureFactors(np.random.default_rng(1).uniform(1.0, 300.0, (21, 21, 21)), -10, -10, -10)
MASK = np.ones((40, 50), dtype=np.uint16)
MASK[3:5, 7:9] = 0
BASE = Experiment(
    Crystal(unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), cells=(5, 5, 5), structure_factors=FACTORS,
            interpolate=False, mosaic_spread=1.0, mosaic_domains=20),
    Beam(), Detector(pixels_fast=50, pixels_slow=40, pixel_size=0.5, distance=60.0, mask=MASK), Sampling(oversample=1),
)  # fmt: skip


def turned(angle: float) -> Experiment:
    """Another orientation of the crystal."""
    return replace(BASE, crystal=replace(BASE.crystal, misset=(angle, 0.0, 0.0)))


def bytes_of(*arrays: np.ndarray) -> list[int]:
    return sorted(array.nbytes for array in arrays)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_turned_crystal_costs_the_upload_of_its_axes(gpu, precision):
    with Renderer("cuda", precision) as renderer:
        renderer.render(turned(1.0))
        before, allocated = len(gpu.uploads), len(gpu.allocations)
        renderer.render(turned(2.0))
        one, other = (lower(turned(angle)).params.lattice for angle in (1.0, 2.0))
        expected = [other.phi_vectors.nbytes, other.vectors.nbytes, other.reciprocal.nbytes]
        if precision == "single":
            # vectors as sums of two float32 numbers, reciprocal axes in float32
            expected = [other.phi_vectors.nbytes, other.vectors.nbytes, other.reciprocal.nbytes // 2]
        if not np.array_equal(one.metric, other.metric):
            # the last bit may change with the angle
            expected.append(other.metric.nbytes)
        assert sorted(gpu.uploads[before:]) == sorted(expected)
        assert len(gpu.allocations) == allocated


def test_the_same_experiment_costs_no_upload(gpu):
    with Renderer("cuda") as renderer:
        renderer.render(BASE)
        before = len(gpu.uploads), len(gpu.allocations)
        renderer.render(BASE)
        assert (len(gpu.uploads), len(gpu.allocations)) == before


def test_every_array_is_uploaded_once_for_the_first_image(gpu):
    before = len(gpu.uploads)
    with Renderer("cuda") as renderer:
        renderer.render(BASE)
        params = lower(BASE).params
        arrays = [value for section in params for value in section if isinstance(value, np.ndarray)]
        assert sorted(gpu.uploads[before:]) == bytes_of(*arrays)


def test_images_in_a_row_are_those_made_alone(gpu):
    other = replace(BASE, crystal=replace(BASE.crystal, shape="round", mosaic_domains=3))
    with Renderer("cuda") as renderer:
        for experiment in (BASE, turned(5.0), other, BASE):
            assert np.array_equal(renderer.render(experiment).image, simulate(experiment, "cuda").image)


def test_an_image_of_float64_rounds_to_that_of_float32(gpu):
    with Renderer("cuda") as renderer:
        wide, narrow = (renderer.render(BASE, dtype=dtype).image for dtype in (np.float64, np.float32))
    assert np.array_equal(wide.astype(np.float32), narrow)
    assert not np.array_equal(wide, narrow)


def test_several_threads_get_their_own_images(gpu):
    alone = [simulate(turned(angle), "cuda").image for angle in range(6)]
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda angle: simulate(turned(angle), "cuda").image, list(range(6)) * 3))
    for number, image in enumerate(images):
        assert np.array_equal(image, alone[number % 6])


def test_a_closed_renderer_has_freed_its_memory(gpu):
    with Renderer("cuda") as renderer:
        renderer.render(BASE)
        assert gpu.allocated > 0
    gc.collect()
    assert gpu.allocated == 0

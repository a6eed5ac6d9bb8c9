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


def bytes_of(experiment: Experiment, precision: str = "double") -> tuple[int, int]:
    """Bytes of the piece with all small arrays, each to the next multiple of 16, and of the table beside it."""
    params = lower(experiment).params
    arrays = {(topic, name): value for topic, section in zip(params._fields, params, strict=True)
              for name, value in section._asdict().items() if isinstance(value, np.ndarray)}  # fmt: skip
    table = arrays.pop(("factors", "amplitudes"))
    is_short = precision != "double"
    halved = {("lattice", "reciprocal"), ("lattice", "cells")} if is_short else set()
    sizes = [array.nbytes // (2 if name in halved else 1) for name, array in arrays.items()]
    return sum(size + -size % 16 for size in sizes), table.nbytes // (2 if is_short else 1)


@pytest.mark.parametrize("precision", ["double", "single", "mixed"])
def test_a_turned_crystal_costs_one_upload_and_one_download(gpu, precision):
    with Renderer("cuda", precision) as renderer:
        renderer.render(turned(1.0))
        before = len(gpu.uploads), len(gpu.downloads), len(gpu.launches), len(gpu.allocations), len(gpu.pinned)
        renderer.render(turned(2.0))
        assert gpu.uploads[before[0] :] == [bytes_of(BASE, precision)[0]]
        # 2000 pixels in float32, and the solid angles of 21 blocks
        assert gpu.downloads[before[1] :] == [4 * 2000 + 8 * 21]
        # the image, and the sums of its solid angles
        assert gpu.launches[before[2] :] == [(32, 64), (1, 64)]
        assert (len(gpu.allocations), len(gpu.pinned)) == before[3:]


def test_the_same_experiment_costs_no_upload(gpu):
    with Renderer("cuda") as renderer:
        renderer.render(BASE)
        before = len(gpu.uploads), len(gpu.allocations)
        renderer.render(BASE)
        assert (len(gpu.uploads), len(gpu.allocations)) == before


@pytest.mark.parametrize("precision", ["double", "single", "mixed"])
def test_the_first_image_costs_two_uploads_and_no_empty_launch(gpu, precision):
    before = len(gpu.uploads), len(gpu.launches)
    with Renderer("cuda", precision) as renderer:
        renderer.render(BASE)
    assert sorted(gpu.uploads[before[0] :]) == sorted(bytes_of(BASE, precision))
    assert gpu.launches[before[1] :] == [(32, 64), (1, 64)]


def test_a_large_lattice_is_uploaded_into_the_memory_of_the_one_before(gpu):
    one, other = (
        replace(turned(angle), sampling=Sampling(oversample=1, roi=(0, 5, 0, 5)),
                crystal=replace(turned(angle).crystal, mosaic_domains=1000))
        for angle in (1.0, 2.0)
    )  # fmt: skip
    with Renderer("cuda") as renderer:
        renderer.render(one)
        before = len(gpu.uploads), len(gpu.allocations)
        renderer.render(other)
        # nine numbers for each domain
        assert sorted(gpu.uploads[before[0] :])[1:] == [lower(other).params.lattice.vectors.nbytes]
        assert lower(other).params.lattice.vectors.nbytes > 65536
        assert len(gpu.allocations) == before[1]


def test_a_sequence_has_one_table_on_the_gpu_and_equals_images_made_alone(gpu):
    crystal = replace(BASE.crystal, mosaic_domains=3, default_F=5.0)
    other = replace(BASE, crystal=crystal, detector=replace(BASE.detector, mask=None))
    experiments = [turned(angle) for angle in range(6)] + [other, BASE, other]
    before = len(gpu.uploads)
    with Renderer("cuda") as renderer:
        images = [result.image for result in renderer.render_many(experiments)]
        assert [size for size in gpu.uploads[before:] if size > 65536] == [bytes_of(BASE)[1]]
        for image, experiment in zip(images, experiments, strict=True):
            assert np.array_equal(image, simulate(experiment, "cuda").image)


def test_another_table_takes_the_place_of_the_one_before(gpu):
    factors = StructureFactors(np.random.default_rng(2).uniform(1.0, 300.0, (21, 21, 21)), -10, -10, -10)
    other = replace(BASE, crystal=replace(BASE.crystal, structure_factors=factors))
    experiments = [BASE, other, BASE, other]
    with Renderer("cuda") as renderer:
        for result, experiment in zip(renderer.render_many(experiments), experiments, strict=True):
            assert np.array_equal(result.image, simulate(experiment, "cuda").image)
    assert not np.array_equal(simulate(BASE, "cuda").image, simulate(other, "cuda").image)


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

"""A GPU adds the spots that reach each pixel as the CPU does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from availability import needs_ptx_compiler

needs_ptx_compiler()

from pretended_gpu import engine_on_pretended_gpu  # noqa: E402

from nbnumba import Background, Beam, Crystal, Detector, Experiment, Sampling, Sensor, UnitCell, simulate  # noqa: E402
from nbnumba.config import StructureFactors  # noqa: E402
from nbnumba.engine import choice  # noqa: E402

FACTORS = StructureFactors(np.random.default_rng(3).uniform(0.0, 300.0, (41, 41, 41)), -20, -20, -20)
MASK = (np.arange(60 * 110).reshape(60, 110) % 7 != 0).astype(np.uint16)
SOURCES = np.array([[-1.0, 0.0, 0.0, 1.0, 1.0], [-1.0, 0.01, 0.0, 3.0, 1.02]])


@pytest.fixture(autouse=True)
def sparse_whatever_it_takes(monkeypatch):
    monkeypatch.setattr(choice, "_takes_less", lambda *_: True)


def scene(shape: str, physics: str, **detector) -> Experiment:
    crystal = Crystal(
        unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), cells=(9, 7, 8), shape=shape, structure_factors=FACTORS,
        default_F=5.0, mosaic_spread=0.7, mosaic_domains=3, misset=(10.0, 20.0, 30.0),
    )  # fmt: skip
    plane = Detector(pixels_fast=110, pixels_slow=60, pixel_size=0.8, distance=80.0, **detector)
    sampling = Sampling(oversample=2, oscillation=0.6, phi_steps=2, cutoff=1e-4)
    return Experiment(crystal, Beam(fluence=1e24, sources=SOURCES), plane, sampling, physics)


@pytest.mark.parametrize("physics", ["exact", "nanobragg"])
@pytest.mark.parametrize("shape", ["gauss", "tophat"])
def test_the_image_is_that_of_the_cpu(shape, physics):
    thick = Sensor(thickness=300.0, layers=2, attenuation_depth=234.0)
    experiment = scene(shape, physics, mask=MASK, sensor=thick, rotation=(0.0, 9.0, -5.0))
    on_cpu = simulate(experiment, "cpu", dtype=np.float64)
    with engine_on_pretended_gpu(checked=True):
        on_gpu = simulate(experiment, "cuda", dtype=np.float64)
    assert (on_gpu.engine, on_gpu.summed) == ("cuda", "sparse")
    # a CPU also adds what its vectors hold of a spot beside its box, less than the cutoff
    assert np.abs(on_gpu.image - on_cpu.image).max() <= 1e-4
    assert np.abs(on_gpu.image - on_cpu.image).sum() <= 1e-3 * on_cpu.image.sum()
    assert on_gpu.solid_angle_sr == pytest.approx(on_cpu.solid_angle_sr, rel=1e-12)
    assert on_gpu.scan == on_cpu.scan


def test_amorphous_materials_are_added_on_top():
    experiment = replace(scene("gauss", "exact"), background=(Background.water(0.1),))
    with engine_on_pretended_gpu():
        on_gpu = simulate(experiment, "cuda", dtype=np.float64)
    assert on_gpu.summed == "sparse"
    assert np.abs(on_gpu.image - simulate(experiment, "cpu", dtype=np.float64).image).max() <= 1e-4


def test_float32_sums_take_every_term():
    with engine_on_pretended_gpu():
        result = simulate(scene("gauss", "exact"), "cuda", precision="single")
    assert result.full_because == "the cuda engine takes every term"

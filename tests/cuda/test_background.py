"""Backgrounds on a GPU: the numbers of the CPU, in the GPU's memory, made once for each geometry."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
from availability import needs_ptx_compiler

needs_ptx_compiler()

from nbnumba import (  # noqa: E402
    Background,
    Beam,
    Crystal,
    Detector,
    Experiment,
    LabFrame,
    Panel,
    RadialCurve,
    Renderer,
    Sampling,
    Sensor,
    UnitCell,
    UsageError,
    simulate,
)
from nbnumba.engine.cuda import CudaBackgrounds  # noqa: E402

WATER, AIR = Background.water(0.1), Background.air(5.0)
MASK = np.ones((31, 43), dtype=bool)
MASK[7:13, 20:22] = False
PLANE = Experiment(
    beam=Beam(fluence=1e22, kahn_factor=0.9), background=(WATER, AIR),
    sampling=Sampling(oversample=2, roi=(3, 39, 2, 29)),
    detector=Detector(pixels_fast=43, pixels_slow=31, pixel_size=1.0, distance=80.0, mask=MASK),
)  # fmt: skip
PANELS = (
    Panel((-20.0, 10.0, -80.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.5, 0.5), (37, 31), thickness=0.3, mu=4.0),
    Panel((5.0, 12.0, -90.0), (0.8, 0.0, 0.6), (0.0, -1.0, 0.0), (1.0, 0.7), (23, 19), thickness=0.3, mu=4.0),
)
EXPERIMENTS = {
    "a plane with a mask": PLANE,
    "a curved detector": replace(PLANE, detector=replace(PLANE.detector, curved=True)),
    "nanoBragg's curved detector": replace(PLANE, detector=replace(PLANE.detector, curved=True), physics="nanobragg"),
    "tilted thick panels, three sources": replace(
        PLANE, sampling=Sampling(oversample=1),
        beam=Beam(fluence=1e22, kahn_factor=-0.5, sources=[
            [0.0, 0.0, 1.0, 0.6, 1.09], [0.001, 0.0, 1.0, 0.3, 1.1], [0.0, 0.002, 1.0, 0.1, 1.12],
        ]),
        detector=Detector(panels=PANELS, frame=LabFrame("custom", beam=(0.0, 0.0, -1.0), polar=(1.0, 0.0, 0.0)),
                          sensor=Sensor(layers=3)),
    ),
}  # fmt: skip


def image(experiment: Experiment, engine: str) -> np.ndarray:
    return simulate(experiment, engine, dtype=np.float64).image


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_photons_are_those_of_the_cpu(gpu, name):
    on_gpu, on_cpu = (image(EXPERIMENTS[name], engine) for engine in ("cuda", "cpu"))
    assert on_cpu.max() > 0.0
    np.testing.assert_array_equal(on_gpu == 0.0, on_cpu == 0.0)
    # fused operations change the last bits
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-12)


@pytest.mark.parametrize("precision", ["double", "single", "mixed"])
def test_spots_and_materials_add_up(gpu, precision):
    crystal = Crystal(unit_cell=UnitCell(40.0, 50.0, 60.0), cells=(5, 5, 5), default_F=100.0)
    spots = replace(PLANE, crystal=crystal, background=())
    with Renderer("cuda", precision) as renderer:
        together, alone = (
            renderer.render(replace(spots, background=materials), np.float64).image for materials in ((WATER, AIR), ())
        )
    np.testing.assert_allclose(together, alone + image(PLANE, "cpu"), rtol=1e-12)


def test_a_second_image_of_the_same_geometry_uploads_and_evaluates_nothing(gpu, monkeypatch):
    made = []
    make = CudaBackgrounds.make
    monkeypatch.setattr(CudaBackgrounds, "make", lambda self, *arguments: made.append(1) or make(self, *arguments))
    with Renderer("cuda") as renderer:
        first = renderer.render(PLANE).image
        before = len(gpu.uploads), len(gpu.allocations), len(made)
        thicker = renderer.render(replace(PLANE, background=(Background.water(0.3), AIR)), np.float32).image
        assert (len(gpu.uploads), len(gpu.allocations), len(made)) == before
        renderer.render(replace(PLANE, detector=replace(PLANE.detector, distance=81.0)))
        assert len(made) == before[2] + 2
    expected = image(replace(PLANE, background=(Background.water(0.3), AIR)), "cpu")
    assert not np.array_equal(first, thicker)
    # float32
    np.testing.assert_allclose(thicker, expected, rtol=2e-7)


def test_tiles_do_not_change_a_bit(gpu, monkeypatch):
    whole = image(PLANE, "cuda")
    monkeypatch.setattr("nbnumba.engine.cuda.TILE_PIXELS", 3 * 96)
    np.testing.assert_array_equal(image(PLANE, "cuda"), whole)


def test_pixels_beyond_a_curve_are_refused(gpu):
    short = Background(RadialCurve([0.0, 0.05], [1.0, 2.0], "refuse"), 0.1, 1.0, 18.0)
    with pytest.raises(UsageError, match=r"pixels lie beyond the curve of a background, the first at slow 2, fast 3;"):
        image(replace(PLANE, background=short), "cuda")


def test_memory_is_free_after_a_run(gpu):
    gc.collect()  # what errors before hold
    image(PLANE, "cuda")
    assert gpu.allocated == 0

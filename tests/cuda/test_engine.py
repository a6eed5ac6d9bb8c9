"""How the CUDA engine behaves around its kernels: choice, tiles, memory, failures, kept kernels."""

from __future__ import annotations

import dataclasses
import gc
import os
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from availability import needs_ptx_compiler
from golden import golden_cases, interpret_case

needs_ptx_compiler()

import pretended_gpu as pretended  # noqa: E402
from nbnumba_cli.main import run  # noqa: E402
from pretended_gpu import engine_on_pretended_gpu  # noqa: E402

from nbnumba.engines import choose_engine, get_engine  # noqa: E402
from nbnumba.errors import EngineFailedError, EngineUnavailableError  # noqa: E402
from nbnumba.flags import interpret  # noqa: E402
from nbnumba.kernels import cuda as engine  # noqa: E402
from nbnumba.kernels import cuda_device  # noqa: E402
from nbnumba.render import SPAN_SECONDS  # noqa: E402
from nbnumba.simulation import simulate  # noqa: E402

ONE_DOMAIN = "-cell 70 80 90 75 85 95 -default_F 100 -lambda 1 -N 5 -distance 100 -detpixels 48 -pixel 1"
SMALL = f"{ONE_DOMAIN} -mosaic 1 -mosaic_dom 3"
ORDER_DEPENDENT = ("phi_zero_carryover", "phi_through_zero", "interpolate_out_of_range", "er1_monoclinic_saxs", "mask")
"""Golden cases in which a pixel depends on those before it, and one with pixels left out."""

RELATIVE = 1e-12
"""Fused operations change the last bits of float64; a sum of 2304 of them is known to 13 digits."""


def small_experiment():
    return interpret(SMALL.split()).experiment


def golden_case(name):
    return next(case for case in golden_cases() if case.name == name)


def test_a_gpu_is_found_and_listed(gpu):
    assert choose_engine("auto") == "cuda"
    assert get_engine("cuda") is engine.with_precision("double")
    (device,) = cuda_device.devices()
    assert device == cuda_device.Device("Pretended GPU", (9, 0), pretended.MEMORY)


def test_image_and_solid_angle_are_those_of_the_cpu(gpu):
    on_gpu, on_cpu = (simulate(small_experiment(), engine=name) for name in ("cuda", "reference"))
    np.testing.assert_allclose(on_gpu.image, on_cpu.image, rtol=1e-6)  # the bar of the golden images
    assert on_gpu.solid_angle_sr == pytest.approx(on_cpu.solid_angle_sr, rel=RELATIVE)
    assert on_gpu.engine == "cuda"


@pytest.mark.parametrize("name", ORDER_DEPENDENT)
def test_images_do_not_depend_on_tiles_and_spans(gpu, name, tmp_path, monkeypatch):
    case = golden_case(name)
    experiment = interpret_case(case, tmp_path).experiment
    whole = simulate(experiment, engine="cuda")
    monkeypatch.setattr(engine, "TILE_PIXELS", 3 * engine.PIXELS_PER_BLOCK)
    monkeypatch.setattr(engine.CudaEngine, "SMALLEST_SPAN", 10 * engine.PIXELS_PER_BLOCK)
    launches = len(gpu.launches)
    tiled = simulate(experiment, engine="cuda")
    assert len(gpu.launches) - launches > 2 * whole.image.size / (3 * engine.PIXELS_PER_BLOCK)
    np.testing.assert_array_equal(tiled.image, whole.image)
    assert tiled.solid_angle_sr == pytest.approx(whole.solid_angle_sr, rel=RELATIVE)
    assert tiled.scan == whole.scan
    assert case.difference(tiled.image).is_within_bars


def test_no_access_leaves_the_arrays(tmp_path):
    with engine_on_pretended_gpu(checked=True):
        for case in golden_cases():
            folder = tmp_path / case.name
            folder.mkdir()
            flags = interpret_case(case, folder)
            rows, columns = (n // 2 for n in case.shape)
            clipped = _clipped(flags.experiment, rows, columns)
            simulate(clipped, engine="cuda")


def _clipped(experiment, slow, fast):
    """The experiment with a region of interest of 16 x 16 pixels around a pixel."""
    sampling = dataclasses.replace(experiment.sampling, roi=(fast - 8, fast + 7, slow - 8, slow + 7))
    return dataclasses.replace(experiment, sampling=sampling)


def test_memory_is_free_after_a_run(gpu):
    simulate(small_experiment(), engine="cuda")
    assert gpu.allocated == 0


def test_small_launches_are_not_made_in_the_middle_of_an_image(gpu, monkeypatch):
    monkeypatch.setattr("nbnumba.render.SPAN_SECONDS", 1e-9)
    monkeypatch.setattr(engine.CudaEngine, "SMALLEST_SPAN", 1024)
    launches = len(gpu.launches)
    simulate(small_experiment(), engine="cuda")
    # 2304 pixels: two spans of 1024 and the rest; for each span the kernel and the sum of solid angles
    pixel_launches = gpu.launches[launches::2]
    assert [blocks for blocks, _ in pixel_launches] == [16, 16, 4]
    assert SPAN_SECONDS < 1.0


def test_progress_is_reported_between_spans(gpu, monkeypatch):
    monkeypatch.setattr("nbnumba.render.SPAN_SECONDS", 1e-9)
    monkeypatch.setattr(engine.CudaEngine, "SMALLEST_SPAN", 1024)
    seen = []
    simulate(small_experiment(), engine="cuda", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1024, 2304), (2048, 2304), (2304, 2304)]


def test_a_run_that_does_not_fit_is_refused_with_the_sizes(gpu, monkeypatch):
    monkeypatch.setattr(pretended, "MEMORY", 20_000)
    with pytest.raises(EngineUnavailableError, match="needs 0.0 GB of GPU memory and 0.0 GB are free; use"):
        simulate(small_experiment(), engine="cuda")


def test_a_failure_of_the_driver_is_one_line_and_frees_the_memory(gpu):
    def fail(*_):
        raise pretended.driver.CudaAPIError(702, "Call to cuMemcpyDtoH results in CUDA_ERROR_LAUNCH_TIMEOUT")

    with (
        mock.patch.object(pretended.dispatcher, "launch", fail),
        pytest.raises(EngineFailedError, match="the GPU failed .*CUDA_ERROR_LAUNCH_TIMEOUT.*use --engine cpu"),
    ):
        simulate(small_experiment(), engine="cuda")
    gc.collect()  # the error's traceback holds the arrays of the last launch
    assert gpu.allocated == 0


def test_the_command_line_says_which_gpu_it_takes(gpu, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run([*SMALL.split(), "-nonoise", "--engine", "auto"]) == 0
    printed = capsys.readouterr()
    assert "nbnumba: --engine auto: cuda (Pretended GPU)\n" in printed.err
    assert (tmp_path / "floatimage.bin").stat().st_size == 4 * 48 * 48


def test_info_lists_the_gpu(gpu, capsys):
    assert run(["info"]) == 0
    assert "engine cuda: usable: Pretended GPU (compute capability 9.0, 16.0 GiB)\n" in capsys.readouterr().out


KEPT = f"""
from pretended_gpu import pretended_gpu
from nbnumba.flags import interpret
from nbnumba.kernels import cuda
from nbnumba.simulation import simulate
with pretended_gpu():
    image = simulate(interpret({ONE_DOMAIN.split()}).experiment, engine="cuda").image
    stats = cuda._pixel_kernel(0, False, False).stats
    print(image.tobytes().hex()[-80:], sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_the_second_process_takes_the_kernels_of_the_first(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", KEPT], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    )
    assert first[1:] == ["0", "1"]
    assert second[1:] == ["1", "0"]
    assert first[0] == second[0]

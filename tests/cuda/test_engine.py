"""How the CUDA engine behaves around its kernels: choice, tiles, memory, failures, kept kernels."""

from __future__ import annotations

import dataclasses
import gc
import mmap
import os
import subprocess
import sys
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest
from availability import needs_ptx_compiler
from golden import golden_cases, interpret_case

needs_ptx_compiler()

import pretended_gpu as pretended  # noqa: E402
from nbnumba_cli.main import run  # noqa: E402
from numba import cuda  # noqa: E402
from numba.cuda.cudadrv import devicearray  # noqa: E402
from pretended_gpu import engine_on_pretended_gpu  # noqa: E402

from nbnumba.engine import cuda as engine  # noqa: E402
from nbnumba.engine import cuda_device  # noqa: E402
from nbnumba.engine.registry import choose_engine, make_engine  # noqa: E402
from nbnumba.engine.scan import SPAN_SECONDS  # noqa: E402
from nbnumba.errors import EngineFailedError, EngineUnavailableError, UsageError  # noqa: E402
from nbnumba.flags import interpret  # noqa: E402
from nbnumba.physics.reduced import nearest_amplitude_single  # noqa: E402
from nbnumba.physics.structure_factor import nearest_amplitude  # noqa: E402
from nbnumba.simulation import simulate  # noqa: E402

ONE_DOMAIN = "-cell 70 80 90 75 85 95 -default_F 100 -lambda 1 -N 5 -distance 100 -detpixels 48 -pixel 1"
SMALL = f"{ONE_DOMAIN} -mosaic 1 -mosaic_dom 3"
ORDER_DEPENDENT = ("phi_zero_carryover", "phi_through_zero", "interpolate_out_of_range", "er1_monoclinic_saxs", "mask")
"""Golden cases in which a pixel depends on those before it, and one with pixels left out."""

MAP_NORESERVE = 0x4000
"""Of Linux; Python's mmap names it from 3.13 on."""

RELATIVE = 1e-12
"""Fused operations change the last bits of float64; a sum of 2304 of them is known to 13 digits."""


def small_experiment():
    return interpret(SMALL.split()).experiment


def golden_case(name):
    return next(case for case in golden_cases() if case.name == name)


def test_a_gpu_is_found_and_listed(gpu):
    assert choose_engine("auto") == "cuda"
    assert isinstance(make_engine("cuda"), engine.CudaEngine)
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
    monkeypatch.setattr(engine.CudaEngine, "FIRST_STEPS", 1)
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
    monkeypatch.setattr("nbnumba.engine.scan.SPAN_SECONDS", 1e-9)
    monkeypatch.setattr(engine.CudaEngine, "FIRST_STEPS", 1)
    monkeypatch.setattr(engine.CudaEngine, "SMALLEST_SPAN", 1024)
    launches = len(gpu.launches)
    simulate(small_experiment(), engine="cuda")
    # 2304 pixels: two spans of 1024 and the rest; always the kernel and the sum of solid angles
    pixel_launches = gpu.launches[launches::2]
    assert [blocks for blocks, _ in pixel_launches] == [16, 16, 4]
    assert SPAN_SECONDS < 1.0


def test_progress_is_reported_between_spans(gpu, monkeypatch):
    monkeypatch.setattr("nbnumba.engine.scan.SPAN_SECONDS", 1e-9)
    monkeypatch.setattr(engine.CudaEngine, "FIRST_STEPS", 1)
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
        pytest.raises(EngineFailedError, match="the GPU failed .*CUDA_ERROR_LAUNCH_TIMEOUT.*use engine=cpu"),
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


@pytest.mark.parametrize(("flags", "reason"), [
    ("-oversample_omega", "and Sampling.oversample_omega multiply the sum at each step"),
    ("-oversample_polar", "Sampling.oversample_polar"),
    ("-oversample_thick", "Sampling.oversample_thick"),
    ("-N 3000 -default_F 1e9", "beyond its numbers"),
    ("-N 1 -Na 20000 -oversample 1", "too many unit cells"),
    ("-cell 20000 80 90 75 85 95 -oversample 1", "or too large ones"),
])  # fmt: skip
def test_single_precision_refuses_what_float32_can_not_hold(gpu, flags, reason):
    with pytest.raises(UsageError, match=f"^precision=single: .*{reason}.*use precision=double$"):
        simulate(interpret([*SMALL.split(), *flags.split()]).experiment, engine="cuda", precision="single")


@pytest.mark.parametrize(("flags", "reason"), [
    ("-oversample_omega", "and Sampling.oversample_omega multiply the sum at each step"),
    ("-N 3000 -default_F 1e9", "beyond its numbers"),
    ("-N 1 -Na 20000 -oversample 1", "too many unit cells"),
])  # fmt: skip
def test_mixed_precision_refuses_what_float32_can_not_hold(gpu, flags, reason):
    with pytest.raises(UsageError, match=f"^precision=mixed: .*{reason}.*use precision=double$"):
        simulate(interpret([*SMALL.split(), *flags.split()]).experiment, engine="cuda", precision="mixed")


@pytest.mark.parametrize("steps", [255, 256])
def test_the_mixed_kernel_has_fewer_registers_where_a_pixel_has_many_steps(gpu, steps):
    engine._pixel_kernel.cache_clear()
    few, many = (engine._pixel_kernel(0, False, "mixed", False, limit) for limit in (None, engine.MIXED_REGISTERS))
    domains = f"{ONE_DOMAIN} -detpixels 8 -mosaic 1 -mosaic_dom {steps} -oversample 1"
    simulate(interpret(domains.split()).experiment, engine="cuda", precision="mixed")
    assert (len(few.overloads), len(many.overloads)) == ((1, 0) if steps < engine.MANY_STEPS else (0, 1))


def test_single_precision_is_not_for_the_cpu():
    with pytest.raises(UsageError, match="^precision=single needs engine=cuda$"):
        make_engine("cpu", "single")
    with pytest.raises(UsageError, match="unknown precision 'half': choose one of double, single, mixed"):
        make_engine("cuda", "half")


def test_the_command_line_renders_in_every_precision(gpu, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = []
    for precision in ("double", "single", "mixed"):
        assert run([*SMALL.split(), "-nonoise", "--engine", "cuda", "--precision", precision]) == 0
        images.append(np.fromfile("floatimage.bin", dtype=np.float32))
    for image in images[1:]:
        np.testing.assert_allclose(image, images[0], rtol=1e-5)
        assert np.any(image != images[0])
    assert np.any(images[1] != images[2])


class Table(NamedTuple):
    """What the look-up of a structure factor reads of `kernels.params.Factors`."""

    amplitudes: Any
    has_amplitudes: bool
    h_size: int
    k_size: int
    l_size: int
    h_min: int
    k_min: int
    l_min: int
    default_F: Any  # noqa: N815


EDGE = 1300
"""Reflections along each axis of a table whose last one is number 2.2·10⁹, at byte 1.8·10¹⁰ in float64."""


@pytest.mark.parametrize(("look_up", "number"), [
    (nearest_amplitude, np.float64), (nearest_amplitude_single, np.float32)
])  # fmt: skip
def test_tables_may_be_longer_than_32_bits_count(gpu, look_up, number):
    size = EDGE**3 * np.dtype(number).itemsize
    try:  # pages that nobody touches cost nothing
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
    except OSError as error:
        pytest.skip(f"no address space for the table: {error}")
    values = np.frombuffer(memory, dtype=number)
    values[(EDGE - 2) * (EDGE * EDGE + EDGE + 1)] = 42.0
    pointer = pretended.driver.MemoryPointer(gpu, pretended.driver.binding.CUdeviceptr(values.ctypes.data), size)
    on_device = devicearray.DeviceNDArray(values.shape, values.strides, values.dtype, gpu_data=pointer)
    table = Table(on_device, True, EDGE, EDGE, EDGE, -10, -10, -10, number(7.0))

    def kernel(table, index, found):
        found[0] = look_up(table, index, index, index)

    found = cuda.device_array(1, number)
    with mock.patch.object(cuda.config, "CUDA_LOW_OCCUPANCY_WARNINGS", 0):
        launch = cuda.jit(kernel)[1, 1]
    for index, expected in ((EDGE - 12, 42.0), (EDGE - 13, 0.0), (EDGE - 11, 7.0), (-11, 7.0)):
        launch(table, number(index), found)
        assert found.copy_to_host()[0] == expected


KEPT = f"""
from unittest import mock
from numba.cuda.cudadrv import nvvm
from pretended_gpu import pretended_gpu
from nbnumba.flags import interpret
from nbnumba.engine import cuda
from nbnumba.simulation import simulate
with mock.patch.object(nvvm, "compile_ir", wraps=nvvm.compile_ir) as compiled, pretended_gpu():
    image = simulate(interpret({ONE_DOMAIN.split()}).experiment, engine="cuda").image
    stats = cuda._pixel_kernel(0, False, "double", False, None).stats
    print(image.tobytes().hex()[-80:], sum(stats.cache_hits.values()), sum(stats.cache_misses.values()),
          compiled.call_count)
"""


def test_the_second_process_takes_the_kernels_of_the_first(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", KEPT], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    )
    # compiled are: the kernel of a pixel, that of the sum, and the one that tells whether the GPU can be used
    assert first[1:] == ["0", "1", "3"]
    assert second[1:] == ["1", "0", "0"]
    assert first[0] == second[0]

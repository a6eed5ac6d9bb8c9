"""ptxas accepts the kernels for every generation of GPUs; registers and occupancy are those of docs/cuda.md."""

from __future__ import annotations

import pytest
from availability import needs_ptx_compiler

needs_ptx_compiler()

from compiled import MULTIPROCESSORS, VARIANTS, compile_all, register_table  # noqa: E402
from document import table  # noqa: E402


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    return compile_all(tmp_path_factory.mktemp("ptxas"))


def test_every_kernel_is_compiled_for_every_generation(compiled):
    assert set(MULTIPROCESSORS) == {(8, 0), (9, 0), (10, 0), (12, 0)}
    assert all(set(by_capability) == set(MULTIPROCESSORS) for by_capability in compiled.values())
    assert {str(variant) for variant in VARIANTS} < set(compiled)


def test_no_register_is_spilled(compiled):
    spilled = {
        (name, capability)
        for name, by_capability in compiled.items()
        for capability, kernel in by_capability.items()
        if kernel.spilled
    }
    assert spilled == set()


def test_registers_and_occupancy_are_as_documented(compiled):
    assert register_table(compiled) == table("registers"), "run make cuda-tables and look at the difference"


@pytest.mark.parametrize(("registers", "threads", "warps"), [
    (32, 64, 64),  # as many as there are places for
    (64, 64, 32),  # 8 warps of 2048 registers in each of the four partitions
    (65, 64, 28),  # rounded up to 72: 7 warps of 2304
    (168, 64, 12),
    (255, 128, 8),
])  # fmt: skip
def test_occupancy_of_an_a100(registers, threads, warps):
    # NVIDIA's occupancy calculator, compute capability 8.0
    assert MULTIPROCESSORS[8, 0].resident_warps(registers, threads) == warps

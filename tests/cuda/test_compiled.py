"""ptxas accepts the kernels for every generation of GPUs; registers and occupancy are those of docs/cuda.md."""

from __future__ import annotations

import pytest
from availability import needs_ptx_compiler

needs_ptx_compiler()

import document  # noqa: E402
from compiled import MULTIPROCESSORS, VARIANTS, compile_all  # noqa: E402
from executed import by_type, executed_per_step  # noqa: E402
from machine_code import GPUS, Gpu, Instruction, all_instructions, innermost_loop, loops  # noqa: E402


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    return compile_all(tmp_path_factory.mktemp("ptxas"))


def test_every_kernel_is_compiled_for_every_generation(compiled):
    assert set(MULTIPROCESSORS) >= {(8, 0), (9, 0), (10, 0), (12, 0)}
    assert all(set(by_capability) == set(MULTIPROCESSORS) for by_capability in compiled.values())
    assert {str(variant) for variant in VARIANTS} < set(compiled)


def test_no_register_is_spilled(compiled):
    spilled = {
        (name, capability)
        for name, by_capability in compiled.items()
        for capability, kernel in by_capability.items()
        if kernel.spilled and " at most " not in name
    }
    assert spilled == set()


@pytest.mark.parametrize("name", document.COMPILED_TABLES)
def test_tables_are_as_documented(compiled, name):
    made = document.COMPILED_TABLES[name](compiled)
    assert made == document.table(name), "run make cuda-tables and look at the difference"


@pytest.mark.parametrize("precision", ["double", "single", "mixed"])
def test_a_step_executes_the_arithmetic_that_the_machine_code_shows(compiled, precision):
    executed = by_type(executed_per_step("-default_F 100", precision))
    loop = innermost_loop(compiled[f"square, {precision}"][9, 0].sass)
    in_loop = {kind: sum(i.kind == kind for i in loop) for kind in ("float64", "float32")}
    if precision == "single":
        assert executed["f64"] == 0
        assert in_loop["float64"] == 0
        # all of it is executed, but for signs that cost nothing
        assert in_loop["float32"] == pytest.approx(executed["f32"], abs=5)
    elif precision == "mixed":
        # for each axis three products and sums, and six operations for what is left of the index and of its product
        # with the cells; PTX also counts two conversions and a change of sign
        assert in_loop["float64"] == 27
        assert executed["f64"] == 27 + 9
        assert in_loop["float32"] == pytest.approx(executed["f32"], abs=5)
    else:
        assert executed["f32"] == 0
        # one instruction of PTX, the division, becomes some ten
        assert in_loop["float64"] == pytest.approx(executed["f64"] + 10, abs=8)


LOOPS = """
        /*0000*/                   MOV R1, c[0x0][0x28] ;
.L_x_0:
        /*0010*/                   DADD R2, R2, R4 ;
.L_x_1:
        /*0020*/                   FFMA R6, R6, R6, R6 ;
        /*0030*/                   LDG.E.64 R8, desc[UR4][R8.64] ;
        /*0040*/              @P0  BRA `(.L_x_1) ;
        /*0050*/                   DMUL R2, R2, R2 ;
        /*0060*/              @!P1 CALL.REL.NOINC `(.L_x_3) ;
        /*0068*/                   BRA `(.L_x_0) ;
.L_x_3:
        /*0070*/                   CALL.REL.NOINC `($slow_path) ;
        /*0078*/                   EXIT ;
.L_x_2:
        /*0080*/                   BRA `(.L_x_2);
"""


def test_loops_are_found_in_machine_code():
    assert [[i.opcode for i in loop] for loop in loops(LOOPS)] == [["FFMA", "LDG.E.64", "BRA"]]
    assert [i.kind for i in innermost_loop(LOOPS)] == ["float32", "memory", "other"]
    assert len(all_instructions(LOOPS)) == 11


@pytest.mark.parametrize(("opcodes", "clocks"), [
    (["DFMA"] * 10, 10 * 32 / 2),  # 2 threads a clock
    (["FFMA"] * 10, 2.5),  # as fast as they can be issued
    (["MUFU.RCP"] * 10, 20.0),
    (["F2F.F64.F32"] * 10, 160.0),
    (["LDG.E.64"] * 10, 20.0),  # 256 bytes of 128 a clock
    (["IADD3"] * 10, 2.5),
])  # fmt: skip
def test_clocks_of_an_rtx_4090(opcodes, clocks):
    instructions = [Instruction(False, opcode, None) for opcode in opcodes]
    assert GPUS["RTX 4090"].clocks(instructions) == clocks


@pytest.mark.parametrize(("name", "float64", "float32"), [
    ("A100", 9.7e12, 19.5e12), ("RTX 4090", 1.29e12, 82.6e12), ("H100 SXM", 34e12, 67e12),
])  # fmt: skip
def test_gpus_have_their_makers_peak_rates(name, float64, float32):
    gpu: Gpu = GPUS[name]
    for opcode, peak in (("DFMA", float64), ("FFMA", float32)):
        # a fused multiply-add counts as two operations
        assert 2 * gpu.per_second([Instruction(False, opcode, None)]) == pytest.approx(peak, rel=0.02)


@pytest.mark.parametrize(("registers", "threads", "warps"), [
    (32, 64, 64),  # as many as there are places for
    (64, 64, 32),  # 8 warps of 2048 registers in each of the four partitions
    (65, 64, 28),  # rounded up to 72: 7 warps of 2304
    (168, 64, 12),
    (255, 128, 8),
])  # fmt: skip
def test_occupancy_of_an_a100(registers, threads, warps):
    # 64 warps, 32 blocks and 4 × 16384 registers, given out in 256s to each warp
    assert MULTIPROCESSORS[8, 0].resident_warps(registers, threads) == warps

"""PTX executed on the host means what NVIDIA's PTX ISA manual says, and what is unknown or out of bounds is refused."""

from __future__ import annotations

import ctypes
import math
import struct

import numpy as np
import pytest
from ptx_host import HostProgram, MemoryAccessError, UnknownPtxError, parse

HEADER = ".version 9.0\n.target sm_90\n.address_size 64\n"
REGISTERS = """.reg .pred %p<9>; .reg .b16 %rs<9>; .reg .b32 %r<99>; .reg .b64 %rd<99>;
    .reg .f32 %f<9>; .reg .f64 %fd<9>;"""


def kernel(body: str, before: str = "", **options: bool) -> HostProgram:
    """A kernel of two arrays, %rd1 and %rd2."""
    return HostProgram(
        f"""{HEADER}{before}
        .visible .entry k(.param .u64 p0, .param .u64 p1) {{
            {REGISTERS}
            ld.param.u64 %rd1, [p0];
            ld.param.u64 %rd2, [p1];
            {body}
            ret;
        }}""",
        **options,
    )


def launch(program, source, target, blocks=1, threads=1, ranges=()):
    """Run a kernel on two arrays; the second one."""
    pointers = [ctypes.c_uint64(array.ctypes.data) for array in (source, target)]
    packed = (ctypes.c_void_p * 2)(*[ctypes.addressof(pointer) for pointer in pointers])
    program.run(blocks, threads, ctypes.addressof(packed), ranges)
    return target


def bits(value: float) -> str:
    """A float64 as PTX writes it."""
    return f"0d{struct.pack('>d', value).hex().upper()}"


def computed_float(instructions: str, *inputs: float) -> float:
    """%fd8 after instructions with %fd1, %fd2... set."""
    sets = "".join(f"mov.f64 %fd{i}, {bits(value)};" for i, value in enumerate(inputs, start=1))
    program = kernel(f"{sets} {instructions} st.global.f64 [%rd2], %fd8;")
    return float(launch(program, np.zeros(1), np.zeros(1))[0])


def computed_bits(instructions: str, *inputs: int) -> int:
    """%rd90 after instructions with %rd11, %rd12... set."""
    sets = "".join(f"mov.u64 %rd{i}, {value};" for i, value in enumerate(inputs, start=11))
    program = kernel(f"{sets} {instructions} st.global.u64 [%rd2], %rd90;")
    return int(launch(program, np.zeros(1), np.zeros(1, np.uint64))[0])


def test_every_thread_of_the_grid_runs_once():
    program = kernel("""
        mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x;
        mad.lo.s32 %r4, %r1, %r2, %r3;
        mul.wide.s32 %rd3, %r4, 8; add.s64 %rd4, %rd1, %rd3; add.s64 %rd5, %rd2, %rd3;
        ld.global.f64 %fd1, [%rd4]; ld.global.f64 %fd2, [%rd5]; add.f64 %fd3, %fd1, %fd2; st.global.f64 [%rd5], %fd3;
        """)
    result = launch(program, np.arange(12.0), np.full(12, 100.0), blocks=3, threads=4)
    np.testing.assert_array_equal(result, 100.0 + np.arange(12.0))


def test_a_fused_product_is_rounded_once_and_an_unfused_one_twice():
    x = 1.0 + 2.0**-30  # x² - 1 - 2⁻²⁹ is 2⁻⁶⁰, lost when x² is rounded
    inputs = (x, x, -(1.0 + 2.0**-29))
    assert computed_float("fma.rn.f64 %fd8, %fd1, %fd2, %fd3;", *inputs) == 2.0**-60
    assert computed_float("mul.f64 %fd7, %fd1, %fd2; add.f64 %fd8, %fd7, %fd3;", *inputs) == 0.0


@pytest.mark.parametrize(("instruction", "inputs", "expected"), [
    ("div.rn.f64 %fd8, %fd1, %fd2", (1.0, 3.0), 1.0 / 3.0),
    ("div.rn.f64 %fd8, %fd1, %fd2", (1.0, 0.0), math.inf),
    ("rcp.rn.f64 %fd8, %fd1", (49.0,), 1.0 / 49.0),
    ("sqrt.rn.f64 %fd8, %fd1", (2.0,), math.sqrt(2.0)),
    ("neg.f64 %fd8, %fd1", (2.5,), -2.5),
    ("abs.f64 %fd8, %fd1", (-2.5,), 2.5),
    ("copysign.f64 %fd8, %fd1, %fd2", (-1.0, 7.0), -7.0),
    ("min.f64 %fd8, %fd1, %fd2", (math.nan, 7.0), 7.0),
    ("max.f64 %fd8, %fd1, %fd2", (3.0, 7.0), 7.0),
    ("cvt.rpi.f64.f64 %fd8, %fd1", (-1.5,), -1.0),
    ("cvt.rmi.f64.f64 %fd8, %fd1", (-1.5,), -2.0),
    ("cvt.rzi.f64.f64 %fd8, %fd1", (-1.5,), -1.0),
    ("cvt.rni.f64.f64 %fd8, %fd1", (2.5,), 2.0),
    ("cvt.rn.f32.f64 %f1, %fd1; cvt.f64.f32 %fd8, %f1", (0.1,), float(np.float32(0.1))),
    ("cvt.rzi.s64.f64 %rd3, %fd1; cvt.rn.f64.s64 %fd8, %rd3", (-7.9,), -7.0),
    ("cvt.rni.s32.f64 %r3, %fd1; cvt.rn.f64.s32 %fd8, %r3", (3e10,), 2.0**31 - 1.0),
    ("setp.ltu.f64 %p1, %fd1, %fd2; selp.f64 %fd8, %fd1, %fd2, %p1", (math.nan, 5.0), math.nan),
    ("setp.lt.f64 %p1, %fd1, %fd2; selp.f64 %fd8, %fd1, %fd2, %p1", (math.nan, 5.0), 5.0),
])  # fmt: skip
def test_float_instructions(instruction, inputs, expected):
    assert computed_float(f"{instruction};", *inputs) == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


ALL_ONES = 2**64 - 1


@pytest.mark.parametrize(("instruction", "inputs", "expected"), [
    ("add.s64 %rd90, %rd11, %rd12", (ALL_ONES, 2), 1),
    ("sub.s64 %rd90, %rd11, %rd12", (1, 2), ALL_ONES),
    ("mul.lo.s64 %rd90, %rd11, %rd12", (2**40, 2**30), 2**70 % 2**64),
    ("mul.hi.u64 %rd90, %rd11, %rd12", (2**40, 2**30), 2**6),
    ("cvt.u32.u64 %r1, %rd11; mul.wide.s32 %rd90, %r1, 8", (2**32 - 1,), 2**64 - 8),
    ("cvt.u32.u64 %r1, %rd11; mul.wide.u32 %rd90, %r1, 8", (2**32 - 1,), 2**35 - 8),
    ("div.s64 %rd90, %rd11, %rd12", (2**64 - 7, 2), 2**64 - 3),
    ("rem.s64 %rd90, %rd11, %rd12", (2**64 - 7, 2), ALL_ONES),
    ("div.u64 %rd90, %rd11, %rd12", (2**64 - 2, 2), 2**63 - 1),
    ("neg.s64 %rd90, %rd11", (5,), 2**64 - 5),
    ("and.b64 %rd90, %rd11, %rd12", (12, 10), 8),
    ("or.b64 %rd90, %rd11, %rd12", (12, 10), 14),
    ("xor.b64 %rd90, %rd11, %rd12", (12, 10), 6),
    ("not.b64 %rd90, %rd11", (0,), ALL_ONES),
    ("shl.b64 %rd90, %rd11, 64", (1,), 0),
    ("shl.b64 %rd90, %rd11, 63", (1,), 2**63),
    ("shr.u64 %rd90, %rd11, 63", (2**63,), 1),
    ("shr.s64 %rd90, %rd11, 70", (2**63,), ALL_ONES),
    ("bfi.b64 %rd90, %rd11, %rd12, 8, 4", (0x1F, ALL_ONES), 2**64 - 1),
    ("bfi.b64 %rd90, %rd11, %rd12, 8, 4", (0x15, 0), 0x500),
    ("clz.b64 %r1, %rd11; cvt.u64.u32 %rd90, %r1", (1,), 63),
    ("mov.b64 {%r1, %r2}, %rd11; mov.b64 %rd90, {%r2, %r1}", (0x0123456789ABCDEF,), 0x89ABCDEF01234567),
    ("cvt.u32.u64 %r1, %rd11; cvt.s64.s32 %rd90, %r1", (2**32 - 2,), 2**64 - 2),
    ("setp.lt.s64 %p1, %rd11, %rd12; selp.b64 %rd90, 1, 2, %p1", (ALL_ONES, 0), 1),
    ("setp.lt.u64 %p1, %rd11, %rd12; selp.b64 %rd90, 1, 2, %p1", (ALL_ONES, 0), 2),
])  # fmt: skip
def test_integer_instructions(instruction, inputs, expected):
    assert computed_bits(f"{instruction};", *inputs) == expected


def test_carries_chain_as_in_a_product_of_128_bits():
    x, y = 0xFEDCBA9876543210, 0x0F1E2D3C4B5A6978
    high = computed_bits(
        """{ .reg .u32 a, b, c, d, r0, r1, r2, r3;
        mov.b64 {a, b}, %rd11; mov.b64 {c, d}, %rd12;
        mul.lo.u32 r0, a, c; mul.hi.u32 r1, a, c;
        mad.lo.cc.u32 r1, a, d, r1; madc.hi.u32 r2, a, d, 0;
        mad.lo.cc.u32 r1, b, c, r1; madc.hi.cc.u32 r2, b, c, r2; madc.hi.u32 r3, b, d, 0;
        mad.lo.cc.u32 r2, b, d, r2; addc.u32 r3, r3, 0;
        mov.b64 %rd90, {r2, r3}; }""",
        x, y,
    )  # fmt: skip
    assert high == (x * y) >> 64


def test_a_borrow_is_subtracted():
    assert computed_bits(
        """mov.b64 {%r1, %r2}, %rd11; mov.b64 {%r3, %r4}, %rd12;
        sub.cc.u32 %r5, %r1, %r3; subc.u32 %r6, %r2, %r4; mov.b64 %rd90, {%r5, %r6};""",
        2**32, 1,
    ) == 2**32 - 1  # fmt: skip


def test_loops_and_predicated_instructions():
    program = kernel("""
        mov.u32 %r1, 0; mov.f64 %fd1, 0d0000000000000000;
        $L_again:
        add.s32 %r1, %r1, 1;
        and.b32 %r2, %r1, 1; setp.eq.s32 %p1, %r2, 0;
        cvt.rn.f64.s32 %fd2, %r1;
        @%p1 add.f64 %fd1, %fd1, %fd2;
        setp.lt.s32 %p2, %r1, 10;
        @%p2 bra $L_again;
        st.global.f64 [%rd2], %fd1;
        """)
    assert launch(program, np.zeros(1), np.zeros(1))[0] == 2 + 4 + 6 + 8 + 10


def test_functions_local_memory_and_tables():
    before = """
    .global .align 8 .b8 table[16] = {0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 64};
    .func (.param .align 8 .b8 result[16]) twice(.param .b64 x) {
        .local .align 8 .b8 room[8]; .reg .f64 %fd<3>; .reg .b64 %rd<3>;
        mov.u64 %rd1, room; ld.param.f64 %fd1, [x]; st.local.f64 [%rd1], %fd1; ld.local.f64 %fd2, [%rd1];
        add.f64 %fd2, %fd2, %fd1; st.param.f64 [result+0], %fd2; st.param.f64 [result+8], %fd1; ret;
    }"""
    program = kernel(
        """mov.u64 %rd3, table; ld.global.nc.v2.f64 {%fd1, %fd2}, [%rd3];
        { .param .b64 param0; st.param.f64 [param0+0], %fd2; .param .align 8 .b8 retval0[16];
        call.uni (retval0), twice, (param0); ld.param.f64 %fd3, [retval0+0]; ld.param.f64 %fd4, [retval0+8]; }
        st.global.v2.f64 [%rd2], {%fd3, %fd4};""",
        before,
    )
    np.testing.assert_array_equal(launch(program, np.zeros(1), np.zeros(2)), [4.0, 2.0])


@pytest.mark.parametrize(("instruction", "named"), [
    ("bar.sync 0", "bar.sync"),
    ("sin.approx.f32 %f1, %f2", "sin.approx"),
    ("add.rz.f64 %fd1, %fd2, %fd3", ".rz"),
    ("mul.ftz.f32 %f1, %f2, %f3", ".ftz"),
    ("ld.shared.f64 %fd1, [%rd1]", "shared"),
    ("call.uni (retval0), stranger, (param0)", "retval0|stranger"),
    ("mov.u32 %r1, %laneid", "%laneid"),
    ("add.f64 %fd1, %fd2, %fd77", "%fd77"),
])  # fmt: skip
def test_unknown_ptx_is_refused(instruction, named):
    with pytest.raises((UnknownPtxError, KeyError), match=named):
        kernel(f"{instruction};")


@pytest.mark.parametrize("offset", [-8, 16])
@pytest.mark.parametrize("access", ["ld.global.f64 %fd1, [%rd4];", "st.global.f64 [%rd4], %fd1;"])
def test_checked_programs_refuse_memory_outside_of_the_arrays(offset, access):
    program = kernel(f"add.s64 %rd4, %rd2, {offset}; {access}", checked=True)
    source, target = np.zeros(2), np.zeros(2)
    ranges = [(array.ctypes.data, array.ctypes.data + array.nbytes) for array in (source, target)]
    with pytest.raises(MemoryAccessError, match="belongs to no array"):
        launch(program, source, target, ranges=ranges[1:])
    inside = kernel(f"add.s64 %rd4, %rd2, 8; {access}", checked=True)
    launch(inside, source, target, ranges=ranges)


def test_counted_programs_count_what_is_executed():
    program = kernel(
        """mov.u32 %r1, 0; $L_again: add.s32 %r1, %r1, 1; fma.rn.f64 %fd1, %fd1, %fd1, %fd1;
        setp.lt.s32 %p1, %r1, 5; @%p1 bra $L_again; add.f64 %fd1, %fd1, %fd1;""",
        counted=True,
    )
    launch(program, np.zeros(1), np.zeros(1), blocks=2, threads=3)
    executed = program.executed()
    assert executed["fma.rn.f64"] == 5 * 6
    assert executed["add.f64"] == 6
    assert executed["bra"] == 5 * 6


def test_a_module_has_one_kernel():
    with pytest.raises(ValueError, match="not enough values"):
        parse(HEADER + ".func f() { ret; }").entry  # noqa: B018

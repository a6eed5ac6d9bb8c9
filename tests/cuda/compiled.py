"""What ptxas makes of the kernels for each generation of GPUs: registers, stack, spills, occupancy."""

from __future__ import annotations

import collections
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cuda.pathfinder import find_nvidia_binary_utility
from machine_code import GPUS, KINDS, all_instructions, disassemble, innermost_loop
from numba import cuda
from pretended_gpu import engine_on_pretended_gpu

from nbnumba.engine import cuda as engine
from nbnumba.engine.cuda_launch import THREADS_PER_BLOCK
from nbnumba.engine.cuda_memory import ResidentParameters, SharedArrays, plane_of
from nbnumba.engine.registry import PRECISIONS
from nbnumba.flags import interpret
from nbnumba.kernels.cuda_crystal import FORMS
from nbnumba.setup.lowering import lower
from nbnumba.shapes.registry import SHAPES

SHAPE_NAMES = tuple(shape.name.lower() for shape in SHAPES)

FLAGS = "-cell 70 80 90 75 85 95 -default_F 100 -lambda 1 -N 5 -distance 500 -detpixels 64 -mosaic 1 -mosaic_dom 3"
"""Any experiment: only the types of its numbers matter to a compiler."""


@dataclass(frozen=True)
class Multiprocessor:
    """Limits of a streaming multiprocessor: CUDA C++ Programming Guide, "Compute Capabilities"."""

    warps: int
    blocks: int
    registers: int = 65536
    partitions: int = 4

    def resident_warps(self, registers: int, threads_per_block: int) -> int:
        """Warps at a time, where each thread has this many registers; they are given out 256 per warp and partition."""
        per_warp = -(-registers // 8) * 8 * 32
        by_registers = self.registers // self.partitions // per_warp * self.partitions
        warps_per_block = threads_per_block // 32
        return min(self.warps // warps_per_block, by_registers // warps_per_block, self.blocks) * warps_per_block


MULTIPROCESSORS = {
    (8, 0): Multiprocessor(warps=64, blocks=32),
    (8, 9): Multiprocessor(warps=48, blocks=24),
    (9, 0): Multiprocessor(warps=64, blocks=32),
    (10, 0): Multiprocessor(warps=64, blocks=32),
    (12, 0): Multiprocessor(warps=48, blocks=24),
}
"""By compute capability: A100, RTX 40, H100, B200, RTX 50."""


@dataclass(frozen=True)
class Compiled:
    """A kernel as ptxas leaves it for one compute capability."""

    registers: int
    stack: int
    spilled: int
    resident_warps: int
    occupancy: float
    sass: str


@dataclass(frozen=True)
class Variant:
    """A kernel of the engine."""

    shape: str
    interpolating: bool
    precision: str
    registers: int | None = None  # at most, if there is a limit

    def __str__(self) -> str:
        limit = f", at most {self.registers} registers" if self.registers else ""
        return f"{self.shape}, {self.precision}{', interpolating' if self.interpolating else ''}{limit}"


VARIANTS = (
    *(Variant(shape, interpolating, precision)
      for precision in PRECISIONS for interpolating in (False, True) for shape in SHAPE_NAMES),
    *(Variant(shape, False, "mixed", engine.MIXED_REGISTERS) for shape in SHAPE_NAMES),
)  # fmt: skip


def ptx_of_kernels() -> Iterator[tuple[str, tuple[int, int], str, int | None]]:
    """Name, compute capability, PTX and largest number of registers of each kernel for each capability."""
    with engine_on_pretended_gpu() as gpu:
        params = lower(interpret(FLAGS.split()).experiment).params
        uploaded = {
            precision: ResidentParameters(SharedArrays(), FORMS[precision]).take(params, cuda.stream())[0]
            for precision in PRECISIONS
        }
        floats, doubles, bits = (cuda.device_array(64, kind) for kind in (np.float32, np.float64, np.uint8))
        kernels = {
            str(v): (engine._pixel_kernel(SHAPE_NAMES.index(v.shape), v.interpolating, v.precision, False, None),
                     (uploaded[v.precision], plane_of(params.panels), 0, False, floats, doubles, bits))
            for v in VARIANTS if v.registers is None
        }  # fmt: skip
        kernels["sum of solid angles"] = (engine._sum_kernel(), (doubles, doubles))
        for name, (kernel, arguments) in kernels.items():
            library = kernel.compile(tuple(kernel.typeof_pyval(argument) for argument in arguments)).library
            limits = [(str(v), v.registers) for v in VARIANTS if v.registers and name == f"{v.shape}, {v.precision}"]
            for capability in MULTIPROCESSORS:
                gpu.device.compute_capability = capability
                for variant, registers in ((name, None), *limits):
                    yield variant, capability, library.get_asm_str(), registers
            gpu.device.compute_capability = (9, 0)


def compile_ptx(ptx: str, registers: int | None, capability: tuple[int, int], folder: Path) -> Compiled:
    """Let ptxas compile PTX."""
    (target,) = re.findall(r"^\.target (\w+)", ptx, flags=re.MULTILINE)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        source, binary = Path(name, "kernel.ptx"), Path(name, "kernel.cubin")
        source.write_text(ptx)
        ptxas = find_nvidia_binary_utility("ptxas")
        report = subprocess.run(
            [ptxas, "-v", f"-arch={target}", *([] if registers is None else [f"--maxrregcount={registers}"]), "-o",
             binary, source], capture_output=True, text=True, check=True,
        ).stderr  # fmt: skip
        sass = disassemble(binary) if capability in {gpu.capability for gpu in GPUS.values()} else ""
    used = int(re.findall(r"Used (\d+) registers", report)[0])
    stacks = [int(number) for number in re.findall(r"(\d+) bytes stack frame", report)]
    spills = [int(number) for number in re.findall(r"(\d+) bytes spill", report)]
    multiprocessor = MULTIPROCESSORS[capability]
    warps = multiprocessor.resident_warps(used, THREADS_PER_BLOCK)
    return Compiled(used, max(stacks), sum(spills), warps, warps / multiprocessor.warps, sass)


def compile_all(folder: Path) -> dict[str, dict[tuple[int, int], Compiled]]:
    """Every kernel for every compute capability; ptxas works beside numba-cuda."""
    with ThreadPoolExecutor(2) as threads:
        running = [
            (name, capability, threads.submit(compile_ptx, ptx, registers, capability, folder))
            for name, capability, ptx, registers in ptx_of_kernels()
        ]
    found: dict[str, dict[tuple[int, int], Compiled]] = {}
    for name, capability, compiled in running:
        found.setdefault(name, {})[capability] = compiled.result()
    return found


def register_table(compiled: dict[str, dict[tuple[int, int], Compiled]]) -> str:
    """Markdown: registers per thread, bytes of stack, warps per multiprocessor and the share of the largest number."""
    heads = [f"{major}.{minor}" for major, minor in MULTIPROCESSORS]
    lines = [f"| kernel | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for name, by_capability in compiled.items():
        cells = [f"{c.registers} / {c.stack} / {c.resident_warps} ({c.occupancy:.0%})" for c in by_capability.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def instruction_table(compiled: dict[str, dict[tuple[int, int], Compiled]]) -> str:
    """Markdown: machine instructions of the loop over domains for compute capability 9.0, by pipe."""
    lines = [f"| kernel | {' | '.join(KINDS)} | other |", "|---|" + "--:|" * (len(KINDS) + 1)]
    for variant in VARIANTS:
        if not variant.interpolating:
            count = collections.Counter(i.kind for i in innermost_loop(compiled[str(variant)][9, 0].sass))
            lines.append(f"| {variant} | {' | '.join(str(count[kind]) for kind in (*KINDS, 'other'))} |")
    return "\n".join(lines)


def speed_table(compiled: dict[str, dict[tuple[int, int], Compiled]]) -> str:
    """Markdown: pixel-steps per second predicted from the loop over domains."""
    lines = [f"| kernel | {' | '.join(GPUS)} |", "|---|" + "--:|" * len(GPUS)]
    for variant in VARIANTS:
        if not variant.interpolating:
            kernel = compiled[str(variant)]
            speeds = [gpu.per_second(innermost_loop(kernel[gpu.capability].sass)) for gpu in GPUS.values()]
            lines.append(f"| {variant} | {' | '.join(f'{speed:.2g}' for speed in speeds)} |")
    return "\n".join(lines)


def public_table(compiled: dict[str, dict[tuple[int, int], Compiled]]) -> str:
    """Markdown: seconds predicted for 1024² pixels × 1000 domains, the loop and all other code of each pixel."""
    pixels, domains = 1024**2, 1000
    lines = [f"| | {' | '.join(GPUS)} |", "|---|" + "--:|" * len(GPUS)]
    kernels = {precision: f"square, {precision}" for precision in PRECISIONS}
    kernels["mixed"] += f", at most {engine.MIXED_REGISTERS} registers"
    for precision, name in kernels.items():
        cells = []
        for gpu in GPUS.values():
            sass = compiled[name][gpu.capability].sass
            loop = innermost_loop(sass)
            cells.append(pixels * domains / gpu.per_second(loop) + pixels / gpu.per_second(all_instructions(sass)))
        lines.append(f"| {precision} | {' | '.join(f'{seconds:.2g} s' for seconds in cells)} |")
    return "\n".join(lines)

"""Reads a GPU's machine code (SASS): its loops, the kinds of instructions in them, and how long they should take."""

from __future__ import annotations

import collections
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cuda.pathfinder import find_nvidia_binary_utility

KINDS = {
    "float64": ("DADD", "DMUL", "DFMA", "DSETP", "DMNMX"),
    "float32": ("FADD", "FMUL", "FFMA", "FSETP", "FSEL", "FMNMX", "FCHK"),
    "special": ("MUFU", "F2F", "F2I", "I2F", "FRND", "I2I"),
    "memory": ("LDG", "LD", "LDL", "STL", "STG", "ST", "LDS"),
}
"""Pipes of a multiprocessor and the instructions that only they execute; all others only take a place in the issue."""


def disassemble(path: Path) -> str:
    """SASS of a cubin with labels for jumps."""
    nvdisasm = find_nvidia_binary_utility("nvdisasm")
    return subprocess.run([nvdisasm, "-c", path], capture_output=True, text=True, check=True).stdout


@dataclass(frozen=True)
class Instruction:
    """One machine instruction."""

    predicated: bool
    opcode: str
    target: str | None

    @property
    def kind(self) -> str:
        """Which pipe executes it."""
        name = self.opcode.partition(".")[0]
        return next((kind for kind, names in KINDS.items() if name in names), "other")

    @property
    def ends_block(self) -> bool:
        """Whether it jumps; ptxas also writes jumps as calls of a label, from which nothing returns."""
        name = self.opcode.partition(".")[0]
        return name in ("BRA", "EXIT", "RET") or (name == "CALL" and self.target is not None)

    @property
    def is_wide(self) -> bool:
        """Whether it moves or converts 64-bit numbers."""
        return ".64" in self.opcode or ".F64" in self.opcode


def parse(sass: str) -> tuple[list[list[Instruction]], dict[str, int]]:
    """Basic blocks of the kernel and the block at each label."""
    blocks: list[list[Instruction]] = [[]]
    labels: dict[str, int] = {}
    for line in sass.splitlines():
        if found := re.match(r"(\.L_\w+):", line):
            if blocks[-1]:
                blocks.append([])
            labels[found.group(1)] = len(blocks) - 1
        elif found := re.match(r"\s+/\*[0-9a-f]+\*/\s+(?:(@!?U?P\w+)\s+)?([A-Z][\w.]*)(.*?);", line):
            predicate, opcode, operands = found.groups()
            target = re.search(r"`\((\.L_\w+)\)", operands)
            conditional = predicate is not None or bool(re.search(r"\bU?!?U?P\d", operands.partition("`")[0]))
            blocks[-1].append(Instruction(conditional, opcode, target and target.group(1)))
            if blocks[-1][-1].ends_block:
                blocks.append([])
    return blocks, labels


def _successors(blocks: list[list[Instruction]], labels: dict[str, int]) -> list[set[int]]:
    following = []
    for i, block in enumerate(blocks):
        after = {i + 1} if i + 1 < len(blocks) else set()
        last = block[-1] if block else None
        if last is not None and last.ends_block:
            after = after if last.predicated else set()
            if last.target in labels:
                after = after | {labels[last.target]}
        following.append(after)
    return following


def _dominators(successors: list[set[int]]) -> dict[int, set[int]]:
    """For each block that can be reached, the blocks that every way to it passes."""
    reached: set[int] = set()
    waiting = [0]
    while waiting:
        block = waiting.pop()
        if block not in reached:
            reached.add(block)
            waiting += successors[block]
    before = collections.defaultdict(set)
    for block in reached:
        for after in successors[block]:
            before[after].add(block)
    dominators = {block: set(reached) for block in reached}
    dominators[0] = {0}
    changed = True
    while changed:
        changed = False
        for block in sorted(reached - {0}):
            found = set.intersection(*(dominators[b] for b in before[block])) | {block}
            if found != dominators[block]:
                dominators[block] = found
                changed = True
    return dominators


def loops(sass: str) -> list[list[Instruction]]:
    """The instructions of every loop without a loop inside."""
    blocks, labels = parse(sass)
    successors = _successors(blocks, labels)
    dominators = _dominators(successors)
    bodies: dict[int, set[int]] = {}
    for block, over in dominators.items():
        for head in successors[block] & over:
            bodies.setdefault(head, {head}).update(_body(block, head, successors, set(dominators)))
    innermost = [body for head, body in bodies.items() if not any(other in body for other in bodies if other != head)]
    return [[instruction for block in sorted(body) for instruction in blocks[block]] for body in innermost]


def _body(end: int, head: int, successors: list[set[int]], reached: set[int]) -> set[int]:
    """Blocks from which the end of a loop can be reached without its head."""
    body, waiting = {head}, [end]
    while waiting:
        block = waiting.pop()
        if block not in body:
            body.add(block)
            waiting += [b for b in reached if block in successors[b]]
    return body


def innermost_loop(sass: str) -> list[Instruction]:
    """The loop over mosaic domains: of the loops without a loop inside the one with most arithmetic."""
    return max(loops(sass), key=lambda loop: sum(i.kind in ("float64", "float32") for i in loop))


def all_instructions(sass: str) -> list[Instruction]:
    """Every instruction of the kernel."""
    return [instruction for block in parse(sass)[0] for instruction in block]


@dataclass(frozen=True)
class Gpu:
    """A GPU, from NVIDIA's white papers: what its multiprocessors do in a clock, for 32 threads of a warp each."""

    capability: tuple[int, int]
    multiprocessors: int
    clock: float  # Hz, boost
    float64: int  # threads per clock and multiprocessor
    float32: int
    special: int = 16
    loaded_bytes: int = 128
    issued: int = 4  # warps

    def clocks(self, instructions: Iterable[Instruction]) -> float:
        """Clocks that a multiprocessor needs per warp, if the busiest pipe never waits and the others are hidden."""
        found = list(instructions)
        count = collections.Counter(i.kind for i in found)
        wide_special = sum(i.kind == "special" and i.is_wide for i in found)
        words = sum(2 if i.is_wide else 1 for i in found if i.kind == "memory")
        narrow = count["special"] - wide_special
        return max(
            32 * count["float64"] / self.float64 + 32 * wide_special / min(self.float64, self.special),
            32 * count["float32"] / self.float32,
            32 * narrow / self.special,
            32 * 4 * words / self.loaded_bytes,
            len(found) / self.issued,
        )

    def per_second(self, instructions: Iterable[Instruction]) -> float:
        """How often per second all threads together execute these instructions."""
        return self.multiprocessors * self.clock * 32 / self.clocks(instructions)


GPUS = {
    "A100": Gpu((8, 0), multiprocessors=108, clock=1.41e9, float64=32, float32=64),
    "RTX 4090": Gpu((8, 9), multiprocessors=128, clock=2.52e9, float64=2, float32=128),
    "H100 SXM": Gpu((9, 0), multiprocessors=132, clock=1.98e9, float64=64, float32=128),
}

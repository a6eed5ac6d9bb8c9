"""Which PTX instructions a kernel executes for each further mosaic domain: the cost of one pixel-step, counted."""

from __future__ import annotations

import collections

from pretended_gpu import engine_on_pretended_gpu

from nbnumba.engine.registry import PRECISIONS
from nbnumba.flags import interpret
from nbnumba.simulation import simulate

FLAGS = "-cell 70 80 90 75 85 95 -lambda 1 -N 5 -distance 500 -detpixels 16 -pixel 10 -oversample 1 -mosaic 1"
PIXELS = 256


def executed_per_step(flags: str, precision: str) -> dict[str, float]:
    """PTX instructions per pixel-step: those of an image with nine domains less those with five, for each domain.

    Parameters
    ----------
    flags : str
        Crystal shape and structure factors, added to FLAGS.
    precision : str
        One of `PRECISIONS`.
    """
    counts = []
    for domains in (5, 9):
        with engine_on_pretended_gpu(counted=True) as gpu:
            arguments = f"{FLAGS} {flags} -mosaic_dom {domains}".split()
            simulate(interpret(arguments).experiment, engine="cuda", precision=precision)
            counts.append(sum((program.executed() for program in gpu.programs), collections.Counter()))
    few, many = counts
    return {opcode: (many[opcode] - few[opcode]) / (4 * PIXELS) for opcode in many if many[opcode] != few[opcode]}


CRYSTALS = {"square": "", "round": " -round_xtal", "gauss": " -gauss_xtal", "tophat": " -tophat_spots"}
"""Flags of each shape."""


def by_type(counts: dict[str, float]) -> dict[str, float]:
    """The same summed by what the instructions work on: "f64", "f32", memory, or anything else."""
    total: dict[str, float] = {"f64": 0.0, "f32": 0.0, "memory": 0.0, "other": 0.0}
    for opcode, count in counts.items():
        parts = opcode.split(".")
        kind = "memory" if parts[0] in ("ld", "st") else next((t for t in ("f64", "f32") if t in parts), "other")
        # a move or a choice is no arithmetic
        total["other" if parts[0] in ("mov", "selp") else kind] += count
    return total


def executed_table() -> str:
    """Markdown: PTX instructions executed per pixel-step, by type."""
    lines = ["| kernel | f64 | f32 | memory | other |", "|---|--:|--:|--:|--:|"]
    for precision in PRECISIONS:
        for shape, flags in CRYSTALS.items():
            found = by_type(executed_per_step(f"-default_F 100{flags}", precision))
            lines.append(f"| {shape}, {precision} | {' | '.join(f'{count:.0f}' for count in found.values())} |")
    return "\n".join(lines)

"""The golden cases through the kernels' PTX: which are run how, and the table of the differences."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from math import prod
from pathlib import Path

from golden import Difference, GoldenCase, golden_cases, interpret_case
from pretended_gpu import engine_on_pretended_gpu

from nbnumba.simulation import simulate

LARGEST_UNFUSED = 256 * 256
"""Pixels of the largest cases that are also run without fused operations; with them all cases are."""


def runs() -> list[tuple[bool, GoldenCase]]:
    """Whether operations are fused, and the case; kernels of one kind in a row."""
    fused = [(True, case) for case in golden_cases()]
    return fused + [(False, case) for case in golden_cases() if prod(case.shape) <= LARGEST_UNFUSED]


def golden_table(folder: Path, tell: Callable[[str], None]) -> str:
    """Markdown: how many pixels of each case differ in bits from nanoBragg's, and by how much, fused and not."""
    found: dict[str, dict[bool, Difference]] = {}
    for kind in (True, False):
        with engine_on_pretended_gpu(fused=kind):
            for fused, case in runs():
                if fused == kind:
                    tell(f"{case.name}, {'fused' if fused else 'not fused'}")
                    with tempfile.TemporaryDirectory(dir=folder) as place:
                        image = simulate(interpret_case(case, Path(place)).experiment, engine="cuda").image
                    found.setdefault(case.name, {})[fused] = case.difference(image)
    lines = ["| case | pixels | differ | worst | not fused: differ | worst |", "|---|--:|--:|--:|--:|--:|"]
    for name, differences in found.items():
        cells = [f"{differences[True].pixels}"]
        for kind in (True, False):
            one = differences.get(kind)
            cells += ["", ""] if one is None else [f"{one.different}", f"{one.worst:.1e}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)

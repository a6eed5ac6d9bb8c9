"""The golden cases through the kernels' PTX: which are run how, and the table of the differences."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from golden import Difference, GoldenCase, golden_cases, interpret_case
from pretended_gpu import engine_on_pretended_gpu

from nbnumba.errors import UsageError
from nbnumba.simulation import simulate

LARGEST_UNFUSED = 256 * 256
"""Pixels of the largest cases that are also run without fused operations; with them all cases are."""


def runs() -> list[tuple[bool, GoldenCase]]:
    """Whether operations are fused, and the case; kernels of one kind in a row."""
    fused = [(True, case) for case in golden_cases()]
    return fused + [(False, case) for case in golden_cases() if prod(case.shape) <= LARGEST_UNFUSED]


@dataclass(frozen=True)
class Errors:
    """How an image with float32 sums differs from nanoBragg's.

    Attributes
    ----------
    worst : float
        Largest difference relative to the pixel, or to 1e-9 of the image's maximum if that is larger.
    of_maximum : float
        Largest difference relative to the image's maximum.
    root_mean_square : float
        Of the differences, relative to that of the image.
    """

    worst: float
    of_maximum: float
    root_mean_square: float


def single_errors(case: GoldenCase, folder: Path, precision: str) -> Errors | None:
    """The errors of a case in a precision, on the pretended GPU of the moment; None where it is refused."""
    try:
        image = simulate(interpret_case(case, folder).experiment, engine="cuda", precision=precision).image
    except UsageError:
        return None
    reference = case.reference_image().astype(np.float64)
    off = np.abs(image[case.window] - reference)
    rms = math.sqrt(float(np.sum(off**2) / np.sum(reference**2)))
    return Errors(case.difference(image).worst, float(off.max() / reference.max()), rms)


def single_table(folder: Path, tell: Callable[[str], None]) -> str:
    """Markdown: the errors of every case of at most 512² pixels in single and mixed precision."""
    lines = [
        "| case | single: worst pixel | of maximum | root mean square | mixed | of maximum | root mean square |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    with engine_on_pretended_gpu():
        for case in golden_cases():
            if prod(case.shape) > 512 * 512:
                continue
            cells = []
            for precision in ("single", "mixed"):
                tell(f"{case.name}, {precision}")
                with tempfile.TemporaryDirectory(dir=folder) as place:
                    e = single_errors(case, Path(place), precision)
                cells += ["refused", "", ""] if e is None else [
                    f"{value:.1e}" for value in (e.worst, e.of_maximum, e.root_mean_square)
                ]  # fmt: skip
            lines.append(f"| {case.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


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

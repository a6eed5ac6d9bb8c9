"""The golden cases: what nanoBragg.c computed, and how far an image of ours is from it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nbnumba.flags import Request, interpret
from nbnumba.output.write import OutputReport, write_outputs
from nbnumba.simulation import SimulationResult, simulate

ROOT = Path(__file__).resolve().parent.parent
GOLDEN_DATA = ROOT / "golden_data"
TRACES = ROOT / "traces"
INPUT_FOLDERS = (GOLDEN_DATA / "inputs", GOLDEN_DATA / "corrected" / "inputs", ROOT / "nbnumba" / "data" / "er1")

MAX_DIFFERENT_FRACTION = 2e-4
"""Share of pixels whose bits may differ: nanoBragg.c compiled with and without FMA differs in 1e-4."""

MAX_RELATIVE_DIFFERENCE = 1e-6
"""How far such a pixel may be off: 8 units in the last place of a float32; FMA alone gives 1.2e-7."""

RELATIVE_FLOOR = 1e-9
"""Share of the image's maximum below which differences are absolute: between peaks the terms cancel."""


@dataclass(frozen=True)
class Difference:
    """How an image differs from the reference.

    Attributes
    ----------
    pixels : int
        Number of pixels compared.
    different : int
        Number of them whose bits differ.
    worst : float
        Largest difference, relative to the reference or to RELATIVE_FLOOR of its maximum, whichever is larger.
    """

    pixels: int
    different: int
    worst: float

    @property
    def is_within_bars(self) -> bool:
        """Whether the image meets the golden bars."""
        return self.different <= MAX_DIFFERENT_FRACTION * self.pixels and self.worst <= MAX_RELATIVE_DIFFERENCE


def image_difference(image: np.ndarray, reference: np.ndarray, maximum: float) -> Difference:
    """How a float32 image differs from a reference whose whole frame has this maximum."""
    different = reference.view(np.uint32) != image.view(np.uint32)
    return Difference(
        reference.size, int(different.sum()), float(relative_differences(image, reference, maximum).max())
    )


def relative_differences(image: np.ndarray, reference: np.ndarray, maximum: float) -> np.ndarray:
    """Differences relative to the reference or to RELATIVE_FLOOR of its maximum, whichever is larger."""
    floor = RELATIVE_FLOOR * maximum
    return np.abs(image.astype(np.float64) - reference) / np.maximum(np.abs(reference), floor)


@dataclass(frozen=True)
class GoldenCase:
    """One run of nanoBragg.c.

    Attributes
    ----------
    name : str
        Name of the case and of its folder.
    args : tuple of str
        Flags as given to the program.
    inputs : tuple of str
        Names of the input files that the flags mention.
    shape : tuple of int
        Slow, fast.
    checksums : dict of str to str
        SHA-256 by kind of file: "float", "int", "pgm" and, with noise, "noise".
    header : str
        Text of the integer image's SMV header.
    maximum : float
        Largest pixel value, photons.
    window : tuple of 2 slice
        Rows and columns that the reference image covers.
    block : int or None
        Edge of the blocks of `block_sums`, pixels; None when the reference image is the whole frame.
    reported : dict
        Figures that the program printed, six significant digits.
    traced_pixels : tuple of (int, int)
        Slow, fast of each pixel with a trace.
    """

    name: str
    args: tuple[str, ...]
    inputs: tuple[str, ...]
    shape: tuple[int, int]
    checksums: dict[str, str]
    header: str
    maximum: float
    window: tuple[slice, slice]
    block: int | None
    reported: dict[str, Any]
    traced_pixels: tuple[tuple[int, int], ...]

    def reference_image(self) -> np.ndarray:
        """The float32 image inside `window`."""
        return tifffile.imread(GOLDEN_DATA / self.name / ("image.tif" if self.block is None else "roi.tif"))

    def block_sums(self) -> np.ndarray:
        """Float64 sums of the whole blocks of the frame."""
        return np.load(GOLDEN_DATA / self.name / "block_sums.npy")

    def trace_file(self, slow: int, fast: int) -> Path:
        """The reference trace of a pixel."""
        return TRACES / self.name / f"trace_{slow}_{fast}.log"

    def difference(self, image: np.ndarray) -> Difference:
        """How a whole frame differs from the reference inside `window`."""
        return image_difference(image[self.window], self.reference_image(), self.maximum)

    def block_sum_differences(self, image: np.ndarray) -> np.ndarray:
        """Relative differences of the block sums of a whole frame."""
        assert self.block is not None
        rows, columns = (n // self.block for n in self.shape)
        whole = image[: rows * self.block, : columns * self.block].astype(np.float64)
        ours = whole.reshape(rows, self.block, columns, self.block).sum(axis=(1, 3))
        reference = self.block_sums()
        floor = RELATIVE_FLOOR * self.maximum
        return np.abs(ours - reference) / np.maximum(np.abs(reference), floor)

    def place_inputs(self, folder: Path) -> None:
        """Copy the input files into a folder."""
        for name in self.inputs:
            shutil.copy(input_file(name), folder / name)


@dataclass(frozen=True)
class GoldenRun:
    """What nbnumba makes of a golden case.

    Attributes
    ----------
    case : GoldenCase
        Reference.
    result : SimulationResult
        Image and model.
    report : OutputReport
        Statistics and scales.
    files : dict of str to Path
        Output files by kind, as in `GoldenCase.checksums`.
    """

    case: GoldenCase
    result: SimulationResult
    report: OutputReport
    files: dict[str, Path]

    def checksum(self, kind: str) -> str:
        """SHA-256 of an output file."""
        return hashlib.sha256(self.files[kind].read_bytes()).hexdigest()


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder: contextlib.chdir of Python 3.11."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def interpret_case(case: GoldenCase, folder: Path) -> Request:
    """Read the flags of a case in a folder, with its input files."""
    case.place_inputs(folder)
    with inside(folder):
        return interpret(list(case.args))


def run_case(case: GoldenCase, engine: str, folder: Path) -> GoldenRun:
    """Simulate a case and write its files into a folder."""
    request = interpret_case(case, folder)
    result = simulate(request.experiment, engine=engine)
    with inside(folder):
        report = write_outputs(result.model, result.image, request.files)
    names = {"float": "floatimage.bin", "int": "intimage.img", "pgm": "image.pgm", "noise": "noiseimage.img"}
    return GoldenRun(case, result, report, {kind: folder / names[kind] for kind in case.checksums})


def input_file(name: str) -> Path:
    """Where an input file of the golden cases lies in the repository."""
    return next(folder / name for folder in INPUT_FOLDERS if (folder / name).is_file())


def _read_case(path: Path) -> GoldenCase:
    facts = json.loads(path.read_text())
    slow_min, slow_max, fast_min, fast_max = facts.get("roi_slow_fast", (0, None, 0, None))
    kinds = [kind for kind in ("float", "int", "pgm", "noise") if f"{kind}_sha256" in facts]
    return GoldenCase(
        name=facts["name"],
        args=tuple(facts["args"].split()),
        inputs=tuple(facts["inputs"]),
        shape=tuple(facts["shape_slow_fast"]),
        checksums={kind: facts[f"{kind}_sha256"] for kind in kinds},
        header=facts["int_header"],
        maximum=facts["stats"]["max"],
        window=(slice(slow_min, slow_max), slice(fast_min, fast_max)),
        block=facts.get("block"),
        reported={key: value for key, value in facts["reported"].items() if value is not None},
        traced_pixels=tuple(tuple(trace["pixel_slow_fast"]) for trace in facts["traces"]),
    )


@functools.cache
def golden_cases() -> tuple[GoldenCase, ...]:
    """All cases, by name."""
    return tuple(_read_case(path) for path in sorted(GOLDEN_DATA.glob("*/case.json")))

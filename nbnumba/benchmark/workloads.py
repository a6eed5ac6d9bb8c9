"""The named workloads: which flags, and what each of them stresses."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

TABLE_FILE = "benchmark_table.hkl"
"""Structure factors of the workloads that need a table; `write_inputs` makes it."""

DETECTOR_MM = 204.8
"""Edge of the detector whatever its number of pixels."""

_TRICLINIC = "-cell 70 80 90 75 85 95 -lambda 1 -distance 500"
_MANY_STEPS = "-mosaic 0.5 -mosaic_domains 25 -phi 5 -osc 2 -phisteps 10 -oversample 2"


@dataclass(frozen=True)
class Workload:
    """One benchmark.

    Attributes
    ----------
    name : str
        Short name, as on the command line.
    title : str
        What it stresses.
    flags : str
        nanoBragg flags except the number and size of pixels.
    pixels : int
        Pixels along each edge of the square detector, unless sizes are given.
    target : float
        Times the C program's throughput that the default engine should reach at least.
    rounds : int
        Multiplies the repetitions where the kernel is short beside the fixed costs.
    """

    name: str
    title: str
    flags: str
    pixels: int
    target: float
    rounds: int = 1

    def arguments(self, pixels: int | None = None) -> list[str]:
        """The nanoBragg flags for a detector of `pixels` × `pixels`, writing the float and integer image only."""
        return [*self._flags_of_size(pixels or self.pixels), "-nonoise", "-nopgm"]

    def all_files(self) -> list[str]:
        """The nanoBragg flags for its own number of pixels, writing all four images."""
        return [*self._flags_of_size(self.pixels), "-seed", "1"]

    def _flags_of_size(self, count: int) -> list[str]:
        return f"{self.flags} -detpixels {count} -pixel {DETECTOR_MM / count:.12g}".split()


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "W1", "one step per pixel",
            "-cell 100 100 100 90 90 90 -default_F 100 -lambda 0.5 -N 5 -distance 500 -oversample 1",
            4096, 16.0, rounds=6,
        ),
        Workload(
            "W2", "mosaic x phi x subpixels, N 5", f"{_TRICLINIC} -default_F 100 -N 5 {_MANY_STEPS}", 384, 20.0,
        ),
        Workload(
            "W2-N30", "mosaic x phi x subpixels, N 30", f"{_TRICLINIC} -default_F 100 -N 30 {_MANY_STEPS}", 384, 18.0,
        ),
        Workload(
            "W3", "Gaussian spots, N 5", f"{_TRICLINIC} -default_F 100 -N 5 -gauss_xtal {_MANY_STEPS}", 512, 24.0,
        ),
        Workload(
            "W3-N20", "Gaussian spots, N 20", f"{_TRICLINIC} -default_F 100 -N 20 -gauss_xtal {_MANY_STEPS}", 512, 40.0,
        ),
        Workload(
            "W3-tophat", "top-hat spots, N 20",
            f"{_TRICLINIC} -default_F 100 -N 20 -tophat_spots {_MANY_STEPS}", 640, 20.0,
        ),
        Workload(
            "W4", "round crystal, N 5", f"{_TRICLINIC} -default_F 100 -N 5 -round_xtal {_MANY_STEPS}", 384, 18.0,
        ),
        Workload(
            "W5", "F from an hkl table", f"{_TRICLINIC} -hkl {TABLE_FILE} -N 5 {_MANY_STEPS}", 384, 15.0,
        ),
        Workload(
            "W6", "513 sources (divergence x dispersion)",
            f"{_TRICLINIC} -default_F 100 -N 5 -oversample 1 -hdivrange 2 -hdivsteps 9 -vdivrange 2 -vdivsteps 9 "
            "-dispersion 1 -dispsteps 9", 512, 18.0,
        ),
        Workload(
            "W7", "tricubic interpolation", f"{_TRICLINIC} -hkl {TABLE_FILE} -N 5 -interpolate {_MANY_STEPS}", 192, 7.0,
        ),
    )
}  # fmt: skip
"""Every workload by name."""


SCALING_STEPS = {
    100: "-oversample 10",
    1_000: "-oversample 10 -mosaic 0.5 -mosaic_domains 10",
    10_000: "-oversample 10 -mosaic 0.5 -mosaic_domains 10 -phi 5 -osc 2 -phisteps 10",
    100_000: "-oversample 10 -mosaic 0.5 -mosaic_domains 100 -phi 5 -osc 2 -phisteps 10",
    1_000_000: "-oversample 10 -mosaic 0.5 -mosaic_domains 100 -phi 5 -osc 2 -phisteps 100",
    10_000_000: "-oversample 10 -mosaic 0.5 -mosaic_domains 1000 -phi 5 -osc 2 -phisteps 100",
}
"""Steps per pixel, and flags that make so many."""


def scaling_arguments(steps: str, pixels: int) -> list[str]:
    """Flags for plots of time against steps or pixels.

    Parameters
    ----------
    steps : str
        Flags that set the steps per pixel, as in `SCALING_STEPS`.
    pixels : int
        Pixels along each edge.

    Returns
    -------
    list of str
    """
    size = f"-detpixels {pixels} -pixel {DETECTOR_MM / pixels:.12g}"
    return f"{_TRICLINIC} -default_F 100 -N 5 {steps} {size} -nonoise -nopgm".split()


def write_inputs(folder: Path) -> None:
    """Write the structure-factor table that some workloads read.

    Parameters
    ----------
    folder : Path
        Where the programs will run. Indices run from -40 to 40, amplitudes are random but always the same.
    """
    numbers = random.Random(20)
    span = range(-40, 41)
    with (folder / TABLE_FILE).open("w", encoding="ascii") as table:
        for h in span:
            for k in span:
                table.writelines(f"{h} {k} {l} {numbers.uniform(1, 500):.2f}\n" for l in span)  # noqa: E741

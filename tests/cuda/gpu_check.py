"""Checks and times the CUDA engine on the GPU of this machine, and writes a report: golden cases, agreement, benchmark.

Usage: python tests/cuda/gpu_check.py FOLDER
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from golden import (
    MAX_DIFFERENT_FRACTION,
    MAX_RELATIVE_DIFFERENCE,
    GoldenCase,
    golden_cases,
    image_difference,
    interpret_case,
    relative_differences,
)

from nbnumba.benchmark.report import environment
from nbnumba.benchmark.workloads import WORKLOADS, write_inputs
from nbnumba.engine.cuda_device import devices, why_unusable
from nbnumba.engine.registry import PRECISIONS
from nbnumba.errors import UsageError
from nbnumba.flags import interpret
from nbnumba.kernels.params import last_pixel
from nbnumba.setup.lowering import lower
from nbnumba.simulation import Renderer, simulate_model

SINGLE_RELATIVE = 1e-5
"""Bar of float32 sums, relative to the pixel or to 1e-9 of the image's maximum; as in double precision, 2 pixels in
10⁴ may lie beyond: where an index is a half to the last digit, float32 takes the other of two reflections."""

PUBLIC = "-cell 100 100 100 -default_F 100 -lambda 1 -N 5 -distance 500 -oversample 1 -mosaic 0.5 -mosaic_dom 1000"
"""As in the public figure of a PyTorch port: 1024² pixels × 1000 domains on an RTX 4090 in 0.017 s (float32), 0.33 s
(float64)."""

TIMED = {
    "1000 domains, 1024²": f"{PUBLIC} -detpixels 1024 -pixel 0.2",
    "1 step per pixel, 4096²": " ".join(WORKLOADS["W1"].arguments()),
    "mosaic × phi × subpixels, 1024²": " ".join(WORKLOADS["W2"].arguments(1024)),
    "F from a table, 1024²": " ".join(WORKLOADS["W5"].arguments(1024)),
    "tricubic interpolation, 512²": " ".join(WORKLOADS["W7"].arguments(512)),
}
"""What is timed, as nanoBragg flags."""

AGREEMENT = ("W1", "W2", "W3", "W3-tophat", "W4", "W5", "W6", "W7")
"""Workloads on which the GPU is compared with the CPU."""

REPEATS = 5
"""Timed runs after the first one."""


@dataclass
class Report:
    """What was found."""

    machine: dict[str, Any] = field(default_factory=dict)
    golden: list[dict[str, Any]] = field(default_factory=list)
    agreement: list[dict[str, Any]] = field(default_factory=list)
    timings: list[dict[str, Any]] = field(default_factory=list)
    benchmark: str = ""

    @property
    def failures(self) -> list[str]:
        """What is not within its bars."""
        rows = [f"{row['name']}, {row['precision']}" for row in self.golden + self.agreement if not row["good"]]
        return rows + ([] if self.benchmark in ("", "done") else [self.benchmark])


def _row(name: str, precision: str, image: np.ndarray, reference: np.ndarray, maximum: float) -> dict[str, Any]:
    """How an image differs from its reference and whether that is within the bars of its precision."""
    difference = image_difference(image, reference, maximum)
    beyond = int(np.count_nonzero(relative_differences(image, reference, maximum) > SINGLE_RELATIVE))
    single = precision != PRECISIONS[0]
    good = beyond <= MAX_DIFFERENT_FRACTION * difference.pixels if single else difference.is_within_bars
    return {"name": name, "precision": precision, **asdict(difference), "beyond": beyond, "good": bool(good)}


def check_golden(cases: Sequence[GoldenCase], tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Every golden case in every precision that takes it."""
    rows = []
    for case in cases:
        tell(f"golden case {case.name}")
        with tempfile.TemporaryDirectory() as folder:
            model = lower(interpret_case(case, Path(folder)).experiment)
        for precision in PRECISIONS:
            try:
                image = simulate_model(model, "cuda", precision=precision).image
            except UsageError:
                if precision == PRECISIONS[0]:
                    raise
                continue
            rows.append(_row(case.name, precision, image[case.window], case.reference_image(), case.maximum))
    return rows


def _model(flags: str, folder: Path) -> Any:
    """The set-up experiment; the workloads' table lies in the folder."""
    words = [str(folder / word) if (folder / word).is_file() else word for word in flags.split()]
    return lower(interpret(words).experiment)


def check_agreement(
    names: Sequence[str], pixels: int, folder: Path, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """The benchmark's workloads on the GPU and on the CPU."""
    rows = []
    for name in names:
        tell(f"GPU against CPU, {name}")
        model = _model(" ".join(WORKLOADS[name].arguments(pixels)), folder)
        on_cpu = simulate_model(model, "cpu").image
        rows += [
            _row(name, precision, simulate_model(model, "cuda", precision=precision).image, on_cpu, on_cpu.max())
            for precision in PRECISIONS
        ]
    return rows


def time_workloads(workloads: dict[str, str], folder: Path, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Wall time of rendering, first and repeated, and pixel-steps per second."""
    rows = []
    for name, flags in workloads.items():
        model = _model(flags, folder)
        steps = last_pixel(model.params.panels) * model.params.scale.steps * model.params.sampling.layers
        for precision in PRECISIONS:
            tell(f"timing {name}, {precision}")
            seconds = []
            with Renderer("cuda", precision) as renderer:
                for _ in range(1 + REPEATS):
                    began = time.perf_counter()
                    renderer.render_model(model)
                    seconds.append(time.perf_counter() - began)
            again = seconds[1:]
            rows.append({
                "name": name, "precision": precision, "pixel_steps": steps, "first": seconds[0],
                "median": statistics.median(again), "fastest": min(again), "slowest": max(again),
                "steps_per_second": steps / statistics.median(again),
            })  # fmt: skip
    return rows


def benchmark_command(folder: Path) -> list[str]:
    """The command line of the benchmark of whole programs."""
    return [sys.executable, "-m", "nbnumba_cli", "bench", "--engines", "cpu", "cuda", "--outdir", str(folder / "bench")]


def call(command: list[str]) -> int:
    """Run a command; its exit status."""
    return subprocess.run(command, check=False).returncode


def write_report(report: Report, folder: Path) -> None:
    """Write report.md and report.json."""
    (folder / "report.json").write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    machine = [f"{key}: {value}  " for key, value in report.machine.items()]
    lines = ["# The CUDA engine on this machine", "", *machine, ""]
    failures = report.failures
    lines += [f"**{len(failures)} checks failed: {'; '.join(failures)}**" if failures else "All checks passed.", ""]
    for title, rows in (("Golden cases", report.golden), ("GPU against CPU", report.agreement)):
        bars = (
            f"Bars: in double precision {MAX_DIFFERENT_FRACTION:g} of the pixels differ, by at most "
            f"{MAX_RELATIVE_DIFFERENCE:g}; in the others as many are off by more than {SINGLE_RELATIVE:g}."
        )
        lines += [f"## {title}", "", bars, ""]
        lines += [f"| case | precision | pixels | differ in bits | off by {SINGLE_RELATIVE:g} | worst | |"]
        lines += ["|---|---|--:|--:|--:|--:|---|"]
        lines += [
            f"| {r['name']} | {r['precision']} | {r['pixels']} | {r['different']} | {r['beyond']} | {r['worst']:.1e} | "
            f"{'ok' if r['good'] else '**FAILED**'} |"
            for r in rows
        ]
        lines.append("")
    lines += ["## Rendering", "", "Wall time of one renderer, with download. The first run also loads the kernel and"]
    lines += ["uploads all arrays."]
    lines += [""]
    lines += ["| workload | precision | first, s | median (fastest-slowest), s | pixel-steps/s |"]
    lines += ["|---|---|--:|--:|--:|"]
    lines += [
        f"| {r['name']} | {r['precision']} | {r['first']:.3f} | {r['median']:.4f} ({r['fastest']:.4f}-"
        f"{r['slowest']:.4f}) | {r['steps_per_second']:.3g} |"
        for r in report.timings
    ]
    lines += ["", "## Whole programs, images in a second", "", "`nbnumba bench`: see bench/summary.md.", ""]
    (folder / "report.md").write_text("\n".join(lines), encoding="utf-8")


def main(destination: str) -> int:
    """Check, time, write the report; the exit status says whether all checks passed."""
    reason = why_unusable()
    if reason is not None:
        print(f"gpu-check: {reason}", file=sys.stderr)
        return 1
    folder = Path(destination)
    folder.mkdir(parents=True, exist_ok=True)

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    report = Report()
    report.machine = {**environment(None), **{f"GPU {i}": str(device) for i, device in enumerate(devices())}}
    with tempfile.TemporaryDirectory() as name:
        inputs = Path(name)
        write_inputs(inputs)
        for part, work in (
            ("golden", lambda: check_golden(golden_cases(), tell)),
            ("agreement", lambda: check_agreement(AGREEMENT, 512, inputs, tell)),
            ("timings", lambda: time_workloads(TIMED, inputs, tell)),
        ):
            setattr(report, part, work())
            write_report(report, folder)  # what has been found stays, whatever comes after
    status = call(benchmark_command(folder))
    report.benchmark = "done" if status == 0 else f"nbnumba bench ended with status {status}"
    write_report(report, folder)
    print((folder / "report.md").read_text(encoding="utf-8"))
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

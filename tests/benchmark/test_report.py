"""The report says what was measured, and DISAGREES instead of a speed-up where images differ."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from nbnumba.benchmark.measure import Parity, Row
from nbnumba.benchmark.plots import plot_scaling, plot_throughput
from nbnumba.benchmark.processes import ProcessRun
from nbnumba.benchmark.report import Results, environment, summary_lines, write_results
from nbnumba.benchmark.scaling import ScalingPoint
from nbnumba.benchmark.sequences import SequenceRate
from nbnumba.benchmark.whole_program import WholeRun

RUN = ProcessRun(wall=2.5, user=4.25, system=0.1, peak_memory=123.4)
EQUAL, OTHER = Parity(1e-5, 1.2e-7), Parity(0.5, 0.1)
SPEED_UP = {"min": 19.0, "median": 20.5, "max": 22.0}
STARTUP = {"nbnumba --help": {"min": 0.1, "median": 0.2, "max": 0.3}}
WHOLE = [
    WholeRun("C", 2, [RUN], {}, None, []),
    WholeRun("cpu", 2, [RUN], {"kernel": 0.125, "PGM image": 0.25}, EQUAL, ["image.pgm"]),
    WholeRun("broken", 2, [RUN], {"kernel": 0.5, "PGM image": 0.5}, OTHER, []),
]
SCALING = [ScalingPoint("pixels", 10, 10, 1.0), ScalingPoint("pixels", 100, 100, 10.0)]


def row(engine="cpu", parity=EQUAL, speed_up=SPEED_UP, **other) -> Row:
    figures = {
        "throughput": {"min": 1e8, "median": 2e8, "max": 3e8}, "kernel_seconds": [0.5], "uncertainty": 0.0213,
        "thread_speed_up": {"min": 1.75, "median": 1.9, "max": 2.0},
    }  # fmt: skip
    return Row(
        workload="W2", title="mosaic", pixels=384, threads=1, engine=engine, pixel_steps=10**8, whole=[RUN], full=[RUN],
        one_pixel=[RUN], own_clock=[0.45], kernel_cpu_seconds=[0.6], speed_up=speed_up, cpu_speed_up=speed_up,
        parity=parity, target=20.0, **{**figures, **other},
    )  # fmt: skip


def cells(rows: list[Row]) -> list[dict[str, str]]:
    """The first table of the summary."""
    lines = [line for line in summary_lines({}, Results(rows, STARTUP, [], [], None)) if line.startswith("|")]
    head, _, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[: len(rows) + 2])
    return [dict(zip(head, line, strict=True)) for line in body]


def test_a_row_shows_medians_ranges_and_agreement():
    assert cells([row()]) == [{
        "workload": "W2: mosaic", "pixels": "384²", "threads": "1", "engine": "cpu", "kernel, s": "0.5 (0.5-0.5)",
        "±": "2.1 %", "own clock, s": "0.45 (0.45-0.45)", "M pixel-steps/s": "200 (100-300)", "times C": "20.5 (19-22)",
        "target": "20", "times 1 thread": "1.9 (1.75-2)", "kernel, CPU s": "0.6 (0.6-0.6)",
        "times C, CPU": "20.5 (19-22)", "user, s": "4.25", "wall, s": "2.5",
        "peak, MiB": "123", "pixels that differ": "1.0e-05", "worst": "1.2e-07",
        "times nanoBragg's physics": "", "times nbnumba's time": "",
    }]  # fmt: skip


def test_a_row_whose_images_differ_says_so_and_shows_no_speed_up():
    (shown,) = cells([row(parity=OTHER, speed_up=None)])
    assert shown["times C"] == shown["times C, CPU"] == "DISAGREES"


def test_a_row_that_fixed_costs_hide_shows_neither_throughput_nor_speed_up():
    (shown,) = cells([row(speed_up=None, throughput=None, uncertainty=None)])
    assert shown["times C"] == shown["M pixel-steps/s"] == "too short to tell"
    assert shown["±"] == ""


def test_a_row_whose_engine_was_not_measured_on_one_thread_compares_no_threads():
    (shown,) = cells([row(thread_speed_up=None)])
    assert shown["times 1 thread"] == ""


def test_the_c_program_has_neither_target_nor_speed_up():
    (shown,) = cells([row(engine="C", parity=None, speed_up=None)])
    assert shown["times C"] == shown["target"] == shown["worst"] == ""


def test_whole_programs_are_shown_with_their_stages_and_the_files_that_differ():
    text = "\n".join(summary_lines({}, Results([], STARTUP, WHOLE, [], None)))
    assert "| cpu | 2 | 2.5 (2.5-2.5) | 4.25 | 123 | 1.0e-05 differ | image.pgm |" in text
    assert "| broken | 2 | 2.5 (2.5-2.5) | 4.25 | 123 | DISAGREES | none |" in text
    assert "| PGM image | 0.250 | 0.500 |" in text
    assert "| sum | 0.375 | 1.000 |" in text


def test_a_peer_that_agrees_shows_its_time_in_nbnumbas_and_no_target():
    times = {"min": 2.0, "median": 3.0, "max": 4.0}
    (shown,) = cells([row(engine="other", is_peer=True, speed_up=None, of_nbnumba=times)])
    assert shown["times nbnumba's time"] == "3 (2-4)"
    assert shown["times C"] == shown["target"] == ""
    (shown,) = cells([row(engine="other", is_peer=True, speed_up=None, parity=OTHER)])
    assert shown["times nbnumba's time"] == "DISAGREES"


def test_sequences_are_shown_with_their_rates_and_what_disagrees():
    rate = {"min": 30.0, "median": 40.0, "max": 41.0}
    ratio = {"min": 0.9, "median": 1.0, "max": 1.1}
    shown = SequenceRate("cpu", "exact", "double", 2, 512, 60, rate, rate, ratio, True)
    rates = [shown, shown._replace(of_processes=None, same_bits=False)]
    text = "\n".join(summary_lines({}, Results([], STARTUP, [], [], None, rates=rates)))
    assert "| cpu | exact | double | 2 | 512² | 40 (30-41) | 40 (30-41) | 1 (0.9-1.1) | equal |" in text
    assert "| 40 (30-41) |  | DISAGREES |" in text


def test_results_are_written_for_people_and_for_programs(tmp_path):
    program = tmp_path / "nanoBragg"
    program.write_bytes(b"")
    write_results(tmp_path, Results([row()], STARTUP, WHOLE, SCALING, program))
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["rows"][0]["full"] == [{"wall": 2.5, "user": 4.25, "system": 0.1, "peak_memory": 123.4}]
    assert results["rows"][0]["speed_up"] == SPEED_UP
    assert results["whole_program"][1]["stages"] == {"kernel": 0.125, "PGM image": 0.25}
    assert results["scaling"][1] == {"against": "pixels", "value": 100, "pixels": 100, "seconds": 10.0}
    # SHA-256 of nothing
    assert results["environment"]["C program"] == "nanoBragg (sha256 e3b0c44298fc)"
    summary = (tmp_path / "summary.md").read_text()
    assert all(text in summary for text in ("times C", "20.5 (19-22)", "--help", "| pixels | 1.000 | 1.00 |", "numba"))


def test_the_environment_names_machine_and_versions():
    machine = environment(None)
    assert {"processor", "logical CPUs", "load", "python", "numba", "llvmlite", "numpy", "nbnumba"} <= set(machine)
    assert "C program" not in machine


def test_plots_are_drawn(tmp_path: Path):
    plot_throughput(tmp_path, [row(), row(engine="C", parity=None), row(throughput=None)])
    plot_scaling(tmp_path, [*SCALING, ScalingPoint("threads", 1, 100, 2.0), ScalingPoint("threads", 2, 100, 1.0)])
    for name in ("throughput.png", "scaling.png"):
        with Image.open(tmp_path / name) as picture:
            # more than one colour
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 10

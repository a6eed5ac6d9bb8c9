"""nbnumba bench from the command line to its files."""

from __future__ import annotations

import dataclasses
import json
import sys

import pytest
from nbnumba_cli.main import run

from nbnumba.benchmark import companions
from nbnumba.benchmark.stages import profile_stages
from nbnumba.errors import NbnumbaError

SMALL = ["-cell", "100", "100", "100", "-default_F", "100", "-N", "5", "-detpixels", "20", "-seed", "1"]
FAKE_C = """#!/bin/sh
# writes an image of zeros of the right size
head -c 1024 /dev/zero > floatimage.bin
"""


@pytest.fixture
def no_startup(monkeypatch):
    """Leaves out the start-up times: a cold start compiles everything."""
    monkeypatch.setattr("nbnumba.benchmark.suite._measure_startup", lambda *_: {})


def test_a_benchmark_writes_its_files_and_tells_a_wrong_image(tmp_path, no_startup, capsys):
    program = tmp_path / "fake_c"
    program.write_text(FAKE_C)
    program.chmod(0o755)
    out = tmp_path / "out"
    options = ["--workloads", "W2", "--sizes", "16", "--threads", "1", "--repeat", "1", "--no-scaling",
               "--engines", "reference", "--no-many"]  # fmt: skip
    assert run(["bench", *options, "--c-bin", str(program), "--outdir", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["results.json", "summary.md", "throughput.png"]
    printed = capsys.readouterr().out
    assert "DISAGREES" in printed
    assert printed.startswith((out / "summary.md").read_text())
    c, ours = json.loads((out / "results.json").read_text())["rows"]
    assert (c["engine"], ours["engine"], ours["speed_up"]) == ("C", "reference", None)
    assert ours["pixel_steps"] == 256 * 1000


@pytest.mark.parametrize(("program", "differing"), [
    ("noisify", "none"),
    ("nonBragg", "intimage.img"),
])  # fmt: skip
def test_companions_are_measured_where_their_files_are_equal(
    tmp_path, no_startup, monkeypatch, capsys, program, differing
):
    # a C program that is nbnumba itself; the second one spoils a file
    peer = tmp_path / "peer"
    spoil = "" if differing == "none" else "\necho spoilt >> intimage.img"
    peer.write_text(f'#!/bin/sh\n{sys.executable} -m nbnumba_cli {program.lower()} "$@"{spoil}\n', encoding="utf-8")
    peer.chmod(0o755)
    workload = next(w for w in companions.WORKLOADS if w.program == program)
    monkeypatch.setattr(companions, "WORKLOADS", (dataclasses.replace(workload, pixels=16),))
    out = tmp_path / "out"
    options = ["--workloads", program, "--threads", "1", "--repeat", "1", "--no-scaling", "--no-many"]
    assert run(["bench", *options, f"--{program.lower()}-bin", str(peer), "--outdir", str(out)]) == 0
    (row,) = json.loads((out / "results.json").read_text())["companions"]
    assert (row["program"], row["pixels"], len(row["ours"]), len(row["theirs"])) == (program, 16, 1, 1)
    assert row["different_files"] == ([] if differing == "none" else [differing])
    assert ("DISAGREES" in capsys.readouterr().out) == (differing != "none")


@pytest.mark.parametrize(("options", "message"), [
    (["--workloads", "noisify"], "--workloads noisify: name the C program with --noisify-bin"),
    (["--nonbragg-bin", "nowhere"], "--nonbragg-bin nowhere: no such program (build nonBragg.c with -O2 and name it"),
    (["--workloads", "W9"], "--workloads W9: choose from W1"),
    (["--engines", "steam"], "--engines steam: choose from"),
    (["--c-bin", "nowhere"], "--c-bin nowhere: no such program"),
    (["--peer", "other=sh"], "--peer other: give NAME=COMMAND with a word 'flags' in braces where the flags belong"),
    (["--peer", "sh {flags}"], "give NAME=COMMAND with a word 'flags'"),
    (["--peer", "other=nowhere {flags}"], "--peer other: there is no program nowhere"),
    (["--peer", "other='sh {flags}"], "--peer other: No closing quotation"),
])  # fmt: skip
def test_wrong_options_are_one_clear_line(options, message, capsys):
    assert run(["bench", *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_another_program_is_compared_where_its_images_agree(tmp_path, no_startup, capsys):
    same = f"same={sys.executable} -m nbnumba_cli {{flags}} --engine reference --threads {{threads}}"
    program = tmp_path / "fake"
    program.write_text(FAKE_C)
    program.chmod(0o755)
    out = tmp_path / "out"
    options = ["--workloads", "W2", "--sizes", "16", "--threads", "1", "--repeat", "1", "--no-scaling", "--no-many",
               "--engines", "reference", "--peer", same, "--peer", f"other={program} {{flags}}",
               "--outdir", str(out)]  # fmt: skip
    assert run(["bench", *options]) == 0
    ours, agreeing, other = json.loads((out / "results.json").read_text())["rows"]
    assert [row["engine"] for row in (ours, agreeing, other)] == ["reference", "same", "other"]
    assert agreeing["parity"] == {"different_fraction": 0.0, "worst_relative": 0.0}
    assert other["parity"]["different_fraction"] > 0.5
    assert other["of_nbnumba"] is None
    head, shown = ([cell.strip() for cell in line.split("|")] for line in capsys.readouterr().out.splitlines()
                   if "times nbnumba's time |" in line or "| other |" in line)  # fmt: skip
    assert dict(zip(head, shown, strict=True))["times nbnumba's time"] == "DISAGREES"


def test_a_program_without_an_image_is_named(tmp_path, no_startup, capsys):
    options = ["--workloads", "W2", "--sizes", "16", "--threads", "1", "--no-scaling", "--no-many"]
    options += ["--engines", "reference", "--peer", "silent=true {flags}", "--outdir", str(tmp_path)]
    assert run(["bench", *options]) == 1
    assert "silent wrote no floatimage.bin: it must write nanoBragg's float image" in capsys.readouterr().err


def test_workloads_can_be_listed(capsys):
    assert run(["bench", "--list"]) == 0
    assert "W7          tricubic interpolation" in capsys.readouterr().out


def test_the_profile_names_every_stage_of_a_run_that_writes_all_files(tmp_path):
    stages = profile_stages("reference", 1, SMALL, tmp_path)
    assert list(stages) == [
        "start of Python and imports", "compiled functions", "set-up", "kernel", "structure-factor cache",
        "float image and statistics", "integer image", "PGM image", "noise image", "PNG and TIFF images",
    ]  # fmt: skip
    assert all(seconds >= 0.0 for seconds in stages.values())
    names = {"floatimage.bin", "intimage.img", "image.pgm", "noiseimage.img"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert (tmp_path / "floatimage.bin").stat().st_size == 4 * 20 * 20


def test_a_profile_of_impossible_flags_is_an_error(tmp_path):
    with pytest.raises(NbnumbaError, match="the profiled run failed with status 1: .*-nonsense"):
        profile_stages("reference", 1, ["-nonsense"], tmp_path)

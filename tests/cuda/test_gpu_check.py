"""The check that is meant for a machine with a GPU runs to its end and finds what is wrong, here on a pretended GPU."""

from __future__ import annotations

import json

import pytest
from availability import needs_ptx_compiler
from golden import golden_cases

needs_ptx_compiler()

import gpu_check  # noqa: E402
from nbnumba_cli.main import run as run_command  # noqa: E402

from nbnumba.kernels.params import last_pixel  # noqa: E402

SMALL = {
    "few pixels": f"{gpu_check.PUBLIC} -detpixels 16 -pixel 5 -mosaic_dom 3",
    "a table": "-cell 70 80 90 -hkl benchmark_table.hkl -lambda 1 -N 5 -detpixels 16 -pixel 5 -oversample 1",
}
FEW_CASES = [case for case in golden_cases() if case.name in ("misset", "oversample_omega", "hkl_nearest")]


@pytest.fixture
def small(monkeypatch, gpu):
    """The check with few cases and small workloads, without the benchmark of whole programs."""
    agreement = gpu_check.check_agreement
    monkeypatch.setattr(gpu_check, "golden_cases", lambda: FEW_CASES)
    monkeypatch.setattr(gpu_check, "TIMED", SMALL)
    monkeypatch.setattr(gpu_check, "AGREEMENT", ("W1", "W5"))
    monkeypatch.setattr(gpu_check, "REPEATS", 2)
    monkeypatch.setattr(gpu_check, "check_agreement", lambda names, _, *rest: agreement(names, 8, *rest))
    monkeypatch.setattr(gpu_check, "call", lambda command: 0)


def test_a_good_gpu_passes_and_the_report_tells_what_was_done(small, tmp_path, capsys):
    assert gpu_check.main(str(tmp_path / "report")) == 0
    text = (tmp_path / "report" / "report.md").read_text()
    assert "All checks passed." in text
    assert "Pretended GPU" in text
    found = json.loads((tmp_path / "report" / "report.json").read_text())
    # float32 sums do not take -oversample_omega
    assert [(row["name"], row["precision"]) for row in found["golden"]] == [
        ("hkl_nearest", "double"), ("hkl_nearest", "single"), ("hkl_nearest", "mixed"),
        ("misset", "double"), ("misset", "single"), ("misset", "mixed"), ("oversample_omega", "double"),
    ]  # fmt: skip
    assert [row["good"] for row in found["agreement"]] == [True] * 6
    assert {row["name"] for row in found["timings"]} == set(SMALL)
    assert all(row["pixel_steps"] in (16 * 16 * 3, 16 * 16) for row in found["timings"])
    assert all(0 < row["fastest"] <= row["median"] <= row["slowest"] for row in found["timings"])
    assert "All checks passed." in capsys.readouterr().out


def test_a_gpu_that_computes_wrongly_fails_and_is_named(small, tmp_path, monkeypatch):
    simulate = gpu_check.simulate_model

    def wrong(model, *args, **options):
        result = simulate(model, *args, **options)
        if "cuda" in args:
            result.image[3] *= 1.001
        return result

    monkeypatch.setattr(gpu_check, "simulate_model", wrong)
    assert gpu_check.main(str(tmp_path)) == 1
    text = (tmp_path / "report.md").read_text()
    assert "13 checks failed" in text
    assert "misset, double" in text
    assert "**FAILED**" in text


def test_a_failing_benchmark_fails_the_check(small, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_check, "call", lambda command: 3)
    assert gpu_check.main(str(tmp_path)) == 1
    assert "nbnumba bench ended with status 3" in (tmp_path / "report.md").read_text()


def test_the_benchmarks_command_is_one_that_nbnumba_takes(tmp_path, capsys):
    command = gpu_check.benchmark_command(tmp_path)
    assert run_command([*command[3:], "--list"]) == 0
    assert "W1" in capsys.readouterr().out


def test_without_a_gpu_it_says_why(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(gpu_check, "why_unusable", lambda: "no usable NVIDIA GPU (driver)")
    assert gpu_check.main(str(tmp_path / "report")) == 1
    assert capsys.readouterr().err == "gpu-check: no usable NVIDIA GPU (driver)\n"
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("name", gpu_check.TIMED)
def test_every_timed_workload_can_be_set_up(name, tmp_path):
    gpu_check.write_inputs(tmp_path)
    params = gpu_check._model(gpu_check.TIMED[name], tmp_path).params
    assert last_pixel(params.panels) * params.scale.steps >= 16e6

"""Engines are chosen by name; CUDA is loaded only where it is asked for, and its absence is one clear line."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from nbnumba.engine import cuda_device
from nbnumba.engine.registry import DEFAULT_ENGINE, ENGINE_NAMES, choose_engine, make_engine
from nbnumba.errors import EngineUnavailableError, UsageError

SMALL = (
    "-cell", "100", "100", "100", "-default_F", "100", "-lambda", "1", "-N", "5", "-distance", "100",
    "-detpixels", "16", "-nonoise",
)  # fmt: skip


@pytest.fixture
def no_numba_cuda(monkeypatch):
    """As if numba-cuda were not installed."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "numba_cuda" else find_spec(name, *rest)
    )
    cuda_device.why_unusable.cache_clear()
    yield
    cuda_device.why_unusable.cache_clear()


def run(*arguments: str, folder=None) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "nbnumba_cli", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_engines_are_these():
    assert {"auto", "cuda", "reference"} <= set(ENGINE_NAMES)


def test_an_unknown_engine_is_refused():
    with pytest.raises(UsageError, match="unknown engine 'gpu': choose one of auto, "):
        choose_engine("gpu")


def test_without_numba_cuda_the_message_names_the_command_that_installs_it(no_numba_cuda):
    with pytest.raises(EngineUnavailableError, match=r"^engine=cuda: .*pip install 'nbnumba\[cuda\]'"):
        make_engine("cuda")


def test_auto_takes_the_default_engine_where_cuda_is_unusable(no_numba_cuda):
    assert choose_engine("auto") == DEFAULT_ENGINE


def test_auto_takes_a_usable_gpu(monkeypatch):
    monkeypatch.setattr(cuda_device, "why_unusable", lambda: None)
    assert choose_engine("auto") == "cuda"


def _message_where_cuda_fails(monkeypatch, error: Exception) -> str | None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: True)
    monkeypatch.setattr(cuda_device, "_run_trivial_kernel", fail)
    cuda_device.why_unusable.cache_clear()
    message = cuda_device.why_unusable()
    cuda_device.why_unusable.cache_clear()
    return message


def test_a_package_that_does_not_go_with_numba_cuda_is_named(monkeypatch):
    missing = "module 'numpy' has no attribute 'row_stack'"
    message = _message_where_cuda_fails(monkeypatch, AttributeError(missing))
    assert message is not None
    assert message.startswith(f"numba-cuda does not go with the packages beside it ({missing}): pip install ")


@pytest.mark.parametrize(("error", "reason"), [
    ("Error at driver init: \n\nCUDA driver library cannot be found.\nEnsure\n:",
     "CUDA driver library cannot be found"),
    ("[100] Call to cuInit results in CUDA_ERROR_NO_DEVICE", "[100] Call to cuInit results in CUDA_ERROR_NO_DEVICE"),
    ("", "RuntimeError"),
])  # fmt: skip
def test_whatever_the_driver_says_becomes_one_line(monkeypatch, error, reason):
    message = _message_where_cuda_fails(monkeypatch, RuntimeError(error))
    assert message is not None
    assert message.startswith(f"no usable NVIDIA GPU ({reason}): ")
    assert "\n" not in message


@pytest.mark.skipif(cuda_device.why_unusable() is None, reason="a GPU is here")
def test_asking_for_a_gpu_that_is_not_here_fails_at_once_with_one_line(tmp_path):
    outcome = run(*SMALL, "--engine", "cuda", folder=tmp_path)
    assert (outcome.returncode, outcome.stdout) == (1, "")
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("nbnumba: error: --engine cuda: ")
    assert "pip install 'nbnumba[cuda" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(cuda_device.why_unusable() is None, reason="a GPU is here")
def test_auto_says_that_it_found_no_gpu(tmp_path):
    outcome = run(*SMALL, "--engine", "auto", folder=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert f"nbnumba: --engine auto: {DEFAULT_ENGINE} (no usable GPU)\n" in outcome.stderr


def test_simulating_on_the_cpu_never_imports_cuda():
    code = (
        "import sys, nbnumba, nbnumba.simulation, nbnumba_cli.main; from nbnumba import *; "
        "detector = Detector(pixels_fast=8, pixels_slow=8); "
        "simulate(Experiment(Crystal(UnitCell(100.0), default_F=1.0), Beam(1.0), detector), 'cpu'); "
        "print(*(m for m in sys.modules if m.split('.')[0] in ('cuda', 'numba_cuda') or m.startswith('numba.cuda')))"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split() == []


def test_info_tells_engines_threads_versions_and_the_cache_folder():
    outcome = run("info")
    assert outcome.returncode == 0, outcome.stderr
    facts = dict(line.split(": ", 1) for line in outcome.stdout.splitlines())
    assert set(facts) >= {"processor", "nbnumba", "numba", "numba-cuda", "threads", "kernel cache", "engine cuda"}
    assert "threading layer" in facts["threads"]
    assert facts[f"engine {DEFAULT_ENGINE}"] == "usable (default)"

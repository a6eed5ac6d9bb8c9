"""The command line as a process: signals at any stage, broken streams, a bad environment, no working folder."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import click
import pytest
from folders import files
from nbnumba_cli.console import _Unfailing
from nbnumba_cli.main import run
from nbnumba_cli.process import ENDING_SIGNALS

NBNUMBA = [sys.executable, "-m", "nbnumba_cli"]
FLAGS = ["-cell", "100", "-default_F", "100", "-N", "3", "-detpixels", "8", "-seed", "1"]
FILES = ["floatimage.bin", "image.pgm", "intimage.img", "noiseimage.img"]
ENOUGH = 20.0
"""Seconds after which a process counts as deaf."""


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory):
    """Compile, so that no test waits for it."""
    subprocess.run([*NBNUMBA, *FLAGS], cwd=tmp_path_factory.mktemp("compiled"), check=True, capture_output=True)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """An empty folder."""
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")


def signalled(command: list[str], number: int, **options: object) -> tuple[int, str]:
    """Send a signal once a process has said something on stdout; its exit status and stderr."""
    # the tests themselves may run where it is ignored: in the background, under nohup
    taken = {"preexec_fn": lambda: signal.signal(number, signal.SIG_DFL)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **(taken | options),  # type: ignore[call-overload]
    ) as process:
        try:
            assert process.stdout.readline()
            process.send_signal(number)
            _, err = process.communicate(timeout=ENOUGH)
        finally:
            process.kill()
    return process.returncode, err


# --- signals --------------------------------------------------------------------------------------------------------

WRITES = """
import threading, time
from nbnumba_cli.process import prepare
from nbnumba.io.atomic import atomic_write
prepare()
def write():
    with atomic_write("image") as stream:
        stream.write(b"half of it")
        print("writing", flush=True)
        time.sleep(60)
threading.Thread(target=write).start()
time.sleep({seconds})
"""


@pytest.mark.parametrize("number", ENDING_SIGNALS, ids=lambda number: number.name)
def test_every_signal_that_ends_a_process_ends_it_in_one_line_without_temporary_files(number):
    status, err = signalled([sys.executable, "-c", WRITES.format(seconds=60)], number)
    said = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    assert (status, err) == (128 + number, f"nbnumba: {said}\n")
    assert files() == []


def test_a_signal_that_the_starter_has_a_job_ignore_stays_ignored():
    # nohup
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    waits = "import time; from nbnumba_cli.process import prepare; prepare(); print(1, flush=True); time.sleep(0.2)"
    assert signalled([sys.executable, "-c", waits], signal.SIGHUP, **ignore) == (0, "")


@pytest.mark.parametrize(("start", "module"), [
    (["-m", "nbnumba_cli"], "click"),
    (["-m", "nbnumba"], "click"),
    (["-c", "from nbnumba_cli.__main__ import main; main()"], "click"),
    (["-c", "from nbnumba_cli.__main__ import compare; compare()"], "click"),
    (["-m", "nbnumba_cli"], "numba"),
    (["-m", "nbnumba_cli"], "numpy"),
])  # fmt: skip
def test_ctrl_c_while_modules_are_imported_is_one_line(tmp_path, start, module):
    (tmp_path / f"{module}.py").write_text("import time; print('importing', flush=True); time.sleep(60)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    status, err = signalled([sys.executable, *start, *FLAGS], signal.SIGINT, env=environment)
    assert (status, err) == (130, "nbnumba: interrupted\n")


def is_running(process: str) -> bool:
    """Whether there is such a process; one that waits for its parent's attention has ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_comparison_that_is_ended_ends_its_programs_and_removes_its_folders(tmp_path, number):
    program, started = tmp_path / "nanoBragg", tmp_path / "started"
    # with a child of its own
    program.write_text(f"#!/bin/sh\nsleep 60 &\necho $$ $! > '{started}'\nwait\n")
    program.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    command = [*NBNUMBA, "compare", "--c-bin", str(program), "--", *FLAGS]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    ) as process:
        while not (started.exists() and started.read_text().endswith("\n")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate(timeout=ENOUGH)
    assert process.returncode == 128 + number
    assert err == f"nbnumba: {'interrupted' if number == signal.SIGINT else 'ended by SIGTERM'}\n"
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [number for number in started.read_text().split() if is_running(number)] == []


def test_an_input_that_ends_too_early_is_no_interruption(monkeypatch, capsys):
    def read(*_: object) -> None:
        raise EOFError

    monkeypatch.setattr(click.Group, "invoke", read)
    assert run(["info"]) == 1
    assert capsys.readouterr().err == "nbnumba: error: an input ended too early\n"


# --- broken streams -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a device of Linux")
@pytest.mark.parametrize("errors", ["2>/dev/full", "2>&-", "2> >(true)"])
def test_a_broken_stderr_costs_neither_the_image_nor_the_status(errors):
    # a warning and a progress bar
    command = f"{shlex.join([*NBNUMBA, *FLAGS, '-coherent', '-progress'])} {errors}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=ENOUGH, check=False)
    assert done.returncode == 0
    assert "written             floatimage.bin" in done.stdout
    assert files() == FILES


@pytest.mark.parametrize("arguments", [["simulate", "--help"], ["info"]])
def test_a_reader_that_leaves_is_no_failure_of_any_command(arguments):
    with subprocess.Popen([*NBNUMBA, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert b"rror" not in process.stderr.read()
    assert process.returncode == 0


def test_a_pipe_that_does_not_block_gets_everything():
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    text = bytes(1 << 20)
    received = bytearray()

    def read() -> None:
        while len(received) < len(text):
            received.extend(os.read(source, 1 << 12))

    reader = threading.Thread(target=read)
    reader.start()
    with _Unfailing(sink, "w") as stream:
        sent = 0
        while sent < len(text):
            sent += stream.write(text[sent:])
        reader.join()
    os.close(source)
    assert (bytes(received), stream.failure) == (text, None)


# --- environment ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("variable", "value"), [
    ("NUMBA_NUM_THREADS", "0"),
    ("NUMBA_NUM_THREADS", "many"),
    ("NUMBA_OPT", "fast"),
    ("NUMBA_CPU_NAME", "nonsense"),
    ("NUMBA_CPU_FEATURES", "+nonsense"),
    ("NUMBA_CPU_FEATURES", "nonsense"),
    ("NUMBA_THREADING_LAYER", "nonsense"),
    ("NUMBA_THREADING_LAYER_PRIORITY", "nonsense"),
])  # fmt: skip
def test_a_variable_that_makes_no_sense_is_one_line(variable, value):
    environment = {**os.environ, variable: value}
    done = subprocess.run([*NBNUMBA, *FLAGS], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nbnumba: error: ")
    assert f"{variable}={value}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert files() == []


@pytest.mark.parametrize("arguments", [
    ["simulate", *FLAGS], ["trace", "1", "1", "--", *FLAGS], ["compare", "--", *FLAGS], ["bench"],
    ["hkl", "model.pdb", "-o", "F.hkl"],
])  # fmt: skip
def test_a_working_folder_that_is_gone_is_one_line(arguments, tmp_path):
    code = f"import os, sys; os.rmdir({str(tmp_path / 'run')!r}); from nbnumba_cli.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == (1 if arguments[0] == "compare" else 2)
    assert done.stdout == ""
    assert "the working folder can't be used" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_package_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "nbnumba", "-version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("nbnumba ")


def test_objects_that_stay_are_left_out_of_later_collections():
    code = "import gc; from nbnumba_cli.startup import import_numba; import_numba()\n"
    code += "print(gc.isenabled(), gc.get_freeze_count() > len(gc.get_objects()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # numba makes some hundred thousand objects; what comes after them is few
    assert done.stdout == "True True\n"

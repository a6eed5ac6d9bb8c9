"""Runs one program as a process of its own and takes its times and peak memory from the operating system."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbnumba.errors import NbnumbaError


@dataclass(frozen=True)
class ProcessRun:
    """What one run took.

    Attributes
    ----------
    wall, user, system : float
        Seconds.
    peak_memory : float
        Largest resident set, MiB.
    """

    wall: float
    user: float
    system: float
    peak_memory: float


def run_process(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> ProcessRun:
    """Run a command to its end.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    folder : Path
        Working directory.
    environment : mapping of str to str
        Variables on top of our own.

    Returns
    -------
    ProcessRun

    Raises
    ------
    NbnumbaError
        If the program can't be started or fails; its last line of output says why.
    """
    log = folder / "benchmark.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise NbnumbaError(f"can't start {command[0]}: {error.strerror}") from None
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        lines = log.read_text(errors="replace").strip().splitlines()
        raise NbnumbaError(f"{command[0]} failed with status {process.returncode}: {lines[-1] if lines else ''}")
    return ProcessRun(wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024)

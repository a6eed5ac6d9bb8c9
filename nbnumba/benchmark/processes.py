"""Runs one program as a process of its own and takes its times and peak memory from the operating system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbnumba.benchmark import launcher
from nbnumba.errors import NbnumbaError

LOG_FILE = "benchmark.log"
"""What the last program in a folder printed."""


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

    @property
    def cpu(self) -> float:
        """Seconds of all cores together."""
        return self.user + self.system


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
    log = folder / LOG_FILE
    # isolated and without site packages: it starts in no time
    launch = [sys.executable, "-I", "-S", str(Path(launcher.__file__)), str(log.resolve()), *command]
    done = subprocess.run(launch, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True)
    taken = json.loads(done.stdout)
    if "error" in taken:
        raise NbnumbaError(f"can't start {command[0]}: {taken['error']}")
    if status := taken.pop("status"):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise NbnumbaError(f"{command[0]} failed with status {status}: {lines[-1] if lines else ''}")
    return ProcessRun(**taken)

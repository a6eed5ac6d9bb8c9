"""Runs programs as processes of their own and takes their times and peak memory from the operating system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbnumba.benchmark import forks, launcher
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
    _refuse_failure(command[0], taken, log)
    return ProcessRun(**taken)


def _refuse_failure(program: str, taken: dict[str, Any], log: Path) -> None:
    """Take the exit status out of a report, and end with the program's last words if it failed."""
    if status := taken.pop("status"):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise NbnumbaError(f"{program} failed with status {status}: {lines[-1] if lines else ''}")


class ReadyProcess:
    """A process of nbnumba that has imported and compiled what a command needs; every run is a fork of it.

    A run has its own memory and its own times, as any other process, but for the start of Python.

    Parameters
    ----------
    arguments : sequence of str
        Of nbnumba, for the run that gets it ready.
    folder : Path
        Working directory.

    Raises
    ------
    NbnumbaError
        If that run fails; its last line of output says why.
    """

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        self._log = folder / LOG_FILE
        self._process = subprocess.Popen(
            [sys.executable, "-m", forks.__name__, str(self._log.resolve()), *arguments],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            self._answer()
        except NbnumbaError:
            self.close()
            raise

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        taken = json.loads(line) if line else {"status": self._process.wait()}
        _refuse_failure("nbnumba", taken, self._log)
        return taken

    def run(self, arguments: Sequence[str]) -> ProcessRun:
        """Run nbnumba in a fork.

        Parameters
        ----------
        arguments : sequence of str
            Of nbnumba.

        Returns
        -------
        ProcessRun

        Raises
        ------
        NbnumbaError
            If it fails; its last line of output says why.
        """
        assert self._process.stdin is not None
        print(json.dumps(list(arguments)), file=self._process.stdin, flush=True)
        return ProcessRun(**self._answer())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

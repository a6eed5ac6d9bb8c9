"""Runs the C program and nbnumba with the same flags, each in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbnumba.errors import InputFileError, UsageError
from nbnumba.flags.parse import find_flag
from nbnumba.flags.values import FILE
from nbnumba.io.float_image import read_float_image
from nbnumba.io.smv import read_smv_header

OUTPUT_NAMES = {
    "-floatfile": "floatimage.bin",
    "-intfile": "intimage.img",
    "-pgmfile": "image.pgm",
    "-noisefile": "noiseimage.img",
    "-stolout": "stol.txt",
}
"""Flags that name an output file, and the name that it gets in the folder of the run."""

DUMP_FLAG, DUMP_NAME = "-dump", "Fdump.bin"
"""The binary structure-factor cache: read when there is no hkl file, written otherwise."""

COMPILING = b"compiling kernels"
"""What nbnumba says on stderr when a kernel is not in the cache yet."""


@dataclass(frozen=True)
class ProgramRun:
    """What one program did.

    Attributes
    ----------
    name : str
        "c" or "py"; begins the names of its files.
    command : tuple of str
        Program and arguments, complete.
    seconds : float
        Wall time of the whole process.
    stdout, stderr : bytes
        What it printed.
    failure : str
        Why there is no image; empty on success.
    image : ndarray, shape (slow, fast), float32, or None
        Float image.
    """

    name: str
    command: tuple[str, ...]
    seconds: float
    stdout: bytes
    stderr: bytes
    failure: str
    image: np.ndarray | None

    @property
    def has_compiled(self) -> bool:
        """Whether the time includes the compilation of kernels."""
        return COMPILING in self.stderr


def find_c_binary(given: str | None) -> Path:
    """The C program.

    Parameters
    ----------
    given : str or None
        Path or name of a program; None takes ``nanoBragg`` in the current folder.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    UsageError
        If there is no such program.
    """
    found = shutil.which(given or "./nanoBragg")
    if found is None:
        raise UsageError(
            f"{given or './nanoBragg'}: no such program; name the C program with {{c_bin}} or the variable NB_C_BIN"
        )
    return Path(found).absolute()


def nbnumba_command(engine: str | None, options: Sequence[str] = ()) -> list[str]:
    """The command that starts nbnumba.

    Parameters
    ----------
    engine : str or None
        Engine to choose; None leaves the default.
    options : sequence of str
        Further options, with their values.

    Returns
    -------
    list of str
        nanoBragg's flags are to follow.
    """
    chosen = [] if engine is None else ["--engine", engine]
    return [sys.executable, "-m", "nbnumba_cli", "simulate", *chosen, *options]


def run_program(
    name: str, program: Sequence[str], flags: Sequence[str], folder: Path, timeout: float | None
) -> ProgramRun:
    """Run a program with nanoBragg's flags in an empty folder and read its float image.

    Input files that the flags name are found from the current folder; all output goes to `folder` under the default
    names, whatever the flags call it.

    Parameters
    ----------
    name : str
        "c" or "py".
    program : sequence of str
        The command that takes the flags.
    flags : sequence of str
        nanoBragg's flags, as typed in the current folder.
    folder : Path
        Where it runs.
    timeout : float or None
        Seconds after which it is ended.

    Returns
    -------
    ProgramRun
        Also when the program failed.
    """
    command = (*program, *place_files(flags, folder))
    failure = ""
    outputs = folder / "stdout", folder / "stderr"
    with outputs[0].open("wb") as stdout, outputs[1].open("wb") as stderr:
        began = time.perf_counter()
        try:
            status = subprocess.run(command, cwd=folder, stdout=stdout, stderr=stderr, timeout=timeout, check=False)
            if status.returncode:
                failure = f"ended with status {status.returncode}{_last_words(outputs[1].read_bytes())}"
        except subprocess.TimeoutExpired:
            failure = f"ran longer than {timeout:g} s"
        except OSError as error:
            failure = f"can't be started: {error.strerror or error}"
        seconds = time.perf_counter() - began
    image = None
    if not failure:
        try:
            image = _read_output(folder)
        except InputFileError as error:
            failure = f"wrote no readable image: {error}"
    stdout_bytes, stderr_bytes = (path.read_bytes() for path in outputs)
    return ProgramRun(name, command, seconds, stdout_bytes, stderr_bytes, failure, image)


def _last_words(stderr: bytes) -> str:
    """The last line of what a program complained about."""
    lines = stderr.decode("utf-8", "replace").split("\n")
    return next((f": {line.strip()}" for line in reversed(lines) if line.strip()), "")


def _read_output(folder: Path) -> np.ndarray:
    """The float image of a run; the integer image's header says its shape."""
    header = read_smv_header(folder / OUTPUT_NAMES["-intfile"])
    return read_float_image(folder / OUTPUT_NAMES["-floatfile"], (header.height, header.width))


def place_files(flags: Sequence[str], folder: Path) -> list[str]:
    """Flags for a run in another folder: absolute input files, output under the default names.

    Parameters
    ----------
    flags : sequence of str
        nanoBragg's flags, as typed in the current folder.
    folder : Path
        Receives a copy of the binary structure-factor cache, which a program may overwrite.

    Returns
    -------
    list of str
    """
    placed = list(flags)
    dump = DUMP_NAME
    for i, argument in enumerate(flags[:-1]):
        flag = find_flag(argument)
        if flag is None or flag.values[:1] != (FILE,):
            continue
        if flag.name in OUTPUT_NAMES:
            placed[i + 1] = OUTPUT_NAMES[flag.name]
        elif flag.name == DUMP_FLAG:
            dump, placed[i + 1] = flags[i + 1], DUMP_NAME
        else:
            placed[i + 1] = str(Path(flags[i + 1]).absolute())
    if Path(dump).is_file():
        shutil.copyfile(dump, folder / DUMP_NAME)
    return placed

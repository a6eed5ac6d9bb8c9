"""The golden runs of noisify.c: its flags, the files that it wrote and the numbers that it printed."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from golden import GOLDEN_DATA

FOLDER = GOLDEN_DATA / "noisify"


@dataclass(frozen=True)
class NoisifyCase:
    """One run of noisify.c.

    Attributes
    ----------
    name : str
        Name of the case and of its folder.
    args : tuple of str
        Flags as given to the program.
    inputs : tuple of str
        Names of the input files that the flags mention.
    shape : tuple of int
        Slow, fast.
    files : dict of str to dict
        Of each file: "sha256" and, but for the workflow's, "header".
    printed : dict
        Numbers that the program printed.
    """

    name: str
    args: tuple[str, ...]
    inputs: tuple[str, ...]
    shape: tuple[int, int]
    files: dict[str, dict[str, Any]]
    printed: dict[str, Any]

    def place_inputs(self, folder: Path) -> None:
        """Write the input files into a folder."""
        for name in self.inputs:
            place_input(name, folder)

    def differing_files(self, folder: Path) -> list[str]:
        """Names of the files in a folder that are not C's."""
        return [
            name
            for name, facts in self.files.items()
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != facts["sha256"]
        ]


def read_input(name: str) -> np.ndarray:
    """A golden float image."""
    return np.load(FOLDER / "inputs" / f"{Path(name).stem}.npz")["image"]


def place_input(name: str, folder: Path) -> None:
    """Write a golden input file into a folder."""
    if name.endswith(".bin"):
        read_input(name).tofile(folder / name)
    else:
        shutil.copyfile(FOLDER / "inputs" / name, folder / name)


@functools.cache
def noisify_cases() -> tuple[NoisifyCase, ...]:
    """All cases, by name."""
    return tuple(_read_case(path) for path in sorted(FOLDER.glob("*/case.json")))


def _read_case(path: Path) -> NoisifyCase:
    facts = json.loads(path.read_text())
    return NoisifyCase(
        name=facts["name"], args=tuple(facts["args"].split()), inputs=tuple(facts["inputs"]),
        shape=tuple(facts["shape_slow_fast"]), files=facts["files"], printed=facts["printed"],
    )  # fmt: skip

"""tests/README.md: which file proves what, in the words of the files themselves, and how long it takes.

``python tests/index.py`` writes it anew; with ``--measure`` it runs the tests, or those of the paths behind it, and
enters how long each file took.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
from collections import defaultdict
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
README = HERE / "README.md"
CLASSES = {"over 60 s": 60.0, "10 to 60 s": 10.0, "1 to 10 s": 1.0}
"""Coarse, so that they stay when a file is measured again; the least seconds of each."""

INTRODUCTION = """# The tests

Each file says in its first line what it proves; this index is made of these lines (`python tests/index.py`), and a test
holds it true.

```
make test                                            # all that needs no program of others
.venv/bin/python -m pytest tests/io                  # a part
.venv/bin/python -m pytest tests/test_golden.py -k er1_still
.venv/bin/python -m pytest --durations=20            # what takes long
```

| run | needs | otherwise |
|---|---|---|
| `make test-cuda` | nothing: PTX is compiled and run on the processor | |
| `make gpu-check` | an NVIDIA GPU (marker `gpu`) | ends with a line that says so |
| `make test-dials` | DIALS (marker `dials`) | skipped, and says so |
| `make test-slurm` | SLURM, as root (marker `slurm`) | skipped, and says so |
| `tests/test_parity.py` | nanoBragg.c, compiled | skipped, and says so |

What numbers are compared with, strongest first: images, traces and files that nanoBragg.c, noisify.c and nonBragg.c
computed (`golden_data/`, `traces/`); images of a mended nanoBragg.c; simtbx and diffBragg; closed forms, conservation
laws and mpmath; real readers (fabio, nxmx, gemmi, dxtbx). Warnings are errors. Nothing is timed.
"""

DURATIONS = """## How long they take

Processor seconds of a file, its processes included, with kernels that were compiled before; written by
`python tests/index.py --measure`, for a part with a path behind it. Other files take less than a second, or were not
measured.

| seconds | files |
|---|---|"""


class Clock:
    """Plugin of pytest that counts the processor seconds of each file, those of its processes included."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """One test, with what prepares it."""
        begin = sum(os.times()[:4])
        try:
            return (yield)
        finally:
            self.seconds[item.path.name] += sum(os.times()[:4]) - begin


def index(measured: Mapping[str, float] | None = None) -> str:
    """The whole document.

    Parameters
    ----------
    measured : mapping of str to float, optional
        Seconds of files; how long the others take stays as the document has it.
    """
    lines = [INTRODUCTION]
    paths = sorted(HERE.rglob("test_*.py"))
    for folder in sorted({path.parent for path in paths}, key=lambda folder: folder.relative_to(HERE)):
        lines.append(f"## {'tests' if folder == HERE else folder.relative_to(HERE)}\n\n| file | proves |\n|---|---|")
        lines += [f"| `{path.name}` | {first_line(path)} |" for path in sorted(folder.glob("test_*.py"))]
        lines.append("")
    long = {name: label for name, label in durations(measured or {}).items() if label}
    lines.append(DURATIONS)
    for label in CLASSES:
        names = " ".join(f"`{path.name}`" for path in paths if long.get(path.name) == label)
        lines.append(f"| {label} | {names} |")
    return "\n".join(lines) + "\n"


def durations(measured: Mapping[str, float]) -> dict[str, str]:
    """The class of each file, none for what takes less than a second: as measured, else as the document has it."""
    text = README.read_text(encoding="utf-8")
    kept = {name: label for label in CLASSES for row in re.findall(rf"^\| {label} \| (.*) \|$", text, re.M)
            for name in re.findall(r"`(\w+\.py)`", row)}  # fmt: skip
    new = {name: next((label for label, least in CLASSES.items() if seconds >= least), "")
           for name, seconds in measured.items()}  # fmt: skip
    return {**kept, **new}


def first_line(path: Path) -> str:
    """What a file says that it proves."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def main() -> None:
    """Measure if it is asked for, and write the document."""
    parser = argparse.ArgumentParser(description="Write tests/README.md.")
    parser.add_argument("--measure", nargs="*", metavar="PATH", help="Run the tests, or these, and enter the times.")
    paths = parser.parse_args().measure
    clock = Clock()
    if paths is not None:
        pytest.main(["-q", *paths], plugins=[clock])
    README.write_text(index(clock.seconds), encoding="utf-8")


if __name__ == "__main__":
    main()

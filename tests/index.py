"""tests/README.md: which file proves what, in the words of the files themselves; run as a script, writes it anew."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent

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


def index() -> str:
    """The whole document."""
    lines = [INTRODUCTION]
    folders = sorted({path.parent for path in HERE.rglob("test_*.py")}, key=lambda folder: folder.relative_to(HERE))
    for folder in folders:
        lines.append(f"## {'tests' if folder == HERE else folder.relative_to(HERE)}\n\n| file | proves |\n|---|---|")
        lines += [f"| `{path.name}` | {first_line(path)} |" for path in sorted(folder.glob("test_*.py"))]
        lines.append("")
    return "\n".join(lines)


def first_line(path: Path) -> str:
    """What a file says that it proves."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


if __name__ == "__main__":
    (HERE / "README.md").write_text(index(), encoding="utf-8")

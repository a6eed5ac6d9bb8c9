"""docs/cuda.md and the tables in it, each between two comments.

Usage: python tests/cuda/document.py
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cuda.md"


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(f"(<!-- table: {name} -->\n).*?(\n<!-- end -->)", flags=re.DOTALL)


def table(name: str) -> str:
    """The table of that name as it stands in the document."""
    found = re.search(_pattern(name), DOCUMENT.read_text(encoding="utf-8"))
    if found is None:
        raise KeyError(f"{DOCUMENT.name} has no table '{name}'")
    return found.group(0).split("\n", 1)[1].rsplit("\n", 1)[0]


def replace_table(name: str, text: str) -> None:
    """Put another table in its place."""
    table(name)
    content = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(_pattern(name).sub(lambda m: f"{m[1]}{text}{m[2]}", content), encoding="utf-8")


def main() -> None:
    """Write every table anew."""
    from compiled import compile_all, register_table
    from golden_on_gpu import golden_table

    with tempfile.TemporaryDirectory() as folder:
        replace_table("registers", register_table(compile_all(Path(folder))))
        replace_table("golden", golden_table(Path(folder), lambda line: print(line, file=sys.stderr)))


if __name__ == "__main__":
    main()

"""docs/cuda.md and the tables in it, each between two comments.

Usage: python tests/cuda/document.py
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from compiled import compile_all, instruction_table, public_table, register_table, speed_table
from executed import executed_table
from golden_on_gpu import golden_table, single_table

COMPILED_TABLES = {
    "registers": register_table, "instructions": instruction_table, "speed": speed_table, "public": public_table,
}  # fmt: skip
"""Tables that compilers decide: the tests compare them on every run."""

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
    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compiled = compile_all(folder)
        tables = {name: make(compiled) for name, make in COMPILED_TABLES.items()}
        tables["executed"] = executed_table()
        tables["golden"] = golden_table(folder, tell)
        tables["single"] = single_table(folder, tell)
    for name, text in tables.items():
        replace_table(name, text)


if __name__ == "__main__":
    main()

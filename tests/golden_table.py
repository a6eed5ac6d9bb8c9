"""Writes the table of all golden cases: how many pixels differ in bits from nanoBragg.c, and by how much.

It shares the loader and the bars of the tests beside it, so that the table can't say anything else than they do.
Usage: python tests/golden_table.py FILE
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from golden import GoldenCase, golden_cases, image_difference, run_case

from nbnumba import __version__
from nbnumba.engine.registry import DEFAULT_ENGINE
from nbnumba.simulation import simulate_model

HEADING = f"""# Golden cases

How nbnumba {__version__} (`--engine {DEFAULT_ENGINE}`) compares with the images that nanoBragg.c computed.
Written by `make golden`.
"Worst" is the largest difference of a pixel relative to its reference value. The bars are 2 pixels in 10⁴ and 1e-6.
"Files" counts the files (float, integer, PGM and noise) that equal nanoBragg's byte for byte.
The last columns compare the same image with that of `--engine reference`, the plain loops in C order, over the whole
frame.

| case | pixels | differ in bits | worst | files | | differ from reference | worst |
|---|--:|--:|--:|--:|---|--:|--:|
"""


def _row(case: GoldenCase) -> tuple[str, bool]:
    """The line of one case, and whether it is within the bars."""
    with tempfile.TemporaryDirectory() as folder:
        run = run_case(case, DEFAULT_ENGINE, Path(folder))
        difference = case.difference(run.result.image)
        plain = simulate_model(run.result.model, "reference").image
        between_engines = image_difference(run.result.image, plain, float(plain.max()))
        equal = sum(run.checksum(kind) == case.checksums[kind] for kind in run.files)
    verdict = "ok" if difference.is_within_bars else "**DIFFERS**"
    cells = (case.name, f"{difference.pixels}", f"{difference.different}", f"{difference.worst:.1e}",
             f"{equal} of {len(run.files)}", verdict,
             f"{between_engines.different}", f"{between_engines.worst:.1e}")  # fmt: skip
    return f"| {' | '.join(cells)} |", difference.is_within_bars


def main(destination: str) -> int:
    """Print the table, write it to a file, and return the exit status."""
    print(HEADING, end="")
    rows = []
    for case in golden_cases():
        rows.append(_row(case))
        print(rows[-1][0], flush=True)
    good = sum(within for _, within in rows)
    summary = f"{good} of {len(rows)} cases within the bars."
    print(f"\n{summary}")
    table = "".join(f"{line}\n" for line, _ in rows)
    Path(destination).write_text(f"{HEADING}{table}\n{summary}\n", encoding="utf-8")
    return 0 if good == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

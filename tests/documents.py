"""What the documents say to type: their blocks, and the commands in blocks and in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from golden import ROOT

BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]*) -->\n+)?^```(?P<language>[a-z]*)\n(?P<text>.*?)^```$", re.M | re.S
)
"""A block of code; a comment before it, which no reader sees, says why it is not run."""

SHELL = ("", "bash")
PROGRAMS = ("nbnumba", "nb-compare", "python", ".venv/bin/python", "make", "pip", "sbatch", "dials.import")
COMMAND = re.compile(rf"(?:\$ )?(?P<command>(?:{'|'.join(map(re.escape, PROGRAMS))}) .*)")


class Command(NamedTuple):
    """A line that a document says to type."""

    page: str
    line: str
    printed: tuple[str, ...] = ()
    """The lines that the document shows below it, if it shows what it prints."""
    why_not: str = ""
    """Why a test can't run it, in the words of the document."""


def pages() -> list[str]:
    """All documents, without those that the site makes of code."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"),
             ROOT / "tests" / "README.md"]  # fmt: skip
    names = [str(path.relative_to(ROOT)) for path in found]
    return sorted(name for name in names if not name.startswith(("docs/generated/", "docs/gallery/")))


def blocks(page: str, *languages: str) -> Iterator[tuple[str, str]]:
    """Blocks of a page in some languages, each with why it is not run, or nothing."""
    for found in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")):
        if found["language"] in languages:
            yield found["text"], found["why"] or ""


def python_of(page: str) -> list[str]:
    """Blocks of Python of a page, without those that say why they are not run."""
    return [text for text, why_not in blocks(page, "python") if not why_not]


def commands(page: str) -> list[Command]:
    """The commands in a page's blocks, in their order."""
    found = []
    for text, why_not in blocks(page, *SHELL):
        lines = text.replace("\\\n", " ").splitlines()
        for number, line in enumerate(lines):
            if typed := COMMAND.fullmatch(line):
                printed = _printed(lines[number + 1 :]) if line.startswith("$ ") else ()
                found.append(Command(page, typed["command"], printed, why_not))
    return found


def _printed(lines: list[str]) -> tuple[str, ...]:
    """What stands below a command, up to the next."""
    end = next((number for number, line in enumerate(lines) if line.startswith("$ ")), len(lines))
    return tuple(line for line in lines[:end] if line.strip())


def mentions(page: str) -> list[Command]:
    """The commands in a page's text, between backticks."""
    return [Command(page, span) for span in spans(page) if COMMAND.fullmatch(span)]


def spans(page: str) -> list[str]:
    """What stands between backticks in a page's text."""
    text = BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8"))
    return [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", text)]
